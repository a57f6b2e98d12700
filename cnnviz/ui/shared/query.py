"""The parameters of the link, in step with the browser's address in both directions.

Whatever a page reads from its link or writes there goes through :data:`query`, for the sake of two things that
Streamlit leaves to the app:

- A link to the page one is on runs the page with the parameters of that link, while the address stays the old one;
  the next click, which comes with the address, would jump back. So the browser is told the address that a page was
  run with.
- A click that follows another one at once comes with the address from before the first: a number that was typed
  would be gone where a button was pressed while the field had the focus. So an address that was replaced a moment
  ago stands for the one that replaced it, until the browser has shown that it knows that one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LAG_SECONDS = 3.0
"""How long a click may be on its way that comes with an address from before another one."""

_TOLD = "_told_address"

Value = str | Iterable[str]
Pairs = tuple[tuple[str, str], ...]


@dataclass
class _Told:
    """What the server knows of the browser's address on a ``page``: its parameters as text, and as ``pairs``.

    ``replaced`` are those from before a write of which the browser may not know yet, with the time of the write;
    ``writing`` says that there was one since the page, or a fragment, began.
    """

    page: str
    text: str
    pairs: Pairs
    replaced: dict[Pairs, float] = field(default_factory=dict)
    writing: bool = False


class Query:
    """The link's parameters by name; where one occurs several times, the last value counts."""

    def __contains__(self, key: object) -> bool:
        _catch_up()
        return key in st.query_params

    def __iter__(self) -> Iterator[str]:
        _catch_up()
        return iter(st.query_params)

    def __getitem__(self, key: str) -> str:
        _catch_up()
        return str(st.query_params[key])

    def get(self, key: str, default: str | None = None) -> str | None:
        """The value of a parameter; the ``default`` where it is missing."""
        _catch_up()
        return st.query_params.get(key, default)

    def get_all(self, key: str) -> list[str]:
        """All values of a parameter; none where it is missing."""
        _catch_up()
        return st.query_params.get_all(key)

    def pairs(self) -> Pairs:
        """All parameters in their order, a pair for each value."""
        _catch_up()
        return _pairs()

    def __setitem__(self, key: str, value: Value) -> None:
        self.change({key: value})

    def drop(self, *keys: str) -> None:
        """Take parameters out, those of them that are there."""
        self.change({}, forget=keys)

    def change(self, values: Mapping[str, Value], forget: Iterable[str] = ()) -> None:
        """Take the parameters ``forget`` out and put ``values`` in: one step of the browser's history."""
        _catch_up()
        before = _pairs()
        kept = {key: st.query_params.get_all(key) for key in st.query_params if key not in set(forget)}
        st.query_params.from_dict({**kept, **values})
        run, told = get_script_run_ctx(suppress_warning=True), st.session_state.get(_TOLD)
        if run is not None and told is not None and before != _pairs():
            told.replaced[before] = time.monotonic()
            told.text, told.pairs, told.writing = run.query_string, _pairs(), True

    def begin(self) -> None:
        """A page or a fragment begins: the callbacks of this click have run."""
        _catch_up()
        told = st.session_state.get(_TOLD)
        if told is not None:
            if not told.writing:  # the browser came with what it was told
                told.replaced.clear()
            told.writing = False


query = Query()


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
            return
        came = _pairs()
        if came == told.pairs:  # in another spelling
            told.text = run.query_string
            return
        age = time.monotonic() - told.replaced.get(came, float("-inf"))
        if age < LAG_SECONDS and not run.is_history_navigation:
            _tell(told.pairs)
            told.text, told.writing = run.query_string, True
            return
        _tell(came)  # a link to this page: the browser's address is still the old one
    st.session_state[_TOLD] = _Told(run.page_script_hash, run.query_string, _pairs())


def _tell(pairs: Pairs) -> None:
    st.query_params.from_dict({key: [value for name, value in pairs if name == key] for key, _value in pairs})
