"""Accounts of a school, where Streamlit's ``st.login`` has a provider (OpenID Connect): people then have names.

They are in use on a server that a class shares and whose ``secrets.toml`` has a section ``[auth]``. Nobody sees a page
before they have logged in, and what they make belongs to their account instead of their browser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import streamlit as st

from cnnviz.classroom.limits import is_shared
from cnnviz.classroom.people import name_of_account
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.ui.shared.problems import plain

_LONGEST = 60


@dataclass(frozen=True)
class Account:
    """Who has logged in: ``key`` is under what their things are stored, ``title`` what others call them, ``address``
    their e-mail address in small letters; None where the provider does not vouch for it.
    """

    key: str
    title: str
    address: str | None


def account() -> Account | None:
    """The account of the person on the page; None where accounts are not in use, or before the login."""
    if not are_used() or not st.user.is_logged_in:
        return None
    told = st.user.to_dict()
    address = str(told.get("email") or "").lower()
    return Account(
        name_of_account(str(told.get("iss")), str(told["sub"])),
        str(told.get("name") or address)[:_LONGEST],
        # Elsewhere anybody may write a teacher's address into their own account.
        address if address and told.get("email_verified") is True else None,
    )


def are_used() -> bool:
    """Whether people need an account here."""
    return is_shared() and bool(_section())


def is_teacher() -> bool:
    """Whether this person is one of the accounts in ``CNNVIZ_TEACHERS``: addresses, or the keys of accounts."""
    known = account()
    return known is not None and bool({known.key, known.address} & set(settings().teachers))


def must_log_in() -> bool:
    """Whether accounts are in use and this person has not logged in yet."""
    return are_used() and account() is None


def door() -> None:
    """Offer the login, and end the page."""
    st.title(_("Log in"), anchor=False)
    st.write(_("This server is for a class; log in with your school account."))
    named = [name for name, values in _section().items() if isinstance(values, Mapping)]
    providers: list[str | None] = [None] if "client_id" in _section() else [*named]
    for provider in providers:
        label = _("Log in") if provider is None else _("Log in with {provider}", provider=plain(provider))
        st.button(
            label,
            key=f"login-{provider or ''}",
            icon=":material/login:",
            type="primary",
            on_click=st.login,
            args=(provider,),
        )
    st.stop()


def way_out() -> None:
    """Who has logged in, as a button that logs them out."""
    known = account()
    if known is not None:
        st.button(
            plain(_("{name}: log out", name=known.title)),
            key="logout",
            icon=":material/logout:",
            type="tertiary",
            on_click=st.logout,
        )


@lru_cache(maxsize=1)
def _section() -> Mapping[str, Any]:
    """The section ``[auth]`` of ``secrets.toml``, empty where there is none; looked for once."""
    return st.secrets.get("auth", {}) if st.secrets.load_if_toml_exists() else {}
