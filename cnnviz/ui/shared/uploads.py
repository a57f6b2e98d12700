"""How large a file may be that a person uploads."""

from __future__ import annotations

import streamlit as st

from cnnviz.classroom.limits import check, limit
from cnnviz.language import Message
from cnnviz.ui.shared.rights import may_do_anything

_MEGABYTE = 1_000_000
"""In bytes, as the browser counts when a file is chosen; the server itself counts 2**20."""


def most_megabytes() -> int:
    """The largest file that this person may upload, in MB: the server's limit, or the class's where that is lower."""
    server = int(st.get_option("server.maxUploadSize"))
    most = None if may_do_anything() else limit("upload_mb")
    return server if most is None else min(server, most)


def check_upload(size: int) -> None:
    """Check a file of ``size`` bytes that is here already: the browser may not have kept to the limit.

    Raises:
        LimitError: it is too large for the class.
    """
    if not may_do_anything():
        check(
            "upload_mb",
            round(size / _MEGABYTE, 1),
            Message("The file has {value:,} MB, and this class allows {limit:,}; choose a smaller one."),
        )
