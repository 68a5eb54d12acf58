"""Checkpoints that users hand over: opened without unpickling, fitted to a network completely, or refused and why."""

from tlbench.readers.checkpoints.choice import Choice, choose
from tlbench.readers.checkpoints.opening import Checkpoint, read_checkpoint
from tlbench.readers.checkpoints.published import published_weights
from tlbench.readers.checkpoints.restoring import prepared, restored

__all__ = ["Checkpoint", "Choice", "choose", "prepared", "published_weights", "read_checkpoint", "restored"]
