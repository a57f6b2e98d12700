"""A forward pass that failed: the edit that mends it, and the error that the code of the ``forward`` raised itself.

Candidates for a fix are worked out from the shapes; what is offered was tried, by tracing.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from torch import nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.batch_axis import FRONT
from cnnviz.operations.calls import module_type
from cnnviz.operations.diagnosis import quoted
from cnnviz.operations.fixes import candidates
from cnnviz.operations.op import MODEL_INPUT, Failure, Fix, Mend, Shape, called
from cnnviz.tracing.edits import edited
from cnnviz.tracing.other_inputs import Attempt, Outcome, other_inputs
from cnnviz.tracing.own_code import NOT_A_PERSONS

_Try = Callable[[nn.Module], Outcome]

_MOST_CANDIDATES = 8
_MOST_OTHERS = 2
_MOST_STEPS = 3


def mended(
    failure: Failure, model: nn.Module, shape: Shape, outcome: Outcome, attempt: Attempt, thorough: bool
) -> Failure:
    """``failure``, the diagnosis of ``outcome``, with those ways out that help: an edit, other inputs.

    ``attempt`` tries them; where a run is dear, ``thorough`` is False and only the likeliest are tried.
    """
    failed = outcome.failed
    if failed is None:
        return failure
    if failure.settled:
        possible = [] if failure.fix is None else [failure.fix]
    else:
        possible = list(islice(candidates(failed, outcome.ops), _MOST_CANDIDATES if thorough else 2))
    fix = _first_that_helps(possible, model, failed.name, lambda other: attempt(other, shape), thorough)
    others = [
        mend
        for mend in failure.mends
        if (fix is not None or not mend.beside_fix) and _passes(mend, model, failed.name, attempt)
    ]
    if thorough:
        others += other_inputs(failure.other_input, model, shape, failed.name, attempt)
    return replace(failure, fix=fix, mends=tuple(others))


def _passes(mend: Mend, model: nn.Module, goal: str, attempt: Attempt) -> bool:
    """Whether a mend that asks for another input leads beyond the call named ``goal``."""
    return mend.input_shape is None or attempt(model, mend.input_shape).reaches(goal)


def _first_that_helps(
    possible: Sequence[Fix], model: nn.Module, goal: str, attempt: _Try, thorough: bool
) -> Fix | None:
    """The first edit that takes ``model`` beyond the call named ``goal``; None where none does.

    Where there is no such edit, one that does together with those offered after it: if a convolution
    gets other channels, the normalisation behind it may need them too.
    """
    for fix in possible:
        if _helps(model, {fix.path: fix.value}, goal, attempt, 1):
            return fix
    for fix in possible[:3] if thorough else ():
        if _helps(model, {fix.path: fix.value}, goal, attempt, _MOST_STEPS):
            return fix
    return None


def _helps(model: nn.Module, edits: Mapping[str, object], goal: str, attempt: _Try, steps: int) -> bool:
    """Whether the call named ``goal`` succeeds with ``edits`` and at most ``steps - 1`` more."""
    try:
        outcome = attempt(edited(model, edits))
    except CnnvizError:  # the layer cannot be built so, or there is no such layer
        return False
    if outcome.reaches(goal):
        return True
    if steps == 1 or outcome.failed is None:
        return False
    others = (fix for fix in candidates(outcome.failed, outcome.ops) if fix.path not in edits)
    return any(
        _helps(model, {**edits, fix.path: fix.value}, goal, attempt, steps - 1)
        for fix in islice(others, _MOST_OTHERS)
    )


def forward_raised(path: str, module: nn.Module, error: BaseException, given: int) -> Failure:
    """The diagnosis of an error that the forward of ``module`` raised, which got ``given`` inputs.

    ``path`` is empty for the model itself.
    """
    needed = _needed(module)
    if not path and isinstance(error, TypeError) and needed is not None and len(needed) != given:
        return _other_inputs(module, needed, given)
    return quoted(path or "forward", module_type(module), error, _place(error))


def in_plain_words(failure: Failure, error: BaseException) -> Failure:
    """A ``failure`` that quotes ``error``, with what the error decoder says in place of PyTorch's words."""
    from cnnviz.error_messages import decode
    from cnnviz.error_messages.entry import BATCH_IN_FRONT
    from cnnviz.error_messages.features import other_product

    found = decode(f"{type(error).__name__}: {error}")
    if found is None:
        return failure
    if found.linear is not None and failure.type.lower() != "linear":
        found = other_product(found.linear)
    reason = Message(failure.reason.template, **{**failure.reason.values, "words": found.meaning})
    # A traced input has its batch dimension, whatever the usual cause is elsewhere.
    remedies = [each for each in found.reasons if each.code != BATCH_IN_FRONT]
    if not remedies:
        return replace(failure, reason=reason)
    text, code = remedies[0].text, remedies[0].code
    advice = text if code is None else Message("{text} For example: {code}", text=text, code=code)
    return replace(failure, reason=reason, advice=failure.advice or advice)


