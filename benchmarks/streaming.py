"""How fast images come from a dataset that is larger than memory, against one that is in memory.

python -m benchmarks.streaming --gigabytes 40 [--folder DIR]
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.format import open_memmap

from tlbench.dataset import Split
from tlbench.form import forms
from tlbench.training import Examples

SIDE, BATCH, BATCHES = 224, 64, 200
PIECE = 2_000  # images written at a time
FORM = forms.make({"name": "images", "size": SIDE, "channels": 3, "mean": (0.5,) * 3, "std": (0.25,) * 3})


def write(path: Path, n: int) -> None:
    """N images of noise, really written: a sparse file would be read from nowhere."""
    array = open_memmap(path, mode="w+", dtype=np.uint8, shape=(n, 3, SIDE, SIDE))
    generator = np.random.default_rng(0)
    for start in range(0, n, PIECE):
        piece = array[start : start + PIECE]
        piece[:] = np.frombuffer(generator.bytes(piece.size), np.uint8).reshape(piece.shape)
    array.flush()


def images_a_second(items: npt.NDArray[np.uint8]) -> float:
    """Of random batches, standardised, as a trial is given them."""
    split = Split(items, np.zeros(len(items), dtype=np.int64), ("a", "b"))
    examples = Examples(split, np.arange(len(items)), FORM, torch.device("cpu"))
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(1))[: BATCH * BATCHES]
    started = time.perf_counter()
    for chosen in order.split(BATCH):
        examples.inputs(chosen)
    return len(order) / (time.perf_counter() - started)


def main() -> None:
    """Writes the file, measures, prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=40)
    parser.add_argument("--folder", type=Path, help="on the disk that is meant (default: the temporary folder)")
    asked = parser.parse_args()
    n = int(asked.gigabytes * 1e9 / (3 * SIDE * SIDE))
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "images.npy"
        write(path, n)
        disk = images_a_second(np.load(path, mmap_mode="r", allow_pickle=False))
        memory = images_a_second(np.array(np.load(path, mmap_mode="r", allow_pickle=False)[: BATCH * BATCHES]))
    found = {
        "gigabytes": asked.gigabytes,
        "memory_gb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        "images": n,
    }
    print(json.dumps(found | {"images_a_second": round(disk), "in_memory": round(memory)}))  # noqa: T201


if __name__ == "__main__":
    main()
