from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.glossary import TERMS
from tests.pages.conftest import OpenPage


def anchors(app: AppTest) -> list[str]:
    return re.findall(r'<div id="([^"]+)"', "".join(element.proto.body for element in app.get("html")))


def test_all_terms_stand_there_until_a_search_narrows_them(open_page: OpenPage) -> None:
    app = open_page("pages/glossary.py")
    assert anchors(app) == list(TERMS)
    app.text_input[0].set_value("MOVES window").run()
    assert anchors(app) == ["stride"]
    assert app.query_params["search"] == "MOVES window"
    app.text_input[0].set_value("no such word").run()
    assert anchors(app) == []
    assert app.info[0].value == "Nothing in the glossary contains these words."


@pytest.mark.parametrize("wanted", ["stride", "步幅"])
def test_a_chinese_reader_finds_a_term_in_either_language(open_page: OpenPage, wanted: str) -> None:
    app = open_page("pages/glossary.py", lang="zh", search=wanted)
    assert "stride" in anchors(app)
    html = "".join(element.proto.body for element in app.get("html"))
    assert '<dt><a href="#stride">步幅</a> <span class="cnnviz-note" lang="en">stride</span></dt>' in html
