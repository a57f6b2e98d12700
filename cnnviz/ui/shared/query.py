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

A page may show a part of another page with choices of its own (:meth:`Query.embed`). For that part :data:`query` is the
link of the other page, which begins with these choices; what a person changes there stands in this page's link under
names of its own. What belongs to the page around it asks :data:`whole_query`.
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

PREFIX = "view."
"""Before a parameter of an embedded part in the link of the page around it."""

MISSING = "without"
"""Names, in the link of the page, a parameter that an embedded part begins with and that is gone."""

_TOLD, _EMBEDDED = "_told_address", "_embedded_part"

Value = str | Iterable[str]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Embedded:
    """What the link of a part of another page begins with: the parameters ``given``, on the ``page`` that shows it.

    In the link of that page a parameter of the part that is not as given stands with a prefix, and one that is given but
    missing in the part's link is named by :data:`MISSING`.
    """

    page: str
    given: Pairs

    def within(self, whole: Pairs) -> Pairs:
        """The part's parameters, as the link of the page has them."""
        missing = {value for key, value in whole if key == MISSING}
        own = [(key.removeprefix(PREFIX), value) for key, value in whole if key.startswith(PREFIX)]
        changed = {*missing, *(key for key, _value in own)}
        return (*(pair for pair in self.given if pair[0] not in changed), *own)

    def around(self, whole: Pairs, part: Pairs) -> Pairs:
        """The link of the page where its part has the parameters ``part``; ``whole`` is the link before that."""
        others = [pair for pair in whole if pair[0] != MISSING and not pair[0].startswith(PREFIX)]
        given, found = _values(self.given), _values(part)
        own = [
            (PREFIX + key, value)
            for key, values in found.items()
            if given.get(key) != values
            for value in values
        ]
        return (*others, *own, *((MISSING, key) for key in given if key not in found))


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
    """The link's parameters by name; where one occurs several times, the last value counts.

    ``inner`` says that they are those of the part that the page embeds, where it embeds one.
    """

    def __init__(self, inner: bool) -> None:
        self._inner = inner

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
        embedded = self._embedded()
        return _whole() if embedded is None else embedded.within(_whole())

    def __setitem__(self, key: str, value: Value) -> None:
        self.change({key: value})

    def drop(self, *keys: str) -> None:
        """Take parameters out, those of them that are there."""
        self.change({}, forget=keys)

    def change(self, values: Mapping[str, Value], forget: Iterable[str] = ()) -> None:
        """Take the parameters ``forget`` out and put ``values`` in: one step of the browser's history."""
        before = _whole()
        st.query_params.from_dict(self._changed(before, values, forget))
        run, told = get_script_run_ctx(suppress_warning=True), st.session_state.get(_TOLD)
        if run is not None and told is not None and before != _pairs():
            told.replaced.add(before)
            told.sign = time.monotonic()
            told.text, told.pairs, told.writing, told.settled = run.query_string, _pairs(), True, 0

    def settle(self, values: Mapping[str, Value], forget: Iterable[str] = ()) -> None:
        """:meth:`change` without a step of the browser's history: Back leads to where one was before the typing.

        The page has to draw :func:`cnnviz.ui.shared.query.follow`.
        """
        before = _whole()
        told = st.session_state.get(_TOLD)
        if told is None:
            self.change(values, forget)
            return
        changed = self._changed(before, values, forget)
        told.pairs = _as_pairs(changed)
        told.settled = 2 if told.pairs != before else told.settled

    def settled(self) -> str | None:
        """The address that :meth:`settle` has made, as text; None where Streamlit knows the present one itself."""
        pairs = _whole()
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

    def embed(self, given: Pairs | None) -> None:
        """From now on, and until the page embeds another part or (None) no more, a part of another page that begins
        with the parameters ``given`` finds its link here; callbacks and fragments of the page find it, too.
        """
        run = get_script_run_ctx(suppress_warning=True)
        if given is None or run is None:
            st.session_state.pop(_EMBEDDED, None)
        else:
            st.session_state[_EMBEDDED] = Embedded(run.page_script_hash, given)

    def _embedded(self) -> Embedded | None:
        run = get_script_run_ctx(suppress_warning=True)
        if not self._inner or run is None:
            return None
        found: Embedded | None = st.session_state.get(_EMBEDDED)
        return found if found is not None and found.page == run.page_script_hash else None

    def _changed(
        self, whole: Pairs, values: Mapping[str, Value], forget: Iterable[str]
    ) -> dict[str, list[str]]:
        """The link without ``forget``, and with ``values``."""
        embedded = self._embedded()
        if embedded is None:
            return _changed(whole, values, forget)
        changed = _changed(embedded.within(whole), values, forget)
        return _values(embedded.around(whole, _as_pairs(changed)))


query = Query(inner=True)
"""The link of the page, or of the part of another page that it embeds."""

whole_query = Query(inner=False)
"""The link of the page, whatever it embeds."""


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


def _as_pairs(values: Mapping[str, Iterable[str]]) -> Pairs:
    return tuple((key, value) for key, found in values.items() for value in found)


def _whole() -> Pairs:
    """All parameters of the address in their order, a pair for each value."""
    _catch_up()
    told = st.session_state.get(_TOLD)
    return told.pairs if told is not None and told.settled else _pairs()


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


_REPLACE = """
export default function ({ data, parentElement }) {
  if (parentElement.settled === data) return; // drawn again: the person may be somewhere else by now
  parentElement.settled = data;
  if (location.search !== "?" + data) history.replaceState(history.state, "", "?" + data);
}
"""

_put = st.components.v2.component("cnnviz_address", js=_REPLACE)


def follow() -> None:
    """Put in place what :meth:`cnnviz.ui.shared.query.Query.settle` has written; once on a page, after that."""
    if (text := query.settled()) is not None:
        _put(data=text, key="address")
