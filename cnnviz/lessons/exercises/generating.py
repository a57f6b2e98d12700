"""The kinds of questions, and sets of them: the same seed gives everybody the same questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType

from cnnviz.lessons.exercises import by_hand, counts, faults, matching, shapes, sizes, updates
from cnnviz.lessons.exercises.catalogue import KINDS, SET_SIZE
from cnnviz.lessons.exercises.question import Level, Question
from cnnviz.lessons.exercises.source import Source

_TRIES = 40

Make = Callable[[Random, Level, Source], Question | None]
"""Asks a question about a network; None where the network offers none."""


def _alone(make: Callable[[Random, Level], Question]) -> Make:
    return lambda random, level, _source: make(random, level)


_MAKERS: Mapping[str, Make] = MappingProxyType(
    {
        "output-size": _alone(sizes.output_size),
        "one-value": _alone(by_hand.one_value),
        "weight-update": _alone(updates.weight_update),
        "shape": shapes.shape_after,
        "in-features": shapes.in_features,
        "parameters": counts.parameters,
        "multiply-adds": counts.multiply_adds,
        "receptive-field": _alone(sizes.receptive_field),
        "most-parameters": counts.most_parameters,
        "breaking-layer": faults.breaking_layer,
        "mending-number": faults.mending_number,
        "match-curve": _alone(matching.curve),
        "match-filters": _alone(matching.filters),
        "match-confusion": _alone(matching.confusion),
    }
)


def questions(
    seed: int,
    level: Level,
    kinds: Sequence[str],
    networks: Sequence[str],
    source_of: Callable[[str], Source],
    count: int = SET_SIZE,
) -> tuple[Question, ...]:
    """``count`` different questions, or fewer where the networks do not offer so many.

    Args:
        seed: from 0 to :data:`catalogue.LARGEST_SEED`; with the other arguments it determines the questions.
        level: 1, 2 or 3; the higher, the more must be thought of at once.
        kinds: keys of :data:`catalogue.KINDS`; they take turns.
        networks: names of networks, of which each question draws one.
        source_of: gives the network of a name.
        count: at most.
    """
    random = Random(f"{seed} {level}")
    order = [kind for kind in KINDS if kind in kinds]
    random.shuffle(order)
    found: list[Question] = []
    for turn in range(_TRIES * count if order else 0):
        if len(found) == count:
            break
        kind = order[(len(found) + turn // _TRIES) % len(order)]
        question = _MAKERS[kind](random, level, source_of(random.choice(networks)))
        if question is not None and all(_text(question) != _text(other) for other in found):
            found.append(question)
    return tuple(found)


def _text(question: Question) -> tuple[object, ...]:
    return question.kind, question.given, question.figure, tuple(question.prompt.values.items())
