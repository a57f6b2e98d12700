"""The table of runs: one's own or everybody's, and a way to restore deleted ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from cnnviz.classroom.controls import Control
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store import disk
from cnnviz.training.store.polled import open_polled
from cnnviz.training.store.runs import Run, describe
from cnnviz.training.store.store import open_store
from cnnviz.ui.shared import controls, rights
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import choose_number, choose_segment
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import ask, explained, plain
from cnnviz.ui.shared.words import caption, meaning
from cnnviz.ui.train.run_controls import restore
from cnnviz.ui.train.runs import data_title, epochs_text, network_title, short_title, show
from cnnviz.ui.train.sharing import upload_weights

LIST_SECONDS = 3.0
_MOST_DELETED = 20
WHOSE: Mapping[str, Message] = MappingProxyType({"mine": Message("My runs"), "all": Message("All runs")})


PAGE = 50
"""So many runs are shown at once: a class leaves thousands behind."""


def list_runs(shown: Run | None, recipe: Recipe | None) -> None:
    """A table of runs; selecting one shows it and puts it into the link. ``recipe`` is the form's."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(_("Runs"), anchor=False, width="content")
        whose = _choose_whose()
        st.space("stretch")
        upload_weights(recipe)
        _deleted()
    store = open_polled()
    if not store.list(1):
        return
    page = _choose_page(store.count(owner=_person(whose)))
    goes_on = bool(store.list(1, only_open=True, owner=_person(whose)))
    fragment(run_every=LIST_SECONDS if goes_on else None)(_list)(shown.id if shown else None, whose, page)


def _person(whose: str) -> str | None:
    """Whose runs ``whose`` (a key of :data:`WHOSE`) means; None for everybody's."""
    return None if whose == "all" else owner()


def _choose_page(count: int) -> int:
    """The page of the table, from 1; there is nothing to choose where all runs fit on one."""
    if count <= PAGE:
        return 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        page = choose_number(_("Page"), key="page", low=1, high=math.ceil(count / PAGE), default=1, width=120)
        first = (page - 1) * PAGE
        caption(
            _(
                "Runs {first:,} to {last:,} of {count:,}, the newest first",
                first=first + 1,
                last=min(first + PAGE, count),
                count=count,
            )
        )
    return page


def _choose_whose() -> str:
    """Whose runs are listed; somebody who has none sees all, and has nothing to choose.

    The default never changes while the choice is drawn: the browser may still send the one before, which would count
    as chosen.
    """
    if not open_polled().list(1, owner=owner()):
        return "all"
    return choose_segment(
        _("Show"),
        WHOSE,
        key="whose",
        kind=Message("choice"),
        default="mine",
        label_visibility="collapsed",
    )


@controls.offers(Control.TRAINING)
def _deleted() -> None:
    """Deleted runs that can be restored, newest first."""
    person = None if rights.may_do_anything() else owner()
    gone = open_polled().list(_MOST_DELETED, deleted=True, owner=person)
    if not gone:
        return
    _tell_put_aside(sum(disk.was_put_aside(open_store(), run) for run in gone))
    with st.popover(_("Trash: {count:,}", count=len(gone)), icon=":material/delete:", key="deleted"):
        for run in gone:
            st.button(
                plain(_("Restore {run}", run=short_title(run))),
                key=f"restore-{run.id}",
                icon=":material/undo:",
                on_click=ask,
                args=(restore, run.id),
                width="stretch",
            )


def _tell_put_aside(count: int) -> None:
    if count:
        st.info(
            _(
                "The disk space for runs is nearly used up, so the oldest finished runs without a name were moved to "
                "the trash ({count:,}), and will be deleted there. Restore the ones you want to keep; runs with a "
                "name always stay.",
                count=count,
            ),
            icon=":material/auto_delete:",
        )


def _list(shown: str | None, whose: str, page: int) -> None:
    with explained():
        runs = open_polled().list(PAGE, skip=(page - 1) * PAGE, owner=_person(whose))
        if st.session_state.pop("_other_run_chosen", False):
            st.rerun()
        if not runs:
            st.caption(_("None."))
            return
        ids = [run.id for run in runs]
        key = f"runs-{ids[0]}-{ids[-1]}-{shown}-{len(ids)}"  # rows move when a run is added, and the selection goes by row
        st.dataframe(
            _rows(runs),
            key=key,
            on_select=lambda: _choose(key, ids, shown),
            # A required row is chosen by the browser where none is, and told with the next click, whatever that is on.
            selection_mode="single-row-required" if shown in ids else "single-row",
            selection_default={"selection": {"rows": [ids.index(shown)] if shown in ids else []}},
            hide_index=True,
            alt=_("{count:,} runs; select one to show it", count=len(runs)),
            column_config=_columns(runs),
            placeholder="–",
        )


def _choose(key: str, ids: Sequence[str], shown: str | None) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    # A table also tells of the row that is selected at first, which may be when another run was started.
    if rows and rows[0] < len(ids) and ids[rows[0]] != shown:
        show(ids[rows[0]])
        st.session_state["_other_run_chosen"] = True


def _rows(runs: Sequence[Run]) -> dict[str, list[Any]]:
    zone = _zone()
    return {
        "name": [run.name or "" for run in runs],
        "status": [str(describe(run.status)) for run in runs],
        "network": [network_title(run) for run in runs],
        "accuracy": [None if run.test_accuracy is None else 100 * run.test_accuracy for run in runs],
        "epochs": [epochs_text(run) for run in runs],
        "data": [data_title(run) for run in runs],
        "created": [datetime.fromtimestamp(run.created_at, zone).replace(tzinfo=None) for run in runs],
        "run": [run.id for run in runs],
    }


def _columns(runs: Sequence[Run]) -> dict[str, Any]:
    config = st.column_config
    named = any(run.name for run in runs)
    return {
        "name": config.TextColumn(_("Name")) if named else None,
        "status": config.TextColumn(_("Status")),
        "network": config.TextColumn(_("Network")),
        "data": config.TextColumn(_("Data")),
        "epochs": config.TextColumn(_("Epochs"), help=meaning("epoch")),
        "accuracy": config.NumberColumn(_("Test accuracy"), format="%.2f%%", help=meaning("test-accuracy")),
        "created": config.DatetimeColumn(_("Created"), format="YYYY-MM-DD HH:mm"),
        "run": config.TextColumn(_("Run")),
    }


def _zone() -> ZoneInfo | None:
    """The browser's time zone; None (the server's) if unknown."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError):
        return None
