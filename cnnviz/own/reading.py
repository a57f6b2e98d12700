"""A text as a network: its class is chosen, an instance is made without memory, and its input is guessed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.language import Message
from cnnviz.own.program import Program, build
from cnnviz.own.values import OwnClass, Refused, Value
from cnnviz.tracing.lines import line_of
from cnnviz.tracing.mistakes import without_super
from cnnviz.tracing.trace import Trace, trace

_SIZES = (28, 32, 64, 96, 128, 224, 299)
"""Heights of the usual images: MNIST's, CIFAR's, ..., ImageNet's."""
_NEEDS_SUPER = "before Module.__init__() call"
_USUAL_SIZES = {1: 28, 3: 32}


class ConstructionError(CnnvizError):
    """The constructor of a text's class raised an error, in ``line`` (from 1) of the text."""

    def __init__(self, own: OwnClass, error: Exception) -> None:
        slip = without_super(type(own.name, (), {})) if _NEEDS_SUPER in str(error) else None
        super().__init__(
            Message("{reason} {advice}", reason=slip.reason, advice=slip.advice)
            if slip
            else Message(
                "{name}.__init__ raises {type}: {words}",
                name=own.name,
                type=type(error).__name__,
                words=str(error),
            )
        )
        self.line = line_of(error)


def chosen_class(program: Program, name: str | None = None) -> OwnClass:
    """The class called ``name``; without a name the one that is probably the network.

    Raises:
        Refused: the text defines no network.
        UnknownKeyError: it defines no class of that name.
    """
    if name is None:
        return program.main_class()
    if name not in program.classes:
        raise UnknownKeyError(Message("Python class"), name, program.classes)
    return program.classes[name]


def network(own: OwnClass, arguments: Mapping[str, Value] | None = None) -> nn.Module:
    """An instance of ``own`` on the meta device.

    Raises:
        Refused: the constructor does something that the language does not take.
        ConstructionError: it raises an error.
    """
    try:
        with torch.device("meta"):
            return build(own, arguments)
    except Refused as error:
        if error.line is None:
            error.line = line_of(error)
        raise
    except Exception as error:
        raise ConstructionError(own, error) from error


def traced(model: nn.Module, input_shape: tuple[int, ...] | None = None) -> Trace:
    """The trace of ``model``; without ``input_shape`` for the first usual one that it takes, else for the likeliest.

    Raises:
        Refused: its forward does something that the language does not take.
    """
    if input_shape is not None:
        return _checked(trace(model, input_shape))
    guesses = list(_guesses(model))
    found = trace(model, guesses[0])
    for guess in guesses[1:] if found.failure else ():
        other = trace(model, guess)
        if other.failure is None:
            return _checked(other)
    return _checked(found)


def _checked(found: Trace) -> Trace:
    refused = found.raised
    if isinstance(refused, Refused):
        refused.line = refused.line or line_of(refused)
        raise refused
    return found


def _guesses(model: nn.Module) -> list[tuple[int, ...]]:
    """Input shapes that may be meant, the likeliest first, as the first layer suggests."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            usual = _USUAL_SIZES.get(module.in_channels, 32)
            sizes = [usual, *(size for size in _SIZES if size != usual)]
            return [(module.in_channels, size, size) for size in sizes]
        if isinstance(module, nn.Linear):
            side = int(module.in_features**0.5)
            images = [(1, side, side)] if side * side == module.in_features else []
            return [*images, (module.in_features,)]
        if isinstance(module, nn.Conv1d):
            return [(module.in_channels, length) for length in (100, 784, 1000)]
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
            return [(20,)]
        if isinstance(module, nn.RNNBase):
            return [(20, module.input_size)]
    return [(1, 28, 28), (3, 32, 32)]
