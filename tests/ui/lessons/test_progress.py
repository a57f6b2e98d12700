"""What a browser has kept of the lessons is read, and nothing else."""

from __future__ import annotations

import json

import pytest

from cnnviz.ui.lessons.progress import Progress, read

ONE = {"steps": "rs-a", "at": 3, "round": 1}


def test_what_was_kept_is_read() -> None:
    found = read(json.dumps({"convolution": ONE, "own-x": {"steps": "", "at": 1, "round": 0}}))
    assert found == {"convolution": Progress("rs-a", 3, 1), "own-x": Progress("", 1, 0)}
    assert [found["convolution"].of(step) for step in range(1, 7)] == ["r", "s", "-", "a", "-", "-"]


@pytest.mark.parametrize(
    "kept",
    [
        None,
        3,
        [],
        {},
        {**ONE, "steps": "rx"},
        {**ONE, "steps": "r" * 41},
        {**ONE, "steps": 5},
        {**ONE, "at": 0},
        {**ONE, "at": True},
        {**ONE, "at": 1e9},
        {**ONE, "round": -1},
        {**ONE, "round": "1"},
        {**ONE, "more": 1},
        {"steps": "r"},
    ],
)
def test_what_is_no_progress_is_left_out(kept: object) -> None:
    assert read(json.dumps({"a": kept, "b": ONE})) == {"b": Progress("rs-a", 3, 1)}


@pytest.mark.parametrize("text", [None, 3, "", "{", "[]", "null", "[" * 9_000, " " * 60_000 + "{}"])
def test_what_is_no_json_of_lessons_is_nothing(text: object) -> None:
    assert read(text) == {}


def test_a_step_keeps_the_best_that_is_known_of_it() -> None:
    found = Progress().marked(3, "s")
    assert found.steps == "--s"
    assert found.marked(3, "-").steps == "--s"
    assert found.marked(3, "a").marked(3, "r").marked(3, "a").steps == "--r"
