"""What a verdict is about, named as it was typed, and what its sentences must not leave out."""

from typing import Any

from tlbench.judging.spoken import spoken
from tlbench.judging.verdict.shown import Verdict

CHECKPOINT = "this checkpoint"
IMAGES = "with these images"
LASTING = {"plateau": "at the plateau", "equal_steps": "within the budget", "equal_compute": "at equal compute"}


def typed(spec: Any, label: str) -> str:
    """A source or a method as it was typed, or briefly what was typed in a table; by its label where nothing was."""
    return spoken(spec, label)


def target_name(spec: Any, dataset: str, n_train: int, label: str) -> str:
    """A target as its dataset was typed and its size; by the label that the suite gave it, where it did."""
    name, size = label.removesuffix(f"-n{n_train}"), f" n={n_train}"
    if name == label:
        return label
    return f"{spoken(spec, dataset) if name == dataset else name}{size}"


def source_of(v: Verdict) -> str:
    """A verdict's source; said where it has none, as the majority class has not."""
    bare = v.source_spec is None and v.source == v.baseline.split("/")[1]
    return "no source" if bare else typed(v.source_spec, v.source)


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