def _other_inputs(module: nn.Module, needed: list[str], given: int) -> Failure:
    reason = Message(
        "Inputs that the forward of {type} takes: {count} ({names}). Inputs that it got: {given}.",
        type=module_type(module),
        count=len(needed),
        names=", ".join(needed) or "-",
        given=given,
    )
    if not needed:
        advice = Message("Write def forward(self, x).")
    else:
        advice = Message(
            "Give a shape for each: trace(model, ({shapes})), or --input once for each on the command line.",
            shapes=", ".join(f"{name}_shape" for name in needed) + ("," if len(needed) == 1 else ""),
        )
    return Failure(name="forward", type=module_type(module), reason=reason, advice=advice)


def unpacked_batch(model: nn.Module, outcome: Outcome) -> Failure | None:
    """The diagnosis of ``left, right = x``, which takes the images of a batch for several inputs; None for others."""
    count = _UNPACKED.search(str(outcome.error)) if isinstance(outcome.error, ValueError) else None
    last = outcome.ops[-1] if outcome.ops else None
    if (
        count is None
        or last is None
        or last.base != "unbind"
        or (last.input_layouts or (FRONT,))[0].place != 0
    ):
        return None
    index = last.inputs[0]
    reason = Message(
        "The forward of {type} unpacks {tensor} into {count} tensors, but it is one tensor, whose first dimension is "
        "the batch: that would take the images of the batch apart.",
        type=module_type(model),
        tensor=Message("the input") if index == MODEL_INPUT else outcome.ops[index].title,
        count=count[1],
    )
    advice = Message(
        "A model with several inputs takes one argument for each, as in forward(self, left, right); parts of a "
        "single tensor come from x.chunk({count}, dim=1).",
        count=count[1],
    )
    return Failure(name="forward", type=module_type(model), reason=reason, inputs=last.inputs, advice=advice)


_UNPACKED = re.compile(r"values to unpack \(expected (?:at least )?(\d+)")


def depends_on_batch(model: nn.Module, outcome: Outcome, batches: tuple[int, int]) -> Failure:
    """The diagnosis of a forward that takes the first of two ``batches`` and raises with the second."""
    failed = outcome.failed
    name, type_name = ("forward", module_type(model)) if failed is None else (failed.name, failed.type)
    reason = Message(
        "The network runs with {fewer} images in a batch, but not with {more}: {name} ({type}) raises {error}: {words}.",
        fewer=batches[0],
        more=batches[1],
        name=called(name, type_name),
        type=type_name,
        error=type(outcome.error).__name__,
        words=(str(outcome.error).strip().splitlines() or ["-"])[0].rstrip("."),
    )
    advice = Message(
        "Dimension 0 is the batch, and a batch may have any number of images: split, index and reshape from "
        "dimension 1 on, as in chunk(2, dim=1)."
    )
    inputs = () if failed is None else failed.inputs
    return Failure(name, type_name, reason, inputs=inputs, advice=advice)


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
        if not frame.filename.startswith(NOT_A_PERSONS)
    ]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else None
