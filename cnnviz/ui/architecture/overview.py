"""What is worth knowing about a network at a glance: its idea, its paper, its depth, its totals, where it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.language import translate as _
from cnnviz.ui.architecture import what_if
from cnnviz.ui.architecture.network import Network, Subject
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

_YARDSTICK = "alexnet"
_MEGABYTE = 1024**2


def about(network: Network, traced: Trace) -> None:
    """What the network is: its idea and its size; of torchvision's models, where they come from."""
    if network.architecture is not None:
        _idea(network.architecture)
    else:
        st.write(
            _(
                "A torchvision model, {cls}, built without weights: only its shapes are computed.",
                cls=traced.model,
            )
        )
    _size(traced)


def _idea(architecture: Architecture) -> None:
    """What the network is about, and where it was published."""
    st.write(str(architecture.idea))
    st.caption(architecture.paper)


def _size(traced: Trace) -> None:
    """How the layers of the network are counted, and how many parameters it has beside AlexNet."""
    if traced.failure is None:
        st.caption(f"{_layers(traced)} {_beside_alexnet(traced)}")


def _layers(traced: Trace) -> str:
    from cnnviz.shapes.counting import depth

    found = depth(traced)
    return _(
        "Layers with parameters on the longest path: {weighted} (convolutions and fully connected "
        "layers, without normalisation); {total} including pooling.",
        weighted=found.weighted,
        total=found.total,
    )


def _beside_alexnet(traced: Trace) -> str:
    """How the network's parameters compare with those of the network that everybody knows."""
    known = architectures.get(_YARDSTICK)
    other = cached.trace(known.key, known.input_shape).total_params
    if traced.total_params == other or traced.total_params == 0:
        return ""
    if traced.total_params < other:
        return _(
            "AlexNet has {other:,} parameters, {ratio:,.1f} times as many as this network's {own:,}.",
            own=traced.total_params,
            other=other,
            ratio=other / traced.total_params,
        )
    return _(
        "This network has {own:,} parameters, {ratio:,.1f} times as many as AlexNet's {other:,}.",
        own=traced.total_params,
        other=other,
        ratio=traced.total_params / other,
    )


def totals(subject: Subject) -> None:
    """The numbers that people compare networks by."""
    from cnnviz.operations.op import shape_text
    from cnnviz.shapes.table import sizes

    traced = subject.trace
    estimate = sizes(traced, subject.layers)
    output = shape_text(traced.ops[-1].output_shape) if traced.ops and not traced.failure else "-"
    with st.container(horizontal=True):
        st.metric(_("Parameters"), f"{traced.total_params:,}", border=True)
        st.metric(_("Multiply-adds"), f"{traced.macs:,}", border=True)
        st.metric(_("Input"), shape_text(traced.input_shape), border=True)
        st.metric(_("Output"), output, border=True)
        st.metric(
            _("Memory per image"),
            f"{estimate.total / _MEGABYTE:.2f} MB",
            border=True,
            help=_(
                "float32: input {input:.2f} MB, all outputs in forward and backward pass "
                "{activations:.2f} MB, parameters {params:.2f} MB.",
                input=estimate.input / _MEGABYTE,
                activations=estimate.activations / _MEGABYTE,
                params=estimate.params / _MEGABYTE,
            ),
        )


def failure(traced: Trace) -> None:
    """The diagnosis of a forward pass that broke, or that mixes up the images of a batch."""
    if traced.mixing_op is not None:
        from cnnviz.shapes.table import mixing_note

        st.warning(plain(mixing_note(traced.mixing_op)), icon=":material/warning:")
    if traced.failure is None:
        return
    with st.container(key="trace-failure"):
        st.error(plain(traced.failure.message), icon=":material/heart_broken:")
    what_if.offer_fix(traced.failure)
