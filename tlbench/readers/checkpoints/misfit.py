"""Why a checkpoint does not fit a network, and which network it would fit."""

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from tlbench.errors import TlbenchError, some
from tlbench.network import Architecture, Network, Setup, networks
from tlbench.readers.checkpoints.candidates import candidates, sizes
from tlbench.readers.checkpoints.fit import STATISTICS, Fit, Wanted, is_aside
from tlbench.readers.checkpoints.opening import Checkpoint

NAMED = 3  # tensors that a message names
PLACES = 6  # prefixes under which a network is guessed


def misfit(
    checkpoint: Checkpoint,
    tensors: Mapping[str, Tensor],
    fit: Fit | None,
    wanted: Wanted,
    setup: Setup,
    *,
    partial: bool,
) -> TlbenchError:
    """The error: what is missing, what is left over, and what to do."""
    where = f"{checkpoint.path} does not fit network '{setup.architecture.label}'"
    if fit is not None and fit.blocks and not fit.leftover and all(n.endswith(STATISTICS) for n in fit.missing):
        layers = sorted({name.rpartition(".")[0] for name in fit.missing})
        said = f"the running statistics of {len(layers)} BatchNorm layers are not in it ({some(layers, NAMED)})"
        return TlbenchError(f"{where}: {said}; save state_dict() with its buffers, not parameters() alone")
    mend = next(_would_fit(checkpoint, tensors, fit, setup), "") or _of_inputs(tensors, fit, wanted, setup)
    mend = mend or "name the network it was saved from"
    if partial:
        mend += "; of the blocks not one matrix fits, which is too little for partial = true"
    return TlbenchError(f"{where}: {_told(tensors, fit, wanted)}; {mend}")


def _told(tensors: Mapping[str, Tensor], fit: Fit | None, wanted: Wanted) -> str:
    odd = [name for name, value in tensors.items() if value.is_quantized or value.is_complex()]
    if odd:
        return f"{len(odd)} tensors are quantised or complex ({some(odd, NAMED)})"
    if fit is None or not fit.blocks:
        held = [name for name, value in tensors.items() if not is_aside(name, value)]
        return f"none of its {len(wanted.shapes)} tensors is in the file, which holds {_shapes(tensors, held)}"
    lines = []
    if absent := [key for key in fit.missing if key not in fit.misshapen]:
        lines.append(f"{len(absent)} of its {len(wanted.shapes)} tensors are not in the file ({some(absent, NAMED)})")
    if fit.misshapen:
        pairs = [
            f"{tensors[n].dtype} {_shape(tensors[n])}".removeprefix("torch.float32 ") for n in fit.misshapen.values()
        ]
        said = [f"{n} {pair} for {wanted.shapes[k]}" for (k, n), pair in zip(fit.misshapen.items(), pairs, strict=True)]
        lines.append(f"{len(said)} with another shape or kind of number ({some(said, NAMED)})")
    if over := [name for name in fit.leftover if name not in fit.misshapen.values()]:
        lines.append(f"{len(over)} of the file's have no place in it ({_shapes(tensors, over)})")
    return ", ".join(lines)


def _shapes(tensors: Mapping[str, Tensor], names: Sequence[str]) -> str:
    return some([f"{name} {_shape(tensors[name])}" for name in names], NAMED) or "training's own alone"


def _shape(value: Tensor) -> str:
    return str(tuple(value.shape))


def _would_fit(checkpoint: Checkpoint, tensors: Mapping[str, Tensor], fit: Fit | None, setup: Setup) -> Iterator[str]:
    """Networks of the shelf that these tensors fill."""
    counts = sizes(tensors)
    places = [prefix for prefix, _ in counts.most_common(PLACES)]
    for prefix in dict.fromkeys([*([fit.prefix] if fit else []), *places]):
        held = {n: v for n, v in tensors.items() if n.startswith(prefix) and not is_aside(n[len(prefix) :], v)}
        shapes = {name[len(prefix) :]: tuple(value.shape) for name, value in held.items()}
        for kind in networks.values():
            for guess in kind.guesses(shapes):
                if guess != setup.architecture:
                    yield from _fills(guess, held, setup, ordered=checkpoint.ordered)


def _fills(guess: Architecture, held: Mapping[str, Tensor], setup: Setup, *, ordered: bool) -> Iterator[str]:
    """That a network fits, if it does, be it but for its running statistics."""
    network = _outlined(guess, setup)
    if network is None:
        return
    for fit in candidates(held, Wanted.of(network), ordered=ordered):
        if not fit.leftover and all(name.endswith(STATISTICS) for name in fit.missing):
            but = ", but for the running statistics of its BatchNorm layers" if fit.missing else ""
            yield f"it fits network = {_spec(guess)}{but}"
        elif inputs := _of_inputs(held, fit, Wanted.of(network), setup):
            yield f"it fits network = {_spec(guess)}, but {inputs}"


def _outlined(guess: Architecture, setup: Setup) -> Network | None:
    """The network without numbers, or with them where its making computes some; None where it takes no such input."""
    for device in ("meta", "cpu"):
        try:
            with torch.device(device):
                return guess.build(setup.form.shape, 2)
        except NotImplementedError:
            continue
        except (TlbenchError, RuntimeError, ValueError):
            break
    return None


def _spec(guess: Architecture) -> str:
    """As a suite names it: with its argument, or a table where more options are not as usual."""
    usual = {option.name: option.default for option in guess.options()}
    recipe = guess.recipe()
    unusual = {name: recipe[name] for name, default in usual.items() if recipe[name] != default}
    first = next(iter(usual), "")
    if set(unusual) <= {first}:
        return f'"{guess.name}:{unusual[first]}"' if unusual else f'"{guess.name}"'
    table = {"name": guess.name} | unusual
    return "{ " + ", ".join(f'{n} = "{v}"' if isinstance(v, str) else f"{n} = {v}" for n, v in table.items()) + " }"


def _of_inputs(tensors: Mapping[str, Tensor], fit: Fit | None, wanted: Wanted, setup: Setup) -> str:
    """What to do where the first layer alone was made for other inputs."""
    if fit is None or not fit.misshapen or len(fit.misshapen) != len(fit.missing):
        return ""
    first = next(iter(wanted.shapes))
    if list(fit.misshapen) != [first]:
        return ""
    shape = tuple(tensors[fit.misshapen[first]].shape)
    if len(shape) == 4:
        return f"the file's first layer takes inputs of {shape[1]} channels; images have 1 or 3"
    sides = {channels: math.isqrt(shape[-1] // channels) for channels in (1, 3) if shape[-1] % channels == 0}
    fitting = [f"image_size = {s} gives {c * s * s} with {c}" for c, s in sides.items() if c * s * s == shape[-1]]
    given = math.prod(setup.form.shape)
    mend = f"{' or '.join(fitting)} channels" if fitting else "give inputs of that size"
    return f"its first layer takes {shape[-1]} values and this input has {given}; {mend}"
