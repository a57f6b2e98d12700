"""Slips of the pen in a network's own code: what came back is no tensor, a name is misspelt, a call is missing.

Each is told from the class itself, its methods and attributes, and not from PyTorch's words, which name what follows
from the slip.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from cnnviz.language import Message
from cnnviz.operations.calls import module_type
from cnnviz.operations.op import Failure


def returned_no_tensor(model: nn.Module, returned: Any) -> Failure:
    """The diagnosis of a forward pass that gave ``returned``, in which there is no tensor."""
    kind = module_type(model)
    if returned is None:
        reason = Message("The forward of {type} returns None, so the network has no output.", type=kind)
        advice = Message("End it with a return statement, such as: return x.")
    elif isinstance(returned, nn.Module):
        reason, advice = _a_layer(model, kind, returned)
    elif callable(returned):
        name = getattr(returned, "__name__", type(returned).__name__)
        reason = Message(
            "The forward of {type} returns {name} itself, which was not called.", type=kind, name=name
        )
        advice = Message("Add the parentheses: {name}().", name=name)
    else:
        reason = Message(
            "The forward of {type} returns a value of type {found}, in which there is no tensor.",
            type=kind,
            found=type(returned).__name__,
        )
        advice = Message("Return the tensor that the last layer gives.")
    return Failure(name="forward", type=kind, reason=reason, advice=advice)


def _a_layer(model: nn.Module, kind: str, layer: nn.Module) -> tuple[Message, Message]:
    """What to say of a forward that returns a ``layer`` in place of what that layer gives."""
    values = {"type": kind, "layer": module_type(layer)}
    own = next((path for path, module in model.named_modules() if path and module is layer), None)
    if own is not None:
        reason = Message(
            "The forward of {type} returns the layer {name} itself, not what it gives.", name=own, **values
        )
        return reason, Message("Call it: return self.{name}(x).", name=own)
    reason = Message(
        "The forward of {type} returns a {layer} layer, not a tensor: nn.{layer}(x) makes a layer and takes x for "
        "its first setting.",
        **values,
    )
    return reason, made_and_called(module_type(layer))


def made_and_called(layer: str) -> Message:
    """How a layer of the class ``layer`` is used rightly."""
    return Message(
        "Make it in __init__ (self.layer = nn.{layer}(...)) and call it in forward: x = self.layer(x).",
        layer=layer,
    )
