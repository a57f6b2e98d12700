"""A question, its answer, and the mistakes that lead to another one. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from cnnviz.language import Message
from cnnviz.lessons.exercises.answers import read_decimal, read_length, read_number, read_sizes
from cnnviz.lessons.exercises.gallery import Figure
from cnnviz.operations.op import Shape, shape_text

Form = Literal["number", "side", "shape", "choice", "decimal"]
"""``side``: the length of one side of a square, which may be given as both. ``decimal``: a number with decimals."""

Level = Literal[1, 2, 3]

Answer = int | str | Shape | Decimal

READ_AS_BATCH = Message(
    "The first number counts the images of a batch. The shapes here are those of one image, without it."
)


@dataclass(frozen=True)
class Slip:
    """A mistake that people make: the answer it leads to, and what was forgotten."""

    answer: Answer
    sentence: Message


@dataclass(frozen=True)
class Question:
    """One question about a network or a layer.

    ``given`` are lines of code that it is about. ``answer`` is a number, exact where it has decimals, a shape without the batch, or one of ``choices``.
    ``slips`` are known mistakes; none has the right answer. ``solution`` derives the answer, a line a step.
    """

    kind: str
    level: Level
    form: Form
    prompt: Message
    answer: Answer
    solution: tuple[Message | str, ...]
    given: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    described: tuple[Message | str, ...] = ()
    """What stands for each of ``choices``, where these are letters."""
    figure: Figure | None = None
    slips: tuple[Slip, ...] = ()
    network: str | None = None
    layer: str | None = None
    """The network and its layer that it is about, if it is about one: where to look it up."""

    @property
    def answer_text(self) -> str:
        """The right answer as it is shown."""
        return answer_text(self.answer)

    def choice_text(self, choice: str) -> str:
        """One of ``choices`` as it is shown: a letter with what it stands for."""
        return f"{choice}: {self.described[self.choices.index(choice)]}" if self.described else choice

    def text_of(self, answer: Answer) -> str:
        """An answer as it is shown, a choice with what it stands for."""
        return self.choice_text(answer) if isinstance(answer, str) else answer_text(answer)


@dataclass(frozen=True)
class Verdict:
    """What came of an answer: whether it is right, how it was read (None: as nothing), and what went wrong if that can be told."""

    is_right: bool
    read: Answer | None
    told: tuple[Message, ...] = ()


def answer_text(answer: Answer) -> str:
    """An answer as it is shown: ``1,408``, ``88 x 4 x 4``, ``0.42``, ``conv1``."""
    if isinstance(answer, int):
        return f"{answer:,}"
    if isinstance(answer, Decimal):
        return decimal_text(answer)
    return answer if isinstance(answer, str) else shape_text(answer)


def decimal_text(number: Decimal) -> str:
    """A number without needless zeros: ``0.42``, ``-3``."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def check(question: Question, text: str) -> Verdict:
    """Check what a person typed or chose; every form of the right answer is right."""
    read = _read(question, text)
    if read == question.answer:
        return Verdict(True, read)
    if read is None:
        return Verdict(False, None)
    told = [slip.sentence for slip in question.slips if slip.answer == read]
    if not told and _has_batch(question.answer, read):
        told = [READ_AS_BATCH]
    return Verdict(False, read, tuple(told))


def slips(answer: Answer, found: Iterable[tuple[Answer | None, Message]]) -> tuple[Slip, ...]:
    """The mistakes among ``found`` that lead to another answer than the right one, each once."""
    possible = (Slip(wrong, sentence) for wrong, sentence in found if wrong is not None and wrong != answer)
    return tuple(dict.fromkeys(possible))


def _read(question: Question, text: str) -> Answer | None:
    if question.form == "choice":
        return text if text in question.choices else None
    if question.form == "number":
        return read_number(text)
    if question.form == "decimal":
        return read_decimal(text)
    if question.form == "side":
        sizes = read_sizes(text)
        both = sizes is not None and len(sizes) == 2 and sizes[0] == sizes[1]
        return sizes[0] if sizes and both else read_number(text)
    is_vector = isinstance(question.answer, tuple) and len(question.answer) == 1
    return read_length(text) if is_vector else read_sizes(text)


def _has_batch(right: Answer, read: Answer) -> bool:
    return isinstance(right, tuple) and isinstance(read, tuple) and read[1:] == right and len(right) > 0
