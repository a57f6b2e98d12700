"""The Train page where a class has left thousands of runs behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.proto.Dataframe_pb2 import Dataframe
from streamlit.testing.v1 import AppTest

from cnnviz.training.store.runs import Member
from cnnviz.training.store.store import RunStore
from tests.pages.training_page import ME, PAGE, SOMEBODY, mine, recipe

OpenPage = Callable[..., AppTest]


def test_runs_are_shown_fifty_at_a_time(open_page: OpenPage, store: RunStore) -> None:
    store.create_group([Member(recipe(), f"run {number}", {}) for number in range(120)], owner=ME)
    app = open_page(PAGE)
    assert app.dataframe[0].value["name"].tolist() == [f"run {number}" for number in range(119, 69, -1)]
    app.number_input(key="page").set_value(3).run()
    assert app.dataframe[0].value["name"].tolist() == [f"run {number}" for number in range(19, -1, -1)]
    assert any("Runs 101 to 120 of 120" in caption.value for caption in app.caption)
    assert "3" in app.query_params["page"]


def test_whoever_has_no_runs_sees_all_and_chooses_once_they_have_one(
    open_page: OpenPage, store: RunStore
) -> None:
    store.create(recipe(), owner=SOMEBODY, name="theirs")
    app = open_page(PAGE)
    assert app.dataframe[0].value["name"].tolist() == ["theirs"]
    assert "choice-whose" not in app.session_state
    store.create(recipe(), owner=ME, name="mine")
    app = open_page(PAGE)
    assert app.dataframe[0].value["name"].tolist() == ["mine"]
    assert "whose" not in app.query_params
    app = open_page(PAGE, whose="all")
    assert app.dataframe[0].value["name"].tolist() == ["mine", "theirs"]


def test_the_trash_holds_only_what_this_person_may_restore(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, mine = (store.create(recipe(), owner=owner) for owner in (SOMEBODY, ME))
    for run_id in (theirs, mine):
        store.request_stop(run_id)
        store.delete(run_id)
    keys = {button.key for button in open_page(PAGE).button}
    assert {f"restore-{theirs}", f"restore-{mine}"} <= keys  # one person's own server
    monkeypatch.setenv("CNNVIZ_TEACHER_PASSWORD", "correct horse")
    keys = {button.key for button in open_page(PAGE).button}
    assert f"restore-{mine}" in keys
    assert f"restore-{theirs}" not in keys


def test_no_row_is_chosen_for_somebody_whom_no_run_is_shown(open_page: OpenPage, store: RunStore) -> None:
    store.create(recipe(), owner=SOMEBODY)
    (table,) = open_page(PAGE).dataframe
    assert list(table.proto.selection_mode) == [Dataframe.SelectionMode.SINGLE_ROW]
    mine(store)
    table = open_page(PAGE).dataframe[0]
    assert list(table.proto.selection_mode) == [Dataframe.SelectionMode.SINGLE_ROW_REQUIRED]
