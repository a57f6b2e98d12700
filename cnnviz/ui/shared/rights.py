"""Who may change what: on a class's server a run, a network, an experiment belongs to whoever made it, and the teacher.

A page draws the controls of somebody else's things only where their use is allowed, and what they do asks again: a page
may have been drawn before its browser stopped being the teacher's.
"""

from __future__ import annotations

import streamlit as st

from cnnviz.classroom.limits import is_shared
from cnnviz.classroom.password import TEACHERS
from cnnviz.classroom.people import is_among
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.ui.shared import accounts
from cnnviz.ui.shared.owner import owner


class NotAllowedError(CnnvizError):
    """Somebody else's things were to be changed."""


ALONE = "127.0.0.1"
"""The address of a browser on the server's own machine."""


def is_own(*owners: str | None) -> bool:
    """Whether this person is one of ``owners``."""
    return is_among(owner(), owners)


def is_teacher() -> bool:
    """Whether this is a teacher's account, or this browser has shown the teacher's password."""
    return is_shared() and (accounts.is_teacher() or TEACHERS.has(owner()))


def may_do_anything() -> bool:
    """Whether nothing is out of bounds: nobody shares the server, or this is the teacher."""
    return not is_shared() or is_teacher()


def may_change(*owners: str | None) -> bool:
    """Whether this person may change what belongs to ``owners``.

    Where nobody shares the server everybody may; what nobody owns, such as a run that was started on the command line,
    is the teacher's.
    """
    return may_do_anything() or is_own(*owners)


def need(*owners: str | None) -> None:
    """Refuse what this person may not change; without ``owners``, what only the teacher may.

    Raises:
        NotAllowedError: it is out of bounds.
    """
    if not may_change(*owners):
        raise NotAllowedError(
            Message("Only its owner and the teacher may do this: unlock the Teacher page first.")
        )


def unlock(password: str) -> None:
    """Make this browser the teacher's for some hours.

    Raises:
        PasswordError: the password is wrong, or was tried too often.
    """
    TEACHERS.unlock(password, owner(), st.context.ip_address or ALONE)


def lock() -> None:
    """Make this browser a student's again."""
    TEACHERS.lock(owner())
