from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import architectures


def numbers() -> None:
    import streamlit as st

    from cnnviz.ui.shared.link_state import choose_number, put_in_link

    usual = {"a": 28, "b": 224}[st.selectbox("Of", ["a", "b"], key="of")]
    st.text(choose_number("Whole", key="size", low=1, high=512, default=usual))
    st.text(choose_number("Real", key="rate", low=1e-6, high=10.0, default=0.01, step=0.005))
    st.text(choose_number("Free", key="free", low=1, high=9, default=3, limited=False, step=1))
    st.text(choose_number("Pen", key="pen", low=12, high=40, default=24, widget=st.slider))
    st.button("Next", key="next", on_click=lambda: put_in_link("size", 7, default=28))


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(numbers, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def test_default_numbers_leave_the_link_short() -> None:
    app = opened()
    assert shown(app) == ["28", "0.01", "3", "24"]
    app.number_input(key="size").set_value(32).run()
    app.number_input(key="size").set_value(28).run()
    assert not app.query_params
    assert not app.warning


def test_link_holds_numbers_and_restores_them() -> None:
    app = opened()
    app.number_input(key="size").set_value(32).run()
    app.number_input(key="rate").set_value(1e-5).run()
    app.slider(key="pen").set_value(12).run()
    numbers = ["32", "1e-05", "3", "12"]
    assert shown(app) == numbers
    again = opened(**app.query_params)
    assert shown(again) == numbers
    assert not again.warning
    again.button(key="next").click().run()
    assert shown(again)[0] == "7"


def test_default_follows_another_choice_unless_a_number_was_chosen() -> None:
    app = opened()
    app.selectbox(key="of").set_value("b").run()
    assert shown(app)[0] == "224"
    assert app.number_input(key="size").value == 224
    app.number_input(key="size").set_value(100).run()
    app.selectbox(key="of").set_value("a").run()
    assert shown(app)[0] == "100"


@pytest.mark.parametrize(
    "value",
    ["1e999", "-1e999", "nan", "9" * 5000, "-5", "0", "513", "2.5", "banana", "", "0x1c", "1e18"],
)
def test_whole_number_that_cannot_be_used_is_named_and_leaves_the_link(value: str) -> None:
    app = opened(size=value, rate="0.5")
    (warning,) = app.warning
    assert f"size={value[:39]}" in warning.value
    assert "an integer from 1 to 512" in warning.value
    assert len(warning.value) < 200
    assert shown(app)[:2] == ["28", "0.5"]
    assert "size" not in app.query_params


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", "-1", "11", "x"])
def test_number_that_cannot_be_used_is_named_with_its_range(value: str) -> None:
    app = opened(rate=value)
    assert f"rate={value} in the link cannot be used" in app.warning[0].value
    assert "a number from 1e-06 to 10. Using 0.01 instead" in app.warning[0].value
    assert shown(app)[1] == "0.01"


def test_form_with_its_own_check_gets_any_number_that_a_browser_can_hold() -> None:
    app = opened(free="5000")
    assert shown(app)[2] == "5000"
    assert not app.warning
    app = opened(free="9" * 26)
    assert shown(app)[2] == "3"
    assert "from 1 to 9" in app.warning[0].value


@pytest.mark.parametrize("value", ["1e999", "nan", "999", "thin"])
def test_slider_has_the_same_care(value: str) -> None:
    app = opened(pen=value)
    assert f"pen={value} in the link cannot be used" in app.warning[0].value
    assert app.slider(key="pen").value == 24


def networks() -> None:
    import streamlit as st

    from cnnviz.ui.architecture.network import choose

    st.text(choose()[1])


def test_every_network_has_its_own_input_size(monkeypatch: pytest.MonkeyPatch) -> None:
    larger = dataclasses.replace(architectures.get("resnet-mini"), input_shape=(3, 96, 96))
    known = architectures.get
    monkeypatch.setattr(architectures, "get", lambda key: larger if key == "resnet-mini" else known(key))
    app = AppTest.from_function(networks, default_timeout=60).run()
    assert shown(app) == ["(1, 28, 28)"]
    app.selectbox(key="choice-model").set_value("resnet-mini").run()
    assert shown(app) == ["(3, 96, 96)"]
    app.number_input(key="size").set_value(64).run()
    assert shown(app) == ["(3, 64, 64)"]
    app.selectbox(key="choice-model").set_value("basic-cnn").run()
    assert shown(app) == ["(1, 28, 28)"]  # a size that suits one network breaks another


def choices() -> None:
    import streamlit as st

    from cnnviz.language import Message
    from cnnviz.ui.shared.link_state import choose_many, choose_one

    titles = {"a": "Alpha", "b": "Beta", "c": "Gamma"}
    st.text(choose_one("One", list(titles), key="one", kind=Message("letter"), title=titles.__getitem__))
    many = choose_many("Many", list(titles), key="many", kind=Message("letter"), default=["a", "b"])
    st.text(" ".join(many))


def opened_choices(**query: str | list[str]) -> AppTest:
    app = AppTest.from_function(choices, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_default_choices_leave_the_link_short() -> None:
    app = opened_choices()
    assert shown(app) == ["a", "a b"]
    assert not app.query_params


def test_link_holds_keys_and_restores_them() -> None:
    app = opened_choices(one="c", many=["b", "c"])
    assert shown(app) == ["c", "b c"]
    app.selectbox[0].set_value("b").run()
    app.multiselect[0].set_value(["c"]).run()
    assert app.query_params == {"one": "b", "many": "c"}
    assert shown(opened_choices(**app.query_params)) == ["b", "c"]


def test_none_chosen_survives_in_the_link() -> None:
    app = opened_choices()
    app.multiselect[0].set_value([]).run()
    assert shown(app) == ["a", ""]
    assert shown(opened_choices(**app.query_params)) == ["a", ""]


def test_unknown_key_gets_a_sentence() -> None:
    app = opened_choices(one="x", many=["a", "bb"])
    assert shown(app) == ["a", "a"]
    assert [warning.value for warning in app.warning] == [
        "Unknown letter 'x'; available: a, b, c.",
        "Unknown letter 'bb'; did you mean 'b'?",
    ]


def switch(default: bool) -> AppTest:
    def script(default: bool) -> None:
        import streamlit as st

        from cnnviz.ui.shared.link_state import choose_switch

        st.write("on" if choose_switch("Flip", key="flip", default=default) else "off")

    return AppTest.from_function(script, args=(default,), default_timeout=60)


@pytest.mark.parametrize("default", [False, True])
def test_the_link_holds_a_switch_that_differs_from_its_default(default: bool) -> None:
    app = switch(default).run()
    word = {True: "on", False: "off"}
    assert app.markdown[0].value == word[default]
    assert "flip" not in app.query_params
    app.toggle(key="flip").set_value(not default).run()
    assert app.markdown[0].value == word[not default]
    assert app.query_params["flip"] == str(not default).lower()
    app.toggle(key="flip").set_value(default).run()
    assert app.markdown[0].value == word[default]
    assert "flip" not in app.query_params


def test_a_link_turns_a_switch() -> None:
    app = switch(False)
    app.query_params["flip"] = "true"
    assert app.run().markdown[0].value == "on"
    app.query_params["flip"] = "false"
    assert app.run().markdown[0].value == "off"


def test_a_link_that_says_neither_gets_a_sentence_and_the_default() -> None:
    app = switch(True)
    app.query_params["flip"] = "maybe*"
    app.run()
    assert app.warning[0].value == (r"flip=maybe\* in the link cannot be used; it must be true or false.")
    assert app.markdown[0].value == "on"


def line() -> None:
    import streamlit as st

    from cnnviz.ui.shared.link_state import choose_text

    st.text(choose_text("Words", key="words", default="usual"))


def test_the_link_holds_any_line_of_text() -> None:
    app = AppTest.from_function(line, default_timeout=60).run()
    assert shown(app) == ["usual"]
    assert not app.query_params
    app.text_input(key="words").set_value("of *any* kind").run()
    assert shown(app) == ["of *any* kind"]
    assert app.query_params == {"words": "of *any* kind"}
    app.text_input(key="words").set_value("usual").run()
    assert not app.query_params


def moved_when_it_was_gone() -> None:
    import streamlit as st

    from cnnviz.ui.shared.link_state import write_back

    write_back("gone", "size", 3, ())
    st.write("still here")


def test_a_widget_that_is_gone_when_it_is_heard_of_changes_nothing() -> None:
    app = AppTest.from_function(moved_when_it_was_gone, default_timeout=60)
    app.query_params["size"] = "7"
    app.run()
    assert not app.exception
    assert [text.value for text in app.markdown] == ["still here"]
    assert app.query_params["size"] == "7"
