"""Images of one flat value: what a picture becomes whose content was lost on the way, whatever the cause."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tlbench.errors import TlbenchError

CHUNK = 64 * 2**20  # bytes looked at in one piece
NOTED, REFUSED = 0.01, 0.5  # shares of flat images


def flat_rows(items: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Which of (N, C, H, W) images have one value in each channel."""
    step = max(1, CHUNK // max(1, int(np.prod(items.shape[1:]))))
    found = [_flat(items[start : start + step]) + start for start in range(0, len(items), step)]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _flat(items: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    pixels = items.reshape(*items.shape[:2], -1)
    return np.flatnonzero((pixels.min(-1) == pixels.max(-1)).all(-1))


def flat_notes(
    flat: npt.NDArray[np.int64], n_items: int, where: str, paths: Sequence[str] = (), why: str = ""
) -> tuple[str, ...]:
    """What to say of the flat ones of `n_items` images: nothing of a few. why: what is known of the cause.

    Raises:
        TlbenchError: more than half of the images are flat.
    """
    if len(flat) <= NOTED * n_items:
        return ()
    first = paths[flat[0]] if len(paths) else f"number {flat[0]}"
    line = f"{where}: {len(flat)} of {n_items} images are of one flat value, first: {first}"
    if len(flat) > REFUSED * n_items:
        known = f" ({why})" if why else ""
        mend = "look at it and save the images anew, with 8 bits a value"
        raise TlbenchError(f"{line}; what they show was lost{known}: {mend}")
    return (line,)
