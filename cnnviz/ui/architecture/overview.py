"""How large a network is: its idea, its depth, its totals, where its parameters are, and where it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.architectures import Architecture
from cnnviz.language import sentences
from cnnviz.language import translate as _
from cnnviz.models import TORCHVISION
from cnnviz.plots import palette
from cnnviz.plots.palette import legend
from cnnviz.ui.architecture import what_if
from cnnviz.ui.architecture.network import Network, Subject, get
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption, metric, say

if TYPE_CHECKING:
    from cnnviz.operations.op import Failure, Kind
    from cnnviz.shapes.counting import Quantity, Share
    from cnnviz.tracing.trace import Trace

MOST_BARS = 20
_WEIGHTED: tuple[Kind, ...] = ("convolution", "linear")
_YARDSTICK = "alexnet"
_COMPARABLE = 64  # pixels a side; AlexNet's own images have 224
_MEGABYTE = 1024**2


def about(subject: Subject) -> None:
    """What the network is: its idea and its size; of torchvision's models, where they come from."""
    network, traced = subject.network, subject.trace
    st.subheader(plain(_("About {title}", title=network.title)), anchor=False)
    if network.is_own:
        st.write(
            _(
                "A network of your own, {cls}. Its code is only read here, never executed.",
                cls=plain(traced.model),
            )
        )
    elif network.is_hosted:
        place = plain(cached.source(network.name)[0])
        st.write(_("The network of {place}, which Python runs on your own machine.", place=place))
    elif network.architecture is not None:
        _idea(network.architecture)
    else:
        st.write(
            _(
                "A torchvision model, {cls}, built without weights: only its shapes are computed.",
                cls=traced.model,
            )
        )
    _size(network, traced)


def _idea(architecture: Architecture) -> None:
    """What the network is about, and where it was published."""
    say(str(architecture.idea))
    st.caption(architecture.paper)


def _size(network: Network, traced: Trace) -> None:
    """How the layers of the network are counted, and how many parameters it has beside AlexNet."""
    if traced.failure is None:
        caption(f"{_layers(traced)} {_beside_alexnet(network, traced)}")


def _layers(traced: Trace) -> str:
    from cnnviz.shapes.counting import depth

    found = depth(traced)
    return _(
        "Layers with parameters on the longest path: {weighted} (convolutions and fully connected "
        "layers, without normalisation); {total} including pooling.",
        weighted=found.weighted,
        total=found.total,
    )


def _beside_alexnet(network: Network, traced: Trace) -> str:
    """How the network's parameters compare with those of the network that everybody knows.

    That is AlexNet; of torchvision's models its own, made for ImageNet as they are. Beside a network for small images
    it says nothing: a thousand times fewer parameters are no merit where there is so much less to read.
    """
    if min(traced.input_shape[1:], default=0) < _COMPARABLE:
        return ""
    known = get(_YARDSTICK if network.architecture is not None else TORCHVISION + _YARDSTICK)
    other = cached.trace(known.name, known.input_shape).total_params
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
    from cnnviz.shapes.table import outputs_text, sizes

    traced = subject.trace
    estimate = sizes(traced, subject.layers)
    output = outputs_text(traced) or "-"
    with st.container(horizontal=True, gap="small", key="totals"):
        metric(_("Parameters"), f"{traced.total_params:,}", border=True)
        metric(_("Multiply-adds"), f"{traced.macs:,}", border=True)
        metric(_("Input"), shape_text(traced.input_shape), border=True)
        metric(_("Output"), output, border=True)
        metric(
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
    """The diagnosis of a forward pass that broke, and the ways out."""
    if traced.failure is not None:
        diagnosis(traced.failure)
        what_if.offer_mends(traced.failure)


def diagnosis(failed: Failure) -> None:
    """Why a forward pass broke."""
    with st.container(key="trace-failure"):
        st.error(plain(failed.message), icon=":material/heart_broken:")


def shares(subject: Subject) -> None:
    """Two figures side by side, parameters and multiply-adds, with the sentences that they say."""
    network, edits, traced = subject.network, subject.edits, subject.trace
    found = cached.shares(network.name, traced.input_shape, edits, MOST_BARS)
    st.markdown(sentences(_by_kind(traced, kind) for kind in _WEIGHTED))
    st.html(legend(dict.fromkeys(kind for share in found for kind in (*share.params, *share.macs))))
    left, right = st.columns(2, gap="large")
    with left:
        _figure(found, "params", traced.total_params, _("Parameters by layer"), _("parameters"))
    with right:
        _figure(found, "macs", traced.macs, _("Multiply-adds by layer"), _("multiply-adds per image"))
    if any(share.layers > 1 for share in found):
        caption(_("A block with several layers is a single bar; the graph can be folded in the same way."))


def _by_kind(traced: Trace, kind: Kind) -> str:
    """What all layers of one kind hold together; nothing where there are none."""
    from cnnviz.plots.architecture import percent
    from cnnviz.shapes.counting import by_kind

    count, params, macs = by_kind(traced).get(kind, (0, 0, 0))
    if not count or not traced.total_params or not traced.macs:
        return ""
    return _(
        "**{title}**: {params} of the parameters, {macs} of the multiply-adds.",
        title=palette.kind(kind).title,
        params=percent(params, traced.total_params),
        macs=percent(macs, traced.macs),
    )


def _figure(found: Sequence[Share], quantity: Quantity, total: int, title: str, axis: str) -> None:
    from cnnviz.plots.architecture import Bar, bars
    from cnnviz.shapes.counting import largest

    shown, rest = largest(found, quantity, MOST_BARS)
    if not shown:
        caption(_("No layer here has {title}.", title=title))
        return
    entries = [Bar(_name(share), share.type, dict(share.by_kind(quantity).items())) for share in shown]
    if rest:
        entries.append(Bar(_("all others"), "", {"other": rest}))
    chart(bars(entries, total, title, axis, is_dark()), key=f"bars-{quantity}")
    st.markdown(plain(_largest(shown, quantity, total)))


def _largest(shown: Sequence[Share], quantity: Quantity, total: int) -> str:
    from cnnviz.plots.architecture import percent

    first = max(shown, key=lambda share: share.total(quantity))
    count = first.total(quantity)
    values = {"name": _name(first), "count": count, "total": total, "percent": percent(count, total)}
    if quantity == "params":
        return _("{name} alone has {count:,} of {total:,} parameters ({percent}).", **values)
    return _("{name} alone needs {count:,} of {total:,} multiply-adds ({percent}).", **values)


def _name(share: Share) -> str:
    """The layer's path; a bare number, as in a Sequential, says more with the layer's type."""
    number = share.path.rpartition(".")[2].isdigit()
    return f"{share.path} ({share.type})" if number and share.type else share.path
