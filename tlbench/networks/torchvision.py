"""Any classifier of torchvision, cut into named blocks where its forward pass is a chain, whole where it is not."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import VisionTransformer

from tlbench.errors import TlbenchError, one_line, unknown
from tlbench.network import Architecture, Network
from tlbench.training import GlobalPool

CLASSES, WIDEST = 1000, 4097  # of published heads: their classes, and numbers a class at most
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "relative_coords_table")
NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)  # noqa: SLF001


@dataclass(frozen=True)
class Torchvision(Architecture):
    """A model of `torchvision.models` by name; its last linear layer is the head."""

    channels: ClassVar[int | None] = 3
    model: str

    def __post_init__(self) -> None:
        """Checks the name."""
        super().__post_init__()
        known = torchvision.models.list_models(module=torchvision.models)
        if self.model not in known:
            raise unknown("torchvision model", self.model, known)

    @classmethod
    def guesses(cls, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Self]:
        """The models that are published with as many parameters in their blocks; in colour, since most are."""
        bodies = _numbers_without_head(shapes)
        for model in torchvision.models.list_models(module=torchvision.models):
            published = torchvision.models.get_model_weights(model)
            heads = [entry.meta["num_params"] - body for entry in published for body in bodies]
            if any(head > 0 and head % CLASSES == 0 and head <= CLASSES * WIDEST for head in heads):
                yield cls(model)

    def build(self, shape: tuple[int, ...], n_classes: int) -> Network:
        """The network; blocks are verified to compute what the model computes, to the last bit, before they are used.

        Raises:
            TlbenchError: the model has no linear head, or does not take images of this shape.
        """
        options = {"aux_logits": False, "init_weights": True} if self.model in ("googlenet", "inception_v3") else {}
        model = torchvision.models.get_model(self.model, weights=None, **options)
        _take_channels(model, shape[0])
        path, head = _head(model, self.model)
        names = dict(model.named_parameters(remove_duplicate=False)) | dict(model.named_buffers())
        owner = model.get_submodule(path.rpartition(".")[0])
        setattr(owner, path.rpartition(".")[2], nn.Identity())
        probe = torch.linspace(-1, 1, 2 * shape[0] * shape[1] * shape[2]).view(2, *shape)
        blocks, pool = _chain(model, probe, self.model)
        network = Network(blocks, pool, head)
        own = {value: key for key, value in [*network.named_parameters(), *network.named_buffers()]}  # by identity
        network.public_names = {_old(name): own[value] for name, value in names.items() if value in own}
        network.public_names |= {name: own[value] for name, value in names.items() if value in own}
        network.head = nn.Linear(head.in_features, n_classes)
        return network


def _numbers_without_head(shapes: Mapping[str, tuple[int, ...]]) -> set[int]:
    """How many parameters there are without the last matrix and its bias, and with them; of colour inputs."""
    sizes = {n: math.prod(shape) for n, shape in shapes.items() if not n.endswith(BUFFERS)}
    matrices = [name for name in sizes if len(shapes[name]) == 2]
    stems = [shape for shape in shapes.values() if len(shape) == 4 and shape[1] == 1][:1]
    whole = sum(sizes.values())
    bodies = {whole} | {whole - sizes[name] - shapes[name][0] for name in matrices} | {_named_body(sizes)}
    return bodies | {body + 2 * math.prod(shape) for body in bodies for shape in stems}


def _named_body(sizes: Mapping[str, int]) -> int:
    return sum(n for name, n in sizes.items() if not name.startswith(("fc.", "head", "classifier.", "proj", "aux")))


def _take_channels(model: nn.Module, channels: int) -> None:
    """Has the first convolution take so many channels, its weights those of as many of the colours."""
    if channels not in (1, 3):
        raise TlbenchError(f"images have 1 or 3 channels, not {channels}")
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if first is not None and channels == 1 and first.in_channels == 3:
        first.in_channels = channels
        first.weight = nn.Parameter(first.weight.detach()[:, :channels].clone())


def _old(name: str) -> str:
    """The name that a file published before a model's layers were renamed has for it; the same for most."""
    renamed = re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name)
    return renamed.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2.")


