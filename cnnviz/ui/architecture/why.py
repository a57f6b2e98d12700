"""Where numbers come from, step by step: those of a Linear, and everything about any one operation."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import palette
from cnnviz.plots.palette import chip, legend
from cnnviz.shapes.table import table
from cnnviz.ui.architecture.network import Subject
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.link_state import choose_one, choose_switch
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption, marked

if TYPE_CHECKING:
    from cnnviz.operations.op import Op, Shape
    from cnnviz.shapes.derivation import Derivation, Step
    from cnnviz.shapes.receptive_field import Box, ReceptiveField
    from cnnviz.tracing.trace import Trace

_FAILED = "?"
"""Stands for the call at which the pass ended, which is no op."""

_MISSING = "-"
_LONG = 48  # characters of a formula


def show(subject: Subject) -> None:
    """Why a Linear takes what it takes; of a network without one, why its output has its shape.

    Where the network broke, what arrived there.
    """
    from cnnviz.shapes.derivation import derive, derive_failure, linear_indices

    traced = subject.trace
    indices = linear_indices(traced) or range(len(traced.ops))[-1:]
    found = {traced.ops[index].name: index for index in indices}
    if traced.failure:
        offered = [_FAILED, *found]
    elif found:
        offered = list(found)
    else:
        caption(_("No operation was executed, so there is nothing to explain."))
        return
    chosen = offered[0]
    with st.container(horizontal=True, vertical_alignment="center", key="explained"):
        heading = st.container()
        if len(offered) > 1:
            chosen = choose_one(
                _("Explain"),
                offered,
                key="why",
                kind=Message("layer"),
                title=lambda name: _title(traced, name),
                label_visibility="collapsed",
                width=260,
            )
    broken = chosen == _FAILED
    derivation = derive_failure(traced) if broken else derive(traced, found[chosen])
    with heading:
        st.subheader(plain(_heading(traced, derivation, broken)), anchor=False)
    _explain(traced, derivation, broken, _working(subject) if broken else None)


def _working(subject: Subject) -> Trace | None:
    """The same network as it was designed, with the input it was designed for; None where that fails, too."""
    network = subject.network
    if not subject.edits and subject.trace.input_shape == network.input_shape:
        return None
    working = cached.trace(network.name, network.input_shape)
    return working if working.failure is None else None


def _title(traced: Trace, name: str) -> str:
    if traced.failure is not None and name == _FAILED:
        return _("input of {layer}", layer=traced.failure.name)
    return name


def _heading(traced: Trace, derivation: Derivation, broken: bool) -> str:
    last = derivation.steps[-1].substituted if derivation.steps else shape_text(traced.input_shape)
    if broken and traced.failure is not None and len(traced.failure.inputs) > 1:
        shapes = (traced.ops[i].output_shape if i >= 0 else traced.input_shape for i in traced.failure.inputs)
        last = ", ".join(map(shape_text, shapes))
    if broken:
        return _("Input of {layer}: {numbers}", layer=derivation.layer, numbers=last)
    return _("Why {layer} is {linear}", layer=derivation.layer, linear=last)


def _explain(traced: Trace, derivation: Derivation, broken: bool, working: Trace | None) -> None:
    from cnnviz.shapes.derivation import stations

    if working is not None:
        st.html(side_by_side(working, traced))
        caption(
            _(
                "Works: the network as it was designed, with the input it was designed for. Fails: the "
                "network on this page. ≠ marks what differs."
            )
        )
    else:
        told = stations(traced.input_shape, derivation.steps)
        st.html(chain(shape_text(traced.input_shape), told))
    unfolded(traced, derivation, broken)


def side_by_side(working: Trace, broken: Trace) -> str:
    """The way to the call where ``broken`` ended, beside the way to the same call in ``working``."""
    from cnnviz.shapes.derivation import beside

    titles = (_("Operation"), _("Works"), _("Fails"))
    starts = (shape_text(one.input_shape) for one in (working, broken))
    rows = _beside(f"{chip(None)} {escape(_('input'))}", *starts)
    for name, right, wrong in beside(working, broken):
        known = right or wrong
        title = f"{chip(known.op.kind if known else None)} <b>{escape(name)}</b>"
        rows += _beside(title, _numbers_of(right), _numbers_of(wrong))
    kinds = dict.fromkeys(op.kind for op in (*working.ops, *broken.ops))
    return table([(title, "left") for title in titles], rows + _end(working, broken), marked) + legend(kinds)


def _beside(name: str, right: str, wrong: str) -> str:
    emphasis = "cnnviz-changed" if right != wrong else "cnnviz-unchanged"
    mark = "≠ " if right != wrong and wrong != _MISSING else ""
    style = "cnnviz-wide cnnviz-digits"
    cells = f'<td class="{style}">{escape(right)}</td><td class="{style}">{escape(mark + wrong)}</td>'
    return f'<tr class="{emphasis}"><td>{name}</td>{cells}</tr>'


def _numbers_of(step: Step | None) -> str:
    """A step's rule with numbers, and its shape where the rule does not say all of it."""
    if step is None:
        return _MISSING
    shape = shape_text(step.result)
    return step.substituted if step.substituted.endswith(shape) else f"{step.substituted} → {shape}"


def _end(working: Trace, broken: Trace) -> str:
    """The last row: what the call makes of it in ``working``, and what it says in ``broken``."""
    failure = broken.failure
    if failure is None:
        return ""
    op = next((op for op in working.ops if op.name == failure.name), None)
    right = _MISSING if op is None else "✓ " + shape_text(op.output_shape)
    wrong = "✗ "
    if failure.expected is not None and failure.received is not None:
        wrong += f"{_number(failure.received)} ≠ {_number(failure.expected)}"
    cells = f'<td>{escape(right)}</td><td class="cnnviz-broken">{escape(wrong)}</td>'
    return f"<tr><td>{chip(op.kind if op else None)} <b>{escape(failure.name)}</b></td>{cells}</tr>"


