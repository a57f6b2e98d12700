"""The parameters of the link, in step with the browser's address in both directions.

Whatever a page reads from its link or writes there goes through :data:`query`, for the sake of two things that
Streamlit leaves to the app:

- A link to the page one is on runs the page with the parameters of that link, while the address stays the old one;
  the next click, which comes with the address, would jump back. So the browser is told the address that a page was
  run with.
- A click that follows another one at once comes with the address from before the first: a number that was typed
  would be gone where a button was pressed while the field had the focus. So an address that was replaced a moment
  ago stands for the one that replaced it, until the browser has shown that it knows that one.

Every change is a step of the browser's history, but for what :meth:`Query.settle` writes: the address that follows
a person's typing would fill the history with half-written words, and Back would lead nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LAG_SECONDS = 3.0
"""How long a click may be on its way that comes with an address from before another one.

It counts from the last sign of the page that wrote: while that still runs, on a busy machine for long, the click waits,
and the browser has not been told.
"""

_TOLD = "_told_address"

Value = str | Iterable[str]
Pairs = tuple[tuple[str, str], ...]


@dataclass
class _Told:
    """What the server knows of the browser's address on a ``page``: its parameters as text, and as ``pairs``.

    ``replaced`` are those from before a write of which the browser may not know yet; ``sign`` is when a page last
    asked or wrote; ``writing`` says that there was a write since the page, or a fragment, began. ``settled`` counts down from 2 while the
    parameters were put in place without a step of the history, so that Streamlit does not know of them.
    """

    page: str
    text: str
    pairs: Pairs
    replaced: set[Pairs] = field(default_factory=set)
    sign: float = 0.0
    writing: bool = False
    settled: int = 0


class Query:
    """The link's parameters by name; where one occurs several times, the last value counts."""

    def __contains__(self, key: object) -> bool:
        return key in _values(self.pairs())

    def __iter__(self) -> Iterator[str]:
        return iter(_values(self.pairs()))

    def __getitem__(self, key: str) -> str:
        return _values(self.pairs())[key][-1]

    def get(self, key: str, default: str | None = None) -> str | None:
        """The value of a parameter; the ``default`` where it is missing."""
        values = self.get_all(key)
        return values[-1] if values else default

    def get_all(self, key: str) -> list[str]:
        """All values of a parameter; none where it is missing."""
        return _values(self.pairs()).get(key, [])

    def pairs(self) -> Pairs:
        """All parameters in their order, a pair for each value."""
        _catch_up()
        told = st.session_state.get(_TOLD)
        return told.pairs if told is not None and told.settled else _pairs()

    def __setitem__(self, key: str, value: Value) -> None:
        self.change({key: value})

    def drop(self, *keys: str) -> None:
        """Take parameters out, those of them that are there."""
        self.change({}, forget=keys)

    def change(self, values: Mapping[str, Value], forget: Iterable[str] = ()) -> None:
        """Take the parameters ``forget`` out and put ``values`` in: one step of the browser's history."""
        before = self.pairs()
        st.query_params.from_dict(_changed(before, values, forget))
        run, told = get_script_run_ctx(suppress_warning=True), st.session_state.get(_TOLD)
        if run is not None and told is not None and before != _pairs():
            told.replaced.add(before)
            told.sign = time.monotonic()
            told.text, told.pairs, told.writing, told.settled = run.query_string, _pairs(), True, 0

    def settle(self, values: Mapping[str, Value], forget: Iterable[str] = ()) -> None:
        """:meth:`change` without a step of the browser's history: Back leads to where one was before the typing.

        The page has to draw :func:`cnnviz.ui.shared.address.follow`.
        """
        before = self.pairs()
        told = st.session_state.get(_TOLD)
        if told is None:
            self.change(values, forget)
            return
        changed = _changed(before, values, forget)
        told.pairs = tuple((key, value) for key, found in changed.items() for value in found)
        told.settled = 2 if told.pairs != before else told.settled

    def settled(self) -> str | None:
        """The address that :meth:`settle` has made, as text; None where Streamlit knows the present one itself."""
        pairs = self.pairs()
        told = st.session_state.get(_TOLD)
        return urlencode(pairs) if told is not None and told.settled else None

    def begin(self) -> None:
        """A page or a fragment begins: the callbacks of this click have run."""
        _catch_up()
        told = st.session_state.get(_TOLD)
        if told is not None:
            if not told.writing:  # the browser came with what it was told
                told.replaced.clear()
            told.writing = False
            told.settled = max(0, told.settled - 1)
            if told.settled == 0 and told.pairs != _pairs():  # the browser has long put it in place: no step
                _tell(told.pairs)


query = Query()


def _values(pairs: Pairs) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _changed(before: Pairs, values: Mapping[str, Value], forget: Iterable[str]) -> dict[str, list[str]]:
    """The parameters without ``forget``, and with ``values``."""
    kept = {key: found for key, found in _values(before).items() if key not in set(forget)}
    return {
        **kept,
        **{key: [value] if isinstance(value, str) else list(value) for key, value in values.items()},
    }


def _pairs() -> Pairs:
    return tuple((key, value) for key in st.query_params for value in st.query_params.get_all(key))


def _catch_up() -> None:
    """Where the browser came with another address than the one that it was told, find out which of them counts."""
    run = get_script_run_ctx(suppress_warning=True)
    if run is None:  # no page
        return
    told = st.session_state.get(_TOLD)
    if told is not None and told.page == run.page_script_hash:
        if told.text == run.query_string:
            told.sign = time.monotonic()
            return
        came = _pairs()
        if came == told.pairs:  # in another spelling
            told.text, told.settled = run.query_string, 0
            return
        is_late = came in told.replaced and time.monotonic() - told.sign < LAG_SECONDS
        if is_late and not run.is_history_navigation:
            _tell(told.pairs)
            told.text, told.writing = run.query_string, True
            return
        _tell(came)  # a link to this page: the browser's address is still the old one
    st.session_state[_TOLD] = _Told(run.page_script_hash, run.query_string, _pairs())


def _tell(pairs: Pairs) -> None:
    st.query_params.from_dict(_values(pairs))
