"""The filters of a first layer at several moments of a training, side by side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.interpret.networks import MOST_FILTERS
from cnnviz.language import translate as _
from cnnviz.plots import weights as plots
from cnnviz.plots.maps import image_png
from cnnviz.plots.mosaic import mosaic, png
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.pictures import png_address
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def show_moments(
    layer: str, total: int, of: Hashable, captions: Sequence[str], filters: Sequence[NDArray[np.float32]]
) -> None:
    """The ``filters`` (N, in, h, w) of ``layer``, which has ``total``, at each moment, under a caption each.

    Every moment is on a scale of its own: early filters are weak, and on the scale of the trained ones nothing would be
    seen of them. ``of`` tells in the cache whose they are.
    """
    st.subheader(plain(_("Filters of {layer} during training", layer=layer)), anchor=False)
    limits = [float(abs(moment).max()) for moment in filters]

    def draw() -> tuple[bytes, ...]:
        return tuple(_picture(moment, limit, dark) for moment, limit in zip(filters, limits, strict=True))

    dark = is_dark()
    pictures = cached.drawings(("formed", of, dark), draw)
    scales = [_("up to {limit:.2f}", limit=limit) for limit in limits]
    figures = "".join(
        f'<figure class="cnnviz-figure"><figcaption>{escape(text)}<br>'
        f"{escape(scale)}</figcaption>"
        f'<img class="cnnviz-pixels" src="{png_address(picture)}" alt="{escape(text)}"></figure>'
        for text, scale, picture in zip(captions, scales, pictures, strict=True)
    )
    st.html(f'<div class="cnnviz-moments">{figures}</div>')
    told = _("Each moment has its own scale, up to its strongest weight, so that early filters can be seen.")
    if total > MOST_FILTERS:
        told += " " + _("The first {count} of {total} filters.", count=MOST_FILTERS, total=total)
    caption(told)


def when(step: int, epoch: int) -> str:
    """A moment of a training in words."""
    if step == 0:
        return _("Before the first step")
    return _("After step {step:,}, epoch {epoch}", step=step, epoch=epoch)


def _picture(filters: NDArray[np.float32], limit: float, dark: bool) -> bytes:
    """The filters (N, in, h, w) of one moment side by side; three channels in colour."""
    if filters.shape[1] == 3:
        return image_png(plots.colour_mosaic(filters, limit))
    return png(mosaic(filters.reshape(-1, *filters.shape[2:]), limit, side=40), dark)
