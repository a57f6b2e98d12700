"""The fix of a failure: an edit of one layer's argument with which the forward pass gets further.

What could mend a failure is worked out from the shapes; what is offered was tried, by tracing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from torch import nn

from cnnviz.errors import CnnvizError
from cnnviz.operations.fixes import candidates
from cnnviz.operations.op import FailedCall, Fix, Op
from cnnviz.tracing.edits import edited


@dataclass(frozen=True)
class Outcome:
    """How far a forward pass came: its ops, and what ended it (None where it was whole).

    ``failed`` is None too where no torch function raised, but the code of ``forward`` itself.
    """

    ops: Sequence[Op]
    failed: FailedCall | None
    error: BaseException | None


Attempt = Callable[[nn.Module], Outcome]

_MOST_CANDIDATES = 8
_MOST_OTHERS = 2
_MOST_STEPS = 3


def fix_for(model: nn.Module, outcome: Outcome, attempt: Attempt, thorough: bool) -> Fix | None:
    """The first edit that takes ``model`` beyond the call where ``outcome`` ended; None where none does.

    Where there is no such edit, one that does together with those offered after it: if a convolution
    gets other channels, the normalisation behind it may need them too. Each is tried by ``attempt``,
    which runs a model; where a run is dear, ``thorough`` is False and only the likeliest are tried.
    """
    failed = outcome.failed
    if failed is None:
        return None
    possible = list(islice(candidates(failed, outcome.ops), _MOST_CANDIDATES if thorough else 2))
    for fix in possible:
        if _helps(model, {fix.path: fix.value}, failed.name, attempt, 1):
            return fix
    for fix in possible[:3] if thorough else ():
        if _helps(model, {fix.path: fix.value}, failed.name, attempt, _MOST_STEPS):
            return fix
    return None


def _helps(model: nn.Module, edits: Mapping[str, object], goal: str, attempt: Attempt, steps: int) -> bool:
    """Whether the call named ``goal`` succeeds with ``edits`` and at most ``steps - 1`` more."""
    try:
        outcome = attempt(edited(model, edits))
    except CnnvizError:  # the layer cannot be built so, or there is no such layer
        return False
    if outcome.error is None or any(op.name == goal for op in outcome.ops):
        return True
    if steps == 1 or outcome.failed is None:
        return False
    others = (fix for fix in candidates(outcome.failed, outcome.ops) if fix.path not in edits)
    return any(
        _helps(model, {**edits, fix.path: fix.value}, goal, attempt, steps - 1)
        for fix in islice(others, _MOST_OTHERS)
    )
