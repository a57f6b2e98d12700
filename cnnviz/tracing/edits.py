"""Edits of a network: arguments of a layer are changed, and the layer built anew to match."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from math import gcd
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from cnnviz.errors import UnknownKeyError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.operations.calls import is_leaf
from cnnviz.operations.diagnosis import layer_text
from cnnviz.operations.op import Fix
from cnnviz.operations.window_diagnosis import of_dimensions
from cnnviz.tracing.copies import meta_copy

_OF_SHAPES = (
    "kernel_size stride padding dilation out_channels in_channels groups out_features in_features num_features "
    "num_channels num_groups output_size normalized_shape input_size hidden_size num_layers proj_size"
).split()
_FROM_ZERO = ("padding", "output_padding", "proj_size")
_LARGEST = 1_000_000_000
TYPE = "type"
"""The argument that stands for the class of a layer."""


class ImpossibleLayerError(UsageError):
    """A layer that cannot be built as an edit asks; ``fix`` is the edit with which it can, if one is known."""

    def __init__(self, message: Message, fix: Fix | None = None) -> None:
        super().__init__(message)
        self.fix = fix


def edited(model: nn.Module, edits: Mapping[str, object]) -> nn.Module:
    """A copy of ``model`` on the meta device with ``edits`` made; those of one layer are made together.

    Args:
        model: left as it is.
        edits: values by path: ``{"fc.in_features": 2200, "conv1.kernel_size": [3, 3]}``; ``{"bn.type": "BatchNorm2d"}``
            makes a layer its sibling for another number of dimensions.

    Raises:
        UnknownKeyError: no such layer, or the layer has no such argument.
        ImpossibleLayerError: the layer cannot be built with these values.
    """
    duplicate = meta_copy(model)
    by_layer: dict[str, dict[str, object]] = {}
    for path, value in edits.items():
        layer, argument = _parts(duplicate, path)
        by_layer.setdefault(layer, {})[argument] = value
    for layer, changes in by_layer.items():
        _edit(duplicate, layer, changes)
    return duplicate


def editable(model: nn.Module) -> dict[str, dict[str, object]]:
    """The layers of ``model`` that :func:`edited` can change, with the arguments that decide about shapes."""
    found = {}
    for path, layer in model.named_modules():
        if path and is_leaf(layer):
            known = constructor_arguments(layer)
            found[path] = {name: known[name] for name in _OF_SHAPES if name in known}
    return {path: arguments for path, arguments in found.items() if arguments}


def _parts(model: nn.Module, path: str) -> tuple[str, str]:
    """The layer and the argument that ``path`` names."""
    layer_path, _, argument = path.rpartition(".")
    layers = {name: module for name, module in model.named_modules() if name}
    if path in layers:
        raise UsageError(
            Message(
                "{layer} is a layer; specify which of its arguments to set, such as {layer}.{argument}.",
                layer=path,
                argument=next(iter(constructor_arguments(layers[path])), "kernel_size"),
            )
        )
    if layer_path not in layers:
        raise UnknownKeyError(Message("layer"), layer_path or path, layers)
    layer = layers[layer_path]
    arguments = constructor_arguments(layer)
    if argument == TYPE:
        return layer_path, argument
    if argument not in arguments:
        raise UnknownKeyError(Message("argument of {layer}", layer=type(layer).__name__), argument, arguments)
    return layer_path, argument


def _edit(model: nn.Module, path: str, changes: Mapping[str, object]) -> None:
    old = model.get_submodule(path)
    if parametrize.is_parametrized(old):
        raise ImpossibleLayerError(
            Message("{layer} computes its weights (as weight_norm does) and cannot be rebuilt.", layer=path)
        )
    arguments = constructor_arguments(old)
    cls: type[nn.Module] = type(old)
    if TYPE in changes:
        cls = _sibling(path, cls, changes[TYPE])
        arguments = {name: _of_one_number(value) for name, value in arguments.items()}
    changes = {name: value for name, value in changes.items() if name != TYPE}
    for argument, value in changes.items():
        _check_sizes(path, cls, argument, value)
    arguments |= {name: _plain(value) for name, value in changes.items()}
    try:
        with torch.device("meta"):
            new = cls(**arguments).eval()
    except Exception as error:  # the layer's own check of its arguments, whatever class it raises
        asked = ", ".join(f"{name} = {shortened(value)}" for name, value in changes.items()) or cls.__name__
        raise _impossible(path, cls, arguments, asked, error) from error
    kind = next((p.dtype for p in old.parameters() if p.is_floating_point()), torch.float32)
    _replace(model, old, new.to(kind))


def _sibling(path: str, cls: type[nn.Module], name: object) -> type[nn.Module]:
    """The class of ``torch.nn`` called ``name``, which must be ``cls`` for another number of dimensions.

    Raises:
        ImpossibleLayerError: it is not.
    """
    siblings = [of_dimensions(cls.__name__, dimensions) for dimensions in (1, 2, 3)]
    known = [sibling for sibling in siblings if sibling is not None and hasattr(nn, sibling)]
    if not cls.__module__.startswith("torch.nn.") or name not in known:
        raise ImpossibleLayerError(
            Message(
                "{layer} cannot become {value}: {type} can become {siblings}.",
                layer=path,
                value=shortened(name),
                type=cls.__name__,
                siblings=", ".join(known) or "-",
            )
        )
    found: type[nn.Module] = getattr(nn, str(name))
    return found


def _of_one_number(value: Any) -> Any:
    """The number itself for a tuple that repeats one number, which fits any number of dimensions."""
    return value[0] if isinstance(value, tuple) and value and len(set(value)) == 1 else value


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _impossible(
    path: str, cls: type[nn.Module], arguments: Mapping[str, object], asked: str, error: Exception
) -> ImpossibleLayerError:
    argument = "groups" if "groups" in arguments else "num_groups"
    names = ("in_channels", "out_channels", "num_channels")
    channels = [count for name in names if isinstance(count := arguments.get(name), int)]
    groups = arguments.get(argument)
    if isinstance(groups, int) and channels and any(count % groups for count in channels):
        fix = _other_groups(path, cls, arguments, argument, channels)
        return ImpossibleLayerError(
            Message(
                "{layer} cannot have {asked}: its channels ({channels}) cannot be divided into {groups} "
                "groups. Set {argument} to {possible}, for example.",
                layer=path,
                asked=asked,
                channels=", ".join(map(str, dict.fromkeys(channels))),
                groups=groups,
                argument=argument,
                possible=fix.value if fix else 1,
            ),
            fix,
        )
    return ImpossibleLayerError(
        Message(
            "{layer} cannot have {asked}: {error}",
            layer=path,
            asked=asked,
            error=str(error).partition("\n")[0],  # PyTorch adds a C++ traceback to some
        )
    )


def _other_groups(
    path: str, cls: type[nn.Module], arguments: Mapping[str, object], argument: str, channels: Sequence[int]
) -> Fix | None:
    """The nearest number of groups that divides the channels; None where something else is impossible as well."""
    wanted = int(str(arguments[argument]))
    divisors = [n for n in range(1, min(gcd(*channels), 2 * wanted) + 1) if gcd(*channels) % n == 0]
    changed = {**arguments, argument: min(divisors, key=lambda n: abs(n - wanted))}
    try:
        with torch.device("meta"):
            cls(**changed)
    except Exception:
        return None
    return Fix(f"{path}.{argument}", changed[argument], layer_text(cls.__name__, changed))


def _check_sizes(layer: str, cls: type[nn.Module], argument: str, value: object) -> None:
    """PyTorch builds layers of no size, of half a pixel or of a billion, and complains only about some inputs."""
    least = 0 if argument in _FROM_ZERO else 1
    sizes = list(value) if isinstance(value, (list, tuple)) else [value]
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    sides = next((n for n in (1, 2, 3) if f"{n}d" in cls.__name__), len(sizes))
    possible = (
        whole
        and len(sizes) in (1, sides)
        and bool(sizes)
        and all(least <= int(str(n)) <= _LARGEST for n in sizes)
    )
    if argument not in _OF_SHAPES or possible or _is_word(argument, value):
        return
    raise ImpossibleLayerError(
        Message(
            "{layer} cannot have {argument} = {value}: it must be an integer from {least} to {largest:,}.",
            layer=layer,
            argument=argument,
            value=shortened(value),
            least=least,
            largest=_LARGEST,
        )
    )


def _is_word(argument: str, value: object) -> bool:
    """What is allowed but no size: padding by name, a pooling's stride that is its kernel."""
    if argument == "padding":
        return value in ("same", "valid")
    return argument == "stride" and value is None


def constructor_arguments(layer: nn.Module) -> dict[str, Any]:
    """The arguments with which ``layer`` could be built again: layers keep them under the same names."""
    found = {}
    for name in argument_names(layer):
        if name == "bias":
            bias = getattr(layer, "bias", None)  # of a recurrent layer it says whether there is one
            found[name] = bias if isinstance(bias, bool) else bias is not None
        elif name not in ("device", "dtype") and name in vars(layer):
            found[name] = getattr(layer, name)
    return found


def argument_names(layer: nn.Module) -> tuple[str, ...]:
    """The names of the arguments of a layer's class, in order; recurrent layers of several steps only pass theirs on."""
    names = tuple(inspect.signature(type(layer).__init__).parameters)[1:]
    if not isinstance(layer, nn.RNNBase) or "kwargs" not in names:
        return names
    own = {nn.LSTM: ("proj_size",), nn.RNN: ("nonlinearity",)}
    further = next((extra for cls, extra in own.items() if isinstance(layer, cls)), ())
    shared = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
    return (*shared, *further)


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    # A layer that is used in several places is changed in all of them.
    for parent in model.modules():
        for name, child in parent.named_children():
            if child is old:
                setattr(parent, name, new)
