from __future__ import annotations

import numpy as np
import pytest

from cnnviz.plots import experiments as plots


def test_bars_stand_at_their_places_and_a_missing_one_leaves_a_gap() -> None:
    figure = plots.bars(
        "t", ["MLP", "CNN"], {"in order": [0.9, None], "shuffled": [0.8, 0.7]}, "test_accuracy", "r"
    )
    assert [list(bar.x) for bar in figure.data] == [["MLP", "CNN"]] * 2
    assert [list(bar.y) for bar in figure.data] == [[0.9, None], [0.8, 0.7]]
    assert figure.layout.yaxis.title.text == "test accuracy"
    assert figure.layout.showlegend
    hatches = [bar.marker.pattern.shape for bar in figure.data]
    assert len(set(hatches)) == 2  # told apart without colour


def test_one_series_needs_no_legend() -> None:
    assert not plots.bars("t", ["a"], {"x": [1.0]}, "parameters", "r").layout.showlegend


def test_a_stack_says_its_sum() -> None:
    figure = plots.stack("t", ["naive", "reduced"], {"1x1": [10, 20], "5x5": [1_000, 0]}, "r")
    assert figure.layout.barmode == "stack"
    assert list(figure.data[-1].text) == ["1,010", "20"]


def test_a_sweep_names_the_numbers_that_were_tried() -> None:
    figure = plots.sweep("t", [0.01, 3.0], "rate", {"with": [0.5, 0.9]}, "test_accuracy", "r", log_x=True)
    assert list(figure.layout.xaxis.ticktext) == ["0.01", "3"]
    assert figure.layout.xaxis.type == "log"
    assert figure.layout.xaxis.title.text == "rate"


def test_what_was_refused_is_marked() -> None:
    figure = plots.sweep("t", [1, 2], "batch size", {"with": [None, 0.5]}, "test_accuracy", "r", refused=[1])
    assert (list(figure.data[1].x), list(figure.data[1].text)) == ([1], ["not possible"])


def test_networks_of_different_depth_share_an_axis_from_first_to_last_layer() -> None:
    figure = plots.layers("t", {"few": [1.0, 2.0], "many": [1.0] * 56, "none yet": []}, "r")
    assert [list(line.x)[:1] + list(line.x)[-1:] for line in figure.data[:2]] == [[0, 1], [0, 1]]
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis.range is None
    vanished = plots.layers("t", {"sigmoid": [1e-11, 1.0]}, "r")
    assert vanished.layout.yaxis.range == (-6.0, pytest.approx(0.3))  # what is next to nothing hides the rest


def test_ticks_between_powers_of_ten_are_written_in_full() -> None:
    """Of its own plotly writes 0.05, 0.1 and 0.2 as 5, 10 to the power of -1, and 2."""
    axis = plots.layers("t", {"relu": [0.05, 0.1, 0.3]}, "run").layout.yaxis
    assert (axis.dtick, axis.tickformat) == ("D2", "~g")


def test_lines_are_told_apart_without_colour() -> None:
    lines = {str(number): (np.arange(3), np.arange(3)) for number in range(6)}
    figure = plots.curves("t", lines, "test_accuracy", "r")
    looks = [(line.line.dash, line.marker.symbol) for line in figure.data]
    assert len(set(looks)) == 6


def test_digits_stand_above_their_disorder() -> None:
    digits = np.zeros((10, 28, 28), np.uint8)
    shuffled = np.full((10, 28, 28), 255, np.uint8)
    (heatmap,) = plots.digits(digits, shuffled).data
    assert heatmap.z.shape == (28 + 4 + 28, 300)
    assert heatmap.z[:28, :28].max() == 0
    assert heatmap.z[32:, :28].min() == 255
    assert np.isnan(heatmap.z[:, 28]).all()
