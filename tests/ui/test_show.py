from __future__ import annotations

import logging

import pytest
from streamlit.testing.v1 import AppTest


def troubled_page() -> None:
    import streamlit as st

    from cnnviz.errors import CnnvizError
    from cnnviz.language import Message
    from cnnviz.ui.show import explained

    with explained():
        raise CnnvizError(Message("The file {name} is damaged.", name="a.json"))
    with explained():
        raise ZeroDivisionError("secret detail")
    with explained():
        if st.button("stop"):
            st.stop()
    st.text("the rest")


def test_each_problem_is_a_sentence_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        app = AppTest.from_function(troubled_page).run()
    known, unforeseen = (error.value for error in app.error)
    assert known == "The file a.json is damaged."
    assert "secret detail" not in unforeseen
    assert "secret detail" in caplog.text
    assert app.text[0].value == "the rest"


def test_streamlits_own_stop_passes() -> None:
    app = AppTest.from_function(troubled_page).run()
    app.button[0].click().run()
    assert len(app.error) == 2
    assert not app.text
