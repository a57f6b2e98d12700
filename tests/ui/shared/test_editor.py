from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.ui.shared import editor

SOURCES = PROJECT_DIRECTORY / "frontend" / "editor"
BUNDLE = Path(editor.__file__).with_suffix(".js")


def page() -> None:
    import streamlit as st

    from cnnviz.ui.shared import editor

    def mend() -> None:
        editor.replace("code", editor.current("code").replace("8", "9"))

    st.button("Mend it", key="mend", on_click=mend)
    shown = st.toggle("Shown", value=True, key="shown")
    st.text(editor.edit("code", "first 8") if shown else editor.current("code"))


def opened() -> AppTest:
    return AppTest.from_function(page, default_timeout=60).run()


def typed(app: AppTest, text: object, generation: object = 0) -> AppTest:
    """As if the browser had sent a ``text`` that was typed into what the server's ``generation`` put there."""
    app.session_state["code"] = {"typed": {"text": text, "generation": generation}}
    return app.run()


def text_of(app: AppTest) -> str:
    assert not app.exception
    return str(app.text[0].value)


def test_the_first_text_stands_there_until_something_is_typed() -> None:
    app = opened()
    assert text_of(app) == "first 8"
    assert text_of(typed(app, "typed 8")) == "typed 8"
    assert text_of(app.run()) == "typed 8"
    assert text_of(typed(app, "")) == ""


def test_a_click_finds_what_was_typed_before_it_and_puts_another_text_in_its_place() -> None:
    app = typed(opened(), "typed 8")
    assert text_of(app.button(key="mend").click().run()) == "typed 9"
    assert text_of(app.run()) == "typed 9"


def test_what_was_typed_before_the_text_was_replaced_does_not_bring_it_back() -> None:
    app = opened().button(key="mend").click().run()
    assert text_of(typed(app, "late", generation=0)) == "first 9"
    assert text_of(typed(app, "after", generation=1)) == "after"


def test_the_text_is_still_there_when_the_editor_was_away() -> None:
    app = typed(opened(), "typed 8")
    assert text_of(app.toggle(key="shown").set_value(False).run()) == "typed 8"
    assert text_of(app.toggle(key="shown").set_value(True).run()) == "typed 8"


def test_a_server_that_started_anew_learns_the_text_from_the_browser() -> None:
    app = AppTest.from_function(page, default_timeout=60)
    assert text_of(typed(app, "typed 8", generation=3)) == "typed 8"
    assert text_of(typed(app, "more", generation=3)) == "more"


@pytest.mark.parametrize("came", [(7, 0), ("typed", "0"), (None, None)])
def test_a_value_that_no_editor_sends_changes_nothing(came: tuple[object, object]) -> None:
    assert text_of(typed(opened(), *came)) == "first 8"


def test_half_a_character_becomes_a_question_mark() -> None:
    assert text_of(typed(opened(), "a \ud83d b")) == "a ? b"


def test_the_bundle_is_made_from_the_sources_that_stand_in_its_first_line() -> None:
    hashed = hashlib.sha256()
    for name in ("build.mjs", "editor.js", "package-lock.json", "package.json"):
        hashed.update((SOURCES / name).read_bytes())
    with BUNDLE.open(encoding="utf-8") as file:
        first = file.readline()
    assert f"from sources {hashed.hexdigest()};" in first, "run npm ci && npm run build in frontend/editor"
    assert BUNDLE.stat().st_size < 500_000


def test_the_licence_of_every_bundled_package_stands_beside_the_bundle_with_its_version() -> None:
    locked = json.loads((SOURCES / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    versions = {
        path.removeprefix("node_modules/"): entry["version"]
        for path, entry in locked.items()
        if path and not entry.get("dev")
    }
    text = BUNDLE.with_suffix(".LICENSES.txt").read_text(encoding="utf-8")
    named = dict(re.findall(r"^(\S+) (\S+) \(MIT\)$", text, re.MULTILINE))
    assert {"@codemirror/view", "@codemirror/state", "@lezer/python"} <= set(named)
    assert named == {name: versions[name] for name in named}
    assert text.count("Permission is hereby granted") == len(named)


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (SOURCES / "package-lock.json").read_text(encoding="utf-8")
