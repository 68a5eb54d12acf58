"""What the eye would see: alpha composited on white."""

import numpy as np
import numpy.typing as npt

from tlbench.errors import TlbenchError

Images = npt.NDArray[np.uint8]
ALPHA = 4  # channels with it
PIECE = 256  # images composited at a time


def seen(key: str, images: Images, train: Images) -> tuple[Images, str]:
    """(N, 4, H, W) as what is seen of them, decided by the images trained on; others as they are.

    Raises:
        TlbenchError: the fourth channel is on another scale than the colours.
    """
    if images.shape[1] != ALPHA:
        return images, ""
    alpha, colour = train[:, 3], train[:, :3]
    if alpha.max() <= 1 < colour.max():
        raise TlbenchError(f"{key}: alpha reaches {alpha.max()} of 255, colours {colour.max()}; bring both to one")
    if alpha.min() == 255:
        return _on_white(images), f"{key}: the fourth channel is taken for alpha; it hides nothing"
    if np.ptp(colour, axis=(0, 2, 3)).max() == 0:
        return images[:, 3:], f"{key}: colours are one value all over; alpha, which differs, is shown in grey"
    return _on_white(images), f"{key}: the fourth channel is taken for alpha and composited on white"


def _on_white(images: Images) -> Images:
    found = np.empty((len(images), 3, *images.shape[2:]), dtype=np.uint8)
    for begin in range(0, len(images), PIECE):
        piece = images[begin : begin + PIECE].astype(np.uint16)
        alpha = piece[:, 3:]
        found[begin : begin + PIECE] = (piece[:, :3] * alpha + 127) // 255 + 255 - alpha
    return found
