"""The network as one picture that lives: computed and drawn in the browser (:mod:`cnnviz.browser`).

The server sends the image, and where the weights are; everything else happens without it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from cnnviz.browser import script, words
from cnnviz.browser.page import IMAGE_CHANNELS
from cnnviz.classroom.controls import Control
from cnnviz.interpret.inputs import ImageKey
from cnnviz.interpret.networks import Moment
from cnnviz.language import language
from cnnviz.language import translate as _
from cnnviz.plots import palette
from cnnviz.training.records.snapshots import least_missed
from cnnviz.ui.inside.weights import Weights, moments_of, of_moment
from cnnviz.ui.shared import controls, live
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.problems import plain

_DIGITS = (1, 28, 28)
_TEST_DIGITS = 1000
_MOST_MOMENTS = 24
_MOST_BYTES = 24_000_000
"""Of all snapshots together: they are fetched at once."""

_component = in_browser(
    Path(__file__).parent / "network_picture",
    (*script.SHOWING, "delivery", "network_picture"),
    {
        "WORKER": script.joined(script.COMPUTING),
        "STYLE": (script.FOLDER / "picture.css").read_text("utf-8"),
    },
)


def show(weights: Weights, image: ImageKey) -> None:
    """The network of ``weights`` on ``image``; a drawing on the same page is followed while the pen moves.

    A network whose training has snapshots gets a slider over them, one that takes images the camera.
    """
    reason = live.refusal(weights.key, weights.preparing)
    where = None if reason is not None else live.address(weights.key, weights.preparing)
    if where is None:
        st.info(
            _("The browser cannot run this network. {reason}", reason=plain(reason or "")),
            icon=":material/info:",
        )
        return
    st.write(
        _(
            "The whole network at work, computed in your browser. Point at a map to see what it is made of; "
            "click it to take it apart, down to single values, to switch it off, or to change its kernel."
        )
    )
    reads_drawings = weights.reads == "digits" and weights.input_shape == _DIGITS
    counted = live.digits(_TEST_DIGITS) if reads_drawings else None
    # Of another size than the network takes it is resized here, as for everything else that is computed on the server.
    pixels = image.pixels if image.shape == weights.input_shape else image.seen().tobytes()
    dark, code = is_dark(), language()
    _component(
        data={
            "network": where._asdict(),
            "digits": counted and {"count": counted[0], **counted[1]._asdict()},
            "moments": _moments(weights),
            "image": base64.b64encode(pixels).decode(),
            "follows": reads_drawings,
            "reads": weights.reads,
            "filmed": weights.input_shape[0] in IMAGE_CHANNELS and controls.may_use(Control.UPLOADS),
            "classes": list(weights.classes),
            "words": words.in_language(code, {**words.PICTURE, **words.IN_THE_APP}),
            "kinds": words.kinds(code),
            "isDark": dark,
            "scale": palette.rgb(palette.DIVERGING_DARK if dark else palette.DIVERGING_LIGHT),
        },
        key="network-picture",
    )


def _moments(weights: Weights) -> list[dict[str, Any]]:
    """Where the snapshots of the training are, in their order, the trained weights last."""
    if weights.recipe is None:
        return []
    found = []
    for moment in _chosen(moments_of(weights), 4 * weights.trace.total_params):
        then = of_moment("", moment, weights.recipe)
        where = live.address(then.key, then.preparing, weights.trace)
        if where is not None:
            title = _("Step {step:,}, epoch {epoch}", step=moment.step, epoch=moment.epoch)
            found.append({**where._asdict(), "title": title})
    return found


def _chosen(moments: Sequence[Moment], each: int) -> list[Moment]:
    """As many of the ``moments``, of ``each`` bytes, as are fetched at once, evenly spread."""
    kept = list(moments)
    while len(kept) > max(2, min(_MOST_MOMENTS, _MOST_BYTES // each)):
        del kept[least_missed([moment.step for moment in kept])]
    return kept
