"""Why a training failed, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnviz.language import Message
from cnnviz.tracing.lines import line_of


def with_line(error: Exception, told: Message) -> Message:
    """What is ``told`` of an error, with the line of the own network's code from which it came."""
    line = line_of(error)
    return told if line is None else Message("Line {line}: {problem}", line=line, problem=told)


def too_little_memory(error: Exception, recipe: Mapping[str, Any]) -> Message | None:
    """What to do where the memory was not enough for a training by ``recipe``, as JSON values; None for other errors."""
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return Message(
            "There is not enough memory for this training. Choose a batch size below {size:,}.",
            size=recipe.get("batch_size", 0),
        )
    return None


def first_line(error: Exception) -> str:
    """The first line of an error's own words, or its type's name where it has none."""
    return (str(error) or type(error).__name__).splitlines()[0]
