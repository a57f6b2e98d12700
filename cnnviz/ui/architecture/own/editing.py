"""The editor, and what is said below its lines: where it fails, what is doubtful, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import sentences
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.ui.architecture.own import drafts, mends, starts
from cnnviz.ui.architecture.own.drafts import Draft
from cnnviz.ui.shared.editor import Mark, edit

if TYPE_CHECKING:
    from cnnviz.operations.op import Failure
    from cnnviz.own.reading import Reading
    from cnnviz.tracing.trace import Trace

_EXAMPLE = "example"


def show(draft: Draft) -> None:
    """The editor, and above it what to begin with."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_("**Your code**"))
        st.space("stretch")
        mends.offer_undo(draft)
        _starts()
    edit(
        drafts.EDITOR,
        marks=list(_marks(draft.reading)),
        label=_("The code of your network"),
        on_change=drafts.take_typed,
    )


def _starts() -> None:
    offered = {_EXAMPLE: _("Example with a mistake"), **starts.offered()}
    st.selectbox(
        _("Start from"),
        list(offered),
        format_func=lambda key: offered[key],
        index=None,
        placeholder=_("Start from ..."),
        key="own-start",
        label_visibility="collapsed",
        width=200,
        on_change=_start,
    )


def _start() -> None:
    """Begin with what was chosen; the field is for the next choice again."""
    chosen = st.session_state.get("own-start")
    st.session_state["own-start"] = None
    if chosen is not None:
        drafts.start_again(starts.example() if chosen == _EXAMPLE else starts.course_network(chosen))


def _marks(reading: Reading) -> Iterator[Mark]:
    if reading.problem is not None and reading.problem.line is not None:
        yield Mark(reading.problem.line, str(reading.problem.message))
    for remark in reading.remarks:
        yield Mark(remark.line, str(remark.text), "remark")
    for warning in reading.warnings:
        if warning.line is not None:
            yield Mark(warning.line, str(warning), "warning")
    failure = None if reading.trace is None else reading.trace.failure
    if reading.trace is not None and failure is not None and failure.line is not None:
        yield Mark(failure.line, _failure(failure, reading.trace))


def _failure(failure: Failure, trace: Trace) -> str:
    """What arrived and what was expected, which layer is responsible, and where what arrived was made."""
    told = [str(failure.reason), *([str(failure.cause)] if failure.cause is not None else [])]
    for index in failure.inputs:
        line = trace.lines[index] if index >= 0 else None
        if line is not None:
            op = trace.ops[index]
            told.append(
                _(
                    "Its input {shape} is the output of {name} in line {line}.",
                    name=op.name,
                    line=line,
                    shape=shape_text(op.output_shape),
                )
            )
    return sentences(told)
