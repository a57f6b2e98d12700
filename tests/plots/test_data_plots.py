import numpy as np
import pytest

from cnnviz.plots.data import Axis, channels, counts_figure, values_figure


def test_every_class_has_a_bar_for_training_and_one_for_testing() -> None:
    figure = counts_figure(["cat", "dog"], [5, 6], [1, 2])
    assert [list(bar.x) for bar in figure.data] == [[5, 6], [1, 2]]
    assert all(list(bar.y) == ["cat", "dog"] for bar in figure.data)
    assert figure.layout.title.text
    assert figure.layout.xaxis.title.text == "images"
    assert figure.layout.yaxis.autorange == "reversed"


@pytest.mark.parametrize("dark", [False, True])
def test_values_stand_where_normalisation_puts_them(dark: bool) -> None:
    counts = np.zeros((3, 256), np.int64)
    counts[:, 0], counts[:, 255] = 3, 1
    axis = Axis("value", [-0.5, -1.0, 0.0], [1 / 255, 2 / 255, 1.0])
    figure = values_figure(counts, axis, "Before", dark)
    assert [list(line.x) for line in figure.data] == [[-0.5, 0.5], [-1.0, 1.0], [0.0, 255.0]]
    assert all(list(line.y) == [0.75, 0.25] for line in figure.data)
    assert [line.name for line in figure.data] == ["red", "green", "blue"]
    assert len({line.line.dash for line in figure.data}) == 3  # told apart without colour, too
    assert [shape.x0 for shape in figure.layout.shapes] == pytest.approx([-0.25, -0.5, 63.75])
    assert figure.layout.yaxis.type == "log"


def test_a_grey_image_of_one_value_can_be_drawn() -> None:
    counts = np.zeros((1, 32), np.int64)
    counts[0, 4] = 784
    (line,) = values_figure(counts, Axis("value", [3.5], [8.0]), "Before", False).data
    assert (list(line.x), list(line.y), line.mode) == ([35.5], [1.0], "markers")


def test_colours_differ_between_the_themes() -> None:
    for channel in channels(3):
        assert channel.colour(True) != channel.colour(False)
    assert channels(1)[0].colour(False) is None
