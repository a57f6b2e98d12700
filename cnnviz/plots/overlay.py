"""Images as PNG files, and attributions drawn over them."""

from __future__ import annotations

import base64
import io

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from cnnviz.language import translate as _

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]

# Between which greys an image lies behind the colours (from black to white): so that these are seen on both.
_SHADES = {False: (150, 255), True: (20, 120)}
_FOR, _AGAINST = "178,24,43", "33,102,172"
_FOR_DARK, _AGAINST_DARK = "255,120,95", "90,170,245"
_MOST_SIDE = 128
_TITLE = 36  # pixels


def image_png(pixels: Pixels) -> bytes:
    """An image (C, H, W) uint8, grey or RGB, as a PNG file."""
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
    from cnnviz.plots.mosaic import shrunk

    step = -(-max(values.shape) // _MOST_SIDE)
    coarse: Values = shrunk(values[None], _MOST_SIDE)[0]
    return coarse, step


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
