from __future__ import annotations

import re

import numpy as np
import pytest
from plotly.colors import sample_colorscale

from cnnviz.plots.evaluation import calibration_figure, classes_figure, confusion_figure
from cnnviz.plots.palette import relative_luminance

NAMES = ("cat", "dog", "ship")
MATRIX = np.array([[90, 10, 0], [4, 96, 0], [0, 0, 100]])


def test_every_cell_can_be_clicked_and_tells_its_count() -> None:
    figure = confusion_figure(MATRIX, NAMES, "title", (0, 1))
    points = figure.data[1]
    assert "markers" in points.mode
    cells = {tuple(place): text for place, text in zip(points.customdata, points.hovertext, strict=True)}
    assert len(cells) == 9
    assert cells[0, 1] == "cat predicted as dog: 10 of 100 images (10.0%)"
    places = zip(points.y, points.x, strict=True)
    assert [tuple(place) for place in points.customdata] == list(places)


def test_mistakes_and_right_answers_have_opposite_colours_and_numbers() -> None:
    heat, numbers = confusion_figure(MATRIX, NAMES, "title", (0, 1)).data
    shades = np.array(heat.z, float)
    assert (np.diag(shades) < -0.4).all()
    assert shades[0, 1] > shades[1, 0] > 0
    assert shades[0, 2] == 0
    assert list(numbers.text[:3]) == ["90", "10", ""]


@pytest.mark.parametrize("dark", [False, True])
def test_every_number_is_easy_to_read_on_its_cell(dark: bool) -> None:
    shares = np.arange(0, 101, 5)
    matrix = np.diag(shares) + np.diag(100 - shares[:-1], 1)  # from nothing to everything, right and wrong
    heat, numbers = confusion_figure(
        matrix, [str(share) for share in shares], "title", (0, 0), dark=dark
    ).data
    places = (np.array(heat.z, float).reshape(-1) + 1) / 2
    colours = sample_colorscale([list(stop) for stop in heat.colorscale], places.tolist())
    for colour in colours:
        cell = "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour))
        bright, pale = sorted(map(relative_luminance, (cell, numbers.textfont.color)), reverse=True)
        assert (bright + 0.05) / (pale + 0.05) >= 7
    assert len(set(colours)) > 20


def test_a_frame_marks_the_chosen_cell() -> None:
    frame = confusion_figure(MATRIX, NAMES, "title", (1, 2)).layout.shapes[0]
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 1.5)


def test_a_network_without_mistakes_and_a_class_without_images_are_shown() -> None:
    shades = np.array(confusion_figure(np.diag([5, 0, 5]), NAMES, "title", (0, 0)).data[0].z, float)
    assert np.isfinite(shades).all()


def test_classes_are_points_with_their_intervals() -> None:
    figure = classes_figure(
        NAMES, np.array([0.9, 0.5, 1.0]), [(0.8, 0.95), (0.4, 0.6), (0.9, 1)], 0.8, "title"
    )
    points = figure.data[0]
    np.testing.assert_allclose(points.error_x.array, [0.05, 0.1, 0.0])
    np.testing.assert_allclose(points.error_x.arrayminus, [0.1, 0.1, 0.1])
    assert figure.layout.xaxis.range[0] < 0.4
    assert "cat: 90.00%" in points.text[0]


def test_empty_groups_are_left_out_of_the_calibration() -> None:
    nan = float("nan")
    figure = calibration_figure(
        np.linspace(0, 1, 4),
        np.array([0, 2, 6]),
        np.array([nan, 0.5, 0.9]),
        np.array([nan, 0.4, 0.95]),
        "title",
    )
    assert list(figure.data[1].y) == [0.4, 0.95]
    assert list(figure.data[2].y) == [0, 2, 6]
    assert "2 images, mean confidence 50.0%, accuracy 40.0%" in figure.data[1].text[0]
