"""What to say when PyTorch refuses an operation: for each rule, how it was broken and what to do.

A trace's diagnosis knows the layer and where its input comes from; the error decoder reads the numbers from PyTorch's
message. Both fill in the templates of this file, so the same error is explained in the same words everywhere. Imports
no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations.op import FailedCall, Failure, Shape, called, product, shape_text

_MOST_GROUPS = 64
_SHOWN_GROUPS = 8


@dataclass(frozen=True)
class Layer:
    """The layer that failed: its ``name`` in the network (or a description, where that is unknown) and its ``type``."""

    name: str | Message
    type: str

    @classmethod
    def of(cls, call: FailedCall) -> Self:
        """The layer of a failed call."""
        return cls(called(call.name, call.type), call.type)


@dataclass(frozen=True)
class Refusal:
    """How a rule was broken, with the numbers, and what to do about it."""

    reason: Message
    advice: Message

    def failure(
        self,
        call: FailedCall,
        expected: int | Shape | None,
        received: int | Shape,
        cause: Message | None = None,
    ) -> Failure:
        """The diagnosis of ``call``; ``cause`` names the earlier layer responsible."""
        return Failure(call.name, call.type, self.reason, expected, received, cause=cause, advice=self.advice)


def other_channels(layer: Layer, shape: Shape, expected: int, received: int) -> Refusal:
    """A convolution with ``in_channels`` ``expected`` whose input of ``shape`` has ``received`` channels."""
    wanted = numbers.channels(expected)
    return Refusal(
        Message(
            "{name} ({type}) expects {channels}, but its input {shape} has {received}.",
            name=layer.name,
            type=layer.type,
            channels=wanted,
            shape=shape_text(shape),
            received=numbers.number(received),
        ),
        Message(
            "Set in_channels to {received}, or let the layer before it output {channels}.",
            received=received,
            channels=wanted,
        ),
    )


def other_features(
    name: str | Message, features: str | Message, received: int, expected: int, out_features: object
) -> Refusal:
    """A ``Linear(expected, out_features)`` that receives ``features``, a sentence's words for ``received`` of them."""
    values = {"name": name, "received": received, "expected": expected, "out_features": out_features}
    return Refusal(
        Message(
            "{name} receives {features}, but Linear({expected}, {out_features}) expects {wanted}.",
            features=features,
            wanted=numbers.number(expected),
            **values,
        ),
        Message("Fix: Linear({received}, {out_features}).", **values),
    )


def window_too_large(layer: Layer, spans: Shape, room: Shape, sizes: Shape | None = None) -> Refusal:
    """A window that spans more than the padded input, ``room``; ``sizes`` are those without padding, where known."""
    values = {
        "name": layer.name,
        "type": layer.type,
        "spans": shape_text(spans),
        "sizes": shape_text(sizes or ()),
        "room": shape_text(room),
    }
    if sizes is None:
        reason = Message(
            "{name} ({type}) has a {spans} window, which is larger than its input, {room} with padding.",
            **values,
        )
    elif room == sizes:
        reason = Message(
            "{name} ({type}) has a {spans} window, which is larger than its {sizes} input.", **values
        )
    else:
        reason = Message(
            "{name} ({type}) has a {spans} window, which is larger than its {sizes} input ({room} with padding).",
            **values,
        )
    return Refusal(reason, Message("Use a smaller kernel, more padding, or a larger input."))


def too_much_padding(layer: Layer, padding: Shape, kernel: Shape) -> Refusal:
    """A pooling padded by more than half of its kernel: some windows would hold nothing but padding."""
    return Refusal(
        Message(
            "{name} ({type}) has a padding of {padding}, but pooling allows at most half of its kernel "
            "of {kernel}.",
            name=layer.name,
            type=layer.type,
            padding=shape_text(padding),
            kernel=shape_text(kernel),
        ),
        Message(
            "Use a padding of at most {most}: with more, some windows would contain only padding. A "
            "dilation does not change that.",
            most=shape_text(tuple(side // 2 for side in kernel)),
        ),
    )


def normalises_other_channels(
    layer: Layer, argument: str, expected: int, received: int, shape: Shape | None = None
) -> Refusal:
    """A normalisation, or a PReLU, with ``argument`` ``expected`` whose input (of ``shape``) has ``received`` channels."""
    values = {
        "name": layer.name,
        "type": layer.type,
        "channels": numbers.channels(expected),
        "received": numbers.number(received),
    }
    if shape is None:
        reason = Message("{name} ({type}) was made for {channels}, but its input has {received}.", **values)
    else:
        reason = Message(
            "{name} ({type}) was made for {channels}, but its input {shape} has {received}.",
            shape=shape_text(shape),
            **values,
        )
    return Refusal(reason, Message("Set {argument} to {received}.", argument=argument, received=received))


def normalises_other_sizes(layer: Layer, expected: Shape, shape: Shape) -> Refusal:
    """A LayerNorm whose ``normalized_shape`` differs from the last dimensions of its input of ``shape``."""
    received = shape[-len(expected) :]
    return Refusal(
        Message(
            "{name} ({type}) normalises {expected}, but the last dimensions of its input {shape} are {received}.",
            name=layer.name,
            type=layer.type,
            expected=shape_text(expected),
            shape=shape_text(shape),
            received=shape_text(received),
        ),
        Message("Set {argument} to {received}.", argument="normalized_shape", received=str(list(received))),
    )


def normalises_single_values(layer: Layer, sizes: Shape) -> Refusal:
    """An InstanceNorm over maps of a single value, which have no variance to divide by."""
    assert product(sizes) == 1
    return Refusal(
        Message(
            "{name} ({type}) computes mean and variance over each map, but a {sizes} map is a single value.",
            name=layer.name,
            type=layer.type,
            sizes=shape_text(sizes),
        ),
        Message("Use a larger input, or remove the normalisation where maps are this small."),
    )


def uneven_groups(layer: Layer, channels: int, groups: int) -> Refusal:
    """A GroupNorm whose number of groups does not divide the channels."""
    fitting = [count for count in range(1, min(channels, _MOST_GROUPS) + 1) if channels % count == 0]
    return Refusal(
        Message(
            "{name} ({type}) divides {dealt} into {groups} groups, but {channels}/{groups} is not an "
            "integer.",
            name=layer.name,
            type=layer.type,
            dealt=numbers.channels(channels),
            channels=channels,
            groups=groups,
        ),
        Message("Choose a number of groups that divides the channels: {counts}.", counts=_listed(fitting)),
    )


def _listed(counts: Sequence[int]) -> str:
    more = ", …" if len(counts) > _SHOWN_GROUPS else ""
    return ", ".join(map(str, counts[:_SHOWN_GROUPS])) + more
