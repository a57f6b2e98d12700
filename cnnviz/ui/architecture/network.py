"""Which network a page shows, with which input and which options of its builder.

There are a person's own networks, registered networks, blocks, and the models of torchvision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.architectures import Architecture, Option
from cnnviz.classroom.controls import Control
from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.hosted.client import STATE
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.models import TORCHVISION, torchvision_input
from cnnviz.own import kept
from cnnviz.own.definition import PREFIX
from cnnviz.ui.shared import cached, controls, hosted, own_networks, rights
from cnnviz.ui.shared.cached import Edits
from cnnviz.ui.shared.carried import FIRST_NETWORK, NEW
from cnnviz.ui.shared.link_state import (
    EDITS,
    choose_number,
    put_edit,
    take_back_edit,
    while_there,
    write_back,
)
from cnnviz.ui.shared.owner import remember_owner
from cnnviz.ui.shared.problems import answer_callbacks, ask, link_problem, plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import help_of

if TYPE_CHECKING:
    from cnnviz.own.reading import Reading
    from cnnviz.shapes.table import Row
    from cnnviz.shapes.warnings import NetworkWarning
    from cnnviz.tracing.trace import Trace

LARGEST_INPUT = 512
MOST_CHANNELS = 2048

CODE = "code"
"""The link's parameter with the code of a network itself."""

DELETED = "_deleted_network"
"""In the session, the key of the network that was deleted last."""

_FIRST_OF_TORCHVISION = "torchvision:resnet18"
_OPTION_COLUMNS = 3
_OF_IMAGES = 3
"""Sizes of an input that is an image."""
_OF_THE_NETWORK = (
    EDITS,
    "layer",
    "size",
    "channels",
    "depth",
    "fold",
    "unfold",
    "why",
    "meeting",
    "pass",
    CODE,
)
"""What a link says about one network, and not about another one."""

Shape = tuple[int, int, int]
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Network:
    """A network that can be shown: ``name`` as links have it, ``architecture`` None for torchvision's.

    The input of a person's own network may have any number of sizes.
    """

    name: str
    title: str
    input_shape: tuple[int, ...]
    architecture: Architecture | None = None

    @property
    def is_own(self) -> bool:
        """Whether it is a person's own, as text."""
        return self.name.startswith(PREFIX)

    @property
    def is_hosted(self) -> bool:
        """Whether another process of the person who started the app holds it."""
        return self.name.startswith(STATE)

    @property
    def file_name(self) -> str:
        """A name for files about it, without an ending."""
        return self.title if self.is_hosted else self.name.rpartition(":")[2]


@dataclass(frozen=True, eq=False)
class Subject:
    """What the views show: the trace of a network as it is changed by ``edits``."""

    network: Network
    edits: Edits
    trace: Trace
    reading: Reading | None = None
    """What else is known of a text."""

    @cached_property
    def layers(self) -> tuple[Row, ...]:
        """The rows of the summary table, without functional operations."""
        from cnnviz.shapes.table import rows

        return rows(self.trace)

    @property
    def warnings(self) -> Sequence[NetworkWarning]:
        """What the network's author has probably not meant, but for what an editor shows at its line."""
        from cnnviz.shapes.warnings import warnings

        if self.reading is None:
            return warnings(self.trace)
        return [told for told in self.reading.warnings if self.edits or told.line is None]


def get(name: str) -> Network:
    """The network called ``name``: a key of the registry, ``own-...``, ``torchvision:NAME`` or ``hosted``.

    The page ends with a sentence where the file of the hosted network raises an error.
    """
    if name == hosted.NAME:
        return _hosted()
    if name.startswith(TORCHVISION):
        return Network(name, name.removeprefix(TORCHVISION), torchvision_input(name))
    known = architectures.get(name)
    return Network(name, known.title, known.input_shape, known)


def _hosted() -> Network:
    found = hosted.facts_or_stop()
    hosted.follow_changes(found.stamp)
    return Network(STATE + found.stamp, found.title, found.input_shape or ())


def expect_text() -> None:
    """Let the process that reads texts start beside what this one imports for the page."""
    from cnnviz.own import sandbox

    sandbox.start()


def is_text() -> bool:
    """Whether the link names a network as text, one that is known here."""
    name = query.get("model") or ""
    return CODE in query or name == NEW or own_networks.is_known(name)


def choose() -> tuple[Network, tuple[int, ...]]:
    """The network, and the input to send through it, (C, H, W) for images; all in the link."""
    notes = st.container()
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    with left:
        network = get(pick_for_page())
    if len(network.input_shape) != _OF_IMAGES:
        return network, network.input_shape
    own_channels, height, _width = network.input_shape
    # Side by side on a phone, too, where columns would lie one below the other.
    with right, st.container(horizontal=True, vertical_alignment="bottom"):
        channels = choose_number(
            _("Input channels"),
            key="channels",
            low=1,
            high=MOST_CHANNELS,
            default=own_channels,
            notes=notes,
            width=140,
        )
        size = choose_number(
            _("Height and width in pixels"),
            key="size",
            low=1,
            high=LARGEST_INPUT,
            default=height,
            notes=notes,
        )
    return network, (channels, size, size)


def pick_for_page() -> str:
    """The choice of the page's network, a new one of one's own among them; and which one was just deleted."""
    _offer_undo()
    new = {NEW: _("Your own network")}
    return pick(_("Network"), "model", FIRST_NETWORK, forget=_OF_THE_NETWORK, first=hosted.titles() | new)


