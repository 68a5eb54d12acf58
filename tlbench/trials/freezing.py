"""Frozen means frozen: what no phase moves is the same after training as before, bit for bit, buffers included."""

from tlbench.errors import TlbenchError
from tlbench.method import Start
from tlbench.network import HEAD, checksum


class FrozenTensors:
    """What of a start's network must not move, and its digest before training."""

    def __init__(self, start: Start) -> None:
        self._start, self._before = start, self._digest(start)

    @staticmethod
    def _digest(start: Start) -> str:
        return checksum(start.network.frozen_tensors(start.moving))

    def prove_unmoved(self) -> None:
        """After training.

        Raises:
            TlbenchError: something moved, so that the result would mean nothing.
        """
        if self._digest(self._start) != self._before:
            parts = ", ".join(frozen_parts(self._start)) or "single parameters"
            raise TlbenchError(f"frozen parts moved ({parts}); the result would mean nothing")


def frozen_parts(start: Start) -> tuple[str, ...]:
    """The blocks, and the head, in which nothing learns."""
    moving = {entry.partition("/")[0] for entry in start.moving}
    return tuple(name for name in (*start.network.names, HEAD) if name not in moving)
