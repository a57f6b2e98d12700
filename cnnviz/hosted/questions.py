"""What the app asks about a hosted network, beside what it asks about any: functions that are computed where it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.tracing.trace import Trace

Edits = Mapping[str, object]


def traced(model: nn.Module, input_shape: tuple[int, ...], edits: Edits) -> Trace:
    """The trace of ``model`` with ``edits``; where it fails, it tells which of them makes the difference."""
    from cnnviz.shapes.blame import with_blame
    from cnnviz.tracing.edits import edited
    from cnnviz.tracing.trace import trace

    done = trace(edited(model, edits) if edits else model, input_shape)
    if done.failure is None or not edits:
        return done
    return with_blame(done, trace(model, input_shape), edits)


def edited_first(model: nn.Module, edits: Edits, function: Callable[..., Any], *arguments: Any) -> Any:
    """``function(model, *arguments)`` of the model with ``edits``."""
    from cnnviz.tracing.edits import edited

    return function(edited(model, edits) if edits else model, *arguments)
