"""Edits of a network: a layer's argument is changed, and the layer built anew to match."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from cnnviz.errors import UnknownKeyError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.shapes.copies import meta_copy
from cnnviz.shapes.naming import is_leaf

_OF_SHAPES = "kernel_size stride padding dilation out_channels in_channels groups out_features in_features num_features".split()


def edited(model: nn.Module, edits: Mapping[str, object]) -> nn.Module:
    """A copy of ``model`` on the meta device with ``edits`` made, in order.

    Args:
        model: left as it is.
        edits: values by path: ``{"fc.in_features": 2200, "conv1.kernel_size": [3, 3]}``.

    Raises:
        UnknownKeyError: no such layer, or the layer has no such argument.
        UsageError: the layer cannot be built with that value.
    """
    duplicate = meta_copy(model)
    for path, value in edits.items():
        _edit(duplicate, path, value)
    return duplicate


def editable(model: nn.Module) -> dict[str, dict[str, object]]:
    """The layers of ``model`` that :func:`edited` can change, with the arguments that decide about shapes."""
    found = {}
    for path, layer in model.named_modules():
        if path and is_leaf(layer):
            known = _constructor_arguments(layer)
            found[path] = {name: known[name] for name in _OF_SHAPES if name in known}
    return {path: arguments for path, arguments in found.items() if arguments}


def _edit(model: nn.Module, path: str, value: object) -> None:
    layer_path, _, argument = path.rpartition(".")
    layers = {name: module for name, module in model.named_modules() if name}
    if path in layers:
        raise UsageError(
            Message(
                "{layer} is a layer; say which argument of it to set, such as {layer}.{argument}.",
                layer=path,
                argument=next(iter(_constructor_arguments(layers[path])), "kernel_size"),
            )
        )
    if layer_path not in layers:
        raise UnknownKeyError(Message("The layer"), layer_path or path, layers)
    old = layers[layer_path]
    arguments = _constructor_arguments(old)
    if argument not in arguments:
        raise UnknownKeyError(
            Message("The argument of {layer}", layer=type(old).__name__), argument, arguments
        )
    _check_sizes(layer_path, argument, value)
    arguments[argument] = tuple(value) if isinstance(value, list) else value
    try:
        with torch.device("meta"):
            new = type(old)(**arguments).eval()
    except Exception as error:  # the layer's own check of its arguments, whatever class it raises
        raise UsageError(
            Message(
                "{layer} cannot have {argument} = {value}: {error}",
                layer=layer_path,
                argument=argument,
                value=shortened(value),
                error=str(error).partition("\n")[0],  # PyTorch adds a C++ traceback to some
            )
        ) from error
    _replace(model, old, new)


def _check_sizes(layer: str, argument: str, value: object) -> None:
    """PyTorch builds layers of no size, and only some kinds of input make it complain."""
    least = 0 if argument == "padding" else 1
    sizes = value if isinstance(value, list) else [value]
    if argument in _OF_SHAPES and any(isinstance(size, int) and size < least for size in sizes):
        raise UsageError(
            Message(
                "{layer} cannot have {argument} = {value}: it takes whole numbers from {least}.",
                layer=layer,
                argument=argument,
                value=shortened(value),
                least=least,
            )
        )


def _constructor_arguments(layer: nn.Module) -> dict[str, Any]:
    """The arguments with which ``layer`` could be built again: layers keep them under the same names."""
    found = {}
    for name in inspect.signature(type(layer).__init__).parameters:
        if name == "bias":
            found[name] = getattr(layer, "bias", None) is not None
        elif name not in ("self", "device", "dtype") and name in vars(layer):
            found[name] = getattr(layer, name)
    return found


def _replace(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    # A layer that is used in several places is changed in all of them.
    for parent in model.modules():
        for name, child in parent.named_children():
            if child is old:
                setattr(parent, name, new)
