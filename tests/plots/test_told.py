from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from cnnviz.language import set_language
from cnnviz.plots import architecture, data, evaluation, experiments, maps, training, weights
from cnnviz.plots.told import Told, as_table, in_words

WEIGHTS = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2) / 10


def test_curves_are_told_by_their_points_and_are_a_column_each() -> None:
    figure = training.accuracy_figure([0.5, 0.625], [0.55, 0.7], 3, "run")
    assert in_words(figure) == (
        "Accuracy per epoch. Horizontal axis: epoch. Vertical axis: accuracy. "
        "test images (1: 55.0%; 2: 70.0%). training images (1: 50.0%; 2: 62.5%)."
    )
    assert as_table(figure) == {"epoch": [1, 2], "test images": [0.55, 0.7], "training images": [0.5, 0.625]}


def test_a_long_curve_is_told_by_its_ends_and_its_extremes() -> None:
    steps = np.zeros(40, [("step", "i4"), ("loss", "f4")])
    steps["step"], steps["loss"] = np.arange(1, 41), 2.5
    steps["loss"][[9, 29]] = 3.5, 0.25
    figure = training.loss_figure(steps, "run")
    assert (
        "single batch: 40 values, from 2.5 at 1 to 2.5 at 40; the lowest is 0.25 at 30, the highest 3.5 at 10."
        in in_words(figure)
    )
    table = as_table(figure)
    assert table["single batch"] == steps["loss"].tolist()
    assert table["mean of the last batches"] == np.asarray(figure.data[0].y).tolist()


def test_a_curve_that_has_no_point_at_a_place_has_an_empty_cell_there() -> None:
    curves = [
        training.Curve("first", np.array([1, 2, 3]), np.array([0.5, 0.6, 0.7])),
        training.Curve("second", np.array([2, 4]), np.array([0.8, 0.9])),
    ]
    table = as_table(training.comparison_figure(curves, "test_accuracy", "progress", "runs"))
    assert table == {
        "epoch": [1, 2, 3, 4],
        "first": [0.5, 0.6, 0.7, None],
        "second": [None, 0.8, None, 0.9],
    }


def test_without_points_there_is_no_data_yet() -> None:
    figure = training.accuracy_figure([], [], 3, "run")
    assert "test images: no data yet." in in_words(figure)
    assert as_table(figure) == {"epoch": [], "test images": [], "training images": []}


def test_bars_are_called_as_on_the_axis_and_stay_in_their_order() -> None:
    norms, bias = np.array([1, 3, 2], np.float32), np.array([0.1, 0.3, 0.2], np.float32)
    figure = weights.norms_figure(norms, bias, np.array([1, 2, 0]), "conv1")
    assert as_table(figure) == {
        "filter (output channel)": [1, 2, 0],
        "norm": [3, 2, 1],
        "bias": [0.3, 0.2, 0.1],  # as they are, not as float32 in 17 digits
    }
    long = "features.denseblock4.denselayer32.conv2"
    bars = architecture.bars(
        [architecture.Bar(long, "Conv2d", {"convolution": 750})], 1000, "Layers", "parameters"
    )
    assert as_table(bars) == {"layer": [long], "type": ["Conv2d"], "Convolution": [750]}
    counts = data.counts_figure(["zero", "one"], [5, 6], [1, 2])
    assert as_table(counts) == {"class": ["zero", "one"], "training images": [5, 6], "test images": [1, 2]}
    one = experiments.bars("Title", ["a", "b"], {"x": [0.5, None]}, "test_accuracy", "run")
    assert as_table(one) == {"place": ["a", "b"], "x": [0.5, None]}
    assert in_words(one).endswith("x (a: 50.0%).")


def test_an_error_bar_has_both_its_ends() -> None:
    figure = evaluation.classes_figure(
        ["0", "1"], np.array([0.75, 0.5]), [(0.5, 0.875), (0.25, 1)], 0.6, "Classes"
    )
    assert as_table(figure) == {
        "true class": ["0", "1"],
        "accuracy": [0.75, 0.5],
        "lower bound": [0.5, 0.25],
        "upper bound": [0.875, 1.0],
    }


