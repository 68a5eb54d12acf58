"""Random streams keyed by labels under one root seed, so that adding an arm changes no other arm's draws."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def key(root_seed: int, *labels: object) -> int:
    """A 63-bit seed for the stream that `labels` name; any change of a label gives an unrelated stream."""
    words = hashlib.sha256("\0".join(str(label) for label in labels).encode()).digest()
    entropy = [root_seed, *np.frombuffer(words, dtype=np.uint32).tolist()]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(root_seed: int, *labels: object) -> np.random.Generator:
    """A numpy generator on the named stream."""
    return np.random.default_rng(key(root_seed, *labels))


@contextmanager
def seeded(root_seed: int, *labels: object) -> Iterator[None]:
    """Within it, torch's and Python's global generators stand on the named stream; after it, where they were before.

    Only the CPU generator is set: weights are drawn on the CPU and then moved, so that a device changes no draw.
    """
    state = random.getstate()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key(root_seed, *labels))
        random.seed(key(root_seed, *labels))
        try:
            yield
        finally:
            random.setstate(state)
