"""Filters, feature maps and attributions as figures, with their numbers on hover, and what there is to see in them."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.plots.mosaic import GAP, LONG_VECTOR, Layout, Values, as_maps, columns, layout, shrunk

Numbers = NDArray[np.intp]
Pixels = NDArray[np.uint8]

MOST_NUMBERED = 128

# Pixels of a figure without its title and scale: its height is for this width, which a laptop has room for.
_WIDTH, _LOWEST, _TALLEST = 480, 120, 480
_CELLS_PER_NUMBER = 32  # where so many cells are as wide as the figure, a number is as high as one
_GREY = 127.5  # of a filter in colour: zero


def filter_figure(
    name: str, weights: Values, title: str, *, numbers: Numbers, limit: float, dark: bool = False
) -> go.Figure:
    """Filters as one heat map with their numbers; hovering shows each weight.

    ``weights`` is (N, in, kh, kw), ``numbers`` (N,) the output channels that they belong to, ``name`` the
    layer's; ``limit`` is the end of the colour scale.
    """
    count, channels, height, width = weights.shape
    hover = _(
        "Filter {filter}, input channel {channel}, row {row}, column {column}",
        filter="%{customdata[0]}",
        channel="%{customdata[1]}",
        row="%{customdata[2]}",
        column="%{customdata[3]}",
    )
    places = _places(numbers.repeat(channels), np.tile(np.arange(channels), count), height, width)
    labels = [f"{n}" if channels == 1 else f"{n}, {c}" for n in numbers.tolist() for c in range(channels)]
    text = f"{hover}<br>{name}.weight = <b>%{{z:.4f}}</b>"
    return _named(
        _tiles(weights.reshape(-1, height, width), labels, places, text, title, limit, dark), _weight_names()
    )


def slices_figure(
    name: str, output: int, slices: Values, title: str, *, numbers: Numbers, limit: float, dark: bool = False
) -> go.Figure:
    """The slices of one filter, one for each of the input channels ``numbers`` (N,).

    ``slices`` is (N, kh, kw), ``output`` the filter's number. Slices of a single weight stand in rows.
    """
    count, height, width = slices.shape
    hover = _(
        "Filter {filter}, input channel {channel}, row {row}, column {column}",
        filter=output,
        channel="%{customdata[1]}",
        row="%{customdata[2]}",
        column="%{customdata[3]}",
    )
    places = _places(np.full(count, output), numbers, height, width)
    text = f"{hover}<br>{name}.weight = <b>%{{z:.4f}}</b>"
    if height == width == 1:
        return _named(_strip(slices.reshape(-1), places, text, title, limit, dark), _weight_names())
    labels = [str(number) for number in numbers.tolist()]
    return _named(_tiles(slices, labels, places, text, title, limit, dark), _weight_names())


def colour_figure(name: str, weights: Values, title: str, *, numbers: Numbers, limit: float) -> go.Figure:
    """Filters that read red, green and blue, in these colours: grey is zero, ``limit`` full brightness.

    ``weights`` is (N, 3, kh, kw), ``numbers`` (N,) the output channels.
    """
    count, _channels, height, width = weights.shape
    where = layout(count, height, width, _number_gaps(count, width))
    shades = np.clip(_GREY + _GREY * weights / (limit or 1.0), 0, 255).astype(np.uint8)
    pixels = np.zeros((*where.shape, 4), np.uint8)
    filled = where != GAP
    flat = shades.transpose(0, 2, 3, 1).reshape(-1, 3)
    pixels[filled] = np.concatenate([flat, np.full((len(flat), 1), 255, np.uint8)], axis=1)[where[filled]]
    figure = go.Figure(go.Image(source=_address(image_png(pixels.transpose(2, 0, 1))), hoverinfo="skip"))
    _weights_on_hover(figure, name, weights, numbers, where)
    _number_tiles(figure, [str(number) for number in numbers.tolist()], height, width)
    return _finish(figure, title, where.shape)


def maps_figure(values: Values, title: str, *, limit: float | None = None, dark: bool = False) -> go.Figure:
    """The output of one op, ``values`` of its shape (without batch), with its numbers on hover.

    ``limit`` is the end of the colour scale, at first the largest absolute value.
    """
    limit = float(np.nanmax(np.abs(values), initial=0.0)) if limit is None else limit
    if values.ndim == 1 and values.size <= LONG_VECTOR:
        return _bar_figure(values, title, dark)
    if values.ndim == 1:
        places = np.arange(values.size).reshape(-1, 1)
        hover = _("Value {number}", number="%{customdata[0]}")
        return _named(
            _strip(values, places, f"{hover}: <b>%{{z:.4f}}</b>", title, limit, dark), [_("output")]
        )
    maps = as_maps(values)
    hover = _(
        "Channel {channel}, row {row}, column {column}",
        channel="%{customdata[0]}",
        row="%{customdata[1]}",
        column="%{customdata[2]}",
    )
    places = np.stack(np.unravel_index(np.arange(maps.size), maps.shape), axis=-1)
    labels = [str(number) for number in range(len(maps))]
    figure = _tiles(maps, labels, places, f"{hover}: <b>%{{z:.4f}}</b>", title, limit, dark)
    return _named(figure, [_("channel"), _("row"), _("column")])


def map_figure(values: Values, title: str, *, limit: float, dark: bool = False) -> go.Figure:
    """One map (H, W), large, with its numbers on hover; ``limit`` is the end of the colour scale."""
    hover = _("Row {row}, column {column}", row="%{y}", column="%{x}")
    places = np.zeros((values.size, 0), np.intp)
    where = np.arange(values.size).reshape(values.shape)
    return _finish(
        _heat_map(values, where, places, f"{hover}: <b>%{{z:.4f}}</b>", limit, dark), title, where.shape
    )


def _named(figure: go.Figure, names: Sequence[str]) -> go.Figure:
    """The figure, whose first trace tells with these names what it says of each cell (:mod:`cnnviz.plots.told`)."""
    figure.data[0].meta = list(names)
    return figure


def _weight_names() -> list[str]:
    """What :func:`_places` tells of a weight."""
    return [_("filter"), _("input channel"), _("row"), _("column")]


def _places(outputs: Numbers, inputs: Numbers, height: int, width: int) -> Numbers:
    """Of every weight of tiles (N, height, width): output channel, input channel, row and column."""
    rows, across = np.divmod(np.arange(height * width), width)
    count = len(outputs)
    return np.stack(
        [
            outputs.repeat(height * width),
            inputs.repeat(height * width),
            np.tile(rows, count),
            np.tile(across, count),
        ],
        axis=-1,
    )


def _tiles(
    tiles: Values, labels: Sequence[str], places: Numbers, hover: str, title: str, limit: float, dark: bool
) -> go.Figure:
    count, height, width = tiles.shape
    where = layout(count, height, width, _number_gaps(count, width))
    figure = _heat_map(tiles, where, places, hover, limit, dark)
    _number_tiles(figure, labels, height, width)
    return _finish(figure, title, where.shape)


def _strip(values: Values, places: Numbers, hover: str, title: str, limit: float, dark: bool) -> go.Figure:
    """A vector in rows of 64."""
    rows = as_maps(values)[0] if values.size > LONG_VECTOR else values.reshape(1, -1)
    where = np.where(np.isnan(rows), GAP, np.arange(rows.size).reshape(rows.shape))
    return _finish(_heat_map(values, where, places, hover, limit, dark), title, where.shape)


def _number_gaps(count: int, width: int) -> tuple[int, int]:
    """Gaps in a figure of ``count`` maps: room for a number above each map, whatever the size of its cells."""
    return max(1, math.ceil(columns(count) * (width + 1) / _CELLS_PER_NUMBER)), 1


def _heat_map(
    values: Values, where: Layout, places: Numbers, hover: str, limit: float, dark: bool
) -> go.Figure:
    """One heat map of ``values`` laid out by ``where``; ``places`` (values, k) is what hovering tells of each."""
    shown = np.where(where == GAP, np.float32(np.nan), values.reshape(-1)[where])
    bound = limit if limit > 0 else 1.0
    return go.Figure(
        go.Heatmap(
            z=shown,
            customdata=places[np.maximum(where, 0)].astype(np.int16) if places.shape[1] else None,
            hovertemplate=f"{hover}<extra></extra>",
            hoverongaps=False,
            colorscale=palette.diverging(dark),
            zmin=-bound,
            zmax=bound,
            colorbar={"thickness": 10, "len": 1.0, "outlinewidth": 0, "tickformat": ".2~g"},
        )
    )


def _weights_on_hover(figure: go.Figure, name: str, weights: Values, numbers: Numbers, where: Layout) -> None:
    """Over a picture of filters in colour: cells that are not seen and tell the three weights."""
    count, _channels, height, width = weights.shape
    flat = weights.transpose(0, 2, 3, 1).reshape(-1, 3)
    places = _places(numbers, np.zeros(count, np.intp), height, width)[:, [0, 2, 3]]
    told = np.concatenate([places, flat], axis=1).astype(np.float32)
    hover = _(
        "Filter {filter}, row {row}, column {column}",
        filter="%{customdata[0]}",
        row="%{customdata[1]}",
        column="%{customdata[2]}",
    )
    colours = _(
        "red {red}, green {green}, blue {blue}",
        red="<b>%{customdata[3]:.4f}</b>",
        green="<b>%{customdata[4]:.4f}</b>",
        blue="<b>%{customdata[5]:.4f}</b>",
    )
    figure.add_heatmap(
        z=np.where(where == GAP, np.nan, 0.0).astype(np.float32),
        customdata=told[np.maximum(where, 0)],
        hovertemplate=f"{hover}<br>{name}.weight: {colours}<extra></extra>",
        hoverongaps=False,
        meta=[*(_weight_names()[place] for place in (0, 2, 3)), _("red"), _("green"), _("blue")],
        opacity=0,
        showscale=False,
    )


def _number_tiles(figure: go.Figure, numbers: Sequence[str], height: int, width: int) -> None:
    """Write each map's number over its upper left corner, where there is room for all."""
    if len(numbers) > MOST_NUMBERED:
        return
    across = columns(len(numbers))
    below, beside = _number_gaps(len(numbers), width)
    figure.add_trace(
        go.Scatter(
            x=[index % across * (width + beside) - 0.5 for index in range(len(numbers))],
            y=[index // across * (height + below) - 0.5 for index in range(len(numbers))],
            text=list(numbers),
            mode="text",
            textposition="top right",
            textfont={"size": 10},
            hoverinfo="skip",
            cliponaxis=False,
            showlegend=False,
        )
    )


def _bar_figure(values: Values, title: str, dark: bool) -> go.Figure:
    stops = palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT
    colours = [stops[-2] if value >= 0 else stops[1] for value in values.tolist()]
    figure = go.Figure(
        go.Bar(y=values, marker_color=colours, hovertemplate="%{x}: <b>%{y:.4f}</b><extra></extra>")
    )
    figure.update_xaxes(title=_("output"), dtick=1 if values.size <= 20 else None)
    figure.update_yaxes(title=_("value"))
    return figure.update_layout(
        title=title, height=300, margin={"l": 0, "r": 0, "t": 40, "b": 0}, dragmode=False
    )


def _finish(figure: go.Figure, title: str, shape: tuple[int, ...]) -> go.Figure:
    """Square cells, rows from the top, no axes: places are told on hover."""
    rows, across = shape
    top = -0.5 - 0.06 * across  # room for the first row's numbers
    figure.update_xaxes(visible=False, range=[-0.5, across - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, range=[rows - 0.5, top], scaleanchor="x", constrain="domain")
    height = min(_TALLEST, max(_LOWEST, round(_WIDTH * (rows - top) / across)))
    return figure.update_layout(
        title=title, height=height + 44, margin={"l": 0, "r": 0, "t": 44, "b": 0}, dragmode=False
    )


# Between which greys an image lies behind the colours (from black to white): so that these are seen on both.
_SHADES = {False: (150, 255), True: (20, 120)}
_FOR, _AGAINST = "178,24,43", "33,102,172"
_FOR_DARK, _AGAINST_DARK = "255,120,95", "90,170,245"
_MOST_SIDE = 128
_TITLE = 36  # pixels


def image_png(pixels: Pixels) -> bytes:
    """An image (C, H, W) uint8, grey, RGB or RGB with transparency, as a PNG file."""
    rows = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rows)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def end_of_scale(values: Values) -> float:
    """The end of the colour scale: a high quantile, so that a single strong pixel does not pale the others."""
    return float(np.quantile(np.abs(values), 0.995)) or float(np.abs(values).max())


def attribution_figure(
    image: Pixels, values: Values, title: str, *, side: int = 300, dark: bool = False
) -> go.Figure:
    """What speaks for a class (red) and against it (blue), over the image in pale grey.

    ``image`` is (C, H, W) uint8, ``values`` (H, W); zero is transparent. Hovering shows the numbers. ``side`` is
    the side of the picture in pixels on the page.
    """
    height, width = values.shape
    end = end_of_scale(values) or 1.0
    positive, negative = (_FOR_DARK, _AGAINST_DARK) if dark else (_FOR, _AGAINST)
    shown, step = _coarse(values)
    figure = go.Figure(go.Image(source=_address(image_png(_pale(image, dark)[None])), hoverinfo="skip"))
    figure.add_heatmap(
        z=shown,
        x0=(step - 1) / 2,
        dx=step,
        y0=(step - 1) / 2,
        dy=step,
        zmin=-end,
        zmax=end,
        colorscale=[
            [0.0, f"rgba({negative},0.95)"],
            [0.5, f"rgba({negative},0)"],
            [0.5, f"rgba({positive},0)"],
            [1.0, f"rgba({positive},0.95)"],
        ],
        showscale=False,
        hovertemplate=_("Row {row}, column {column}", row="%{y:.0f}", column="%{x:.0f}")
        + ": <b>%{z:.4f}</b><extra></extra>",
    )
    figure.update_xaxes(visible=False, range=[-0.5, width - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, range=[height - 0.5, -0.5], scaleanchor="x", constrain="domain")
    return figure.update_layout(
        title=title, height=side + _TITLE, margin={"l": 0, "r": 0, "t": _TITLE, "b": 0}, dragmode=False
    )


def _pale(image: Pixels, dark: bool) -> Pixels:
    """The image in grey, (H, W), with little contrast."""
    low, high = _SHADES[dark]
    grey = image.astype(np.float32).mean(axis=0) / 255
    pale: Pixels = np.rint(low + (high - low) * grey).astype(np.uint8)
    return pale


def _coarse(values: Values) -> tuple[Values, int]:
    """Means over squares if there are very many values, and the side of the squares."""
    step = -(-max(values.shape) // _MOST_SIDE)
    coarse: Values = shrunk(values[None], _MOST_SIDE)[0]
    return coarse, step


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def filters_sentence(limit: float, trained: bool, untrained_limit: float | None = None) -> Message:
    """What there is to see in a filter figure, and in a second one beside it of untrained weights.

    The limits are the largest absolute weights.
    """
    if untrained_limit is not None and not trained:
        return Message(
            "Both show random weights from before training, up to {limit:.2f}: there is no pattern yet.",
            limit=limit,
        )
    if untrained_limit is not None:
        return Message(
            "Both use the same colour scale: training turns the random pattern into edges and strokes, "
            "and changes the largest weight from {untrained:.2f} to {limit:.2f}.",
            untrained=untrained_limit,
            limit=limit,
        )
    if not trained:
        return Message(
            "These weights are random, up to {limit:.2f}: there is no pattern yet. Compare them with "
            "those of a trained network.",
            limit=limit,
        )
    return Message(
        "A filter responds most strongly where the image is bright under its red weights and dark under "
        "its blue ones: look for edges and strokes in different directions. The largest weight is "
        "{limit:.2f}.",
        limit=limit,
    )


def colours_sentence(trained: bool) -> Message:
    """What there is to see in filters that are shown in red, green and blue."""
    if not trained:
        return Message(
            "Grey is zero. These weights are random: every pixel has a different colour, and there is "
            "no pattern yet."
        )
    return Message(
        "Grey is zero. A filter responds most strongly to a patch that looks like it: look for grey "
        "edges and stripes in different directions, and for coloured spots and edges."
    )


def norms_sentence(linear: bool, biased: bool) -> Message:
    """What norms and biases say: of the outputs of a Linear, or of the filters of a convolution."""
    if linear and biased:
        return Message(
            "The norm measures how strongly an output can respond; one near zero responds to nothing. "
            "The bias is the output when all inputs are zero."
        )
    if linear:
        return Message(
            "The norm measures how strongly an output can respond; one near zero responds to nothing. "
            "This layer has no bias."
        )
    if biased:
        return Message(
            "The norm measures how strongly a filter can respond; one near zero responds to nothing. "
            "The bias is added everywhere: if it is negative before a ReLU, the filter stays silent "
            "until its pattern is clear."
        )
    return Message(
        "The norm measures how strongly a filter can respond; one near zero responds to nothing. This "
        "layer has no bias."
    )


def slices_sentence(picture: tuple[int, int], reads_maps: bool) -> Message:
    """What there is to see in the slices of one filter, each of ``picture`` (h, w) weights.

    ``reads_maps`` says that the layer is a Linear and its slices are laid out as the maps that it reads.
    """
    if picture == (1, 1):
        return Message("One weight per input: the output is the weighted sum of the inputs, plus the bias.")
    if reads_maps:
        return Message(
            "This Linear receives flattened maps. Arranged as those maps again, its weights show which "
            "positions of which map count for this output (red) or against it (blue)."
        )
    return Message(
        "One slice per input channel: each slice slides over its own map, and the sum of all, plus the "
        "bias, is this filter's output. If only a few slices are strong, the filter relies on only a "
        "few maps."
    )


def rows_sentence(trained: bool) -> Message:
    """What there is to see in the rows of a first Linear, laid out as the images that it reads."""
    if not trained:
        return Message(
            "Each unit has a weight for every pixel, arranged here like the image. The weights are "
            "random: there is no pattern yet."
        )
    return Message(
        "Each unit has a weight for every pixel, arranged here like the image: red pixels count for it, "
        "blue ones against it. It does not know which pixels are neighbours; any smoothness comes from "
        "training."
    )


def maps_sentence(kind: str, type_name: str, zeros: float) -> Message:
    """What there is to see in the feature maps of an op of this ``kind`` and type.

    ``zeros`` (0..1) is the part of its values that are 0.
    """
    if kind == "activation" and zeros > 0:
        return Message(
            "Negative values are now 0 ({zeros:.0%} of all values): each map keeps only the places "
            "where its pattern was found.",
            zeros=zeros,
        )
    if kind == "activation":
        return Message(
            "{name} transforms each value separately: large values are squeezed together, but the same "
            "places stand out.",
            name=type_name,
        )
    return _OF_KIND.get(kind, Message("Each square is one value; zero has the colour of the page."))


_OF_KIND: Mapping[str, Message] = {
    "convolution": Message(
        "Each map is the response of one filter: red where its pattern occurs, blue where its opposite "
        "occurs."
    ),
    "pooling": Message("Pooling keeps how strongly a pattern was found nearby, but not exactly where."),
    "normalisation": Message(
        "Normalisation brings all maps to a similar scale: patterns stay, differences in strength are "
        "evened out."
    ),
    "merge": Message(
        "Several paths through the network meet here: added element by element, or concatenated."
    ),
    "linear": Message(
        "Each value is a weighted sum of all inputs. For the last Linear, these are the class scores; "
        "the class with the largest is the prediction."
    ),
}
