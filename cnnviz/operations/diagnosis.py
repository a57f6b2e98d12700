"""The diagnosis of a call that PyTorch refused: what arrived, what was expected, which choice it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from cnnviz.language import Message
from cnnviz.operations.op import FailedCall, Failure, Op, called
from cnnviz.operations.operation import named


def diagnose(call: FailedCall, ops: Sequence[Op]) -> Failure:
    """Explain the call that raised; ``ops`` are those executed before it.

    Where cnnviz does not know the rule that was broken, the diagnosis quotes PyTorch's own words.
    """
    found = None
    if call.input_shapes:
        # Arguments may be so odd (a kernel of no size, say) that no rule can be put into numbers.
        with suppress(TypeError, ValueError, IndexError, KeyError):
            rules = named(call.base).diagnose
            found = next((told for rule in rules if (told := rule(call, ops)) is not None), None)
    return replace(found or quoted(call.name, call.type, call.error), inputs=call.inputs)


def quoted(name: str, type_name: str, error: BaseException, place: str | None = None) -> Failure:
    """The error's own words, where cnnviz does not know the rule that was broken; ``place`` is a line of code."""
    values = {"name": called(name, type_name), "type": type_name, "error": type(error).__name__}
    words = str(error).strip().splitlines()[:1] or ["-"]
    if place is None:
        reason = Message("{name} ({type}) raises {error}: {words}", words=words[0], **values)
    else:
        reason = Message(
            "{name} ({type}) raises {error} in {place}: {words}", place=place, words=words[0], **values
        )
    return Failure(name=name, type=type_name, reason=reason)
