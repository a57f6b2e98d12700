from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

OpenPage = Callable[..., AppTest]


def test_what_the_total_has_beyond_the_rows_is_said(open_page: OpenPage) -> None:
    app = open_page("pages/architecture.py", model="googlenet", set="auxiliary=true")
    app.button_group(key="choice-view").set_value("layers").run()
    assert [
        box.label
        for box in app.expander
        if "4,350,228 of the parameters" in box.label and "only in training" in box.label
    ]
    listed = list(app.dataframe[0].value.iloc[:, 0])
    assert "auxiliary1.fc1.weight" in listed
    assert sum(app.dataframe[0].value.iloc[:, 1]) == 4_350_228


def test_parameters_of_an_attention_are_told_from_those_never_used(open_page: OpenPage) -> None:
    app = open_page("pages/architecture.py", model="torchvision:vit_b_16", view="layers")
    labels = " ".join(box.label for box in app.expander)
    assert "152,064 of the parameters are not in any row, because they are used directly" in labels
    assert "not used in this forward pass" not in labels
    assert list(app.dataframe[0].value["Used by"]) == ["expand", "encoder.add"]


def test_nothing_is_said_where_the_rows_add_up(open_page: OpenPage) -> None:
    app = open_page("pages/architecture.py", model="googlenet")
    assert not app.dataframe
