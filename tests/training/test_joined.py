"""Joined networks compute, and learn, what they would apart; what cannot be joined is told beforehand."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from tests.tiny import ACCURACY
from tlbench.method import Budget, Penalty, Phase
from tlbench.network import HEAD, Masked, Network, networks
from tlbench.training.items import Encoded
from tlbench.training.joined import JoinedLinear, join, separate
from tlbench.training.learners import Learner
from tlbench.training.loop import fit
from tlbench.trials import layout_is_safe

BUDGET = Budget(steps=6, batch_size=16, learning_rates=(0.01,))
SPECS = [{"name": "resnet", "width": 4}, {"name": "resnet", "width": 4, "shortcut": "B"}, "cnn", "mlp"]


def _learners(spec: object, n: int = 3) -> list[Learner]:
    torch.manual_seed(0)
    made = []
    for seed in range(n):
        network = networks.make(spec).build((1, 8, 8), 5)
        items = Encoded(torch.randn(48, 1, 8, 8), torch.arange(48) % 5)
        made.append(Learner(network, items, items, torch.Generator().manual_seed(seed), ACCURACY))
    return made


def _joined(learners: list[Learner], start: int = 0) -> Network:
    joined = join([one.network for one in learners], learners[0].train.inputs(torch.arange(4)), start)
    assert isinstance(joined, Network), joined
    return joined


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_training_together_is_training_apart(spec: object) -> None:
    apart, together = _learners(spec), _learners(spec)
    joined = _joined(together)
    phases = [Phase((*apart[0].network.names, HEAD))]
    first, second = fit(apart, phases, BUDGET, 0.01), fit(together, phases, BUDGET, 0.01, joined=joined)
    for a, b in zip(first, second, strict=True):
        assert b.curve.train_loss[1:] == pytest.approx(a.curve.train_loss[1:], abs=1e-4)
        assert b.curve.validation_score == pytest.approx(a.curve.validation_score, abs=1 / 40)
    for one, two in zip(apart, together, strict=True):
        for value, other in zip(one.network.state_dict().values(), two.network.state_dict().values(), strict=True):
            torch.testing.assert_close(other, value, atol=1e-3, rtol=1e-3)


def test_a_frozen_prefix_stays_and_the_rest_moves() -> None:
    together = _learners(SPECS[0])
    names = together[0].network.names
    before = [one.network.checksum(names[:3]) for one in together]
    joined = _joined(together)
    fit(together, [Phase((names[3], HEAD))], BUDGET, 0.01, joined=joined)
    assert [one.network.checksum(names[:3]) for one in together] == before
    assert len({one.network.checksum([HEAD]) for one in together}) == 3


def test_a_probe_on_features_is_one_batched_product() -> None:
    apart, together = _learners(SPECS[0]), _learners(SPECS[0])
    start = len(apart[0].network.names) + 1
    for one in (*apart, *together):
        features = one.network.eval().features(one.train.inputs(torch.arange(48))).detach()
        object.__setattr__(one, "train", Encoded(features, one.train.labels))
        object.__setattr__(one, "validation", one.train)
    joined = _joined(together, start)
    assert type(joined.part(HEAD)) is JoinedLinear
    first = fit(apart, [Phase((HEAD,))], BUDGET, 0.01, start)
    second = fit(together, [Phase((HEAD,))], BUDGET, 0.01, start, joined)
    for a, b in zip(first, second, strict=True):
        assert b.curve.train_loss[1:] == pytest.approx(a.curve.train_loss[1:], abs=1e-4)


def test_what_is_joined_is_separated_unchanged() -> None:
    together = _learners(SPECS[1])
    before = [copy.deepcopy(one.network.state_dict()) for one in together]
    joined = _joined(together)
    separate(joined, [one.network for one in together])
    for one, old in zip(together, before, strict=True):
        assert all(torch.equal(value, old[key]) for key, value in one.network.state_dict().items())


def test_one_that_diverges_leaves_its_neighbours_alone() -> None:
    together = _learners(SPECS[0])
    with torch.no_grad():
        together[1].network.head.weight.fill_(float("nan"))
    joined = _joined([together[0]] * 3)
    joined.load_state_dict(
        {
            key: torch.cat([one.network.state_dict()[key] for one in together]) if value.dim() else value
            for key, value in together[0].network.state_dict().items()
        }
    )
    phases = [Phase((*together[0].network.names, HEAD))]
    failures = [one.failure is None for one in fit(together, phases, BUDGET, 0.01, joined=joined)]
    assert failures == [True, False, True]


class Concatenating(nn.Module):
    """Joins channels in a way that networks side by side would tear apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat([inputs, self.conv(inputs)], 1)


@pytest.mark.parametrize(
    ("block", "why_not"),
    [
        (Concatenating(), "joined, they do not compute the same"),
        (nn.Sequential(nn.Dropout()), "Dropout cannot be joined"),
        (nn.Conv2d(1, 3, 3, padding=1, padding_mode="reflect"), "Conv2d cannot be joined"),
    ],
)
def test_what_cannot_be_joined_is_not_and_why(block: nn.Module, why_not: str) -> None:
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    made = [
        Network({"one": copy.deepcopy(block)}, pooled, nn.Linear(3 if "Drop" not in str(block) else 1, 2)) for _ in "ab"
    ]
    for network in made:
        nn.init.normal_(next(network.head.parameters()))
    assert join(made, torch.randn(4, 1, 8, 8)) == why_not


def test_activations_with_a_mask_are_not_joined() -> None:
    masked = Masked(torch.randn(4, 1, 8, 8), torch.ones(4, 1, dtype=torch.bool))
    assert join([one.network for one in _learners("mlp")], masked) == "activations carry a mask"


def test_a_phase_with_a_penalty_is_refused() -> None:
    together = _learners(SPECS[0])
    joined = _joined(together)
    phase = Phase((HEAD,), penalty=Penalty(lambda batch: batch.features.mean()))
    with pytest.raises(ValueError, match="cannot be trained together"):
        fit(together, [phase], BUDGET, 0.01, joined=joined)


def test_the_layout_that_crashes_is_guarded() -> None:
    """A strided 1x1 convolution of few channels under channels_last, where it is allowed, lives through a step."""
    narrow, wide = (networks.make({"name": "resnet", "width": w, "shortcut": "B"}).build((1, 8, 8), 5) for w in (4, 8))
    assert not layout_is_safe(narrow)
    assert layout_is_safe(wide)
    code = (
        "import torch; from tlbench.network import networks; "
        "n = networks.make({'name': 'resnet', 'width': 8, 'shortcut': 'B'}).build((1, 8, 8), 5); "
        "n.to(memory_format=torch.channels_last); n(torch.randn(4, 1, 8, 8)).sum().backward(); "
        "assert all(torch.isfinite(p.grad).all() for p in n.parameters())"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=120, check=False).returncode == 0
