"""Problems, shown as a sentence: those of a page, of its link, and of what a person asks for with a button.

Streamlit reads every message as Markdown. A message that quotes a link, a file or an exception goes
through :func:`plain`, so that nobody can put images, links or headings on the page by what is quoted.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, ParamSpec

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _

_log = logging.getLogger(__name__)

_LINK_PROBLEMS, _REPEATED, _AGAIN = "_link_problems", "_repeated_link_problems", "_page_runs_again"

_BREAK = "\u200b"  # a space of no width
_MARKS = re.compile(r"[\\`*\[\]<>|~$&#]|(?<![^\W_])_|_(?![^\W_])")
_BLOCK = re.compile(r"^([-+=])|^(\d+)([.)])")
# Addresses and :emoji: are found in what is left after the backslashes, which therefore do not stop them.
_FOUND_LATER = re.compile(r"(?<=:)(?=[\w/+-])|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)


def plain(text: object) -> str:
    """``text`` in one line, as Markdown that shows it letter by letter."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)).split())
    line = _BLOCK.sub(lambda found: rf"{found[2] or ''}\{found[1] or found[3]}", _MARKS.sub(r"\\\g<0>", line))
    return _FOUND_LATER.sub(_BREAK, line)


def link_problem(sentence: Message | str) -> None:
    """Say that the link names something that cannot be shown."""
    text = str(sentence)
    if text in st.session_state.get(
        _REPEATED, ()
    ):  # some links stay as they are: it stands at the top already
        return
    said = st.session_state.setdefault(_LINK_PROBLEMS, [])
    if text not in said:
        said.append(text)
    st.warning(plain(text), icon=":material/link_off:")


def note_run_again() -> None:
    """The page is about to run once more though nobody did anything: what was said of its link stays. For callbacks."""
    st.session_state[_AGAIN] = True


def run_again() -> NoReturn:
    """Let the page run once more though nobody did anything: as a measurement is there, or a training has ended."""
    note_run_again()
    st.rerun()


def repeat_link_problems() -> None:
    """To be called at the top of each page. Where it runs once more by itself, its link may be mended by now, and would
    say nothing any more.
    """
    said = st.session_state.pop(_LINK_PROBLEMS, [])
    repeated = said if st.session_state.pop(_AGAIN, False) else []
    st.session_state[_REPEATED] = []
    for sentence in repeated:
        link_problem(sentence)
    st.session_state[_REPEATED] = repeated


@contextmanager
def explained() -> Iterator[None]:
    """Show a problem inside of the ``with`` block as a sentence; what comes after the block goes on.

    A :class:`CnnvizError` says itself what to do. Anything else is a fault of cnnviz: the person reads
    that it happened, and the traceback goes to the server's log.
    """
    try:
        yield
    except CnnvizError as error:
        st.error(plain(error), icon=":material/error:")
    except Exception:  # a page's last line of defence; streamlit's own control flow is no Exception
        _log.exception("Unforeseen problem on a page")
        st.error(
            _("Unexpected error. The rest of the page still works; see the server's log for details."),
            icon=":material/bug_report:",
        )


P = ParamSpec("P")

_PROBLEM, _WHOLE = "_asking_problem", "_asking_whole_page"


def ask(do: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do it, in a callback; why it could not be done is what :func:`answer_callbacks` says."""
    try:
        do(*args, **kwargs)
    except CnnvizError as error:
        st.session_state[_PROBLEM] = error.message


def ask_page(do: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """:func:`ask`, and let the whole page run again where the button is part of a fragment."""
    ask(do, *args, **kwargs)
    whole_page()


def whole_page() -> None:
    """In a callback: what follows concerns the whole page, not the fragment alone."""
    st.session_state[_WHOLE] = True


def answer_callbacks() -> None:
    """Begin a fragment: rerun the whole page where a callback asked for that, else say what went wrong in one."""
    if st.session_state.pop(_WHOLE, False):
        st.rerun()
    problem = st.session_state.pop(_PROBLEM, None)
    if problem is not None:
        st.error(plain(problem), icon=":material/error:")
