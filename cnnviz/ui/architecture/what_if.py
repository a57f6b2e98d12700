"""What if: edits of a network that are kept in the link, and what they change downstream."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.errors import CnnvizError, shortened
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots.palette import chip, legend
from cnnviz.shapes.table import numbers, table, total
from cnnviz.ui.architecture.network import LARGEST_INPUT
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.link_state import put_edit, take_back_edit
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption, marked, meaning

if TYPE_CHECKING:
    from cnnviz.operations.op import Failure, Fix, Op, Shape
    from cnnviz.shapes.blame import Pairing
    from cnnviz.tracing.trace import Trace
    from cnnviz.ui.architecture.network import Subject


_LARGEST = 16_384
_FROM_ZERO = ("padding", "output_padding")
_MEANT: Mapping[str, str] = MappingProxyType(
    {"kernel_size": "kernel", **{name: name for name in ("stride", "padding", "dilation", "groups")}}
)
"""The terms of the glossary that arguments of layers are, by the argument's name."""


@contextmanager
def possible() -> Iterator[None]:
    """Show a problem inside of the ``with`` block as a sentence; of an impossible layer with a fix, as a button."""
    with explained():
        try:
            yield
        except CnnvizError as error:
            from cnnviz.tracing.edits import ImpossibleLayerError

            if not isinstance(error, ImpossibleLayerError) or error.fix is None:
                raise
            st.error(plain(error), icon=":material/error:")
            _offer(error.fix)


def offer_mends(failure: Failure) -> None:
    """A button for each way out of a failure that a click can go, in the order in which the sentences name them."""
    with st.container(horizontal=True):
        for mend, fix in failure.ways_out:
            if fix is not None:
                _offer(fix, failure.name)
            elif mend.input_shape is not None:
                _offer_input(mend.input_shape)


def _offer_input(shape: Shape) -> None:
    """A button for another input, of as many channels and as high as wide: the fields know no others."""
    channels, *sides = shape
    if len(sides) == 2 and len(set(sides)) == 1 and sides[0] <= LARGEST_INPUT:
        st.button(
            _("Use {shape}", shape=shape_text(shape)),
            icon=":material/photo_size_select_large:",
            key="apply-input",
            on_click=query.change,
            args=({"channels": str(channels), "size": str(sides[0])},),
        )


def _offer(fix: Fix, at: str | None = None) -> None:
    """A button for ``fix``; it names the layer where that is another than the one ``at`` which the pass ended."""
    layer = fix.path.rpartition(".")[0]
    if layer == at:
        label = _("Change to {fix}", fix=fix.text)
    else:
        label = _("Change {layer} to {fix}", layer=layer, fix=fix.text)
    st.button(
        plain(label),
        icon=":material/build:",
        key="apply-fix",
        on_click=put_edit,
        args=(fix.path, json.dumps(fix.value)),
    )


def choose(model_name: str, edits: Edits, options: Edits = ()) -> Edits:
    """Widgets to change an argument of a layer, and the edits so far, each with a button that undoes it.

    ``options`` are those of the builder: they decide which layers there are. Returned are ``edits`` without those
    that change nothing, which leave the link, too.
    """
    st.markdown(_("**What if?** Change an argument of any layer to see its effect on the layers after it."))
    layers = cached.editable(model_name, options)
    if not layers:
        caption(_("This network has no layer with arguments that can be changed."))
        return edits
    edits = _effective(edits, layers)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        last_layer, _dot, last_argument = (edits[-1][0] if edits else "").rpartition(".")
        names = list(layers)
        layer = st.selectbox(
            _("Layer"),
            names,
            index=_place(last_layer, names),
            key="edit-layer",
            width=220,
            help=meaning("layer"),
        )
        arguments, names = layers[layer], list(layers[layer])
        argument = st.selectbox(
            _("Argument"), names, index=_place(last_argument, names), key=f"edit-argument-{layer}", width=180
        )
        least = 0 if argument in _FROM_ZERO else 1
        present = _whole_number(dict(edits).get(f"{layer}.{argument}"), arguments[argument], least)
        field = f"edit-{layer}-{argument}-{present}"
        st.number_input(
            _("Value"),
            min_value=least,
            max_value=_LARGEST,
            value=present,
            key=field,
            width=140,
            help=meaning(_MEANT[argument]) if argument in _MEANT else None,
        )
        st.button(
            _("Apply"),
            icon=":material/science:",
            key="edit-apply",
            on_click=_apply,
            args=(layers, layer, field),
        )
    if edits:
        _take_back_buttons(edits)
    return edits


def _apply(layers: Mapping[str, Mapping[str, object]], shown: str, field: str) -> None:
    """Make the change that the fields name now, which may be further than the page: they are left by the click.

    ``shown`` is the layer whose arguments were offered, and ``field`` is the value's.
    """
    layer, argument = st.session_state["edit-layer"], st.session_state[f"edit-argument-{shown}"]
    if argument in layers[layer]:
        put_edit(f"{layer}.{argument}", json.dumps(st.session_state[field]))


def _effective(edits: Edits, layers: Mapping[str, Mapping[str, object]]) -> Edits:
    kept = []
    for path, value in edits:
        layer, _dot, argument = path.rpartition(".")
        arguments = layers.get(layer, {})
        if argument in arguments and _is_same(json.loads(value), arguments[argument]):
            take_back_edit(path)
        else:
            kept.append((path, value))
    return tuple(kept)


