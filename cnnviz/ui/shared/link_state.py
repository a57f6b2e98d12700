"""Widgets whose value is kept in the link, so that a link shows to others what it shows to oneself.

A parameter that is missing stands for the widget's default, and a default is left out, to keep links short.
What a link says wrongly gets a sentence, and the page goes on with the default.

Streamlit's own ``bind="query-params"`` writes the visible label of a choice into the link, translated or
not; ends the page at a number such as ``1e999``; and drops what it cannot use without a word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.errors import UnknownKeyError, shortened
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.problems import link_problem
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import help_of

if TYPE_CHECKING:
    from cnnviz.ui.shared.cached import Edits

N = TypeVar("N", int, float)
T = TypeVar("T")
P = ParamSpec("P")

Read = Callable[[list[str]], tuple[T, Sequence[Message]]]
"""Makes a value of what the link says (its parameter may occur several times), and tells what is wrong there."""

EXACT = 2**53 - 1
"""The largest whole number that a browser holds exactly."""

EDITS = "set"
"""The parameter of a network's edits: ``set=conv1.kernel_size=3``, once for each."""

PLACE = "at"
"""The parameter of a place in an output: ``at=ROW-COLUMN``."""

_LONGEST_PLACE = 20
_MOST_EDITS = 64
_LONGEST_EDIT = 200
"""Characters of an edit; a longer one may be nested more deeply than Python can read."""

_MOST_PROBLEMS = 5
_SWITCH = {"true": True, "false": False}


@dataclass(frozen=True)
class View(Generic[P]):
    """One way to look at what a page is about: its title, and what draws it; only the chosen one is drawn."""

    title: Message
    show: Callable[P, None]


V = TypeVar("V", bound=View[...])


def choose_one(
    label: str,
    options: Sequence[str] | Mapping[str, object],
    *,
    key: str,
    kind: Message,
    title: Callable[[str], str] | None = None,
    default: str | None = None,
    widget: Callable[..., Any] = st.selectbox,
    forget: Sequence[str] = (),
    notes: DeltaGenerator | None = None,
    elsewhere: Sequence[str] = (),
    **look: Any,
) -> str:
    """A choice among ``options``, which the link holds by key: ``?model=basic-cnn`` in every language.

    ``title`` gives the text that stands for an option; where ``options`` are a mapping, its values do. A link
    that names an option that does not exist gets a sentence (``kind`` says of what, as in "architecture") in the container ``notes``, where there
    is one, and the default is shown. ``widget`` is ``st.selectbox`` or ``st.segmented_control``, and ``look``
    are its own settings. ``forget`` are parameters of the link that mean nothing after another choice. Of
    ``elsewhere``, options of the same parameter in other views, the default is shown without a word.
    """
    keys = list(options)
    usual = keys[0] if default is None else default
    if title is None:
        title = (lambda name: str(options[name])) if isinstance(options, Mapping) else str

    def read(named: list[str]) -> tuple[str, Sequence[Message]]:
        name = named[-1]
        return name if name in options else usual, [] if name in elsewhere else _unknown([name], keys, kind)

    draw = partial(widget, label, keys, format_func=title, **_explained(label, look))
    return _linked(draw, key, usual, read, widget_key=f"choice-{key}", notes=notes, forget=forget)


def choose_segment(
    label: str, options: Sequence[str] | Mapping[str, object], *, key: str, kind: Message, **look: Any
) -> str:
    """:func:`choose_one` among a few ``options`` that all stay in sight, side by side or, on a phone, in rows."""
    widget = partial(st.segmented_control, required=True, wrap=True)
    return choose_one(label, options, key=key, kind=kind, widget=widget, **look)


def choose_view(views: Mapping[str, V], default: str | None = None, **look: Any) -> V:
    """The view that the link names, else the ``default``, else the first; ``look`` are the widget's own settings."""
    titles = {key: view.title for key, view in views.items()}
    look = {"label_visibility": "collapsed", **look}
    return views[choose_segment(_("View"), titles, key="view", kind=Message("view"), default=default, **look)]


