"""What the leakage guard finds and what it mistakes: images encoded anew, and the published splits of real sets.

python -m benchmarks.leakage digits glyphs mnist fashion_mnist folder:PATH --data-root PATH
"""

import argparse
import io
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from tlbench.dataset import Dataset, Split, datasets
from tlbench.errors import TlbenchError
from tlbench.form import forms
from tlbench.leakage import check, marks_of, overlap
from tlbench.workspace import Storage, Workspace

QUALITIES = (95, 75, 50, 30)
TRIED = 500  # images that are encoded anew
Pixels = npt.NDArray[np.uint8]


def encoded_anew(images: Pixels, quality: int) -> Pixels:
    """(n, C, H, W) as JPEG of this quality gives them back."""
    made = []
    for image in images:
        held = io.BytesIO()
        Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(held, "JPEG", quality=quality)
        again = np.asarray(Image.open(held))
        made.append(again[None] if again.ndim == 2 else again.transpose(2, 0, 1))
    return np.stack(made)


def found_again(pool: Split, quality: int) -> float:
    """The share of images of a pool that are known again after encoding, as the images that they are."""
    form, rows = forms["images"], np.linspace(0, len(pool) - 1, min(TRIED, len(pool))).astype(np.int64)
    some = replace(pool.only(rows), items=encoded_anew(pool.take(rows), quality), rows=None)
    found = overlap(some, marks_of(some, form), pool, marks_of(pool, form), form)
    return float(np.mean((found.kind > 0) & (found.match == rows)))


def line(dataset: Dataset, workspace: Workspace) -> str:
    """A row of the table: what is found between the published splits, how fast, and of images encoded anew."""
    pool = dataset.split("train", workspace)
    n_test, started = len(dataset.split("test", workspace)), time.monotonic()
    found = check(dataset, None, forms["images"], workspace)
    seconds = time.monotonic() - started
    shares = " | ".join(f"{found_again(pool, quality):.1%}" for quality in QUALITIES)
    seen = f"{found.exact} | {len(found.seen) - found.exact}"
    return f"| {dataset.label} | {len(pool)} | {n_test} | {seen} | {seconds:.1f} | {shares} |"


def tell(text: str) -> None:
    """Prints it at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    given = parser.parse_args()
    titles = ["dataset", "pool", "test", "exact", "near", "seconds", *(f"JPEG {quality}" for quality in QUALITIES)]
    tell(f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}")
    with tempfile.TemporaryDirectory() as cache:
        workspace = Workspace(Storage(given.data_root, Path(cache)), torch.device("cpu"))
        for spec in given.datasets:
            tell(line(datasets.make(spec), workspace))


if __name__ == "__main__":
    try:
        main()
    except TlbenchError as error:
        sys.exit(f"benchmarks.leakage: {error}")