def _is_same(value: object, original: object) -> bool:
    """Whether an edit asks for what is there; one number stands for the same one on each side."""
    if isinstance(original, tuple):
        value = tuple(value) if isinstance(value, list) else (value,) * len(original)
    return value == original and isinstance(value, bool) == isinstance(original, bool)


def _take_back_buttons(edits: Edits) -> None:
    with st.container(horizontal=True):
        for path, text in edits:
            st.button(
                plain(f"{shortened(path)} = {shortened(text)}"),
                icon=":material/undo:",
                help=_("Undo this change"),
                key=f"undo-{path}",
                on_click=take_back_edit,
                args=(path,),
            )


def _place(name: str, names: Sequence[str]) -> int:
    """Where a choice begins: at ``name`` if it is offered."""
    return names.index(name) if name in names else 0


def _whole_number(edit: str | None, original: object, least: int) -> int:
    """The number that the widget shows for an argument: of several the first, of what is no number the least."""
    value = original if edit is None else json.loads(edit)
    if isinstance(value, (tuple, list)) and value:
        value = value[0]
    return max(least, min(value, _LARGEST)) if isinstance(value, int) else least


def show(subject: Subject) -> None:
    """What the edits change, all the way down."""
    network, traced = subject.network, subject.trace
    if subject.edits or traced.input_shape != network.input_shape:
        _before_and_after(cached.trace(network.name, network.input_shape), traced)
    else:
        st.info(_("No changes yet. Change something above to see its effect on the layers after it."))


def _before_and_after(before: Trace, after: Trace) -> None:
    """The ops of both side by side, what changed marked, and the totals."""
    from cnnviz.shapes.blame import compare

    pairings = compare(before, after)
    values = {
        "changed": sum(pairing.changed for pairing in pairings),
        "count": len(pairings),
        "params": after.total_params - before.total_params,
        "params_after": after.total_params,
        "macs": after.macs - before.macs,
        "macs_after": after.macs,
    }
    if after.failure is None:
        st.write(
            _(
                "{changed:,} of {count:,} operations change. Parameters: {params:+,} to {params_after:,}; "
                "multiply-adds: {macs:+,} to {macs_after:,}.",
                **values,
            )
        )
    else:
        text = _(
            "{changed:,} of {count:,} operations change or are no longer reached, because the forward "
            "pass fails at {name}. Parameters: {params:+,} to {params_after:,}; multiply-adds up to "
            "there: {macs_after:,}.",
            name=after.failure.name,
            **values,
        )
        st.write(plain(text))
    st.html(_table(pairings, before, after))
    st.html(legend(dict.fromkeys(op.kind for op in (*before.ops, *after.ops))))


def _table(pairings: Sequence[Pairing], before: Trace, after: Trace) -> str:
    """Input, ops and totals before and after; what differs is marked with a sign, not with colour alone."""
    titles = (
        (_("Operation"), "left"),
        (_("Shape before"), "right"),
        (_("Shape after"), "right"),
        (_("Parameters before"), "right"),
        (_("Parameters after"), "right"),
        (_("Multiply-adds before"), "right"),
        (_("Multiply-adds after"), "right"),
    )
    start = _table_row(
        chip(None) + " " + escape(_("input")),
        _shapes(before.input_shape, after.input_shape),
        ("",) * 4,
        changed=before.input_shape != after.input_shape,
    )
    rows = [start, *(_pairing(pairing, after.failure) for pairing in pairings), _total(before, after)]
    return table(titles, "".join(rows), marked)


def _pairing(pairing: Pairing, failure: Failure | None) -> str:
    known = pairing.after or pairing.before
    broken = failure is not None and failure.name == pairing.name
    shapes = [_shape(pairing.before), "✗" if broken else _shape(pairing.after)]
    figures = (
        _figure(pairing.before, "params"),
        _figure(pairing.after, "params"),
        _figure(pairing.before, "macs"),
        _figure(pairing.after, "macs"),
    )
    name = f"{chip(known.kind if known else None)} {escape(pairing.name)}"
    reached = broken or failure is None or pairing.after is not None
    return _table_row(name, shapes, figures, pairing.changed and reached)


def _shape(op: Op | None) -> str:
    return "-" if op is None else shape_text(op.output_shape)


def _shapes(before: Shape, after: Shape) -> list[str]:
    return [shape_text(before), shape_text(after)]


def _figure(op: Op | None, name: str) -> str:
    return "-" if op is None else f"{getattr(op, name):,}"


def _table_row(name: str, shapes: Sequence[str], figures: Sequence[str], changed: bool) -> str:
    emphasis = "cnnviz-changed" if changed else "cnnviz-unchanged"
    mark = "≠ " if changed else ""
    cells = numbers((shapes[0], mark + shapes[1], *figures))
    return f'<tr class="{emphasis}"><td>{name}</td>{cells}</tr>'


def _total(before: Trace, after: Trace) -> str:
    sums = (before.total_params, after.total_params, before.macs, after.macs)
    return total((_("Total"), "", "", *(f"{number:,}" for number in sums)))
