"""What a score varies with: the source's draw, the data's, and the rest, told from trials that cross the first two."""

from dataclasses import dataclass

import numpy as np

from tlbench.judging.stats import Floats


@dataclass(frozen=True)
class Split:
    """Standard deviations of a score over seeds: of the source's draw, of the data's, and of what remains; n seeds.

    Told from so few seeds, each is known to a factor of about two.
    """

    source: float
    data: float
    rest: float
    n: int


def split(straight: Floats, crossed: Floats) -> Split | None:
    """From (n,) scores at seeds i, with the sources of seeds i and of seeds i + 1, the last with the first's.

    Half the mean square of a difference holds what its two trials do not share: with equal data the source and the
    rest, with equal sources the data and the rest, and over all seeds everything. None of fewer than three seeds.
    """
    n = len(straight)
    if n < 3:
        return None
    same_data = float(np.mean((straight - crossed) ** 2)) / 2
    same_source = float(np.mean((crossed - np.roll(straight, -1)) ** 2)) / 2
    everything = float(straight.var(ddof=1) + crossed.var(ddof=1)) / 2
    parts = everything - same_source, everything - same_data, same_data + same_source - everything
    source, data, rest = (float(np.sqrt(max(0.0, part))) for part in parts)
    return Split(source, data, rest, n)
