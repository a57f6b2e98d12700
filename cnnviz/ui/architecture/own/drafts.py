"""The network that a person is writing: its text and what is chosen beside it.

Every change is kept on the server under the network's key, in place of the version before, and the link names that
key: so the address always opens what one sees, a reload loses nothing, and a text that cannot be read is not lost
either. What follows typing is no step of the browser's history; a mend, another choice or another start is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own import kept
from cnnviz.own.definition import Definition
from cnnviz.own.link import unpacked
from cnnviz.ui.architecture.network import CODE
from cnnviz.ui.architecture.own import starts
from cnnviz.ui.shared import cached, editor
from cnnviz.ui.shared.carried import NEW
from cnnviz.ui.shared.link_state import EDITS
from cnnviz.ui.shared.own_networks import keep
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import link_problem
from cnnviz.ui.shared.query import query

if TYPE_CHECKING:
    from cnnviz.own.reading import Reading

EDITOR = "own-code"
_DRAFT = "_own_draft"
_PASSING_SECONDS = 30
"""A version that was replaced by typing on within this time is forgotten: it was half a word."""
_OF_ONE_TEXT = ("meeting", "fold", "unfold", "depth")
"""What a link says about one text, and not about another one; operations are looked up by their names."""


@dataclass(frozen=True)
class Draft:
    """What the page shows.

    ``named`` is what the link calls it, and ``number`` counts the networks opened in this session, so that fields begin
    anew with each; ``typed_over`` are what the link called it before it was typed on. ``before`` is what the last click replaced, for its Undo; None once something was typed.
    ``good`` is the last version that could be traced, its failure included. ``unkept`` says why this version could not be kept; ``untouched`` is a network that was only begun with.
    """

    definition: Definition
    named: str
    number: int
    typed_over: frozenset[str] = frozenset()
    before: Definition | None = None
    good: Definition | None = None
    unkept: Message | None = None
    untouched: bool = False

    @property
    def reading(self) -> Reading:
        """What the text is."""
        return cached.reading(self.definition)


def opened() -> Draft:
    """The network that the link names.

    Raises:
        CnnvizError: there is no such network on this server, or its file is damaged.
    """
    if CODE in query:
        _open_code(query[CODE])
    named = query.get("model") or NEW
    draft: Draft | None = st.session_state.get(_DRAFT)
    if draft is not None and named in draft.typed_over:  # a link from before the typing
        query.settle({"model": draft.named})
        named = draft.named
    if draft is None or draft.named != named:
        draft = _begin(named, _definition(named))
    elif editor.current(EDITOR, draft.definition.text) != draft.definition.text:
        take_typed()  # of a server that started anew, the browser knows more than it does
        draft = present()
    for shown in {draft.definition, draft.good or draft.definition}:
        _remember(shown)
    return draft


def take_typed() -> None:
    """Take over what was typed in the editor. For callbacks."""
    draft = present()
    text = editor.current(EDITOR, draft.definition.text)
    _become(draft, replace(draft.definition, text=text), typed=True)


def change(definition: Definition, undoable: bool = True, tries_on: bool = True) -> None:
    """Put another network in the place of the present one; the page then offers to undo it. For callbacks.

    Where it does not ``tries_on``, the changes of layers that the link tries are part of the network now.
    """
    draft = present()
    editor.replace(EDITOR, definition.text)
    _become(draft, definition, before=draft.definition if undoable else None, tries_on=tries_on)


def start_again(definition: Definition) -> None:
    """Begin with another network: the present one stays in the list, unless it was only begun with. For callbacks."""
    previous = present()
    named = NEW if definition == starts.example() else definition.key
    unkept = (
        None if named == NEW else _keep(definition, previous.definition.key if previous.untouched else None)
    )
    draft = _begin(named, definition)
    changed = replace(draft, before=previous.definition, unkept=unkept, untouched=True)
    st.session_state[_DRAFT] = changed
    _name(changed)


def present() -> Draft:
    """The network that is being written. For callbacks, of a page that has shown it."""
    draft: Draft = st.session_state[_DRAFT]
    return draft


def leave() -> None:
    """Forget what this session wrote, and show another network. For callbacks."""
    st.session_state.pop(_DRAFT, None)
    query.drop("model", EDITS)


def _definition(named: str) -> Definition:
    from cnnviz.own.architecture import get

    return starts.example() if named == NEW else get(named).facts.definition


def _open_code(code: str) -> None:
    """Keep the network that is in the link, and name it there in the place of its code."""
    named = NEW
    try:
        definition = unpacked(code)
        _remember(definition)
        named = definition.key
        kept.keep(definition, cached.reading(definition))
    except CnnvizError as error:
        link_problem(error.message)
    query.settle({"model": named}, forget=(CODE,))


def _begin(named: str, definition: Definition) -> Draft:
    previous: Draft | None = st.session_state.get(_DRAFT)
    number = 0 if previous is None else previous.number + 1
    draft = Draft(definition, named, number, good=_good(definition, None))
    editor.replace(EDITOR, definition.text)
    st.session_state[_DRAFT] = draft
    return draft


def _become(
    draft: Draft,
    definition: Definition,
    typed: bool = False,
    before: Definition | None = None,
    tries_on: bool = True,
) -> None:
    definition = _fitting(definition)
    if definition == draft.definition:
        return
    named = NEW if definition == starts.example() else definition.key
    unkept = None if named == NEW else _keep(definition, draft.definition.key, typed)
    changed = replace(
        draft,
        definition=definition,
        named=named,
        typed_over=draft.typed_over | {draft.named} if typed else frozenset(),
        before=before,
        good=_good(definition, draft.good),
        unkept=unkept,
        untouched=False,
    )
    st.session_state[_DRAFT] = changed
    if query.get("model") == draft.named:  # else the person has left for another page meanwhile
        _name(changed, typed, tries_on)


def _good(definition: Definition, before: Definition | None) -> Definition | None:
    """The version to show: this one, or the one ``before`` of the same text; None where another was pasted."""
    if cached.reading(definition).trace is not None:
        return definition
    if before is None:
        return None
    lines = set(before.text.split("\n"))
    return before if 2 * len(lines & set(definition.text.split("\n"))) >= len(lines) else None


def _name(draft: Draft, typed: bool = False, tries_on: bool = True) -> None:
    """Let the link name the draft; what it says about an older text goes."""
    write = query.settle if typed else query.change
    edits = _edits(draft) if tries_on else []
    write({"model": draft.named, EDITS: edits}, forget=(*_OF_ONE_TEXT, *_gone(draft)))


def _fitting(definition: Definition) -> Definition:
    """The definition without the choice of a class, or of an argument, that its text no longer has."""
    found = cached.reading(definition).classes
    if not found or (definition.class_name is None and not definition.arguments):
        return definition
    if definition.class_name is not None and definition.class_name not in [known.name for known in found]:
        return _fitting(replace(definition, class_name=None))
    chosen = next((known for known in found if known.name == cached.reading(definition).chosen), None)
    taken = [] if chosen is None else [parameter.name for parameter in chosen.parameters]
    kept_ones = tuple((name, value) for name, value in definition.arguments if name in taken)
    return replace(definition, arguments=kept_ones)


def _keep(definition: Definition, earlier: str | None, typed: bool = False) -> Message | None:
    """Keep the network in place of the version before, where that is this person's alone; why not, where it fails."""
    _remember(definition)
    known = None if earlier is None else kept.find(earlier)
    if known is not None and known.owners != (owner(),):
        known = None
    try:
        keep(definition, cached.reading(definition), replaces=known.key if known else None)
        if known is not None and typed and _age(known) < _PASSING_SECONDS:
            kept.discard(known.key)
    except CnnvizError as error:
        return error.message
    return None


def _age(known: kept.Kept) -> float:
    """Seconds since the network was kept first."""
    return (datetime.now(UTC) - datetime.fromisoformat(known.created_at)).total_seconds()


def _remember(definition: Definition) -> None:
    """Let every view find the network by its key, also where it is not kept."""
    from cnnviz.own.architecture import remember
    from cnnviz.own.facts import facts_of

    remember(facts_of(definition, cached.reading(definition)))


def _edits(draft: Draft) -> list[str]:
    """The link's edits, without those of layers that the text no longer has."""
    named = query.get_all(EDITS)
    if not named or draft.reading.trace is None:
        return named
    layers = cached.editable(draft.definition.key)
    return [text for text in named if text.partition("=")[0].rpartition(".")[0] in layers]


def _gone(draft: Draft) -> Iterator[str]:
    """The link's parameters that name an operation which the text no longer has."""
    trace = draft.reading.trace
    if trace is not None:
        names = {op.name for op in trace.ops}
        yield from (key for key in ("layer", "why") if query.get(key) not in names)
