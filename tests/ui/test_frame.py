from __future__ import annotations

from streamlit.testing.v1 import AppTest

from cnnviz.language import language, set_language


def fragment_page() -> None:
    import streamlit as st

    from cnnviz.language import language, set_language
    from cnnviz.ui.frame import fragment

    set_language("zh")

    @fragment()
    def part(greeting: str) -> None:
        st.button("again")
        st.text(f"{greeting} {language()}")

    part("in")


def test_fragment_keeps_the_language_in_its_own_reruns() -> None:
    app = AppTest.from_function(fragment_page).run()
    assert app.text[0].value == "in zh"
    app.button[0].click().run()
    assert app.text[0].value == "in zh"


def test_language_of_one_page_does_not_leak_into_this_thread() -> None:
    set_language("en")
    AppTest.from_function(fragment_page).run()
    assert language() == "en"
