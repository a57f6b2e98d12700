from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.ui.shared import query as module


def page() -> None:
    import streamlit as st

    from cnnviz.ui.shared.link_state import choose_number, put_edit, put_in_link
    from cnnviz.ui.shared.query import query

    query.begin()
    st.text(choose_number("Size", key="size", low=1, high=99, default=28))
    st.button("Next", key="next", on_click=lambda: put_in_link("size", st.session_state["size"] + 1, 28))
    st.button("Edit", key="edit", on_click=put_edit, args=("conv1.stride", "2"))
    st.button("Start", key="start")
    st.button("Settle", key="settle", on_click=query.settle, args=({"size": "7"},))
    st.text(str(query.settled()))


def typed(value: int) -> AppTest:
    """The page on which a number was typed; what the browser sends next it may send without having heard of that."""
    return (
        AppTest.from_function(page, default_timeout=60).run().number_input(key="size").set_value(value).run()
    )


def with_the_old_address(app: AppTest) -> AppTest:
    app.query_params.clear()
    return app


@pytest.mark.parametrize(
    ("button", "size", "edit"),
    [("start", "32", None), ("next", "33", None), ("edit", "32", "conv1.stride=2")],
)
def test_a_click_from_before_the_new_address_was_known_keeps_the_number_that_was_typed(
    button: str, size: str, edit: str | None
) -> None:
    app = with_the_old_address(typed(32))
    app.button(key=button).click().run()
    assert app.text[0].value == size
    assert app.query_params["size"] == size
    assert app.query_params.get("set") == edit


def test_two_clicks_from_before_the_new_address_was_known_keep_it_too() -> None:
    app = with_the_old_address(typed(32))
    app.button(key="next").click().run()
    with_the_old_address(app).button(key="next").click().run()
    assert app.text[0].value == "34"


def test_the_old_address_counts_once_the_browser_has_shown_that_it_knows_the_new_one() -> None:
    app = typed(32).run()
    assert with_the_old_address(app).run().text[0].value == "28"
    assert not app.query_params


def test_a_click_that_waited_for_a_slow_page_keeps_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page takes ten seconds until its last line, which asks for the address."""
    clock = SimpleNamespace(now=0.0)
    settled = module.Query.settled

    def slowly(self: module.Query) -> str | None:
        clock.now += 10
        return settled(self)

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(module.Query, "settled", slowly)
    app = with_the_old_address(typed(32))
    app.button(key="start").click().run()
    assert app.text[0].value == "32"
    clock.now += 10  # nothing is on its way any more
    assert with_the_old_address(app).run().text[0].value == "28"


def test_the_old_address_counts_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAG_SECONDS", 0.0)
    assert with_the_old_address(typed(32)).run().text[0].value == "28"


def test_an_address_that_was_never_replaced_counts_at_once() -> None:
    app = typed(32)
    app.query_params["size"] = "40"
    assert app.run().text[0].value == "40"


def test_what_is_settled_counts_at_once_and_streamlit_hears_of_it_when_the_browser_has_put_it_in_place() -> (
    None
):
    app = typed(32)
    app.button(key="settle").click().run()
    assert [text.value for text in app.text] == ["7", "size=7"]
    assert app.query_params["size"] == "32"  # nothing was sent that would be a step of the browser's history
    app.run()
    assert [text.value for text in app.text] == ["7", "None"]
    assert app.query_params["size"] == "7"


def test_what_is_settled_again_and_again_stays_out_of_the_history() -> None:
    app = typed(32)
    for _time in range(3):
        app.button(key="settle").click().run()
        assert app.text[0].value == "7"
        app.button(key="next").click().run()
        assert app.query_params["size"] == "8"


def test_a_link_that_is_followed_counts_more_than_what_was_settled() -> None:
    app = typed(32)
    app.button(key="settle").click().run()
    app.query_params["size"] = "40"
    assert [text.value for text in app.run().text] == ["40", "None"]


def test_everybody_reads_and_writes_the_link_through_this_module() -> None:
    files = [PROJECT_DIRECTORY / "app.py", *PROJECT_DIRECTORY.glob("pages/*.py")]
    files += (PROJECT_DIRECTORY / "cnnviz" / "ui").rglob("*.py")
    others = [file for file in files if file != Path(module.__file__)]
    assert len(others) > 40
    bypassing = [
        file.name for file in others if "st.query_params" in (text := file.read_text()) or ", bind=" in text
    ]
    assert bypassing == []
