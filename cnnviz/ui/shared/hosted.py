"""The network of a person's own file or program, for which the app was started: one more in every list.

Links call it ``hosted``; what is computed from it is known by a name that says its state, too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.hosted import client
from cnnviz.hosted.client import NAME
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.problems import plain, run_again

if TYPE_CHECKING:
    from cnnviz.hosted.protocol import Facts

_SECONDS = 1.0
"""How often a page looks whether the file has changed."""

_PATIENCE_SECONDS = 20.0
"""How long a page waits for a file to come to its end before it says that it does not."""

_ENDED = ""
"""The stamp of what cannot be asked."""

_SHOWN_FIRST = "_hosted_shown"


def facts() -> Facts | None:
    """What the hosted network is; None where there is none.

    Raises:
        CnnvizError: the program that holds it has ended.
    """
    if not client.is_there():
        return None
    found = client.facts()
    return _when_done(found) if found.running else found


def _when_done(found: Facts) -> Facts:
    """The facts after the file has been run; it may never come to its end."""
    until = time.monotonic() + _PATIENCE_SECONDS
    with st.spinner(_("Python is running {file} ...", file=found.place.rpartition(":")[0])):
        while found.running and time.monotonic() < until:
            found = client.facts()  # each time the other side waits for some seconds
    return found


def facts_or_stop() -> Facts:
    """The same, where there is one; the page ends with a sentence where it cannot be used."""
    found = None
    try:
        found = facts()
        problem = None if found is None else found.problem
    except CnnvizError as error:
        problem = error.message
    if found is None or problem is not None:
        follow_changes(_ENDED if found is None else found.stamp)
        with st.container(key="trace-failure"):
            if found is not None and found.running:
                say_it_runs(found)
            else:
                st.error(plain(str(problem)), icon=":material/error:")
        st.stop()
    return found


def say_it_runs(found: Facts) -> None:
    """Say of a file that it has not come to its end yet."""
    st.info(
        plain(
            _(
                "Python is still running {file}. The page continues when that is done, or when you save the file "
                'again. Does it train, or wait for something, outside of if __name__ == "__main__"?',
                file=found.place.rpartition(":")[0],
            )
        ),
        icon=":material/hourglass_top:",
    )


def usable_facts() -> Facts | None:
    """The same; None where it cannot be used now, because its file raises an error, say."""
    try:
        found = facts()
    except CnnvizError:
        return None
    return None if found is None or found.problem is not None else found


def key_of_text(facts: Facts) -> str:
    """The key of the own network that the code of the hosted network is, read as text.

    Raises:
        CnnvizError: it cannot be read, or gives another network; the message says what to do.
    """
    from cnnviz.hosted.as_text import key_of_text as key_of_text_
    from cnnviz.ui.shared import cached

    if facts.input_shape is None:
        raise CnnvizError(Message("The input shape of {place} is not known.", place=facts.place))
    return key_of_text_(facts, cached.trace(client.STATE + facts.stamp, facts.input_shape))


def titles() -> dict[str, str]:
    """The title of the hosted network in a list of networks, by its name there."""
    try:
        return {NAME: client.facts().place} if client.is_there() else {}
    except CnnvizError:
        return {NAME: NAME}


def is_first_page() -> bool:
    """Whether the session begins, and a hosted network is what the person came for."""
    begins = client.is_there() and _SHOWN_FIRST not in st.session_state
    st.session_state[_SHOWN_FIRST] = True
    return begins


@fragment(run_every=_SECONDS)
def follow_changes(stamp: str) -> None:
    """Run the page anew when the network is another one than at ``stamp``."""
    try:
        now = client.facts().stamp
    except CnnvizError:
        now = _ENDED
    if now != stamp:
        run_again()


__all__ = ["NAME", "facts", "follow_changes", "is_first_page", "usable_facts"]