def _number(value: int | Shape) -> str:
    return f"{value}" if isinstance(value, int) else shape_text(value)


def unfolded(traced: Trace, derivation: Derivation, broken: bool = False) -> None:
    """Every step of ``derivation``, and what happens side by side before branches meet on the way.

    ``broken`` says that it tells of the call at which the pass ended.
    """
    from cnnviz.shapes.receptive_field import receptive_fields

    fields = receptive_fields(traced)
    _branches(traced, derivation, fields, broken)
    if not derivation.steps:
        return
    heading = _("Step by step")
    st.markdown(f"**{heading}**")
    st.html(_steps(derivation.steps, fields))
    st.html(legend(dict.fromkeys(step.op.kind for step in derivation.steps)))
    caption(
        _(
            "The receptive field is the patch of the input that one value depends on, in pixels; where "
            "it is larger than the image, the rest is padding."
        )
    )


def _branches(traced: Trace, derivation: Derivation, fields: Sequence[ReceptiveField], broken: bool) -> None:
    """What happens side by side before the branches meet: one meeting at a time."""
    from cnnviz.shapes import derivation as core

    inputs = {
        traced.ops[index].name: traced.ops[index].inputs
        for step in derivation.steps[-1:]
        for index in core.meetings(traced, step.op.index)
    }
    if broken and traced.failure is not None and len(traced.failure.inputs) > 1:
        inputs = {traced.failure.name: traced.failure.inputs, **inputs}
    if not inputs:
        return
    with st.expander(_("Parallel branches before each merge"), expanded=broken):
        name = choose_one(_("Merge"), list(inputs), key="meeting", kind=Message("merge"))
        told = core.branches(traced, inputs[name])
        for number, (source, branch) in enumerate(zip(inputs[name], told, strict=True), 1):
            shape = traced.ops[source].output_shape if source >= 0 else traced.input_shape
            heading = _("Branch {number}: {shape}", number=number, shape=shape_text(shape))
            st.markdown(f"**{heading}**")
            if branch:
                st.html(_steps(branch, fields))
            else:
                caption(_("The shortcut passes its input on unchanged."))


def _steps(derivation: Sequence[Step], fields: Sequence[ReceptiveField]) -> str:
    """A derivation as a table: operation, the rule with numbers, result, receptive field, rule; a sentence below.

    ``fields`` are the receptive fields of all ops of the trace, by index.
    """
    titles = (_("Operation"), _("With numbers"), _("Result"), _("Receptive field"), _("Rule"))
    body = "".join(_step(step, fields[step.op.index]) for step in derivation)
    return table([(title, "left") for title in titles], body, marked)


def _step(step: Step, field: ReceptiveField) -> str:
    # The sum of a DenseNet's 33 branches takes several lines; what is short stays on one.
    broken = " cnnviz-long" if len(step.substituted) > _LONG else ""
    return (
        f"<tr><td>{chip(step.op.kind)} <b>{escape(step.op.name)}</b></td>"
        f'<td class="cnnviz-formula{broken}">{escape(step.substituted)}</td>'
        f'<td class="cnnviz-digits">{shape_text(step.result)}</td>'
        f'<td class="cnnviz-digits">{escape(extent(field))}</td>'
        f'<td class="cnnviz-rest">{escape(step.rule)}</td></tr>'
        f'<tr><td colspan="5" class="cnnviz-sentence"><div>{escape(step.text)}</div></td></tr>'
    )


def chain(start: str, links: Sequence[Step]) -> str:
    """The numbers of a derivation in one line that wraps: a box for each step, arrows between them."""
    boxes = [_box(_("input"), start, "other")]
    boxes += [_box(step.op.name, step.substituted, step.op.kind) for step in links]
    arrow = '<span class="cnnviz-arrow">→</span>'
    return f'<div class="cnnviz-chain">{arrow.join(boxes)}</div>'


def _box(name: str, numbers: str, kind: str) -> str:
    return (
        f'<span class="cnnviz-station {palette.kind_class(kind)}"><span class="cnnviz-note">{escape(name)}</span>'
        f'<span class="cnnviz-strong cnnviz-digits">{escape(numbers)}</span></span>'
    )


def extent(field: ReceptiveField) -> str:
    """A receptive field in a few words."""
    if not field.known:
        return _("unknown")
    if field.nothing:
        return _("no pixels")
    if field.whole:
        return _("the whole image")
    if not field.regular:
        return _("at most {size}", size=shape_text(field.size))
    return shape_text(field.size)


def show_operation(subject: Subject) -> None:
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
    chart(figure, key="receptive-field")
    caption(str(plot.RECEPTIVE_FIELD_SENTENCE))


def _rectangle(box: Box) -> tuple[int, int, int, int]:
    (top, height), (left, width) = box
    return top, left, height, width


def _way(traced: Trace, derivation: Derivation) -> None:
    """The chain from the input in one line, and all of it, branches included, where somebody unfolds it."""
    from cnnviz.shapes.derivation import stations

    heading = _("Path from the input")
    st.markdown(f"**{heading}**")
    told = stations(traced.input_shape, derivation.steps)
    st.html(chain(shape_text(traced.input_shape), told))
    if choose_switch(_("Show every step, including branches"), key="way"):
        unfolded(traced, derivation)
