"""Ways out of a failure that a click can go: a change of the very line of the code, or of the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.own.definition import Definition
from cnnviz.ui.architecture import what_if
from cnnviz.ui.architecture.own import drafts
from cnnviz.ui.architecture.own.drafts import Draft
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.operations.op import Failure
    from cnnviz.own.changes import Change
    from cnnviz.ui.shared.cached import Edits

KEY = "own-mend"
_LONGEST_LINE = 70
"""Characters of a line on a button."""


def offer(draft: Draft, failure: Failure | None, edits: Edits) -> None:
    """A button for each way out; where changes are tried, those go on with another change, and leave the code alone."""
    if edits and failure is not None:
        what_if.offer_mends(failure)
        return
    ways = list(_ways(draft, failure))
    if not ways:
        return
    with st.container(horizontal=True, key="own-mends"):
        for number, (definition, label) in enumerate(ways, 1):
            st.button(
                label,
                icon=":material/build:",
                key=KEY if number == 1 else f"{KEY}-{number}",
                type="primary" if number == 1 else "secondary",
                on_click=_mend,
                args=(draft.definition, definition),
            )


def offer_writing(draft: Draft, edits: Edits) -> None:
    """A button that writes the trial into the code, where the code has a place for it."""
    if not edits or draft.definition != draft.good:
        return
    written = cached.trial_written(draft.definition, edits)
    if not written:
        caption(
            _(
                "A click cannot write this into the code: no line of the code decides about this layer alone. "
                "Change it in the editor."
            )
        )
    for change in written:
        if len(edits) == 1:
            label = _("Write into the code: {code}", code=_code(change.new[0]))
        else:
            label = _("Write all {count} changes into the code", count=len(edits))
        st.button(
            label,
            icon=":material/edit_note:",
            key="own-write",
            on_click=_write,
            args=(draft.definition, change.definition),
        )


def offer_undo(draft: Draft) -> None:
    """Take the last click back, as long as nothing was typed since."""
    if draft.before is not None:
        st.button(
            _("Undo"),
            icon=":material/undo:",
            key="own-undo",
            on_click=drafts.change,
            args=(draft.before, False),
            help=_("Back to the code before the last click; Ctrl+Z in the editor does the same."),
        )


def _ways(draft: Draft, failure: Failure | None) -> Iterator[tuple[Definition, str]]:
    """Networks that get further, each with what is said on its button."""
    for change in cached.changes(draft.definition):
        yield change.definition, _label(change)
    for mend, _fix in failure.ways_out if failure is not None else ():
        if mend.input_shape is not None:
            shape = shape_text(mend.input_shape)
            yield replace(draft.definition, input_shape=mend.input_shape), _("Use {shape}", shape=shape)


def _label(change: Change) -> str:
    """The line as it will be; of several the first, and how many more; of none, the one that goes."""
    new = [line for line in change.new if line.strip() and line not in change.old]
    if not new:
        return _("Mend it: without {code}", code=_code(change.old[0] if change.old else ""))
    if len(new) == 1:
        return _("Mend it: {code}", code=_code(new[0]))
    return _("Mend it: {code} and {count} more", code=_code(new[0]), count=len(new) - 1)


def _code(line: str) -> str:
    """A line of Python as Markdown's code, which shows it letter by letter."""
    text = line.strip()
    text = text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 1]}…"
    return f"`{text.replace('`', chr(39))}`"


def _mend(before: Definition, after: Definition) -> None:
    """Make the change, unless the code is another one by now."""
    drafts.take_typed()
    if drafts.present().definition == before:
        drafts.change(after)


def _write(before: Definition, after: Definition) -> None:
    """Make the change, unless the code is another one by now; what was tried is done then."""
    drafts.take_typed()
    if drafts.present().definition == before:
        drafts.change(after, tries_on=False)
