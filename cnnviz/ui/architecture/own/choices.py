"""What is chosen beside the code: the input, which class is the network, and the arguments of its constructor."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from cnnviz.errors import CnnvizError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.ui.architecture.own import drafts
from cnnviz.ui.architecture.own.drafts import Draft
from cnnviz.ui.shared.link_state import while_there
from cnnviz.ui.shared.problems import plain

if TYPE_CHECKING:
    from cnnviz.own.reading import FoundClass, Parameter

_SIZES = re.compile(r"\d{1,9}((\s*[,x×*]\s*|\s+)\d{1,9})*,?")
_BRACKETS = str.maketrans("", "", "()[]")
_WORDS = {"true": "true", "false": "false", "none": "null"}
_LONGEST = 200


def show(draft: Draft) -> None:
    """The fields; what cannot be used stays in its field, with a sentence below."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="own-choices"):
        _input(draft)
        found = draft.reading.classes
        if len(found) > 1:
            _class(draft, [known.name for known in found])
        for known in found:
            if known.name == draft.reading.chosen:
                for parameter in known.parameters:
                    _argument(draft, known, parameter)


def _input(draft: Draft) -> None:
    trace = draft.reading.trace
    guessed = draft.definition.input_shape is None and trace is not None
    widget = f"own-input-{draft.number}"
    _put(widget, draft.definition.input_shape, _shape, _shape_text)
    st.text_input(
        _("Input shape"),
        key=widget,
        placeholder=_("guessed: {shape}", shape=shape_text(trace.input_shape))
        if guessed and trace
        else "1, 28, 28",
        help=_(
            "The sizes of one input without the batch: channels, height, width for images. Left empty, it is guessed."
        ),
        max_chars=_LONGEST,
        width=190,
        on_change=_take_input,
        args=(widget,),
    )
    _say_what_is_wrong(widget, _shape)


def _shape(text: str) -> tuple[int, ...] | None:
    """The sizes in a text such as ``1, 28, 28`` or ``(3 x 32 x 32)``; None where it is empty."""
    plain_text = text.translate(_BRACKETS).strip()
    if not plain_text:
        return None
    if not _SIZES.fullmatch(plain_text):
        raise UsageError(
            Message(
                "{value} is no input shape: write the sizes with commas, such as 1, 28, 28.",
                value=shortened(text),
            )
        )
    sizes = tuple(int(size) for size in re.findall(r"\d+", plain_text))
    if not all(sizes):
        raise UsageError(Message("A size of the input cannot be 0."))
    return sizes


def _shape_text(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else ", ".join(map(str, shape))


@while_there
def _take_input(widget: str) -> None:
    try:
        shape = _shape(st.session_state[widget])
    except CnnvizError:
        return
    drafts.change(replace(_now().definition, input_shape=shape), undoable=False)


def _class(draft: Draft, names: list[str]) -> None:
    widget = f"own-class-{draft.number}"
    chosen = draft.reading.chosen
    st.session_state[widget] = chosen if chosen in names else None
    st.selectbox(_("Class"), names, key=widget, width=190, on_change=_take_class, args=(widget,))


@while_there
def _take_class(widget: str) -> None:
    definition = _now().definition
    drafts.change(replace(definition, class_name=st.session_state[widget], arguments=()), undoable=False)


def _argument(draft: Draft, known: FoundClass, parameter: Parameter) -> None:
    """A field of the kind that the argument's default has; of any kind of value where it has none."""
    widget = f"own-argument-{draft.number}-{known.name}-{parameter.name}"
    given = dict(draft.definition.arguments).get(parameter.name, parameter.default)
    default = None if parameter.default is None else json.loads(parameter.default)
    then: dict[str, Any] = {
        "key": widget,
        "on_change": _take_argument,
        "args": (widget, parameter.name, parameter.default),
    }
    if isinstance(default, bool) and given in ("true", "false"):
        st.session_state[widget] = given == "true"
        st.checkbox(parameter.name, **then)
        return
    _put(widget, given, _json, _json_text)
    placeholder = _("required") if parameter.required else "None"
    st.text_input(parameter.name, max_chars=_LONGEST, width=110, placeholder=placeholder, **then)
    _say_what_is_wrong(widget, _json)


def _json(text: str) -> str | None:
    """The value in a text as JSON; None where it is empty. Python's True, False, None and tuples are understood."""
    written = text.strip()
    if not written:
        return None
    written = _WORDS.get(written.lower(), written)
    if written.startswith("(") and written.endswith(")"):
        written = f"[{written[1:-1].rstrip(', ')}]"
    if written.startswith("'") and written.endswith("'") and len(written) > 1:
        written = json.dumps(written[1:-1])
    try:
        return json.dumps(json.loads(written))
    except (ValueError, RecursionError):
        pass
    if written.replace("_", "").replace("-", "").isalnum() and not written[0].isdigit():
        return json.dumps(written)  # a word without quotes
    raise UsageError(
        Message(
            "{value} is no value: write a number, a tuple such as (3, 3), a text, True or False.",
            value=shortened(text),
        )
    )


def _json_text(value: str | None) -> str:
    found = None if value is None else json.loads(value)
    if found is None:
        return ""
    return found if isinstance(found, str) and _json(found) == value else str(value)


@while_there
def _take_argument(widget: str, name: str, default: str | None) -> None:
    shown = st.session_state[widget]
    try:
        value = json.dumps(shown) if isinstance(shown, bool) else _json(shown)
    except CnnvizError:
        return
    definition = _now().definition
    others = tuple(pair for pair in definition.arguments if pair[0] != name)
    given = () if value is None or value == default else ((name, value),)
    drafts.change(replace(definition, arguments=tuple(sorted((*others, *given)))), undoable=False)


def _now() -> Draft:
    drafts.take_typed()  # a click that leaves the editor comes with what was typed there
    return drafts.present()


def _put(widget: str, value: Any, read: Any, write: Any) -> None:
    """Let the field show ``value``, unless what is written there cannot be read, or means the same."""
    try:
        if widget in st.session_state and read(st.session_state[widget]) == value:
            return
    except CnnvizError:
        return
    st.session_state[widget] = write(value)


def _say_what_is_wrong(widget: str, read: Any) -> None:
    try:
        read(st.session_state[widget])
    except CnnvizError as error:
        st.error(plain(error), icon=":material/error:")
