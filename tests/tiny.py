"""The smallest things that still go through every part: a suite of seconds and its trials."""

from typing import Any

from tlbench.dataset import Target, datasets
from tlbench.form import forms
from tlbench.method import Budget, methods
from tlbench.metric import metrics
from tlbench.network import Setup, networks
from tlbench.source import sources
from tlbench.suite import Suite, make_suite
from tlbench.trials import Conditions, Trial

NETWORK = {"name": "resnet", "width": 4}
SOURCE = {"name": "trained", "dataset": "patterns:0.5", "steps": 10}
BUDGET = Budget(steps=4, batch_size=16, learning_rates=(0.01,))
ACCURACY = metrics.make("accuracy")
GREY = forms.make({"name": "images", "size": 8, "channels": 1})
UNCHANGED = type(GREY).augmentation(())


def tiny_suite(**changes: Any) -> Suite:
    """Two seeds of every arm, one target, one source, two methods, no controls; any key can be changed."""
    plain = {
        "name": "tiny",
        "network": NETWORK,
        "image_size": 8,
        "epochs": 2,
        "batch_size": 16,
        "learning_rates": [0.01],
        "seeds": 2,
        "protocols": ["equal_steps"],
        "targets": [{"dataset": "patterns", "n_train": 32}],
        "cross": [{"sources": [SOURCE], "methods": ["linear_probe", "finetune"]}],
        "controls": False,
        "verdict": {"pairing": "paired"},
    }
    return make_suite(plain | changes, "tests")


def tiny_conditions(n_train: int = 32, budget: Budget = BUDGET) -> Conditions:
    """Conditions on the generated family at 8 pixels."""
    setup = Setup(networks.make(NETWORK), GREY)
    return Conditions(Target(datasets.make("patterns"), n_train), setup, budget, ACCURACY, UNCHANGED)


def tiny_trial(
    method: str = "finetune", source: object = SOURCE, seed: int = 0, conditions: Conditions | None = None
) -> Trial:
    """A trial of seconds; scratch takes no source."""
    made = methods.make(method)
    return Trial(sources.make(source) if made.needs_source else None, made, conditions or tiny_conditions(), seed)
