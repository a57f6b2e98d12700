"""The diagnosis of a forward pass that broke: what arrived, what was expected, which choice it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from cnnviz.operations.failure.features import features, maps_not_flattened, view
from cnnviz.operations.failure.forward import forward_raised, quoted
from cnnviz.operations.failure.merging import unlike
from cnnviz.operations.failure.normalising import normalised
from cnnviz.operations.failure.windows import channels, dimensions, padding, too_large
from cnnviz.operations.op import FailedCall, Failure, Op

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
    return replace(found or quoted(call.name, call.type, call.error), inputs=call.inputs)
