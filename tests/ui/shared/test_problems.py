from __future__ import annotations

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from cnnviz.ui.shared.problems import plain


def troubled_page() -> None:
    import streamlit as st

    from cnnviz.errors import CnnvizError
    from cnnviz.language import Message
    from cnnviz.ui.shared.problems import explained

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
        app = AppTest.from_function(troubled_page, default_timeout=60).run()
    known, unforeseen = (error.value for error in app.error)
    assert known == "The file a.json is damaged."
    assert "secret detail" not in unforeseen
    assert "secret detail" in caplog.text
    assert app.text[0].value == "the rest"


def test_streamlits_own_stop_passes() -> None:
    app = AppTest.from_function(troubled_page, default_timeout=60).run()
    app.button[0].click().run()
    assert len(app.error) == 2
    assert not app.text


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("fc.in_features = 1408 (88 x 4 x 4)", "fc.in_features = 1408 (88 x 4 x 4)"),
        ("![a](b.png)[c](d)", r"!\[a\](b.png)\[c\](d)"),
        ("a\n\n# b\r\n\t> c\u2028d\x00\u202ee", r"a \# b \> c d e"),
        ("<b>&lt;`c`*d*~~e~~|$f$\\", r"\<b\>\&lt;\`c\`\*d\*\~\~e\~\~\|\$f\$" "\\\\"),
        ("_a_ snake_case __b", r"\_a\_ snake_case \_\_b"),
        (" - a", r"\- a"),
        ("12. a", r"12\. a"),
        ("3) a", r"3\) a"),
        ("=== a", r"\=== a"),
        ("https://e.example", "https:\u200b//e.example"),
        ("WWW.e.example me@e.example", "WWW\u200b.e.example me@\u200be.example"),
        (":smile: :+1: :red[a] :material/home: a: b", None),
        ("网络 “x” 不存在", "网络 “x” 不存在"),
    ],
)
def test_plain_text_is_markdown_that_means_nothing(text: str, markdown: str | None) -> None:
    if markdown is None:
        markdown = ":\u200bsmile: :\u200b+1: :\u200bred\\[a\\] :\u200bmaterial/home: a: b"
    assert plain(text) == markdown


@given(st.text())
def test_plain_text_is_one_line_and_loses_no_letter(text: str) -> None:
    shown = plain(text)
    assert len(shown.splitlines()) <= 1
    letters = "".join(sign for sign in text if sign.isalnum())
    assert "".join(sign for sign in shown if sign.isalnum()) == letters
    assert not re.search(r"(?<!\\)(\\\\)*[\[\]<>`$*]", shown)


def test_a_problem_is_shown_as_it_is_written() -> None:
    def page() -> None:
        from cnnviz.errors import CnnvizError
        from cnnviz.language import Message
        from cnnviz.ui.shared.problems import explained, link_problem

        with explained():
            raise CnnvizError(Message("{name} is damaged.", name="![a](https://evil.example/x.png)"))
        link_problem(Message("{name} is unknown.", name="[a](https://evil.example)"))

    app = AppTest.from_function(page, default_timeout=60).run()
    assert app.error[0].value == "!\\[a\\](https:\u200b//evil.example/x.png) is damaged."
    assert app.warning[0].value == "\\[a\\](https:\u200b//evil.example) is unknown."


def test_what_a_link_cannot_name_is_still_said_when_the_page_runs_again_by_itself() -> None:
    def page() -> None:
        import streamlit as st

        from cnnviz.ui.shared.problems import link_problem, repeat_link_problems, run_again

        repeat_link_problems()
        st.session_state["runs"] = runs = st.session_state.get("runs", 0) + 1
        link_problem("Unknown model 'x'.")  # as a choice does: its link stays as it is
        if runs == 1:
            link_problem("epochs=abc. in the link cannot be used")
        if runs <= 2:
            run_again()

    app = AppTest.from_function(page, default_timeout=60).run()
    assert app.session_state["runs"] == 3
    both = ["Unknown model 'x'.", "epochs=abc. in the link cannot be used"]
    assert [warning.value for warning in app.warning] == both
    assert [warning.value for warning in app.run().warning] == both[:1]  # the person has done something since
