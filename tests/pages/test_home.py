from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.proto.PageLink_pb2 import PageLink
from streamlit.testing.v1 import AppTest

from cnnviz import architectures
from cnnviz.browser import ahead
from cnnviz.settings import PROJECT_DIRECTORY
from tests.pages.opening import given

OpenPage = Callable[..., AppTest]
SHIPPED = {path.stem for path in (PROJECT_DIRECTORY / "checkpoints").glob("*.json")}


def links(app: AppTest) -> list[PageLink]:
    return [element.proto for element in app.get("page_link")]


def cards(app: AppTest) -> list[dict[str, Any]]:
    """What the elements of cards get to draw."""
    drawn = [given(element) for element in app.get("bidi_component")]
    return [card for data in drawn if isinstance(data, dict) for card in data.get("cards", [])]


def test_every_architecture_has_a_link_to_its_shapes(open_page: OpenPage) -> None:
    app = open_page()
    shown = {card["heading"]["label"] for card in cards(app)} | {link.label for link in links(app)}
    assert shown >= {architecture.title for architecture in architectures.registered()}
    addresses = [
        link["address"]
        for card in cards(app)
        for link in [card["heading"], *card["links"]]
        if "address" in link
    ]
    opened = [urlsplit(address) for address in addresses]
    of_cards = [parse_qs(url.query).get("model", [""])[0] for url in opened if url.path == "architecture"]
    of_links = [
        parse_qs(link.query_string).get("model", [""])[0] for link in links(app) if "arch" in link.page
    ]
    assert {*of_cards, *of_links} >= {*architectures.keys()}


def test_trained_networks_come_first_and_can_be_drawn_for(open_page: OpenPage) -> None:
    ways = [link for card in cards(open_page()) for link in card["links"]]
    drawn = [
        parse_qs(urlsplit(link["address"]).query)["checkpoint"][0]
        for link in ways
        if link["label"] == "Try it out"
    ]
    assert not {"lenet-bn-fashion-mnist", "lenet-cifar-cifar10"} & {*drawn}  # they read no digits
    assert drawn == [f"{key}-mnist" for key in architectures.keys("network") if f"{key}-mnist" in SHIPPED]


def test_menu_carries_the_language(open_page: OpenPage) -> None:
    app = open_page(lang="zh")
    assert links(app)
    assert all(parse_qs(link.query_string).get("lang") == ["zh"] for link in links(app))
    ways = [
        link["address"]
        for card in cards(app)
        for link in [card["heading"], *card["links"]]
        if "address" in link
    ]
    assert ways
    assert all(parse_qs(urlsplit(way).query)["lang"] == ["zh"] for way in ways if not way.startswith("#"))


def test_switch_writes_the_language_into_the_link(open_page: OpenPage) -> None:
    app = open_page()
    assert "lang" not in app.query_params
    app.button_group(key="language_switch").set_value("zh").run()
    assert app.query_params["lang"] == "zh"
    assert not app.exception
    app.button_group(key="language_switch").set_value("en").run()
    assert "lang" not in app.query_params


def test_the_page_opens_with_what_people_come_for(open_page: OpenPage) -> None:
    app = open_page()
    (jobs,) = [e for e in app.get("bidi_component") if "jobs" in e.proto.id]
    rows = given(jobs)["cards"]
    why = "architecture?model=inception-mini&view=why"
    assert {row["heading"]["label"]: row["heading"]["address"] for row in rows} == {
        "Read shapes": "architecture?",
        "See why": why,
        "Train": "train?",
        "Look inside": "filters?",
        "Draw": "draw?",
    }
    assert {link["label"]: link["address"] for row in rows for link in row["links"]} == {
        "My network": "architecture?model=own",
        "I have an error message": "architecture?view=error",
        "Experiments": "experiments?",
        "What is a convolution?": "convolution?",
        "Lessons": "lessons?",
    }


def test_ones_own_network_is_looked_into_in_a_terminal_too(open_page: OpenPage) -> None:
    app = open_page()
    app.session_state["own-network"] = True  # the part is opened
    app.run()
    commands = " ".join(code.value for code in app.code)
    assert "python -m cnnviz summary mynet.py:Net --input 1,28,28" in commands
    assert "python -m cnnviz why mynet.py:Net --input 1,28,28" in commands


def test_the_letters_of_the_diagrams_are_explained(open_page: OpenPage) -> None:
    body = "".join(element.proto.body for element in open_page().main.get("html"))
    legend = re.findall(r'<span class="cnnviz-chip[^>]*>(\w)</span> ([\w ]+)</span>', body)
    assert legend == [
        ("C", "Convolution"),
        ("P", "Pooling"),
        ("A", "Activation function"),
        ("M", "Merge"),
        ("R", "Reshape"),
        ("L", "Linear"),
    ]


@pytest.mark.parametrize("code", ["xx", ""])
def test_unknown_language_is_english(open_page: OpenPage, code: str) -> None:
    app = open_page(lang=code)
    assert app.title[0].value == "Look inside convolutional networks"
    assert "lang" not in app.query_params


IMPORTS_NO_TORCH = """
import sys
from streamlit.testing.v1 import AppTest
from cnnviz.ui.shared import background

background.QUIET_SECONDS = background.LONGEST_WAIT_SECONDS = 3600
app = AppTest.from_file({app!r}, default_timeout=30).run()
assert not app.exception, app.exception
assert app.title
assert not {{"numpy", "pandas"}} & {{*sys.modules}}  # Streamlit imports them when it is given a dictionary or an icon
app.switch_page("pages/glossary.py").run()
assert app.title[0].value == "Glossary"
assert "torch" not in sys.modules
"""


def test_first_page_and_glossary_need_no_torch() -> None:
    script = IMPORTS_NO_TORCH.format(app=str(PROJECT_DIRECTORY / "app.py"))
    subprocess.run([sys.executable, "-c", script], check=True, cwd=PROJECT_DIRECTORY, timeout=120)


def test_the_network_alive_is_small_and_needs_no_torch(open_page: OpenPage) -> None:
    (alive,) = [e.proto for e in open_page().get("bidi_component") if "alive" in e.proto.id]
    assert len(alive.js_content.encode()) + len(alive.css_content) + len(alive.json) < 300_000
    assert base64.b64encode(ahead.FILE.read_bytes()).decode() in alive.js_content
