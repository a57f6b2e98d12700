import numpy as np

from cnnviz.plots import weights


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
