"""Everything about one operation: its shape, parameters, multiply-adds and receptive field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.choice import choose_one
from cnnviz.ui.frame import is_dark
from cnnviz.ui.show import plain

if TYPE_CHECKING:
    from cnnviz.shapes.op import Op
    from cnnviz.shapes.receptive_field import ReceptiveField
    from cnnviz.shapes.trace import Trace


def ask(traced: Trace) -> None:
    """Choose an operation, and read where all its numbers come from."""
    from cnnviz.shapes.derivation import derive
    from cnnviz.shapes.op import shape_text
    from cnnviz.shapes.receptive_field import receptive_fields
    from cnnviz.ui import tables

    if not traced.ops:
        return
    name = choose_one(_("Operation"), [op.name for op in traced.ops], key="layer", kind=Message("The layer"))
    op = traced.op(name)
    field = receptive_fields(traced)[op.index]
    derivation = derive(traced, op.index)
    changing = [step for step in derivation.steps if step.op.input_shapes[:1] != (step.result,)]
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.html(tables.chain(shape_text(traced.input_shape), changing, is_dark()))
        st.markdown(plain(derivation.steps[-1].text))
        st.markdown(_counts(op))
        st.markdown(_seen(op, field))
    with right:
        _picture(traced, op, field)


def _counts(op: Op) -> str:
    from cnnviz.shapes.counting import macs_formula, parameter_formula

    lines = []
    params, macs = parameter_formula(op), macs_formula(op)
    if params:
        lines.append(
            _("Parameters, a weight for each place of each kernel and a bias: **{formula}**", formula=params)
        )
    elif op.reused:
        lines.append(_("Parameters: those that were counted where this layer was called first."))
    else:
        lines.append(_("Parameters: {count:,}", count=op.params))
    if macs:
        lines.append(_("Multiply-adds, the products of all output values: **{formula}**", formula=macs))
    else:
        lines.append(_("Multiply-adds: {count:,}", count=op.macs))
    return "\n".join(f"- {line}" for line in lines)


def _seen(op: Op, field: ReceptiveField) -> str:
    from cnnviz.shapes.op import shape_text

    if field.whole:
        return _("Each value of {name} depends on the whole image.", name=op.name)
    text = _(
        "Each value of {name} sees a patch of {size} pixels; from one value to the next the patch moves by "
        "{jump} pixels, and the first begins at {start}.",
        name=op.name,
        size=shape_text(field.size),
        jump=field.jump[1],
        start=field.start[1],
    )
    if field.aligned:
        return text
    return text + " " + _("Branches with different strides meet here, so the patches do not share a centre.")


def _picture(traced: Trace, op: Op, field: ReceptiveField) -> None:
    from cnnviz.plots import receptive_field as plot

    if len(traced.input_shape) != 3:
        return
    rows, columns = op.output_shape[-2:] if len(op.output_shape) == 3 else (1, 1)
    figure = plot.over_input(
        *traced.input_shape[1:],
        field.patch(0, 0),
        field.patch(rows // 2, columns // 2),
        _("What {name} sees of the input", name=op.name),
    )
    st.plotly_chart(figure, key="receptive-field", config={"displayModeBar": False})
    st.caption(str(plot.SENTENCE))
