"""The diagnosis of a forward pass that broke: what arrived, what was expected, which choice it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from torch import nn

from cnnviz.language import Message
from cnnviz.shapes.failure.features import features, maps_not_flattened, view
from cnnviz.shapes.failure.merging import unlike
from cnnviz.shapes.failure.normalising import normalised
from cnnviz.shapes.failure.windows import channels, dimensions, padding, too_large
from cnnviz.shapes.naming import module_type
from cnnviz.shapes.op import Failure, Op, called
from cnnviz.shapes.recorder import FailedCall

__all__ = ["diagnose", "forward_raised"]

_RULES: tuple[Callable[[FailedCall, Sequence[Op]], Failure | None], ...] = (
    maps_not_flattened,
    features,
    dimensions,
    channels,
    too_large,
    padding,
    normalised,
    unlike,
    view,
)
"""Each tells whether it was the rule that was broken; None where it was not."""


def diagnose(call: FailedCall, ops: Sequence[Op]) -> Failure:
    """Explain the call that raised; ``ops`` are those executed before it.

    Where cnnviz does not know the rule that was broken, the diagnosis quotes PyTorch's own words.
    """
    found = None
    if call.input_shapes:
        # Arguments may be so odd (a kernel of no size, say) that no rule can be put into numbers.
        with suppress(TypeError, ValueError, IndexError, KeyError):
            found = next((told for rule in _RULES if (told := rule(call, ops)) is not None), None)
    return replace(found or _quoted(call.name, call.type, call.error), inputs=call.inputs)


def forward_raised(path: str, module: nn.Module, error: BaseException) -> Failure:
    """The diagnosis of an error that no torch function raised, but the code of ``forward`` itself."""
    return _quoted(path or "forward", module_type(module), error)


def _quoted(name: str, type_name: str, error: BaseException) -> Failure:
    words = str(error).strip().splitlines()
    reason = Message(
        "{name} ({type}) raises {error}: {words}",
        name=called(name, type_name),
        type=type_name,
        error=type(error).__name__,
        words=words[0] if words else "-",
    )
    return Failure(name=name, type=type_name, reason=reason)
