"""What a verdict is about, named as it was typed, and what its sentences must not leave out."""

from typing import Any

from tlbench.judging.verdict.shown import Verdict

CHECKPOINT = "this checkpoint"
IMAGES = "with these images"
LASTING = {"plateau": "at the plateau", "equal_steps": "within the budget", "equal_compute": "at equal compute"}


def typed(spec: Any, label: str) -> str:
    """A source or a method as it was typed; by its label where that took more than a line."""
    return spec if isinstance(spec, str) and spec else label


def target_name(spec: Any, dataset: str, n_train: int, label: str) -> str:
    """A target as its dataset was typed and its size; by its label where the suite gave it one."""
    plain = isinstance(spec, str) and bool(spec) and label == f"{dataset}-n{n_train}"
    return f"{spec} n={n_train}" if plain else label


def source_of(v: Verdict) -> str:
    """A verdict's source."""
    return typed(v.source_spec, v.source)


def method_of(v: Verdict) -> str:
    """A verdict's method."""
    return typed(v.method_spec, v.method)


def target_of(v: Verdict) -> str:
    """A verdict's target."""
    return target_name(v.dataset_spec, v.dataset, v.n_train, v.target)


def cell_of(v: Verdict) -> str:
    """A verdict's cell, in a list of them."""
    return f"{source_of(v)} by {method_of(v)} on {target_of(v)}"


def told_source(v: Verdict) -> str:
    """A source in a sentence: one checkpoint is said to be one."""
    return source_of(v) + (f" ({CHECKPOINT})" if v.checkpoint else "")


def told_target(v: Verdict) -> str:
    """A target in a sentence: what holds for one draw is said to."""
    return target_of(v) + (f" ({IMAGES})" if v.draw == "all" else "")


def told(v: Verdict) -> str:
    """A cell in a sentence."""
    return f"{told_source(v)} by {method_of(v)} on {told_target(v)}"


def within(v: Verdict) -> str:
    """What a verdict's word must carry where it was not judged at the plateau."""
    return "" if v.protocol == "plateau" else f" {LASTING[v.protocol]}"