def _offer_undo() -> None:
    """Say which network was just deleted, with an Undo button."""
    deleted = st.session_state.get(DELETED)
    found = None if deleted is None else kept.find(deleted)
    if found is None or found.deleted_at is None:
        return
    answer_callbacks()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(plain(_("{title} was deleted.", title=found.shown_title)), icon=":material/delete:")
        st.button(
            _("Undo"), key="own-undo-delete", icon=":material/undo:", on_click=ask, args=(_restore, found.key)
        )


def _restore(key: str) -> None:
    controls.need(Control.OWN)
    rights.need(*kept.get(key).owners)
    kept.restore(key)
    st.session_state.pop(DELETED, None)
    query.change({"model": key})


def pick(
    label: str, key: str, default: str, forget: Sequence[str] = (), first: Mapping[str, str] = NOTHING
) -> str:
    """A choice among all networks, torchvision's too; the link's parameter ``key`` holds its name.

    Whoever types in the field finds each by its name. ``forget`` are parameters of the link that mean nothing
    for another network. ``first`` are titles of further choices by name, which stand before all others.
    """
    name = query.get(key) or default
    titles = {**first, **own_networks.titles()}
    offered = [
        *titles,
        *(known.key for known in architectures.registered()),
        *(TORCHVISION + model for model in cached.torchvision_names()),
    ]
    if name not in offered and own_networks.is_known(name):
        offered.insert(len(first), name)  # an older version, or one that was deleted
    if name not in offered:
        link_problem(_unknown(name))
        name = _FIRST_OF_TORCHVISION if name.startswith(TORCHVISION) else default
    # The link is the truth: a link to another network on the same page must change the widget too.
    widget = f"choice-{key}"
    st.session_state[widget] = name
    args = (widget, key, default, forget)
    st.selectbox(
        label,
        offered,
        format_func=lambda name: titles.get(name) or _title(name),
        key=widget,
        on_change=write_back,
        args=args,
    )
    return name


def remember_person() -> None:
    """Let lists of networks begin with the person's own, where there are any; once on a page."""
    if own_networks.titles():
        remember_owner()


def _unknown(name: str) -> Message:
    if name.startswith(PREFIX):
        return kept.NotKeptError(name).message
    if name.startswith(TORCHVISION):
        model = name.removeprefix(TORCHVISION)
        return UnknownKeyError(Message("torchvision model"), model, cached.torchvision_names()).message
    return UnknownKeyError(Message("architecture"), name, architectures.keys()).message


def _title(name: str) -> str:
    if own_networks.is_known(name):
        return own_networks.title_of(name)
    network = get(name)
    if network.architecture is None:
        return f"torchvision · {network.title}"
    if network.architecture.group == "block":
        return _("Block · {title}", title=network.title)
    return network.title


def options_among(architecture: Architecture | None, edits: Edits) -> Edits:
    """Those of ``edits`` that are options of the builder."""
    known = architecture.options if architecture is not None else {}
    return tuple((path, value) for path, value in edits if path in known)


def choose_options(
    architecture: Architecture | None, edits: Edits, most_columns: int = _OPTION_COLUMNS
) -> Edits:
    """Sliders, where the network has options; and ``edits`` without those that an option does not take."""
    if architecture is None or not architecture.options:
        return edits
    usable = _usable_options(architecture, edits)
    values = {**architecture.defaults, **{path: json.loads(value) for path, value in usable}}
    with st.container(border=True, key="options"):
        columns = st.columns(min(most_columns, len(architecture.options)))
        for number, (name, option) in enumerate(architecture.options.items()):
            with columns[number % len(columns)]:
                _option_widget(architecture.key, name, option, values[name])
        if options_among(architecture, usable):
            st.button(
                _("Reset to the paper's values"),
                icon=":material/restart_alt:",
                key="options-reset",
                on_click=_reset_options,
                args=(architecture.options,),
            )
    return usable


def _usable_options(architecture: Architecture, edits: Edits) -> Edits:
    kept = []
    for path, value in edits:
        try:
            option = architecture.options.get(path)
            if option is not None:
                option.check(path, json.loads(value))
                if json.loads(value) == option.default:  # it changes nothing
                    take_back_edit(path)
                    continue
            kept.append((path, value))
        except UsageError as error:
            link_problem(error.message)
    return tuple(kept)


def _option_widget(key: str, name: str, option: Option, value: object) -> None:
    # The link is the truth: a link to other options on the same page must change the widgets too.
    widget = f"option-{key}-{name}"
    st.session_state[widget] = value
    label, then = (
        str(option.label),
        {
            "key": widget,
            "on_change": _write_option,
            "args": (widget, name, option),
            "help": help_of(str(option.label)),
        },
    )
    if option.choices:
        st.selectbox(label, option.choices, **then)  # type: ignore[call-overload]
    elif option.low is None or option.high is None:
        st.toggle(label, **then)  # type: ignore[arg-type]
    else:
        st.slider(label, option.low, option.high, **then)  # type: ignore[call-overload]


@while_there
def _write_option(widget: str, name: str, option: Option) -> None:
    value = st.session_state[widget]
    if value == option.default:  # what everybody sees anyway is left out, to keep links short
        take_back_edit(name)
    else:
        put_edit(name, json.dumps(value))


def _reset_options(options: Mapping[str, Option]) -> None:
    for name in options:
        take_back_edit(name)