def choose_many(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    kind: Message,
    title: Callable[[str], str] = str,
    default: Sequence[str] = (),
    **look: Any,
) -> list[str]:
    """Like :func:`choose_one` for any number of ``options``; the parameter stands in the link once for each.

    An empty parameter (``?key=``) means that none is chosen.
    """

    def read(named: list[str]) -> tuple[list[str], Sequence[Message]]:
        names = [name for name in dict.fromkeys(named) if name]
        return [name for name in names if name in options], _unknown(names, options, kind)

    draw = partial(st.multiselect, label, options, format_func=title, **_explained(label, look))
    return _linked(draw, key, list(default), read, widget_key=f"choice-{key}")


def choose_number(
    label: str,
    *,
    key: str,
    low: N,
    high: N,
    default: N,
    limited: bool = True,
    notes: DeltaGenerator | None = None,
    widget: Callable[..., Any] = st.number_input,
    **look: Any,
) -> N:
    """A number from ``low`` to ``high``, a whole one where ``default`` is one.

    ``limited=False`` lets every number through that a browser can hold, for a form that itself explains what
    is wrong with it. A sentence about the link goes into the container ``notes``, where there is one.
    ``widget`` is ``st.number_input`` or ``st.slider``, and ``look`` are its own settings.
    """
    whole = isinstance(default, int)
    least, most = (low, high) if limited else (-EXACT, EXACT)

    def read(named: list[str]) -> tuple[N, Sequence[Message]]:
        number = _number(named[-1])
        if number is not None and least <= number <= most and (number.is_integer() or not whole):
            return type(default)(number), ()
        return default, [_no_number(key, named[-1], low, high, default)]

    limits = {"min_value": low, "max_value": high} if limited else {}
    draw = partial(widget, label, **limits, **_explained(label, look))
    return _linked(draw, key, default, read, notes=notes, drop=True)


def choose_switch(
    label: str, *, key: str, default: bool = False, notes: DeltaGenerator | None = None, **look: Any
) -> bool:
    """A toggle, in the link ``?key=true`` or ``?key=false``; ``look`` are ``st.toggle``'s own settings.

    A sentence about a link that says neither goes into the container ``notes``, where there is one.
    """

    def read(named: list[str]) -> tuple[bool, Sequence[Message]]:
        if named[-1] in _SWITCH:
            return _SWITCH[named[-1]], ()
        problem = Message(
            "{name}={value} in the link cannot be used; it must be {rule}.",
            name=key,
            value=shortened(named[-1]),
            rule=Message("true or false"),
        )
        return default, [problem]

    return _linked(
        partial(st.toggle, label, **_explained(label, look)), key, default, read, notes=notes, drop=True
    )


def choose_text(label: str, *, key: str, default: str, **look: Any) -> str:
    """A line of text, of any kind; ``look`` are ``st.text_input``'s own settings."""
    draw = partial(st.text_input, label, **_explained(label, look))
    return _linked(draw, key, default, lambda named: (named[-1], ()))


def put_in_link(key: str, value: object, default: object, forget: Sequence[str] = ()) -> None:
    """Write ``value`` into the link, from where the widget of ``key`` takes it; for callbacks.

    The ``default`` is left out of the link. ``forget`` are parameters of the link that mean nothing any more.
    """
    if value == default:
        query.drop(key, *forget)
    elif isinstance(value, list):
        query.change({key: value or ""}, forget)
    else:
        query.change({key: str(value).lower() if isinstance(value, bool) else str(value)}, forget)


def edits_in_link() -> Edits:
    """The edits that the link holds, as paths and JSON values; what cannot be read is named and left out."""
    found = {}
    for text in query.get_all(EDITS)[:_MOST_EDITS]:
        path, _sign, value = text.partition("=")
        try:
            found[path] = json.dumps(json.loads(value if len(text) <= _LONGEST_EDIT else ""))
        except ValueError:
            link_problem(
                Message(
                    "{text!r} in the link must have the form PATH=VALUE, where VALUE is a JSON literal: "
                    'conv1.kernel_size=3, conv1.padding="same".',
                    text=shortened(text),
                )
            )
    return tuple(found.items())


