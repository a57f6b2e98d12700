from __future__ import annotations

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cnnviz.language import language, set_language
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.ui.shared.pace import Pace


def fragment_page() -> None:
    import streamlit as st

    from cnnviz.language import language, set_language
    from cnnviz.ui.shared.frame import fragment

    set_language("zh")

    @fragment()
    def part(greeting: str) -> None:
        st.button("again")
        st.text(f"{greeting} {language()}")

    part("in")


def test_fragment_keeps_the_language_in_its_own_reruns() -> None:
    app = AppTest.from_function(fragment_page, default_timeout=60).run()
    assert app.text[0].value == "in zh"
    app.button[0].click().run()
    assert app.text[0].value == "in zh"


def test_where_too_many_look_at_a_server_pages_look_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, fragment = list[float | None](), st.fragment

    def noted(draw: Callable[..., object], run_every: float | None) -> Callable[..., object]:
        asked.append(run_every)
        return fragment(draw, run_every=run_every)

    def page() -> None:
        import streamlit as st

        from cnnviz.ui.shared.frame import fragment

        fragment(run_every=0.8)(lambda: st.text("looks"))()
        fragment()(lambda: st.text("waits to be asked"))()

    monkeypatch.setattr(st, "fragment", noted)
    for factor in (1, 4):
        monkeypatch.setattr(Pace, "factor", factor)
        assert len(AppTest.from_function(page, default_timeout=60).run().text) == 2
    assert asked == [0.8, None, 3.2, None]


def test_language_of_one_page_does_not_leak_into_this_thread() -> None:
    set_language("en")
    AppTest.from_function(fragment_page, default_timeout=60).run()
    assert language() == "en"


def home(**query: str) -> AppTest:
    app = AppTest.from_file(str(PROJECT_DIRECTORY / "app.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def spoken_by(app: AppTest) -> str:
    return "en" if app.title[0].value.isascii() else "zh"


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("zh-CN", "zh"), ("zh", "zh"), ("ZH_tw", "zh"), ("en-GB", "en"), ("de", "en"), (None, "en")],
)
def test_the_browsers_language_is_where_a_session_begins(
    monkeypatch: pytest.MonkeyPatch, locale: str | None, expected: str
) -> None:
    monkeypatch.setattr(type(st.context), "locale", locale)
    assert spoken_by(home()) == expected
    assert spoken_by(home(lang="en")) == "en"
    assert spoken_by(home(lang="zh")) == "zh"


def test_english_chosen_in_a_chinese_browser_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(st.context), "locale", "zh-CN")
    app = home()
    app.button_group(key="language_switch").set_value("en").run()
    assert spoken_by(app) == "en"
    assert app.query_params["lang"] == "en"  # or a reload would be Chinese again
    assert app.get("page_link")
    assert all("lang=en" in link.proto.query_string for link in app.get("page_link"))
    assert spoken_by(app.run()) == "en"
