from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnviz.drawing import to_mnist
from cnnviz.drawing.strokes import (
    EXAMPLES,
    MOST_POINTS,
    Stroke,
    drawing_of,
    example,
    extent,
    finer,
    rendered,
    strokes_of,
)
from cnnviz.interpret.answers import predict
from cnnviz.training.checkpoints import checkpoints

PAPER = (0, 0, 0, 255)
SENT = {  # by streamlit-drawable-canvas 0.13, shortened to what matters: a 7 in one stroke of few points
    "type": "Path",
    "originX": "center",
    "originY": "center",
    "left": 118.5771,
    "top": 159.2151,
    "stroke": "#ffffff",
    "strokeWidth": 24,
    "scaleX": 1,
    "scaleY": 1,
    "angle": 0,
    "path": [
        ["M", 47.976, 31.203125],
        ["Q", 48, 31.203125, 85, 31.203125],
        ["Q", 122, 31.203125, 159.5, 31.203125],
        ["Q", 197, 31.203125, 170.5, 159.203125],
        ["L", 143.976, 287.227125],
    ],
}


def read_one(**changes: Any) -> Stroke:
    (stroke,) = strokes_of({"objects": [{**SENT, **changes}]}) or ()
    return stroke


def test_strokes_are_read_as_the_canvas_sends_them() -> None:
    """Its box is larger than the curve at the sharp corner, and where the box is says where the stroke lies."""
    stroke = read_one()
    assert (stroke.width, stroke.erases) == (24, False)
    np.testing.assert_allclose(stroke.points[0], [47.976, 31.203125], atol=1e-3)
    np.testing.assert_allclose(stroke.points[-1], [143.976, 287.227125], atol=1e-3)
    # Half way along a quadratic curve: a quarter of each end and half of the middle.
    halfway = [
        0.25 * 159.5 + 0.5 * 197 + 0.25 * 170.5,
        0.25 * 31.203125 + 0.5 * 31.203125 + 0.25 * 159.203125,
    ]
    assert np.abs(stroke.points - halfway).max(axis=1).min() < 1e-3


def test_a_stroke_that_was_moved_with_the_canvas_s_tools_lies_elsewhere() -> None:
    moved = read_one(left=SENT["left"] + 30, top=SENT["top"] - 10)
    np.testing.assert_allclose(moved.points - read_one().points, np.tile([30, -10], (len(moved.points), 1)))


def test_a_stroke_is_turned_scaled_and_mirrored_about_its_middle() -> None:
    middle = np.array([SENT["left"], SENT["top"]])
    plain = read_one().points - middle
    np.testing.assert_allclose(read_one(angle=90).points - middle, plain[:, ::-1] * [-1, 1], atol=1e-9)
    larger = read_one(scaleX=2, scaleY=0.5, flipX=True)
    np.testing.assert_allclose(larger.points - middle, plain * [-2, 0.5])
    assert larger.width == 24
    assert read_one(scaleX=2, scaleY=2).width == 48
    np.testing.assert_allclose(read_one(skewX=45).points - middle, plain + plain[:, [1]] * [1, 0])


def test_strokes_go_to_the_canvas_and_come_back() -> None:
    strokes = (*example("5", 320, 24), Stroke(np.array([[10.0, 20.0], [30.0, 25.0]]), 40, erases=True))
    again = strokes_of(drawing_of(strokes))
    assert again is not None
    assert [(stroke.width, stroke.erases) for stroke in again] == [(24, False)] * 3 + [(40, True)]
    for one, other in zip(strokes, again, strict=True):
        np.testing.assert_allclose(one.points, other.points)


def test_a_dot_goes_to_the_canvas_and_comes_back() -> None:
    (dot,) = strokes_of(drawing_of([Stroke(np.array([[50.0, 60.0]]), 20)])) or ()
    np.testing.assert_allclose(dot.points, [[50, 60], [50, 60]])
    assert rendered([dot], 100)[60, 50, 0] == 255


@pytest.mark.parametrize(
    "change",
    [
        {"scaleX": 0},
        {"originX": "left"},
        {"left": None},
        {"angle": float("inf")},
        {"type": "Rect"},
        {"path": [["C", 1, 2, 3, 4, 5, 6]]},
        {"path": [["M", "x", 1]]},
        {"path": []},
        {"path": [["M", float("nan"), 1], ["L", 1, 1]]},
        {"strokeWidth": 0},
        {"strokeWidth": "1e9"},
    ],
)
def test_what_is_no_plain_stroke_is_left_alone(change: dict[str, Any]) -> None:
    assert strokes_of({"objects": [{**SENT, **change}]}) is None


@pytest.mark.parametrize("sent", [None, {}, {"objects": None}, {"objects": [None]}, [], "x"])
def test_a_damaged_description_is_left_alone(sent: Any) -> None:
    assert strokes_of(sent) is None


def test_the_number_of_points_is_limited() -> None:
    path = [["M", 0, 0], *(["L", 1, 1] for _ in range(MOST_POINTS))]
    assert strokes_of({"objects": [{**SENT, "path": path, "left": 0.5, "top": 0.5}]}) is None


def test_a_pen_draws_as_wide_as_it_is_and_an_eraser_takes_away() -> None:
    line = Stroke(np.array([[20.0, 50.0], [80.0, 50.0]]), 10)
    ink = rendered([line], 100)[..., 0] / 255
    assert ink[:, 50].sum() == pytest.approx(10, abs=0.6)
    assert ink[50].sum() == pytest.approx(70, abs=1)  # with its round ends
    erased = rendered([line, Stroke(np.array([[60.0, 50.0]]), 30, erases=True)], 100)[..., 0]
    assert erased[50, 60] == 0
    assert erased[50, 30] == 255


def test_a_pen_that_is_fine_enough_is_left_alone() -> None:
    assert finer(example("3", 320, 24), 320) is None


def test_a_dot_and_an_eraser_alone_have_no_shape() -> None:
    assert finer([Stroke(np.array([[50.0, 60.0], [51.0, 60.0]]), 20)], 320) is None
    assert finer([Stroke(np.array([[50.0, 60.0], [90.0, 60.0]]), 40, erases=True)], 320) is None
    assert extent([]) == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_read_as_what_it_is(name: str) -> None:
    assert read(rendered(example(name, 320, 24), 320)) == name


@pytest.mark.parametrize("name", ["0", "2", "3", "5", "7", "8"])
def test_a_tiny_drawing_with_a_thick_pen_is_read_with_a_finer_one(name: str) -> None:
    small = [Stroke(stroke.points * 0.15 + 12, 24) for stroke in example(name, 320, 24)]
    assert 0.4 * (extent(small) + 24) < 24
    redrawn = finer(small, 320)
    assert redrawn is not None
    assert read(redrawn) == name


def read(canvas: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> str:
    """What a shipped network says."""
    checkpoint = checkpoints.get("resnet-mini-mnist")
    prepared = to_mnist(canvas, PAPER)
    assert prepared is not None
    recipe = checkpoint.recipe
    model = checkpoints.load_model(checkpoint)
    return str(predict(model, prepared.image, recipe.preparation).argmax())
