"""The table of all runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.training.runs import Run, describe
from cnnviz.training.store import open_store
from cnnviz.ui.frame import fragment
from cnnviz.ui.runs import data_title, epochs_text, network_title
from cnnviz.ui.show import explained

LIST_SECONDS = 3.0


def list_runs(runs: Sequence[Run], shown: Run | None) -> None:
    """All runs in a table; the chosen one is shown, and named in the link."""
    if not runs:
        return
    st.subheader(_("All runs"), anchor=False)
    goes_on = any(run.is_open for run in runs)
    fragment(run_every=LIST_SECONDS if goes_on else None)(_list)(shown.id if shown else None)


def _list(shown: str | None) -> None:
    with explained():
        runs = open_store().list()
        if st.session_state.pop("_other_run_chosen", False):
            st.rerun()
        ids = [run.id for run in runs]
        key = f"runs-{ids[0]}-{shown}"  # rows move when a run is added, and the selection goes by row
        st.dataframe(
            _rows(runs),
            key=key,
            on_select=lambda: _choose(key, ids, shown),
            selection_mode="single-row-required",
            selection_default={"selection": {"rows": [ids.index(shown)] if shown in ids else []}},
            hide_index=True,
            column_config=_columns(),
            placeholder="–",
        )


def _choose(key: str, ids: Sequence[str], shown: str | None) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    # A table also tells of the row that is selected at first, which may be when another run was started.
    if rows and rows[0] < len(ids) and ids[rows[0]] != shown:
        st.query_params["run"] = ids[rows[0]]
        st.session_state["_other_run_chosen"] = True


def _rows(runs: Sequence[Run]) -> dict[str, list[Any]]:
    zone = _zone()
    return {
        "status": [str(describe(run.status)) for run in runs],
        "network": [network_title(run) for run in runs],
        "accuracy": [None if run.test_accuracy is None else 100 * run.test_accuracy for run in runs],
        "epochs": [epochs_text(run) for run in runs],
        "data": [data_title(run) for run in runs],
        "created": [datetime.fromtimestamp(run.created_at, zone).replace(tzinfo=None) for run in runs],
        "run": [run.id for run in runs],
    }


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "status": config.TextColumn(_("Status")),
        "network": config.TextColumn(_("Network")),
        "data": config.TextColumn(_("Data")),
        "epochs": config.TextColumn(_("Epochs")),
        "accuracy": config.NumberColumn(_("Test accuracy"), format="%.2f%%"),
        "created": config.DatetimeColumn(_("Created"), format="YYYY-MM-DD HH:mm"),
        "run": config.TextColumn(_("Run")),
    }


def _zone() -> ZoneInfo | None:
    """The time zone of the person's browser; None, the server's, where it is unknown."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError):
        return None
