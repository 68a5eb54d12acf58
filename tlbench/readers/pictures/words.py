"""The words by which people name their splits."""

import re
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["train", "test", "validation"]
WORDS: dict[Role, tuple[str, ...]] = {
    "train": ("train", "training", "trn", "tr"),
    "test": ("test", "testing", "tst", "te"),
    "validation": ("val", "valid", "validation", "dev", "eval", "evaluation", "holdout"),
}
ADDED = r"[ _-]*(set|data|dataset|images?|imgs?|split)?[ _-]*\d*"  # to words of three letters or more: test_set, test1
NAMES = {
    kind: re.compile("|".join(f"{word}{ADDED if len(word) > 2 else ''}" for word in words))
    for kind, words in WORDS.items()
}


def role(name: str) -> Role | None:
    """Which split a name stands for, in any case and with what people add to it; None for a name that is no split's."""
    return next((kind for kind, pattern in NAMES.items() if pattern.fullmatch(name.strip().lower())), None)
