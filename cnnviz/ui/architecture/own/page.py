"""The Architecture page of a network as text: the editor, and beside it what the text gives, as one types."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.classroom.controls import Control
from cnnviz.language import translate as _
from cnnviz.own.architecture import fitting_datasets, get
from cnnviz.ui.architecture import layers, network, overview, views, what_if
from cnnviz.ui.architecture.network import Subject
from cnnviz.ui.architecture.own import choices, drafts, editing, managing, mends
from cnnviz.ui.architecture.own.drafts import Draft
from cnnviz.ui.shared import cached, carried, controls, frame
from cnnviz.ui.shared.link_state import edits_in_link
from cnnviz.ui.shared.owner import remember_owner
from cnnviz.ui.shared.problems import answer_callbacks, explained, plain
from cnnviz.ui.shared.query import follow
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.own.definition import Definition
    from cnnviz.own.reading import Problem

_COLUMNS = (1, 1)


def show(corner: DeltaGenerator) -> None:
    """Everything below the title; the link goes into ``corner``."""
    answer_callbacks()
    if not controls.may_use(Control.OWN):
        network.pick_for_page()
        controls.say_hidden()
        return
    with explained():
        with st.spinner(_("Tracing {title} ...", title=_("Your own network"))):
            draft = drafts.opened()
        _page(draft, corner)
    follow()
    remember_owner()


def _page(draft: Draft, corner: DeltaGenerator) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        network.pick_for_page()
        managing.show(draft)
    left, right = st.columns(_COLUMNS, gap="medium")
    with left:
        editing.show(draft)
        choices.show(draft)
    with right:
        subject = _result(draft)
    if subject is None:
        return
    with explained(), st.container(key="settings-what-if"):
        mends.offer_writing(draft, what_if.choose(subject.network.name, subject.edits))
    view = views.choose()
    with corner:
        managing.link(draft)
    with explained():
        view.show(subject)
    with st.container(key="about"):
        overview.about(subject)


def _result(draft: Draft) -> Subject | None:
    """What the code gives: its failure and the ways out, its table, its sizes; or why there is none."""
    problem = draft.reading.problem
    if draft.unkept is not None and (problem is None or draft.unkept != problem.message):
        st.warning(plain(draft.unkept), icon=":material/save:")
    if problem is not None:
        _problem(problem)
    told, ways = st.container(), st.container()
    subject = None
    if draft.good is not None:
        subject = _subject(draft.good)
        with told:
            if problem is not None:
                caption(_("Below is the last version that could be read."))
            elif subject.trace.failure is not None:
                overview.diagnosis(subject.trace.failure)
        with st.container(key="own-table"):
            layers.show_live(subject)
        overview.totals(subject)
        if problem is None:
            _onwards(subject)
    with ways:  # they take longer to find than the table
        _ways_out(draft, subject)
    return subject


def _ways_out(draft: Draft, subject: Subject | None) -> None:
    reading, edits = draft.reading, () if subject is None else subject.edits
    failure = None if subject is None or reading.problem else subject.trace.failure
    if failure is not None or reading.problem is not None or (reading.warnings and not edits):
        mends.offer(draft, failure, edits)


def _problem(problem: Problem) -> None:
    told = str(problem.message)
    if problem.line is not None:
        told = _("Line {line}: {problem}", line=problem.line, problem=told)
    with st.container(key="own-problem"):
        st.error(plain(told), icon=":material/error:")


def _subject(definition: Definition) -> Subject:
    """The network to show, with the changes that the link holds."""
    shown, edits = network.get(definition.key), edits_in_link()
    reading = cached.reading(definition, edits)
    trace = cached.trace(shown.name, shown.input_shape, edits) if edits else reading.trace
    assert trace is not None
    return Subject(replace(shown, input_shape=trace.input_shape), edits, trace, reading)


def _onwards(subject: Subject) -> None:
    """The ways to the other pages: to the training where there is a data set for such a network."""
    facts = get(subject.network.name).facts
    if not facts.runs:
        return
    with st.container(horizontal=True, key="own-onwards"):
        if fitting_datasets(facts):
            frame.link(frame.TRAIN, _("Train it"))
        frame.link(frame.FILTERS, _("Look at its filters"))
        if carried.parameters(frame.DRAW.name):  # it has been trained
            frame.link(frame.DRAW, _("Draw for it"))
