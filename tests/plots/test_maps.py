import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest

from cnnviz.plots import maps, sentences


def weights(out: int = 10, channels: int = 1, side: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(out, channels, side, side)).astype(np.float32)


def cells(heat: go.Heatmap) -> tuple[np.ndarray, np.ndarray]:
    """The values that are shown, and what hovering tells of each."""
    z, places = np.asarray(heat.z), np.asarray(heat.customdata)
    shown = ~np.isnan(z)
    return z[shown], places[shown]


@pytest.mark.parametrize("channels", [1, 3])
def test_filter_figure_tells_every_weight_on_hover(channels: int) -> None:
    values = weights(channels=channels)
    order = np.random.default_rng(1).permutation(10)
    figure = maps.filter_figure("conv1", values[order], "Filters", numbers=order, limit=3.0)
    heat = figure.data[0]
    assert (heat.zmin, heat.zmax) == (-3.0, 3.0)
    z, places = cells(heat)
    assert z.size == values.size
    assert np.array_equal(z, values[tuple(places.T)])
    assert len(np.unique(places, axis=0)) == values.size
    assert "conv1.weight" in heat.hovertemplate
    assert "%{customdata[3]}" in heat.hovertemplate
    assert figure.data[1].text[0] == (str(order[0]) if channels == 1 else f"{order[0]}, 0")


@pytest.mark.parametrize("side", [1, 3])
def test_slices_tell_filter_and_input_channel(side: int) -> None:
    values = weights(8, 20, side)
    numbers = np.array([19, 3, 7])
    heat = maps.slices_figure("conv2", 5, values[5, numbers], "Slices", numbers=numbers, limit=1.0).data[0]
    z, places = cells(heat)
    assert sorted(set(places[:, 1].tolist())) == [3, 7, 19]
    assert z.tolist() == [values[5, c, r, k] for _, c, r, k in places.tolist()]
    assert "Filter 5" in heat.hovertemplate


def test_colour_filters_are_grey_at_zero_and_tell_three_weights() -> None:
    values = np.zeros((2, 3, 2, 2), np.float32)
    values[1, 0] = 1.0
    values[1, 1] = -1.0
    figure = maps.colour_figure("conv1", values, "Filters", numbers=np.array([4, 9]), limit=1.0)
    picture, hover, labels = figure.data
    pixels = decoded(picture.source)
    assert pixels[0, 0].tolist() == [127, 127, 127, 255]
    assert pixels[0, 3].tolist() == [255, 0, 127, 255]  # beside a gap of one pixel
    assert pixels[0, 2].tolist() == [0, 0, 0, 0]
    assert list(labels.text) == ["4", "9"]
    told = np.asarray(hover.customdata)[0, 3].tolist()
    assert told == [9, 0, 0, 1, -1, 0]
    assert picture.hoverinfo == "skip"


def decoded(source: str) -> np.ndarray:
    import base64
    import io

    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGBA"))


def test_figures_have_a_title_and_numbered_maps() -> None:
    figure = maps.filter_figure("conv1", weights(), "Ten filters", numbers=np.arange(10), limit=1.0)
    assert figure.layout.title.text == "Ten filters"
    assert list(figure.data[1].text) == [str(number) for number in range(10)]


@pytest.mark.parametrize("shape", [(16, 12, 12), (1408,), (3, 4)])
def test_maps_figure_shows_every_value_where_it_is(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    heat = maps.maps_figure(values, "Maps").data[0]
    z, places = cells(heat)
    flat = values if values.ndim == 1 else values.reshape(-1, *values.shape[-2:])
    assert np.array_equal(z, flat[tuple(places.T)])
    assert z.size == values.size
    assert heat.zmax == -heat.zmin == np.abs(values).max()


def test_one_map_is_shown_with_rows_and_columns_on_hover() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    heat = maps.map_figure(values, "Map 3", limit=20.0).data[0]
    assert np.array_equal(np.asarray(heat.z), values)
    assert heat.zmax == 20
    assert "%{y}" in heat.hovertemplate


def test_a_short_vector_is_a_bar_chart_with_named_axes() -> None:
    figure = maps.maps_figure(np.arange(-5, 5, dtype=np.float32), "Scores")
    assert np.asarray(figure.data[0].y).tolist() == list(range(-5, 5))
    assert figure.layout.xaxis.title.text == "output"
    assert figure.layout.yaxis.title.text == "value"
    assert figure.layout.title.text == "Scores"


def test_sentences_fit_what_is_shown() -> None:
    assert "1.50" in str(sentences.filters_sentence(1.5, trained=True))
    assert "random" in str(sentences.filters_sentence(0.2, trained=False))
    assert "from 0.20 to 1.50" in str(sentences.filters_sentence(1.5, True, 0.2))
    assert "before training" in str(sentences.filters_sentence(0.2, False, 0.2))
    assert "ReLU" in str(sentences.norms_sentence(linear=False, biased=True))
    assert "no bias" in str(sentences.norms_sentence(linear=False, biased=False))
    for biased in (True, False):
        assert "filter" not in str(sentences.norms_sentence(linear=True, biased=biased))
    assert "55%" in str(sentences.maps_sentence("activation", "relu", 0.55))
    assert "Sigmoid transforms" in str(sentences.maps_sentence("activation", "Sigmoid", 0.0))
    assert "one filter" in str(sentences.maps_sentence("convolution", "Conv2d", 0.0))
    assert "one value" in str(sentences.maps_sentence("reshape", "flatten", 0.0))
    assert "One weight per input" in str(sentences.slices_sentence((1, 1), False))
    assert "flattened" in str(sentences.slices_sentence((4, 4), True))
    assert "input channel" in str(sentences.slices_sentence((3, 3), False))


def test_neither_torch_nor_streamlit_is_imported() -> None:
    code = "import sys, cnnviz.plots.maps; assert not {'torch', 'streamlit'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
