"""Choice among learning rates on few validation images: what a flat grid gains over a peaked one by luck alone."""

from collections.abc import Iterator

import numpy as np

from benchmarks.calibrate.cases import DESIGN, NULL, Result
from tlbench.judging import any_flag
from tlbench.judging.verdict import evidence, judge

SIZES = (20, 100, 200, 500)
FLAT, PEAKED = (0.70, 0.70, 0.70), (0.64, 0.70, 0.64)  # true accuracy at each rate: equally good once tuned
CELLS, SEEDS, SPREAD, N_TEST = 20, 10, 0.02, 400


def chosen(
    grid: tuple[float, ...], n_val: int, random: np.random.Generator, *shape: int
) -> np.typing.NDArray[np.float64]:
    """Test accuracies of trials that took the best of a grid on validation images of their own, ties at random."""
    true = np.array(grid) + SPREAD * random.standard_normal((*shape, 1)) / np.sqrt(2)
    noisy = true + SPREAD * random.standard_normal((*shape, len(grid))) / np.sqrt(2)
    noisy = np.clip(noisy, 0.01, 0.99)
    read = random.binomial(n_val, noisy) + random.random(noisy.shape) * 0.5
    return np.asarray(np.take_along_axis(noisy, read.argmax(-1)[..., None], -1)[..., 0])


def every(grids: int) -> Iterator[Result]:
    """The mean gain of a flat grid over a peaked one, and how often a peaked one is flagged beside a flat baseline."""
    for n_val in SIZES:
        random = np.random.default_rng([8, n_val])
        own = chosen(PEAKED, n_val, random, grids, CELLS, SEEDS)
        base = np.broadcast_to(chosen(FLAT, n_val, random, grids, 1, 2 * SEEDS), (grids, CELLS, 2 * SEEDS))
        tau = np.full((grids, CELLS), np.sqrt(0.7 * 0.3 / N_TEST) * 0.3)
        found = judge([evidence(own, base, tau, welch=True)], DESIGN)
        case = f"a peaked grid of three rates against a flat one, chosen on {n_val} images"
        gain = float(base.mean() - own.mean())
        yield Result("points that a flat grid gains, / 100", case, str(SEEDS), gain, None)
        yield Result(NULL, case, str(SEEDS), any_flag(found, "negative"), None, grids=grids)
