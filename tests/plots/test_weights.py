from __future__ import annotations

import numpy as np

from cnnviz.plots import weights


def test_two_histograms_are_shares_on_the_same_bins() -> None:
    edges = np.linspace(-1, 1, 5)
    counts = [np.array([0, 5, 5, 0]), np.array([1, 1, 1, 1])]
    figure = weights.histogram_figure(counts, edges, ["Basic CNN", "Untrained"], "Weights of conv1")
    assert [bar.name for bar in figure.data] == ["Basic CNN", "Untrained"]
    assert [np.asarray(bar.y).tolist() for bar in figure.data] == [[0, 0.5, 0.5, 0], [0.25] * 4]
    assert np.asarray(figure.data[0].x).tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert figure.layout.xaxis.title.text == "weight"
    assert figure.layout.yaxis.title.text == "share of the weights"
    assert figure.layout.showlegend


def test_norms_and_bias_stand_in_the_order_that_is_asked_for() -> None:
    norms, bias = np.array([1.0, 3.0, 2.0], np.float32), np.array([0.1, 0.3, 0.2], np.float32)
    figure = weights.norms_figure(norms, bias, np.array([1, 2, 0]), "conv1")
    above, below = figure.data
    assert np.asarray(above.y).tolist() == [3, 2, 1]
    assert np.allclose(below.y, [0.3, 0.2, 0.1])
    assert list(above.customdata) == [1, 2, 0]
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "0"]


def test_a_linear_has_outputs_and_no_filters() -> None:
    figure = weights.norms_figure(np.ones(3, np.float32), None, np.arange(3), "fc", linear=True)
    assert figure.layout.xaxis.title.text == "output"
    assert "Output" in figure.data[0].hovertemplate


def test_a_layer_without_bias_has_one_row() -> None:
    figure = weights.norms_figure(np.ones(3, np.float32), None, np.arange(3), "conv1")
    assert len(figure.data) == 1


def test_every_class_has_a_line_and_the_true_one_is_thick() -> None:
    said = np.array([[0.1, 0.9], [0.6, 0.4], [1.0, 0.0]], np.float32)
    figure = weights.predictions_figure([0, 1, 2_048], said, ["cat", "dog"], "An image", label=0)
    assert [line.name for line in figure.data] == ["cat", "dog"]
    assert list(figure.data[0].x) == ["0", "1", "2,048"]
    assert np.allclose(figure.data[0].y, [0.1, 0.6, 1.0])
    assert figure.data[0].line.width > figure.data[1].line.width
    assert figure.layout.xaxis.title.text == "training step"


def test_of_very_many_classes_the_likeliest_are_drawn() -> None:
    said = np.full((2, 1000), 1e-4, np.float32)
    said[0, 700], said[1, 3] = 0.5, 0.4
    figure = weights.predictions_figure([0, 1], said, [f"class {n}" for n in range(1000)], "An image")
    assert len(figure.data) == 10
    assert {"class 3", "class 700"} <= {line.name for line in figure.data}


def test_filters_in_colour_are_grey_at_zero() -> None:
    filters = np.zeros((2, 3, 2, 2), np.float32)
    filters[1, 0] = 2.0
    picture = weights.colour_mosaic(filters, 2.0)
    assert picture.shape == (3, 2, 5)
    assert picture[:, 0, 0].tolist() == [127, 127, 127]
    assert picture[:, 0, 4].tolist() == [255, 127, 127]
