import pytest
from streamlit.testing.v1 import AppTest


def page(default: bool) -> AppTest:
    def script(default: bool) -> None:
        import streamlit as st

        from cnnviz.ui.shared.link_state import choose_switch

        st.write("on" if choose_switch("Flip", key="flip", default=default) else "off")

    return AppTest.from_function(script, args=(default,))


@pytest.mark.parametrize("default", [False, True])
def test_the_link_holds_what_differs_from_the_default(default: bool) -> None:
    app = page(default).run()
    word = {True: "on", False: "off"}
    assert app.markdown[0].value == word[default]
    assert "flip" not in app.query_params
    app.toggle(key="flip").set_value(not default).run()
    assert app.markdown[0].value == word[not default]
    assert app.query_params["flip"] == str(not default).lower()
    app.toggle(key="flip").set_value(default).run()
    assert app.markdown[0].value == word[default]
    assert "flip" not in app.query_params


def test_a_link_turns_it() -> None:
    app = page(False)
    app.query_params["flip"] = "true"
    assert app.run().markdown[0].value == "on"
    app.query_params["flip"] = "false"
    assert app.run().markdown[0].value == "off"


def test_a_link_that_says_neither_gets_a_sentence_and_the_default() -> None:
    app = page(True)
    app.query_params["flip"] = "maybe*"
    app.run()
    assert app.warning[0].value == (
        r"The link says flip=maybe\*, which cannot be used: allowed is: true \| false."
    )
    assert app.markdown[0].value == "on"
