"""Everything about one operation: its shape, parameters, multiply-adds and receptive field."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.ui.architecture import why
from cnnviz.ui.architecture.network import Subject
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.show import plain

if TYPE_CHECKING:
    from cnnviz.operations.op import Op
    from cnnviz.shapes.derivation import Derivation, Step
    from cnnviz.shapes.receptive_field import Box, ReceptiveField
    from cnnviz.tracing.trace import Trace


def show(subject: Subject) -> None:
    """Choose an operation, and read where all its numbers come from."""
    from cnnviz.shapes.derivation import derive
    from cnnviz.shapes.receptive_field import receptive_fields

    traced = subject.trace
    if not traced.ops:
        st.info(_("No operation was executed, so there is nothing to look at."))
        return
    name = choose_one(_("Operation"), [op.name for op in traced.ops], key="layer", kind=Message("layer"))
    op = traced.op(name)
    field = receptive_fields(traced)[op.index]
    derivation = derive(traced, op.index)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.html(_rule(derivation.steps[-1]))
        st.markdown(plain(derivation.steps[-1].text))
        st.markdown("\n".join(f"- {line}" for line in (*_counts(op), plain(sentence(op, field)))))
    with right:
        _picture(traced, op, field)
    _way(traced, derivation)


def _rule(step: Step) -> str:
    """The rule in letters and with numbers, and the shape that comes out."""
    received = " · ".join(shape_text(shape) for shape in step.op.input_shapes) or "-"
    lines = (
        (_("Type"), f"{step.op.type}"),
        (_("Rule"), step.rule),
        (_("With numbers"), step.substituted),
        (_("Shape"), f"{received} → {shape_text(step.result)}"),
    )
    cells = "".join(f"<span>{escape(name)}</span><span>{escape(text)}</span>" for name, text in lines)
    return f'<div class="cnnviz-facts">{cells}</div>'


def _counts(op: Op) -> list[str]:
    from cnnviz.shapes.counting import macs_formula, parameter_formula

    params, macs = parameter_formula(op), macs_formula(op)
    lines = []
    if params:
        lines.append(plain(_meaning(op)) + f": **{plain(params)}**")
    elif op.reused:
        lines.append(_("Parameters: already counted where this layer is first called."))
    else:
        lines.append(_("Parameters: {count:,}", count=op.params))
    if macs:
        lines.append(
            _("Multiply-adds, all products of all output values: **{formula}**", formula=plain(macs))
        )
    else:
        lines.append(_("Multiply-adds: {count:,}", count=op.macs))
    return lines


def _meaning(op: Op) -> str:
    """What the factors of the parameters' formula are."""
    bias = bool(op.arguments.get("bias"))
    if op.kind == "convolution" and bias:
        return _("Parameters, one weight per kernel position and one bias per kernel")
    if op.kind == "convolution":
        return _("Parameters, one weight per kernel position, no bias")
    if op.kind == "linear" and bias:
        return _("Parameters, one weight per input and output, and one bias per output")
    if op.kind == "linear":
        return _("Parameters, one weight per input and output, no bias")
    if op.kind == "normalisation":
        return _("Parameters, gamma and beta")
    return _("Parameters")


def sentence(op: Op, field: ReceptiveField) -> str:
    """What one value of ``op`` depends on, in sentences."""
    size = shape_text(field.size)
    if not field.known:
        text = _(
            "Receptive field: unknown, because cnnviz cannot follow how the operations before {name} "
            "move pixels; a value depends on nothing outside a patch of {size} pixels.",
            name=op.title,
            size=size,
        )
    elif field.nothing:
        text = _("{name} does not depend on any pixel: it is the same for every image.", name=op.title)
    elif field.whole:
        text = _("Each value of {name} depends on the whole image.", name=op.title)
    elif field.same:
        text = _(
            "All values of {name} depend on the same patch of {size} pixels, which starts at row {row}, "
            "column {column}; pixels outside it are never read.",
            name=op.title,
            size=size,
            **_corner(field),
        )
    elif not field.regular:
        text = _(
            "Receptive field: the values of {name} see patches of at most {size} pixels, which differ "
            "in size or are unevenly spaced.",
            name=op.title,
            size=size,
        )
    else:
        text = _regular(op, field)
    if field.known and not field.alike:
        text += " " + _("Some of its channels see less.")
    return text


def _corner(field: ReceptiveField) -> dict[str, int]:
    """Where the first patch begins, as sentences take it; a vector or a sequence has one row."""
    row, column = (0, *field.start)[-2:]
    return {"row": row, "column": column}


def _regular(op: Op, field: ReceptiveField) -> str:
    """Size, jump and start of patches that lie regularly."""
    text = _(
        "Receptive field: each value of {name} sees a patch of {size} pixels (size); the patches of "
        "neighbouring values are {jump} pixels apart (jump), and the first starts at row {row}, column "
        "{column} (start).",
        name=op.title,
        size=shape_text(field.size),
        jump=field.jump[0] if len(set(field.jump)) == 1 else shape_text(field.jump),
        **_corner(field),
    )
    if min(field.start) < 0:
        text += " " + _("A negative start lies in the padding.")
    if not field.aligned:
        text += " " + _("The patches of the branches that meet here have different centres.")
    return text


def _picture(traced: Trace, op: Op, field: ReceptiveField) -> None:
    from cnnviz.plots import architecture as plot

    if len(traced.input_shape) != 3 or not field.known or field.nothing:
        return
    first, middle = (_rectangle(field.at(*place)) for place in ((0,) * len(field.grid), field.middle))
    figure = plot.over_input(
        *traced.input_shape[1:], first, middle, _("What {name} sees of the input", name=op.name)
    )
    st.plotly_chart(figure, key="receptive-field", config={"displayModeBar": False})
    st.caption(str(plot.RECEPTIVE_FIELD_SENTENCE))


def _rectangle(box: Box) -> tuple[int, int, int, int]:
    (top, height), (left, width) = box
    return top, left, height, width


def _way(traced: Trace, derivation: Derivation) -> None:
    """The chain from the input in one line, and all of it, branches included, where somebody unfolds it."""
    from cnnviz.shapes.derivation import stations

    heading = _("Path from the input")
    st.markdown(f"**{heading}**")
    told = stations(traced.input_shape, derivation.steps)
    st.html(why.chain(shape_text(traced.input_shape), told))
    if st.toggle(_("Show every step, including branches"), key="way", bind="query-params"):
        why.unfolded(traced, derivation)
