"""An editor of Python code: line numbers, colours, and sentences below the lines that they are about.

It is CodeMirror 6, bundled with the code around it into ``editor.js`` by ``frontend/editor``. Some 400 kB: so that
file is a component of its own, whose message never changes and is sent to a browser once; what does change goes to
a small one.

A page asks for the :func:`current` text, computes what there is to say about it, and draws :func:`edit`. What a
person types reaches the server when their fingers rest, and before a click elsewhere. Only :func:`replace` puts
another text in their place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

MOST = 300_000
"""Characters that a browser sends at most: a server's limit is to be met by a sentence, not by a lost connection."""

Severity = Literal["error", "warning", "remark"]

_WORDS: Mapping[Severity, Message] = MappingProxyType(
    {"error": Message("Error"), "warning": Message("Warning"), "remark": Message("Remark")}
)
_PHRASES: Mapping[str, Message] = MappingProxyType(
    {
        "Find": Message("Find"),
        "Replace": Message("Replace with"),
        "next": Message("Next match"),
        "previous": Message("Previous match"),
        "match case": Message("Match case"),
        "regexp": Message("Regular expression"),
        "by word": Message("Whole words"),
        "replace": Message("Replace"),
        "replace all": Message("Replace all"),
        "close": Message("Close"),
        "current match": Message("Match"),
        "on line": Message("in line"),
        "replaced match on line $": Message("Replaced in line {line}", line="$"),
        "replaced $ matches": Message("Replaced in {count} places", count="$"),
        "Go to line": Message("Go to line"),
        "go": Message("Go"),
    }
)
"""What stands in CodeMirror's panels, by its own words."""

_FOLDER = Path(__file__).parent

_SHOW = """
export default function (component) {
  const root = component.parentElement.querySelector(".cnnviz-editor");
  const show = () => { if (root.latest) globalThis.cnnvizEditor.show(root, root.latest); };
  root.latest = component;
  root.style.setProperty("--cnnviz-lines", component.data.text.split("\\n").length); // the place that it will take
  if (globalThis.cnnvizEditor) show();
  else document.addEventListener("cnnviz-editor", show, { once: true });
  return () => { root.latest = null; globalThis.cnnvizEditor?.close(root); };
}
"""


@dataclass(frozen=True)
class Mark:
    """A sentence about a ``line`` (from 1) of the text; one beyond the last line is about that."""

    line: int
    text: str
    severity: Severity = "error"


@dataclass
class _Kept:
    """The text as the server knows it, and how often it was the server that put another one there."""

    text: str
    generation: int = 0


def current(key: str, first: str = "") -> str:
    """The text of the editor ``key`` as it is now; ``first`` where there was none yet."""
    return _kept(key, first).text


def replace(key: str, text: str) -> None:
    """Put another ``text`` into the editor ``key``: there it is one step that a person can undo."""
    kept = _kept(key, text)
    if kept.text != text:
        st.session_state[_name(key)] = _Kept(text, kept.generation + 1)


def edit(
    key: str,
    first: str = "",
    marks: Sequence[Mark] = (),
    label: str | None = None,
    on_change: Callable[[], None] | None = None,
) -> str:
    """Draw the editor ``key`` with its :func:`current` text and ``marks`` on that text's lines; returns the text.

    ``label`` is its name for those who do not see it. ``on_change`` is called when a person has typed, as a widget's
    callback. The element's class is ``st-key-<key>``.
    """
    kept = _kept(key, first)
    with st.container(gap=None):
        _program()(key=f"{key}-program")
        _component()(
            key=key,
            data={
                "text": kept.text,
                "generation": kept.generation,
                "marks": [_told(mark) for mark in sorted(marks, key=lambda mark: mark.line)],
                "label": _("Python code") if label is None else label,
                "hint": _(
                    "Tab indents. To leave the editor, press Esc, then Tab. Ctrl+F finds, F8 goes to the next mark."
                ),
                "phrases": {said: str(word) for said, word in _PHRASES.items()},
                "most": MOST,
            },
            on_typed_change=lambda: _take(
                key, first, on_change
            ),  # even where this run does not ask for the text
        )
    return kept.text


def _take(key: str, first: str, then: Callable[[], None] | None) -> None:
    _kept(key, first)
    if then is not None:
        then()


def _kept(key: str, first: str) -> _Kept:
    """What is known of the editor's text, once what the browser sent is part of it."""
    name, typed = _name(key), _typed(key)
    known = st.session_state.get(name)
    if known is None:  # a new session; of a server that started anew, the browser may know more than it does
        known = typed or _Kept(first)
    elif typed and typed.generation == known.generation:  # else it was typed before the text was replaced
        known = typed
    st.session_state[name] = known
    return known


def _name(key: str) -> str:
    return f"_{key}-text"


def _typed(key: str) -> _Kept | None:
    """What the person has typed, as the browser last sent it; None before the first keystroke."""
    state = st.session_state.get(key)
    value = state.get("typed") if isinstance(state, Mapping) else None
    if not isinstance(value, Mapping):
        return None
    text, generation = value.get("text"), value.get("generation")
    if not isinstance(text, str) or not isinstance(generation, int):
        return None
    return _Kept(text.encode(errors="replace").decode(), generation)  # half a character has no UTF-8


def _told(mark: Mark) -> dict[str, Any]:
    word = str(_WORDS[mark.severity])
    return {
        "line": mark.line,
        "text": mark.text,
        "severity": mark.severity,
        "word": word,
        "place": _("{severity} in line {line:,}:", severity=word, line=mark.line),
    }


@cache
def _program() -> ComponentRenderer:
    code = (_FOLDER / "editor.js").read_text(encoding="utf-8")
    return st.components.v2.component("cnnviz_editor_program", js=code)


@cache
def _component() -> ComponentRenderer:
    style = (_FOLDER / "editor.css").read_text(encoding="utf-8")
    html = '<div class="cnnviz-editor"></div>\n'
    return st.components.v2.component("cnnviz_editor", html=html, css=style, js=_SHOW, isolate_styles=False)
