from __future__ import annotations

import numpy as np

from cnnviz.plots.evaluation import calibration_figure, classes_figure, confusion_figure

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
    assert (np.diag(shades) < -0.5).all()
    assert shades[0, 1] > shades[1, 0] > 0
    assert shades[0, 2] == 0
    assert list(numbers.text[:3]) == ["90", "10", ""]


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
