"""The one loop and the one clock, what they train and read, and sources that are trained here."""

from tlbench.training.augment import NOTHING, Augmentation, Augmented, black, make
from tlbench.training.items import Encoded, Examples, Items, with_labels
from tlbench.training.joined import join
from tlbench.training.layers import GlobalPool, Layers, ShortcutA, normalised
from tlbench.training.learners import Learner, accuracy, in_batches, predict
from tlbench.training.loop import Clock, Fitted, fit, seconds_a_step
from tlbench.training.prefix import Kept, Prefix, run_prefix
from tlbench.training.pretraining import Pretrained

__all__ = [
    "NOTHING",
    "Augmentation",
    "Augmented",
    "Clock",
    "Encoded",
    "Examples",
    "Fitted",
    "GlobalPool",
    "Items",
    "Kept",
    "Layers",
    "Learner",
    "Prefix",
    "Pretrained",
    "ShortcutA",
    "accuracy",
    "black",
    "fit",
    "in_batches",
    "join",
    "make",
    "normalised",
    "predict",
    "run_prefix",
    "seconds_a_step",
    "with_labels",
]
