"""Files of JavaScript that are joined share one scope."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from cnnviz.browser import script
from cnnviz.settings import PROJECT_DIRECTORY

NAME = re.compile(r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)

_COMPONENTS = """
import json, streamlit as st
made = {}
st.components.v2.component = lambda name, *, js="", **others: made.__setitem__(name, js)
import cnnviz.ui.draw.canvas, cnnviz.ui.draw.live, cnnviz.ui.inside.living
from cnnviz.ui.home import first_sight
first_sight._component()
print(json.dumps(made))
"""


def twice(code: str) -> list[str]:
    """The names that ``code`` declares more than once."""
    return [name for name, count in Counter(NAME.findall(code)).items() if count > 1]


@pytest.mark.parametrize(
    "names",
    [script.COMPUTING, script.READING, (*script.SHOWING, "sight", "page")],
    ids=["worker", "readers", "page"],
)
def test_no_name_is_declared_twice(names: tuple[str, ...]) -> None:
    code = script.joined(names)
    assert len(NAME.findall(code)) > 20
    assert twice(code) == []


def test_no_name_is_declared_twice_in_the_apps_components() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", _COMPONENTS], capture_output=True, text=True, cwd=PROJECT_DIRECTORY, check=True
    ).stdout
    made: dict[str, str] = json.loads(printed)
    assert {
        "cnnviz_sheet",
        "cnnviz_readings",
        "cnnviz_following",
        "cnnviz_network_picture",
        "cnnviz_alive",
    } <= {*made}
    assert {name: twice(code) for name, code in made.items() if twice(code)} == {}
