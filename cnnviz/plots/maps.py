"""Filters and feature maps as pictures: many small maps side by side, one colour scale around zero.

Positive values are red, negative ones blue, and zero has (nearly) the colour of the page, in the light
theme as in the dark one.
"""

from __future__ import annotations

import io
import math

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import palette

Values = NDArray[np.float32]
Layout = NDArray[np.intp]

GAP = -1
"""Stands in a layout where no value is."""

_ZERO = 128  # the middle of the 255 colours 1..255; the colour 0 is transparent
_LONG_VECTOR = 64

# Pixels of a figure without its title and scale: its height is for this width, which a laptop has room for.
_WIDTH, _LOWEST, _TALLEST = 480, 120, 480


def as_maps(values: Values) -> Values:
    """``values`` of any shape as maps (N, H, W); a vector (N,) becomes N maps of one value, a very long
    one a single map with rows of 64, filled up with NaN.
    """
    if values.ndim >= 2:
        return values.reshape(-1, *values.shape[-2:])
    flat = values.reshape(-1)
    if flat.size <= _LONG_VECTOR:
        return flat.reshape(-1, 1, 1)
    rows = -(-flat.size // _LONG_VECTOR)
    padded = np.full(rows * _LONG_VECTOR, np.nan, np.float32)
    padded[: flat.size] = flat
    return padded.reshape(1, rows, _LONG_VECTOR)


def columns(count: int) -> int:
    """In how many columns ``count`` square maps stand: wider than high, full rows where possible."""
    wanted = math.sqrt(4 * count)
    full = [number for number in range(1, 17) if count % number == 0 and wanted / 2 <= number <= wanted * 2]
    return min(full, key=lambda number: abs(number - wanted)) if full else max(1, min(16, round(wanted)))


def layout(count: int, height: int, width: int, gaps: tuple[int, int], across: int | None = None) -> Layout:
    """Where each value of maps (count, height, width) stands: (rows, columns) of flat indices, or GAP.

    ``gaps`` are the free rows and columns between two maps; ``across`` maps stand in a row, without it
    :func:`columns` decides.
    """
    below, beside = gaps
    across = columns(count) if across is None else across
    down = -(-count // across)
    cells = np.full((down, height + below, across, width + beside), GAP, np.intp)
    numbers = np.full(down * across * height * width, GAP, np.intp)
    numbers[: count * height * width] = np.arange(count * height * width)
    cells[:, :height, :, :width] = numbers.reshape(down, across, height, width).transpose(0, 2, 1, 3)
    return cells.reshape(down * (height + below), across * (width + beside))[
        : -below or None, : -beside or None
    ]


def _number_gaps(height: int) -> tuple[int, int]:
    """Gaps in a figure: room for a number above each map."""
    return max(1, round(0.35 * height)), 1


def mosaic(values: Values, limit: float, side: int = 48, gap: int = 2) -> NDArray[np.uint8]:
    """All maps of ``values`` in one picture, each at least ``side`` pixels wide, ``gap`` pixels apart.

    Returns:
        (H, W) uint8: 0 is transparent, 1..255 runs from ``-limit`` to ``limit``, with 128 for zero.
    """
    maps = as_maps(values)
    count, height, width = maps.shape
    across = count if values.ndim < 2 and count <= 16 else columns(count)
    scale = max(1, -(-side // max(height, width)), -(-240 // (across * width)))
    if height == width == 1:  # the values of a vector would fill the page
        scale = side // 2
    scaled = maps.repeat(scale, axis=1).repeat(scale, axis=2)
    where = layout(count, height * scale, width * scale, (gap, gap), across)
    coloured = _coloured(scaled, limit).reshape(-1)
    return np.where(where == GAP, np.uint8(0), coloured[where])


def png(picture: NDArray[np.uint8], dark: bool) -> bytes:
    """A picture of :func:`mosaic` as a PNG file, in the colours of the dark or the light theme."""
    image = Image.fromarray(picture)
    image.putpalette(_colour_table(dark))
    file = io.BytesIO()
    image.save(file, "PNG", transparency=0, compress_level=1)
    return file.getvalue()


def filter_figure(name: str, weights: Values, title: str, *, limit: float, dark: bool = False) -> go.Figure:
    """All filters of a convolution as one heat map with their numbers; hovering tells the single weights.

    ``weights`` is (out, in, kh, kw), ``name`` the layer's; ``limit`` is the end of the colour scale.
    """
    out, channels, height, width = weights.shape
    where = layout(out * channels, height, width, _number_gaps(height))
    hover = _(
        "Filter {filter}, input channel {channel}, row {row}, column {column}",
        filter="%{customdata[0]}",
        channel="%{customdata[1]}",
        row="%{customdata[2]}",
        column="%{customdata[3]}",
    )
    figure = _heat_map(weights, where, f"{hover}<br>{name}.weight = <b>%{{z:.4f}}</b>", limit, dark)
    numbers = [str(n) if channels == 1 else f"{n // channels}, {n % channels}" for n in range(out * channels)]
    _number_tiles(figure, numbers, height, width)
    return _finish(figure, title, where.shape)


def maps_figure(values: Values, title: str, *, dark: bool = False) -> go.Figure:
    """The output of one op, ``values`` of its shape (without batch), with its numbers on hover."""
    limit = float(np.nanmax(np.abs(values), initial=0.0))
    if values.ndim == 1 and values.size <= _LONG_VECTOR:
        return _bar_figure(values, title, dark)
    if values.ndim == 1:
        rows = as_maps(values)[0]
        hover = _("Value {number}", number="%{customdata[0]}") + ": <b>%{z:.4f}</b>"
        where = np.where(np.isnan(rows), GAP, np.arange(rows.size).reshape(rows.shape))
        return _finish(_heat_map(values, where, hover, limit, dark), title, where.shape)
    maps = as_maps(values)
    count, height, width = maps.shape
    where = layout(count, height, width, _number_gaps(height))
    hover = _(
        "Channel {channel}, row {row}, column {column}",
        channel="%{customdata[0]}",
        row="%{customdata[1]}",
        column="%{customdata[2]}",
    )
    figure = _heat_map(maps, where, f"{hover}: <b>%{{z:.4f}}</b>", limit, dark)
    _number_tiles(figure, [str(number) for number in range(count)], height, width)
    return _finish(figure, title, where.shape)


def filters_sentence(limit: float, trained: bool, untrained_limit: float | None = None) -> Message:
    """What there is to see in a filter figure, and in a second one beside it of untrained weights.

    The limits are the largest absolute weights.
    """
    if untrained_limit is not None:
        return Message(
            "Both have the same colour scale: training turns the random pattern into edges and strokes, and "
            "takes the largest weight from {untrained:.2f} to {limit:.2f}.",
            untrained=untrained_limit,
            limit=limit,
        )
    if not trained:
        return Message(
            "These weights are drawn at random, up to {limit:.2f}: there is no pattern yet. Compare them with "
            "those of a trained network.",
            limit=limit,
        )
    return Message(
        "A filter answers most strongly where the image is bright under its red weights and dark under "
        "its blue ones: look for edges and strokes in different directions. The largest weight is {limit:.2f}.",
        limit=limit,
    )


def maps_sentence(kind: str, zeros: float) -> Message:
    """What there is to see in the feature maps of an op of this ``kind``, of whose values ``zeros`` (0..1) are 0."""
    if kind == "activation":
        return Message(
            "What was negative is 0 now, {zeros:.0%} of all values: each map keeps only the places where its "
            "pattern was found.",
            zeros=zeros,
        )
    if kind == "convolution":
        return Message(
            "Each map is the answer of one filter: red where its pattern is, blue where its opposite is."
        )
    if kind == "pooling":
        return Message("Pooling keeps how strongly a pattern was found nearby, and gives up where exactly.")
    if kind == "linear":
        return Message(
            "Each value is a weighted sum of all inputs. Of the last Linear they are the scores of the classes, and "
            "the largest is the network's answer."
        )
    return Message("Each square is one value; zero has the colour of the page.")


def _coloured(values: Values, limit: float) -> NDArray[np.uint8]:
    positions = values / limit if limit > 0 else np.zeros_like(values)
    colours = np.rint(_ZERO + (_ZERO - 1) * np.clip(positions, -1, 1))
    return np.nan_to_num(colours, nan=0.0).astype(np.uint8)


def _colour_table(dark: bool) -> list[int]:
    """256 RGB triples: black, which is never seen, then the diverging scale from its first to its last."""
    stops = palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT
    colours = np.array([[int(stop[start : start + 2], 16) for start in (1, 3, 5)] for stop in stops])
    positions = np.linspace(0, len(stops) - 1, 255)
    channels = [np.interp(positions, np.arange(len(stops)), colours[:, index]) for index in range(3)]
    table = np.rint(np.stack(channels, axis=1)).astype(int)
    return [0, 0, 0, *table.reshape(-1).tolist()]


def _heat_map(values: Values, where: Layout, hover: str, limit: float, dark: bool) -> go.Figure:
    """One heat map of ``values`` laid out by ``where``; ``customdata`` holds each value's index."""
    shown = np.where(where == GAP, np.float32(np.nan), values.reshape(-1)[where])
    place = np.stack(np.unravel_index(np.maximum(where, 0), values.shape), axis=-1).astype(np.int16)
    bound = limit if limit > 0 else 1.0
    return go.Figure(
        go.Heatmap(
            z=shown,
            customdata=place,
            hovertemplate=f"{hover}<extra></extra>",
            hoverongaps=False,
            colorscale=palette.diverging(dark),
            zmin=-bound,
            zmax=bound,
            colorbar={"thickness": 10, "len": 1.0, "outlinewidth": 0, "tickformat": ".2~g"},
        )
    )


def _number_tiles(figure: go.Figure, numbers: list[str], height: int, width: int) -> None:
    """Write each map's number over its upper left corner, where there is room for all."""
    if len(numbers) > 128:
        return
    across = columns(len(numbers))
    below, beside = _number_gaps(height)
    figure.add_trace(
        go.Scatter(
            x=[index % across * (width + beside) - 0.5 for index in range(len(numbers))],
            y=[index // across * (height + below) - 0.5 for index in range(len(numbers))],
            text=numbers,
            mode="text",
            textposition="top right",
            textfont={"size": 10},
            hoverinfo="skip",
            cliponaxis=False,
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
    return figure.update_layout(title=title, height=300, margin={"l": 0, "r": 0, "t": 40, "b": 0})


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