class PatchStem(nn.Module):
    """The start of a vision transformer: patches as tokens, the class token before them, positions added."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.conv_proj, self.class_token = model.conv_proj, model.class_token
        self.pos_embedding, self.dropout = model.encoder.pos_embedding, model.encoder.dropout

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, tokens, D)."""
        patches = self.conv_proj(inputs).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(inputs), -1, -1), patches], dim=1)
        return cast("Tensor", self.dropout(tokens + self.pos_embedding))


class LastNorm(nn.Module):
    """The last layer of a vision transformer with the norm that follows it."""

    def __init__(self, layer: nn.Module, norm: nn.Module) -> None:
        super().__init__()
        self.layer, self.norm = layer, norm

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, tokens, D) to (B, D), the class token's."""
        return cast("Tensor", self.norm(self.layer(inputs))[:, 0])


def _transformer(model: Any) -> dict[str, nn.Module]:
    layers = dict(model.encoder.layers.named_children())
    last = list(layers)[-1]
    return {"stem": PatchStem(model), **layers, last: LastNorm(layers[last], model.encoder.ln)}


def _head(model: nn.Module, name: str) -> tuple[str, nn.Linear]:
    linear = [(path, module) for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not linear or linear[-1][1].out_features != 1000:
        raise TlbenchError(f"torchvision model '{name}' has no linear head; choose another")
    return linear[-1]


def _chain(model: nn.Module, probe: Tensor, name: str) -> tuple[dict[str, nn.Module], nn.Module]:
    """Blocks and a pool that together compute the headless model; one block `trunk` where no chain does."""
    if probe.is_meta:  # where nothing can be computed, the tensors' names and shapes are all that is asked for
        return {"trunk": model}, nn.Identity()
    expected = _output(model, probe, name)
    if isinstance(model, VisionTransformer):
        blocks = _transformer(model)
        same = torch.equal(_output(nn.Sequential(*blocks.values()), probe, name), expected)
        return (blocks if same else {"trunk": model}), nn.Identity()
    children = dict(model.named_children())
    trunk = {key: child for key, child in children.items() if key not in ("classifier", "fc", "head", "heads")}
    pieces: list[tuple[str, nn.Module]] = []
    for key, child in trunk.items():
        flat = key in ("features", "layers") and isinstance(child, nn.Sequential)
        pieces += [(f"{key}{i}", piece) for i, piece in child.named_children()] if flat else [(key, child)]
    blocks = _grouped(pieces)
    last = [child for key, child in children.items() if key not in trunk]
    for pool in (nn.Flatten(), nn.Identity(), nn.Sequential(nn.ReLU(), GlobalPool()), GlobalPool()):
        candidate = nn.Sequential(*blocks.values(), pool, *last)
        try:
            same = torch.equal(_output(candidate, probe, name), expected)
        except TlbenchError:
            continue
        if same and not any(True for child in last for _ in child.parameters()):
            return blocks, pool
        if same:
            return {**blocks, "classifier": nn.Sequential(pool, *last)}, nn.Identity()
    return {"trunk": model}, nn.Identity()


def _grouped(pieces: list[tuple[str, nn.Module]]) -> dict[str, nn.Module]:
    """A block starts at each piece with parameters that is not a norm; what follows without them joins it."""
    groups: list[tuple[str, list[tuple[str, nn.Module]]]] = []
    for key, piece in pieces:
        learns = any(True for _ in piece.parameters()) and not isinstance(piece, NORMS)
        if learns or not groups:
            groups.append((key, []))
        groups[-1][1].append((key, piece))
    return {
        key: parts[0][1] if len(parts) == 1 else nn.Sequential(*(part for _, part in parts)) for key, parts in groups
    }


def _output(model: Callable[..., Any], probe: Tensor, name: str) -> Tensor:
    if isinstance(model, nn.Module):
        model.eval()
    try:
        with torch.inference_mode():
            result: Tensor = model(probe)
    except (RuntimeError, AssertionError, ValueError, TypeError, NotImplementedError) as error:
        shape = "x".join(str(n) for n in probe.shape[1:])
        raise TlbenchError(f"torchvision model '{name}' does not take {shape} inputs: {one_line(error)}") from None
    return result
