"""Published weights in torch's own cache."""

from pathlib import Path

import torch

from tlbench.errors import TlbenchError, one_line


def published_weights(url: str, what: str, *, allowed: bool, now: bool = True) -> Path:
    """Where torch's own cache keeps published weights; downloaded `now` if they are not there, their hash checked.

    Raises:
        TlbenchError: they are not there and may not be downloaded, or that failed; `what` names whose they are.
    """
    kept = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if kept.is_file() or (allowed and not now):
        return kept
    if not allowed:
        raise TlbenchError(f"{what}: no weights at {kept}; put them there or allow the download")
    try:
        torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True, progress=False)
    except (OSError, RuntimeError) as error:
        raise TlbenchError(f"{what} could not be downloaded: {one_line(error)}") from None
    return kept
