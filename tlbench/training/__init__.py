"""The one loop and the one clock, what they train and read, and sources that are trained here."""

from tlbench.training.augment import ImageAugmentation, image_augmentation
from tlbench.training.classifier import FittedClassifier
from tlbench.training.items import Augmented, Encoded, Examples, Items, with_labels
from tlbench.training.joined import joined_over
from tlbench.training.layers import GlobalPool, Layers, ShortcutA, normalised
from tlbench.training.learners import Learner, in_batches, log_loss, predict
from tlbench.training.loop import Clock, Fitted, fit, seconds_a_step, seconds_of_reading
from tlbench.training.prefix import FrozenPrefix, Prefixed
from tlbench.training.pretraining import BATCH, CHECKED, Pretrained
from tlbench.training.scaling import Scaled, scaled

__all__ = [
    "BATCH",
    "CHECKED",
    "Augmented",
    "Clock",
    "Encoded",
    "Examples",
    "Fitted",
    "FittedClassifier",
    "FrozenPrefix",
    "GlobalPool",
    "ImageAugmentation",
    "Items",
    "Layers",
    "Learner",
    "Prefixed",
    "Pretrained",
    "Scaled",
    "ShortcutA",
    "fit",
    "image_augmentation",
    "in_batches",
    "joined_over",
    "log_loss",
    "normalised",
    "predict",
    "scaled",
    "seconds_a_step",
    "seconds_of_reading",
    "with_labels",
]
