"""The words by which people name their splits."""

from typing import Literal, TypeAlias

Role: TypeAlias = Literal["train", "test", "validation"]
WORDS: dict[Role, tuple[str, ...]] = {
    "train": ("train", "training", "trn", "tr"),
    "test": ("test", "testing", "tst", "te"),
    "validation": ("val", "valid", "validation", "dev", "eval", "evaluation", "holdout"),
}


def role(name: str) -> Role | None:
    """Which split a name stands for, in any case; None for a name that is no split's."""
    return next((found for found, words in WORDS.items() if name.strip().lower() in words), None)
