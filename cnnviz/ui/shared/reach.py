"""From where the app may be opened: by default from the machine that it runs on."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.ui.shared.problems import plain


def refuse_foreign_name() -> None:
    """End a page that was asked for under another name than this machine's, unless the server is meant to be public.

    A web page from elsewhere can let its own name lead to this machine (DNS rebinding), and would then read everything
    here as if it were its own.
    """
    name = _asked_for()
    if name is None or not _listens_here_only() or _is_local(name):
        return
    if settings().public or st.get_option("server.allowedHosts"):  # the latter is checked by Streamlit
        return
    st.error(
        plain(
            _(
                "This server is for its own machine, but was opened as {name}. If others may use it, start it with "
                "CNNVIZ_PUBLIC=1.",
                name=name,
            )
        ),
        icon=":material/vpn_lock:",
    )
    st.stop()


def tell_who_reaches() -> None:
    """Say that nobody else reaches a server that is meant to be public, to whoever sits at its machine.

    ``streamlit run`` listens before anything of cnnviz runs, so that ``CNNVIZ_PUBLIC`` comes too late for it.
    """
    name = _asked_for()
    if name is None or not settings().public or not _listens_here_only() or not _is_local(name):
        return
    st.warning(
        _(
            "Other computers cannot open this server yet: `streamlit run` does not read CNNVIZ_PUBLIC. Start it with "
            "`python -m cnnviz app`, or with `streamlit run app.py --server.address 0.0.0.0`. With a reverse proxy on "
            "this computer nothing is missing."
        ),
        icon=":material/vpn_lock:",
    )


def _listens_here_only() -> bool:
    return _is_local(str(st.get_option("server.address") or ""))


def _asked_for() -> str | None:
    """The name under which the browser has asked for this server; None where nothing tells."""
    try:
        return urlsplit(f"//{st.context.headers['Host']}").hostname
    except (KeyError, ValueError):
        return None


def _is_local(name: str) -> bool:
    return name in ("localhost", "::1") or name.endswith(".localhost") or name.startswith("127.")
