"""Published weights of torchvision's zoo, with their own preprocessing."""

from dataclasses import dataclass, replace
from typing import Any

import torchvision

from tlbench.errors import unknown
from tlbench.form import Form, forms
from tlbench.network import Architecture, Setup, networks
from tlbench.readers import published_weights, read_checkpoint, restored
from tlbench.source import Source, Weights
from tlbench.workspace import Workspace


@dataclass(frozen=True)
class Torchvision(Source):
    """`torchvision:MODEL` or `:MODEL:WEIGHTS`; TORCH_HOME is respected. `image_size` replaces the resize and crop."""

    model: str
    weights: str = "DEFAULT"
    image_size: int = 0

    def __post_init__(self) -> None:
        """Takes the weights from the argument where they are named there: `resnet18:IMAGENET1K_V1`."""
        model, _, weights = self.model.partition(":")
        self.__dict__.update(model=model, weights=weights or self.weights)
        super().__post_init__()

    def architecture(self, default: Architecture) -> Architecture:  # noqa: ARG002
        """The model."""
        return networks.make(f"torchvision:{self.model}")

    def form(self, default: Form) -> Form:  # noqa: ARG002
        """The published preprocessing: resize, its interpolation, centre crop, mean and standard deviation."""
        preset = self._entry().transforms()
        size, resize = (self.image_size, 0) if self.image_size else (preset.crop_size[0], preset.resize_size[0])
        spec = {"name": "images", "size": size, "channels": 3, "mean": preset.mean, "std": preset.std, "resize": resize}
        return forms.make(spec | {"interpolation": preset.interpolation.value})

    def identity(self, workspace: Workspace) -> str:  # noqa: ARG002
        """The entry that the weights' name stands for, DEFAULT included."""
        return str(self._entry().name)

    def check(self, workspace: Workspace) -> None:
        """The weights are here, or may come."""
        published_weights(self._entry().url, f"source '{self.label}'", allowed=workspace.storage.download, now=False)

    def load(self, setup: Setup, workspace: Workspace, seed: int, root_seed: int) -> Weights:  # noqa: ARG002
        """The published weights; downloaded only when allowed, and never unpickled."""
        kept = published_weights(self._entry().url, f"source '{self.label}'", allowed=workspace.storage.download)
        found = restored(read_checkpoint(kept), setup, tuple(self._entry().meta["categories"]))
        return replace(found, notes=found.notes[1:])  # that it fits is no news

    def _entry(self) -> Any:
        networks.make(f"torchvision:{self.model}")
        known = torchvision.models.get_model_weights(self.model)
        if self.weights not in known.__members__:
            raise unknown(f"weights of torchvision model '{self.model}'", self.weights, known.__members__)
        return known[self.weights]
