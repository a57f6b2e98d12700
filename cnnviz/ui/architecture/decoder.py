"""The error decoder on a page: paste an error of PyTorch, read what it means and what produces it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.language import translate as _
from cnnviz.operations.op import product, shape_text
from cnnviz.shapes.table import table
from cnnviz.ui.shared import frame
from cnnviz.ui.shared.link_state import while_there
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.error_messages import Decoded, Reason, WrongLinear
    from cnnviz.operations.op import Shape

PARAMETER = "error"
LONGEST_IN_LINK = 300
"""Characters of a text that the link holds; a longer one stays in the session."""

EXAMPLES = (
    "mat1 and mat2 shapes cannot be multiplied (64x2200 and 1408x10)",
    "Given groups=1, weight of size [10, 1, 5, 5], expected input[64, 3, 28, 28] to have 1 channels, "
    "but got 3 channels instead",
    "Sizes of tensors must match except in dimension 1. Expected size 12 but got size 8 for tensor number 1 in the list.",
    "Target 10 is out of bounds.",
)
"""Errors of PyTorch to try; they are English in every language."""

_WIDGET = "pasted-error"
_send_at_once = in_browser(Path(__file__).parent / "decoding", ["decoding"])


def show() -> None:
    """A page of its own: the field for the text, and what it says."""
    from cnnviz.error_messages import decode

    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(_("I have an error message"), anchor=False, width="content")
        st.space("stretch")
        st.button(
            _("Back to the networks"),
            icon=":material/arrow_back:",
            key="leave-decoder",
            type="tertiary",
            on_click=_leave,
        )
    st.write(
        _(
            "Paste a PyTorch error, just the message or the whole traceback, to read what it means, "
            "what usually causes it, and how to fix it."
        )
    )
    text = _pasted()
    _send_at_once(data={"place": f".st-key-{_WIDGET}"}, key="decoding")
    if not text.strip():
        _offer_examples()
        return
    found = decode(text)
    if found is None:
        _not_understood()
        return
    with st.container(key="decoded"):
        if found.error != text.strip():  # it was found in a traceback
            st.code(found.error, language=None, wrap_lines=True)
        _explain(found)


def _pasted() -> str:
    from cnnviz.error_messages import LONGEST

    linked = query.get(PARAMETER)
    # The link is the truth: a link to another error must change the field too. One to the same must not: it
    # would take away what is typed meanwhile.
    if linked is not None and linked != st.session_state.get(_WIDGET, "").strip():
        st.session_state[_WIDGET] = linked[-LONGEST:]
    return st.text_area(
        _("Error message"),
        key=_WIDGET,
        height=110,
        max_chars=LONGEST,
        placeholder=f"RuntimeError: {EXAMPLES[0]}",
        on_change=_write,
        args=(_WIDGET,),
        persist_state="session",
    )


@while_there
def _write(widget: str) -> None:
    text = st.session_state[widget].strip()
    if 0 < len(text) <= LONGEST_IN_LINK:
        query[PARAMETER] = text
    else:
        query.drop(PARAMETER)


def _offer_examples() -> None:
    st.caption(_("Or try an example:"))
    with st.container(gap="small", key="example-errors"):
        for number, example in enumerate(EXAMPLES):
            st.button(
                plain(example), key=f"example-error-{number}", type="tertiary", on_click=_try, args=(example,)
            )


def _try(example: str) -> None:
    query[PARAMETER] = example


def _leave() -> None:
    query.drop("view", PARAMETER)


def _not_understood() -> None:
    from cnnviz.error_messages import understood

    st.warning(
        _(
            "This text contains no error that cnnviz knows. Paste the last line of the traceback, "
            "starting with the name of the error. cnnviz explains these errors:"
        ),
        icon=":material/help:",
    )
    st.markdown(" · ".join(plain(kind) for kind in understood()))


def _explain(found: Decoded) -> None:
    st.subheader(_("What it means"), anchor=False)
    st.markdown(plain(found.meaning))
    if found.layer is not None:
        caption(_("Raised in {layer}.", layer=f"`{found.layer}`"))
    if found.maps:
        st.html(_maps(found.maps))
    st.subheader(_("Causes and fixes"), anchor=False)
    for number, reason in enumerate(found.reasons, 1):
        _reason(number, reason)
    if found.linear is not None:
        _networks(found.linear)


def _reason(number: int, reason: Reason) -> None:
    st.markdown(f"{number}. {plain(reason.text)}")
    if reason.code is not None:
        st.code(reason.code, language="python")


def _maps(maps: tuple[tuple[Shape, Shape], ...]) -> str:
    """The maps (C, H, W) that arrive beside those that the layer was made for."""
    body = "".join(
        "<tr>"
        + "".join(f'<td class="cnnviz-digits">{escape(_product(shape))}</td>' for shape in pair)
        + "</tr>"
        for pair in maps
    )
    return table(((_("Maps it could be getting"), "left"), (_("Maps it was made for"), "left")), body)


def _product(shape: Shape) -> str:

    return f"{shape_text(shape)} = {product(shape):,}"


def _networks(linear: WrongLinear) -> None:
    """The registered networks that say so, each with a link that shows it."""
    from cnnviz.error_messages.producers import producers

    st.subheader(_("Networks with this error"), anchor=False)
    with st.spinner(_("Searching the networks for such a layer ...")):
        found = producers(linear)
    if not found:
        st.markdown(
            _(
                "In none of the networks does a Linear({in_features}, {out_features}) get {received} "
                "values from square images of some size.",
                in_features=linear.in_features,
                out_features=linear.out_features,
                received=linear.received,
            )
        )
    for producer in found:
        values = {
            "title": architectures.get(producer.key).title,
            "layer": producer.layer,
            "smallest": producer.smallest,
            "largest": producer.largest,
        }
        if producer.smallest == producer.largest:
            sentence = _(
                "{title} raises exactly this error in {layer} for {smallest} x {smallest} images.", **values
            )
        else:
            sentence = _(
                "{title} raises exactly this error in {layer} for images from {smallest} x {smallest} "
                "to {largest} x {largest}.",
                **values,
            )
        st.markdown(plain(sentence))
        label = _("Show {title} with {size} x {size} images", title=values["title"], size=producer.smallest)
        frame.link(frame.ARCHITECTURE, label, model=producer.key, size=str(producer.smallest))
