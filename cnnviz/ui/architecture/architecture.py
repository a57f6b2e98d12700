"""The parts of the Architecture page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.architecture import about as told
from cnnviz.ui.architecture import take_home, what_if
from cnnviz.ui.architecture.network import Network
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.operations.op import Unexecuted
    from cnnviz.shapes.derivation import Derivation
    from cnnviz.tracing.trace import Trace

_MEGABYTE = 1024**2


def about(network: Network, traced: Trace) -> None:
    """What the network is: its idea and its size; of torchvision's models, where they come from."""
    if network.architecture is not None:
        told.idea(network.architecture)
    else:
        st.write(
            _(
                "A model of torchvision, {cls}, built without weights: only its shapes are computed.",
                cls=traced.model,
            )
        )
    told.size(traced)


def totals(traced: Trace) -> None:
    """The numbers that people compare networks by."""
    from cnnviz.operations.op import shape_text
    from cnnviz.shapes.table import sizes

    estimate = sizes(traced)
    output = shape_text(traced.ops[-1].output_shape) if traced.ops and not traced.failure else "-"
    with st.container(horizontal=True):
        st.metric(_("Parameters"), f"{traced.total_params:,}", border=True)
        st.metric(_("Multiply-adds"), f"{traced.macs:,}", border=True)
        st.metric(_("Input"), shape_text(traced.input_shape), border=True)
        st.metric(_("Output"), output, border=True)
        st.metric(
            _("Memory for one image"),
            f"{estimate.total / _MEGABYTE:.2f} MB",
            border=True,
            help=_(
                "float32: the input {input:.2f} MB, all outputs forward and backward {activations:.2f} MB, "
                "the parameters {params:.2f} MB.",
                input=estimate.input / _MEGABYTE,
                activations=estimate.activations / _MEGABYTE,
                params=estimate.params / _MEGABYTE,
            ),
        )


def failure(traced: Trace) -> None:
    """The diagnosis of a forward pass that broke, or that mixes up the images of a batch."""
    if traced.mixing_op is not None:
        from cnnviz.shapes.text import mixing_note

        st.warning(plain(mixing_note(traced.mixing_op)), icon=":material/warning:")
    if traced.failure is None:
        return
    with st.container(key="trace-failure"):
        st.error(plain(traced.failure.message), icon=":material/heart_broken:")
    what_if.offer_fix(traced.failure)


def layers(network: Network, _edits: Edits, traced: Trace) -> None:
    """The shapes as a picture, the table, and the network's own code beside it where somebody wants it."""
    picture(traced, _("Shapes along {title}", title=network.title))
    with st.container(horizontal=True):
        functions = st.toggle(
            _("Show functional operations too (relu, cat, flatten, ...)"),
            key="operations",
            bind="query-params",
        )
        beside = st.toggle(_("Show the code beside the table"), key="beside", bind="query-params")
    if beside:
        left, right = st.columns([3, 2])
        with left:
            _table(network, traced, functions)
        with right:
            take_home.source(network)
    else:
        _table(network, traced, functions)


def changes(network: Network, edits: Edits, traced: Trace) -> None:
    """What the edits change, all the way down."""
    if edits or traced.input_shape != network.input_shape:
        what_if.before_and_after(cached.trace(network.name, network.input_shape), traced)
    else:
        st.info(_("Nothing is changed yet. Change something above, and see here what it does downstream."))


def picture(traced: Trace, title: str) -> None:
    """The shapes along the network, drawn to scale, with their formulas."""
    from cnnviz.operations.op import shape_text
    from cnnviz.shapes.derivation import stations
    from cnnviz.ui.architecture import pipeline

    start = traced.input_shape
    blocks = [pipeline.Block(_("input"), "other", start, shape_text(start))]
    blocks += [
        pipeline.Block(step.op.name, step.op.kind, step.result, step.substituted)
        for step in stations(start, _whole(traced).steps)
    ]
    st.subheader(plain(title), anchor=False)
    broken = traced.failure.name if traced.failure else None
    st.html(pipeline.pipeline(blocks, broken, is_dark()))
    st.caption(str(pipeline.SENTENCE))


def _table(network: Network, traced: Trace, functions: bool) -> None:
    """The summary table, layers alone or with functional operations, and as text."""
    from cnnviz.shapes import html
    from cnnviz.shapes import table as core
    from cnnviz.shapes.text import torchsummary_text

    rows = core.rows(traced, functions=functions)
    st.html(html.layers(rows, traced))
    st.html(html.legend(dict.fromkeys(row.kind for row in rows if row.kind)))
    st.caption(
        _(
            "{trainable:,} parameters are trained, {frozen:,} are not. A multiply and an add count as one "
            "multiply-add; the bias is not counted.",
            trainable=traced.trainable_params,
            frozen=traced.total_params - traced.trainable_params,
        )
    )
    _outside_of_layers(traced)
    take_home.downloads(network.name, rows)
    with st.expander(_("As text, the way torchsummary prints it")):
        st.code(torchsummary_text(traced), language=None)


_OUTSIDE = (
    Message(
        "{count:,} parameters of the total stand in no row, because they are used directly, outside of a layer, "
        "as those of an attention are."
    ),
    Message(
        "{count:,} parameters of the total are used in training only, as those of auxiliary classifiers are; these "
        "shapes are those of a pass in evaluation."
    ),
    Message("{count:,} parameters of the total are declared, but this pass never uses them."),
)
"""Of parameters in the three groups of :func:`cnnviz.shapes.text.outside_of_layers`."""


def _outside_of_layers(traced: Trace) -> None:
    """Parameters of the total that stand in no row: of layers that are not called, or used directly."""
    from cnnviz.shapes.text import outside_of_layers

    if traced.failure:
        return
    for entries, text in zip(outside_of_layers(traced), _OUTSIDE, strict=True):
        if entries:
            told = _(text.template, count=sum(entry.params for entry in entries))
            _parameters(told, entries, traced)


def _parameters(told: str, entries: Sequence[Unexecuted], traced: Trace) -> None:
    """Names and numbers of parameters below the sentence that is told of them, and which op they go into."""
    columns: dict[str, list[str] | list[int]] = {
        _("Parameter"): [entry.name for entry in entries],
        _("Number"): [entry.params for entry in entries],
    }
    if entries[0].name in traced.used_directly:
        columns[_("Goes into")] = [traced.ops[traced.used_directly[entry.name]].name for entry in entries]
    with st.expander(told):
        st.dataframe(columns, hide_index=True)


def _whole(traced: Trace) -> Derivation:
    """The derivation of the last op, which is the network's main road."""
    from cnnviz.shapes.derivation import derive, derive_failure

    return derive_failure(traced) if traced.failure else derive(traced, len(traced.ops) - 1)
