"""A checkpoint's network, and the inputs that it was made for."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from tlbench.errors import TlbenchError
from tlbench.form import Form, forms
from tlbench.network import Setup
from tlbench.readers.checkpoints.choice import choose
from tlbench.readers.checkpoints.fit import is_aside
from tlbench.readers.checkpoints.opening import Checkpoint
from tlbench.source import Weights
from tlbench.streams import seeded


def restored(
    checkpoint: Checkpoint, setup: Setup, classes: tuple[str, ...] = (), key: str = "", *, partial: bool = False
) -> Weights:
    """The setup's network with the weights that `choose` gives; what they lack is random, the same for every seed.

    Raises:
        TlbenchError: as `choose`, or there are not as many `classes` as the head has outputs.
    """
    with seeded(0, "checkpoint", setup.label):
        network = setup.build(2)
        choice = choose(checkpoint, setup, network, key, partial=partial)
        if choice.n_classes:
            network.head = nn.Linear(network.head.in_features, choice.n_classes)
    if classes and len(classes) != choice.n_classes:
        found = f"a head of {choice.n_classes} outputs" if choice.n_classes else "no head that fits"
        raise TlbenchError(
            f"{checkpoint.path} has {found}, and {len(classes)} classes are named; name as many, or none"
        )
    choice.fill(network)
    names = classes or tuple(f"class{i}" for i in range(choice.n_classes))
    return Weights(network.eval(), names or None, notes=choice.notes, named=bool(classes))


def prepared(checkpoint: Checkpoint, default: Form, named: Mapping[str, Any]) -> Form:
    """The default input with as many channels as the file's first layer takes, prepared as is named.

    Raises:
        TlbenchError: the first layer takes neither 1 nor 3 channels, or other numbers of means or deviations are named.
    """
    channels = _channels(checkpoint, default)
    form = default.with_channels(channels) if channels else default
    changes = {name: value for name, value in named.items() if value}
    if not changes:
        return form
    mean, std = (changes.get(name, ()) for name in ("mean", "std"))
    if {len(mean), len(std)} not in ({0}, {form.shape[0]}) or any(spread <= 0 for spread in std):
        said = f"mean {list(mean)} and std {list(std)}"
        raise TlbenchError(f"{checkpoint.path}: {said} do not fit {form.shape[0]} channels; give one of each a channel")
    return forms.make(form.recipe() | {"resize": 0, **changes})


def _channels(checkpoint: Checkpoint, default: Form) -> int:
    """Of the first convolution, or of a first matrix on flattened images; 0 where that cannot be read."""
    if len(default.shape) != 3:
        return 0
    held = [value.shape for name, value in checkpoint.tensors.items() if not is_aside(name, value)]
    kernels = [shape[1] for shape in held if len(shape) == 4]
    size = default.shape[1] * default.shape[2]
    layers = kernels or [shape[1] // size for shape in held if len(shape) == 2 and shape[1] % size == 0]
    first = layers[0] if layers and checkpoint.ordered else 0
    return first if first in (1, 3) else next((known for known in (3, 1) if known in layers), 0)
