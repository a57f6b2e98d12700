"""``cnnviz password``: the digest of a teacher's password, for a settings file."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _

SHORTEST = 8
"""Characters."""


def add_command(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``password`` to the commands."""
    add("password", _password, _("print the digest of a teacher's password, for CNNVIZ_TEACHER_PASSWORD"))


def _password(options: argparse.Namespace) -> int:
    from cnnviz.classroom.password import digest

    password = _typed()
    if len(password) < SHORTEST:
        raise UsageError(
            Message(
                "The password has {length} characters; use at least {shortest}.",
                length=len(password),
                shortest=SHORTEST,
            )
        )
    print(digest(password))
    return 0


def _typed() -> str:
    """The password, from the keyboard without showing it, or from what is piped in."""
    if sys.stdin.isatty():
        password = getpass.getpass(_("Password") + ": ")
        if getpass.getpass(_("Once more") + ": ") != password:
            raise UsageError(Message("The two passwords differ."))
        return password
    return sys.stdin.readline().rstrip("\r\n")
