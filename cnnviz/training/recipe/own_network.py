"""Whether a recipe's own network can be trained. Importing this imports no torch."""

from __future__ import annotations

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.language import Message
from cnnviz.models import traced
from cnnviz.own import asking, kept
from cnnviz.own.architecture import remember
from cnnviz.own.definition import PREFIX
from cnnviz.own.facts import Facts, facts_of


def check_own(key: str, facts: Facts | None) -> None:
    """Check that the network ``key`` of a recipe can be trained, and that what the recipe says of it is true.

    A network that is kept with the same ``facts`` has been read before; of any other the text is read now. What is
    not true is forgotten.

    Raises:
        UsageError: its code is missing, gives no network, fails for its own input, or does not end in one vector of
            classes; the message tells the line where one is to blame.
    """
    if not key.startswith(PREFIX):
        return
    if facts is None:
        raise UsageError(Message("The code of the network {key} is missing in the recipe.", key=key))
    known = kept.find(key)
    if facts.takes_images and known is not None and known.facts == facts:
        return
    true = read_facts(facts)
    if not true.takes_images:
        raise UsageError(_shapes(true))
    if true != facts:
        raise UsageError(
            Message(
                "The recipe says of {name} what its code does not: save the recipe again.", name=facts.name
            )
        )


def check_processes(key: str, workers: int) -> None:
    """Check that a recipe's network ``key`` can be trained by so many processes.

    Raises:
        UsageError: it is an own one whose code normalises over the batch by a function, which sees one process's part.
    """
    if workers == 1 or not key.startswith(PREFIX):
        return
    if any(op.type in ("batch_norm", "native_batch_norm") for op in traced(key, {}).ops):
        raise UsageError(
            Message(
                "The network calls batch_norm, which would see only a part of each batch in each of {workers} processes: use "
                "a layer such as nn.BatchNorm2d, made in __init__, or 1 process.",
                workers=workers,
            )
        )


def read_facts(facts: Facts) -> Facts:
    """What reading the text tells now.

    Raises:
        UsageError: the text gives no network, or one that fails.
    """
    true = facts_of(facts.definition, asking.read(facts.definition))
    if true != facts:  # whoever asks for the network by its key must not be told what a file says of it
        remember(true)
    try:
        trace = asking.trace_of(facts.definition)
        if trace.failure is not None:
            raise asking.ProblemError(trace.failure.reason, trace.failure.line)
    except CnnvizError as error:
        raise UsageError(
            Message("{name} cannot be trained. {reason}", name=facts.name, reason=error.message)
        ) from error
    return true


def _shapes(facts: Facts) -> Message:
    """Why a network that runs cannot be trained on images with labels."""
    trace = asking.trace_of(facts.definition)
    if len(trace.input_shape) != 3:
        return Message(
            "{name} takes inputs of shape {shape}, but the images of the data sets have channels, height and width.",
            name=facts.name,
            shape=" x ".join(map(str, trace.input_shape)),
        )
    shapes = ", ".join(" x ".join(map(str, output.shape)) or "1" for output in trace.outputs)
    last = trace.output
    line = trace.lines[last.index] if last is not None and trace.lines else None
    told = Message(
        "{name} returns {shapes} for each image; to be trained it must end in one vector, with a score for each class.",
        name=facts.name,
        shapes=shapes or "-",
    )
    return told if line is None else Message("Line {line}: {problem}", line=line, problem=told)
