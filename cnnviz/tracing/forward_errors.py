"""What the code of a ``forward`` raises itself, and not a torch function that it calls."""

from __future__ import annotations

import inspect
import os
import traceback
from pathlib import Path

import torch
from torch import nn

from cnnviz.language import Message
from cnnviz.operations.diagnosis import quoted
from cnnviz.operations.names import module_type
from cnnviz.operations.op import Failure

_CNNVIZ = Path(__file__).parent.parent
_NOT_A_PERSONS = tuple(f"{folder}{os.sep}" for folder in (Path(torch.__path__[0]), _CNNVIZ))


def forward_raised(path: str, module: nn.Module, error: BaseException) -> Failure:
    """The diagnosis of an error that the forward of ``module`` raised; ``path`` is empty for the model itself."""
    needed = _needed(module)
    if not path and isinstance(error, TypeError) and needed is not None and len(needed) != 1:
        return _other_inputs(module, needed)
    return quoted(path or "forward", module_type(module), error, _place(error))


def _other_inputs(module: nn.Module, needed: list[str]) -> Failure:
    reason = Message(
        "The forward of {type} takes {count} inputs ({names}), but a trace passes one tensor.",
        type=module_type(module),
        count=len(needed),
        names=", ".join(needed) or "-",
    )
    advice = Message(
        "Give all but the first a default value, or wrap the model in a module whose forward takes one "
        "tensor."
    )
    return Failure(name="forward", type=module_type(module), reason=reason, advice=advice)


def _needed(module: nn.Module) -> list[str] | None:
    """The arguments that a call of ``module`` must give; None where that cannot be told."""
    try:
        parameters = inspect.signature(type(module).forward).parameters.values()
    except (TypeError, ValueError):
        return None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return None
    return [p.name for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty][1:]


def _place(error: BaseException) -> str | None:
    """File and line of the person's own code that raised ``error``: ``net.py, line 12``."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_NOT_A_PERSONS)
    ]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else None
