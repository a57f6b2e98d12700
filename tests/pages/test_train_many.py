"""The Train page where a class has left thousands of runs behind."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from cnnviz.training.store.runs import Member
from cnnviz.training.store.store import RunStore
from tests.pages.training_page import ME, PAGE, recipe

OpenPage = Callable[..., AppTest]


def test_runs_are_shown_fifty_at_a_time(open_page: OpenPage, store: RunStore) -> None:
    store.create_group([Member(recipe(), f"run {number}", {}) for number in range(120)], owner=ME)
    app = open_page(PAGE)
    assert app.dataframe[0].value["name"].tolist() == [f"run {number}" for number in range(119, 69, -1)]
    app.number_input(key="page").set_value(3).run()
    assert app.dataframe[0].value["name"].tolist() == [f"run {number}" for number in range(19, -1, -1)]
    assert any("Runs 101 to 120 of 120" in caption.value for caption in app.caption)
    assert "3" in app.query_params["page"]