def put_edit(path: str, value: str) -> None:
    """Keep an edit in the link, in place of an older one of the same path; ``value`` is JSON. For callbacks."""
    query[EDITS] = [*_edits_but(path), f"{path}={value}"]


def take_back_edit(path: str) -> None:
    """Take the edit of ``path`` out of the link, where there is one. For callbacks."""
    put_in_link(EDITS, _edits_but(path), default=[])


def place_in_link(
    rows: int, columns: int, *, first: int = 0, was_right: object = None
) -> tuple[int, int] | None:
    """Row and column, from 0, that the link's ``at=ROW-COLUMN`` names in an output of ``rows`` x ``columns``.

    The link counts from ``first``. What names no place of the output leaves the link, with a sentence unless it is
    ``was_right``, the place of an output before this one.
    """
    named = query.get(PLACE)
    if named is None:
        return None
    row, _dash, column = named.partition("-")
    short = len(named) <= _LONGEST_PLACE  # int() refuses very long numbers
    if short and row.isdecimal() and column.isdecimal():
        place = int(row) - first, int(column) - first
        if 0 <= place[0] < rows and 0 <= place[1] < columns:
            return place
    query.drop(PLACE)
    if named != was_right:
        link_problem(
            Message(
                "at={value} in the link is not a position in the {rows:,} x {columns:,} output: use row and "
                "column, counting from {first}, such as at={first}-{first}.",
                value=shortened(named),
                rows=rows,
                columns=columns,
                first=first,
            )
        )
    return None


def _edits_but(path: str) -> list[str]:
    return [text for text in query.get_all(EDITS) if text.partition("=")[0] != path]


def _explained(label: str, look: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a widget, which explains the terms of its ``label`` where it is seen and nothing else is told."""
    hidden = look.get("label_visibility", "visible") != "visible"
    return {"help": None if hidden else help_of(label), **look}


def _linked(
    draw: Callable[..., T],
    key: str,
    default: T,
    read: Read[T],
    *,
    widget_key: str | None = None,
    notes: DeltaGenerator | None = None,
    forget: Sequence[str] = (),
    drop: bool = False,
) -> T:
    """The value of the widget that ``draw`` draws, after the link's parameter ``key``; every change is written there.

    ``drop`` takes what cannot be used out of the link. A name that is unknown stays in it: another view may know it.
    """
    value = default
    if key in query:
        value, problems = read(query.get_all(key))
        if problems and drop:
            query.drop(key)
        with notes or nullcontext():
            for problem in problems[:_MOST_PROBLEMS]:
                link_problem(problem)
    # The link is the truth: a link to another value on the same page must change the widget too.
    widget_key = widget_key or key
    st.session_state[widget_key] = value
    return draw(key=widget_key, on_change=write_back, args=(widget_key, key, default, forget))


def while_there(act: Callable[Concatenate[str, P], None]) -> Callable[Concatenate[str, P], None]:
    """A widget's callback, whose first argument is the widget's key.

    Nothing happens where the page has gone on without the widget when it hears that it was moved.
    """

    @wraps(act)
    def heard(widget_key: str, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if widget_key in st.session_state:
            act(widget_key, *args, **kwargs)

    return heard


@while_there
def write_back(widget_key: str, key: str, default: object, forget: Sequence[str]) -> None:
    """What a widget does when it is moved: its value goes into the link."""
    put_in_link(key, st.session_state[widget_key], default, forget)


def _unknown(named: Sequence[str], options: Sequence[str], kind: Message) -> list[Message]:
    return [UnknownKeyError(kind, name, options).message for name in named if name not in options]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _no_number(key: str, named: str, low: float, high: float, default: float) -> Message:
    values = {"name": key, "value": shortened(named), "low": low, "high": high, "default": default}
    if isinstance(default, int):
        return Message(
            "{name}={value} in the link cannot be used: it must be an integer from {low:,} to {high:,}. "
            "Using {default:,} instead.",
            **values,
        )
    return Message(
        "{name}={value} in the link cannot be used: it must be a number from {low:g} to {high:g}. Using "
        "{default:g} instead.",
        **values,
    )
