"""What every page of a class's server does: note who is there, show the teacher's link, keep hidden pages closed."""

from __future__ import annotations

import math
from urllib.parse import parse_qs, urlencode, urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cnnviz.classroom.limits import limit
from cnnviz.classroom.presence import PRESENCE, REQUESTS
from cnnviz.classroom.rules import Invitation, rules
from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared import accounts
from cnnviz.ui.shared.owner import owner, remember_owner
from cnnviz.ui.shared.query import whole_query
from cnnviz.ui.shared.rights import is_teacher

LOOK_SECONDS = 5.0
"""How often a page that is open looks for a link from the teacher."""

_LONGEST = 8_000
_NOT_SENT = ("lang", "embed", "embed_options")
"""Parameters that are each reader's own, or that Streamlit forbids in a link."""
_SEEN, _TOLD = "_invitation_seen", "_invitation_told"


def note(page: str) -> None:
    """Note that this person shows ``page``, and let their browser tell who it is."""
    remember_owner(everywhere=True)
    context = get_script_run_ctx()
    if context is not None:
        known = accounts.account()
        PRESENCE.note(context.session_id, owner(), page, known.title if known else "")


def refuse_too_many_updates() -> None:
    """:func:`refuse_too_many`, where a fragment of a page is updated alone."""
    context = get_script_run_ctx()
    if context is not None and context.fragment_ids_this_run:
        refuse_too_many()


def refuse_too_many() -> None:
    """Count one more page or update of this person; where it is one too many, say so and end it."""
    most = limit("requests")
    if most is None or is_teacher():
        return
    wait = REQUESTS.take(owner(), most)
    if wait > 0:
        st.warning(
            _(
                "You have requested more than {most:,} pages and updates within a minute, which is the limit of this "
                "class. Wait {seconds:,} s, then reload the page.",
                most=most,
                seconds=math.ceil(wait),
            ),
            icon=":material/speed:",
        )
        st.stop()


def is_hidden(page: str) -> bool:
    """Whether the teacher has hidden ``page`` from this person."""
    return page in rules().hidden and not is_teacher()


def refuse_hidden() -> None:
    """Say that the teacher has hidden this page, and end it."""
    st.info(_("Your teacher has hidden this page for now."), icon=":material/visibility_off:")
    st.stop()


def invitation(page: str) -> Invitation | None:
    """The teacher's link, unless this person has opened or closed it, or is on its ``page``."""
    found = rules().invitation
    if found is None or is_teacher() or st.session_state.get(_SEEN, 0) >= found.number:
        return None
    name, wanted = page_and_parameters(found.address)
    if name == page and all(whole_query.get_all(key) == values for key, values in wanted.items()):
        see(found)
        return None
    return found


def is_new(found: Invitation) -> bool:
    """Whether this is the first time that this person is shown the invitation."""
    told = st.session_state.get(_TOLD, 0)
    st.session_state[_TOLD] = found.number
    return bool(told < found.number)


def see(found: Invitation) -> None:
    """Show this person the invitation no more."""
    st.session_state[_SEEN] = found.number


def page_and_parameters(address: str) -> tuple[str, dict[str, list[str]]]:
    """The name of the page and the link's parameters in an ``address``, whole or from the page's name on."""
    parts = urlsplit(address)
    return parts.path.strip("/").rpartition("/")[2], parse_qs(parts.query, keep_blank_values=True)


def checked(address: str, pages: tuple[str, ...]) -> str:
    """``address``, from the page's name on, as it is kept for everybody.

    Raises:
        UsageError: it leads to none of ``pages``.
    """
    text = address.strip()
    try:
        page, parameters = page_and_parameters(text)
    except ValueError:  # no address at all
        page, parameters = None, {}
    if not text or page not in pages or len(text) > _LONGEST:
        raise UsageError(
            Message(
                "{address} is no link to a page of this server; copy one from the address bar of your browser.",
                address=text[:200],
            )
        )
    kept = {key: values for key, values in parameters.items() if key not in _NOT_SENT}
    return f"{page}?{urlencode(kept, doseq=True)}" if kept else page
