"""Figures that are to be matched: they are the real ones, and no two candidates can be taken for each other."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from itertools import combinations, pairwise
from random import Random

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz import datasets
from cnnviz.lessons.exercises import collecting, gallery, matching
from cnnviz.lessons.exercises.gallery import Curves, Filters, Matrix
from cnnviz.lessons.exercises.matching import Candidate
from cnnviz.lessons.exercises.printing import sheet
from cnnviz.lessons.exercises.question import Level, Question, check
from cnnviz.training.checkpoints import checkpoints

LEVELS: tuple[Level, ...] = (1, 2, 3)
SEEDS = range(40)
MAKERS: tuple[Callable[[Random, Level], Question], ...] = (
    matching.curve,
    matching.filters,
    matching.confusion,
)


def drawn(make: Callable[[Random, Level], Question], level: Level) -> list[Question]:
    return [make(Random(f"{seed} {level}"), level) for seed in SEEDS]


def test_curves_and_filters_are_those_that_are_included() -> None:
    for key, place in collecting.CURVES.items():
        shown = gallery.curves(key)
        assert {"train": list(shown.train), "test": list(shown.test)} == {
            "test": [],
            **collecting.curve_of(*place),
        }
    for key, layer in collecting.FILTERS.items():
        found = collecting.filters_of(*layer)
        assert (list(gallery.filters(key).shape), list(gallery.filters(key).values)) == (
            found["shape"],
            found["values"],
        )


@pytest.mark.parametrize("key", collecting.SHIPPED)
def test_confusion_matrices_are_those_of_the_networks(key: str) -> None:
    data = datasets.load("mnist-sample")
    images = collecting.prepared(data.test_images)
    rows = collecting.matrix_of(checkpoints.load_model(checkpoints.get(key)), images, data.test_labels)
    assert gallery.matrix(key).rows == tuple(map(tuple, rows))


def test_trainings_are_changed_as_they_say() -> None:
    images, labels = torch.arange(6), torch.tensor([4, 9, 1, 4, 7, 9])
    assert collecting.without(4)(images, labels)[0].tolist() == [1, 2, 4, 5]
    assert collecting.swapped(4, 9)(images, labels)[1].tolist() == [9, 4, 1, 9, 7, 4]


@pytest.mark.parametrize("trio", [trio for trios in matching.CURVES.values() for trio in trios])
def test_curves_of_a_question_are_far_apart(trio: tuple[Candidate, ...]) -> None:
    shown = [gallery.curves(each.key) for each in trio]
    both = all(each.test for each in shown)
    for one, other in combinations(shown, 2):
        apart = distance(one.train, other.train)
        if both:
            apart = max(apart, distance(one.test, other.test))
        assert apart >= 0.15  # of the loss, on average from the start to the end


def distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    places = np.linspace(0, 1, 60)
    first, second = (np.interp(places, np.linspace(0, 1, len(line)), line) for line in (one, other))
    return float(np.abs(first - second).mean())


def test_filters_of_a_question_differ_in_number_or_size() -> None:
    for layers in (matching.LAYERS, matching.SLICED):
        assert len({gallery.filters(layer.key).shape for layer in layers}) == len(layers)
        for layer in layers:
            made = eval(f"nn.{layer.line}", {"nn": nn})
            given = tuple(int(size) for size in layer.sees.split(" x "))
            x = torch.zeros(1, *given)
            gives = made(x.flatten(1) if isinstance(made, nn.Linear) else x)
            assert tuple(gives.shape[1:]) == tuple(int(size) for size in layer.gives.split(" x "))
            parameters = sum(weights.numel() for weights in made.parameters())
            if layer in matching.LAYERS:
                described = matching._count(layer)
                assert str(described).startswith(f"{parameters:,} ")
                assert gallery.filters(layer.key).shape[0] == layer.outputs
            else:
                assert gallery.filters(layer.key).shape == (layer.inputs, layer.kernel, layer.kernel)


def test_confusion_matrices_of_a_question_show_what_is_said_of_them() -> None:
    columns = {key: np.array(gallery.matrix(key).rows).sum(0) for key in ("usual", "untrained")}
    assert columns["untrained"].max() > 900
    assert columns["usual"].max() < 150
    for digit in matching.MISSING:
        assert np.array(gallery.matrix(f"without-{digit}").rows).sum(0)[digit] == 0
        assert all(
            np.array(gallery.matrix(key).rows).sum(0)[digit] > 50 for key in others(f"without-{digit}")
        )
    for one, other in matching.SWAPS:
        rows = gallery.matrix(f"swapped-{one}-{other}").rows
        assert min(rows[one][other], rows[other][one]) > 80
        for key in others(f"swapped-{one}-{other}"):
            rows = gallery.matrix(key).rows
            assert min(rows[one][other], rows[other][one]) < 30  # where a 4 is unknown, it is called a 9
    right = sorted(gallery.matrix(key).right for key in matching.BY_ACCURACY)
    assert all(after - before >= 20 for before, after in pairwise(right))


def others(key: str) -> list[str]:
    keys = ["usual", *(f"without-{digit}" for digit in matching.MISSING)]
    keys += [f"swapped-{one}-{other}" for one, other in matching.SWAPS]
    return [each for each in keys if each != key]


@pytest.mark.parametrize("level", LEVELS)
def test_the_figure_is_the_answers_and_each_other_choice_is_explained(level: Level) -> None:
    for make in MAKERS:
        asked = drawn(make, level)
        assert len({(each.figure, each.described) for each in asked}) >= 6
        for each in asked:
            assert len(set(map(str, each.described))) == len(set(each.solution)) == 3
            right = each.solution[each.choices.index(str(each.answer))]
            assert figure_of(str(right)) == each.figure
            for letter, seen in zip(each.choices, each.solution, strict=True):
                verdict = check(each, letter)
                assert verdict.is_right == (letter == each.answer)
                assert verdict.is_right or verdict.told == (seen,)


def figure_of(sentence: str) -> Curves | Filters | Matrix | None:
    """The figure that a sentence of a solution is about."""
    for trios in matching.CURVES.values():
        for trio in trios:
            both = all(gallery.curves(each.key).test for each in trio)
            for each in trio:
                if str(each.seen) == sentence:
                    found = gallery.curves(each.key)
                    return found if found.test and both else Curves(found.train, ())
    layer = next(
        (each for each in (*matching.LAYERS, *matching.SLICED) if sentence.startswith(each.line)), None
    )
    if layer is not None:
        return gallery.filters(layer.key)
    makers = [matching._untrained(), matching._usual(), *map(matching._without, matching.MISSING)]
    makers += [matching._swapped(*pair) for pair in matching.SWAPS]
    makers += [matching._accuracy(key) for key in matching.BY_ACCURACY]
    return next(gallery.matrix(each.key) for each in makers if str(each.seen) == sentence)


def test_a_sheet_holds_the_figures_and_says_nothing_of_the_answer() -> None:
    asked = [make(Random(3), 2) for make in MAKERS]
    page = sheet(asked, 2, 7, answers=False)
    sources = re.findall(r'<img src="(data:image/[a-z+]+;base64,)[^"]+" alt="([^"]+)">', page)
    assert [source for source, _alt in sources] == [
        "data:image/svg+xml;base64,", "data:image/png;base64,", "data:image/svg+xml;base64,",
    ]  # fmt: skip
    assert "http" not in re.sub(r"base64,[^\"]+", "", page)
    for question, (_source, alt) in zip(asked, sources, strict=True):
        assert not any(str(described) in unescape(alt) for described in question.described)
        assert all(question.choice_text(letter) in unescape(page) for letter in question.choices)
        assert not any(str(seen) in unescape(page) for seen in question.solution)
    assert asked[0].text_of(asked[0].answer) in unescape(sheet(asked, 2, 7, answers=True))
