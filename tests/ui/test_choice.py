from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from cnnviz.language import Message
    from cnnviz.ui.shared.link_state import choose_many, choose_one

    titles = {"a": "Alpha", "b": "Beta", "c": "Gamma"}
    st.text(choose_one("One", list(titles), key="one", kind=Message("The letter"), title=titles.__getitem__))
    many = choose_many("Many", list(titles), key="many", kind=Message("The letter"), default=["a", "b"])
    st.text(" ".join(many))


def opened(**query: str | list[str]) -> AppTest:
    app = AppTest.from_function(page)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def test_defaults_leave_the_link_short() -> None:
    app = opened()
    assert shown(app) == ["a", "a b"]
    assert not app.query_params


def test_link_holds_keys_and_restores_them() -> None:
    app = opened(one="c", many=["b", "c"])
    assert shown(app) == ["c", "b c"]
    app.selectbox[0].set_value("b").run()
    app.multiselect[0].set_value(["c"]).run()
    assert app.query_params == {"one": "b", "many": "c"}
    assert shown(opened(**app.query_params)) == ["b", "c"]


def test_none_chosen_survives_in_the_link() -> None:
    app = opened()
    app.multiselect[0].set_value([]).run()
    assert shown(app) == ["a", ""]
    assert shown(opened(**app.query_params)) == ["a", ""]


def test_unknown_key_gets_a_sentence() -> None:
    app = opened(one="x", many=["a", "bb"])
    assert shown(app) == ["a", "a"]
    assert [warning.value for warning in app.warning] == [
        "The letter 'x' is unknown; there are: a, b, c.",
        "The letter 'bb' is unknown; did you mean 'b'?",
    ]