def test_every_weight_of_filters_has_a_row_of_its_own() -> None:
    figure = maps.filter_figure("conv1", WEIGHTS, "conv1", numbers=np.array([4, 7]), limit=1)
    table = as_table(figure)
    assert list(table) == ["filter", "input channel", "row", "column", "value"]
    assert (np.float32(table["value"]) == WEIGHTS.reshape(-1)).all()
    assert table["filter"] == [4] * 12 + [7] * 12
    assert table["column"] == [0, 1] * 12
    assert in_words(figure) == "conv1. 24 values from 0 to 2.3."


def test_filters_in_colour_have_a_column_for_each_colour() -> None:
    figure = maps.colour_figure("conv1", WEIGHTS, "conv1", numbers=np.array([4, 7]), limit=1)
    table = as_table(figure)
    assert list(table) == ["filter", "row", "column", "red", "green", "blue"]
    seen = np.stack([table[colour] for colour in ("red", "green", "blue")], axis=-1).reshape(2, 2, 2, 3)
    assert (np.float32(seen) == WEIGHTS.transpose(0, 2, 3, 1)).all()
    assert in_words(figure) == "conv1. 24 values from 0 to 2.3."


def test_one_map_is_a_table_of_rows_and_columns() -> None:
    figure = maps.map_figure(WEIGHTS[0, 0], "conv1, map 0", limit=1)
    assert as_table(figure) == {"row": [0, 1], "0": [0.0, 0.2], "1": [0.1, 0.3]}


def test_shades_of_powers_are_told_as_what_they_stand_for() -> None:
    samples = np.zeros(2, [("step", "i4"), ("norms", "f4", (9,))])
    samples["step"], samples["norms"] = [1, 2], 0.01
    figure = training.gradient_figure(samples, [f"layer{number}" for number in range(9)], "run")
    assert "18 values from 0.01 to 0.01." in in_words(figure)
    assert as_table(figure)["1"] == pytest.approx([0.01] * 9)


def test_rectangles_are_told_by_their_edges() -> None:
    figure = architecture.over_input(28, 30, (0, 0, 5, 6), (10, 11, 5, 6), "What conv1 sees")
    assert "middle value: rows 10 to 15, columns 11 to 17." in in_words(figure)
    assert as_table(figure)["right"] == [30, 6, 17]


def test_a_picture_has_no_table() -> None:
    digits = np.zeros((2, 4, 4), np.uint8)
    told = Told.of(experiments.digits(digits, digits))
    assert told.table is None
    assert told.words == "The same digits, pixels in order and shuffled."


def test_a_confusion_matrix_is_told_by_its_counts() -> None:
    told = evaluation.confusion_told(
        np.array([[5, 1, 0], [0, 7, 3], [0, 0, 2]]), ["a", "b", "c"], "Basic CNN"
    )
    assert told.words == (
        "Basic CNN. Rows are true classes, columns are predictions. 14 of 18 images are correct. "
        "Most frequent mistakes: b read as c: 3; a read as b: 1."
    )
    assert told.table is not None
    assert told.table() == {"true class": ["a", "b", "c"], "a": [5, 0, 0], "b": [1, 7, 0], "c": [0, 3, 2]}


def test_calibration_has_a_row_for_each_bin_the_empty_ones_too() -> None:
    edges, counts = np.array([0, 0.5, 1]), np.array([0, 5])
    sure, right = np.array([np.nan, 0.75]), np.array([np.nan, 0.5])
    figure = evaluation.calibration_figure(edges, counts, sure, right, "Calibration")
    told = evaluation.calibration_told(figure, edges, counts, sure, right)
    assert "this network (0.75: 50.0%)." in told.words
    assert told.table is not None
    assert told.table() == {
        "confidence from": [0, 0.5],
        "confidence to": [0.5, 1],
        "images": [0, 5],
        "mean confidence": [None, 0.75],
        "accuracy": [None, 0.5],
    }


def test_words_and_titles_are_chinese_on_a_chinese_page() -> None:
    set_language("zh")
    try:
        figure = training.accuracy_figure([0.5], [0.55], 3, "run")
        assert in_words(figure) == (
            "每轮的准确率。横轴：轮。纵轴：准确率。测试图像（1: 55.0%）。训练图像（1: 50.0%）。"
        )
    finally:
        set_language("en")


def test_a_figure_without_title_or_numbers_is_told_without_them() -> None:
    assert in_words(go.Figure()) == ""
