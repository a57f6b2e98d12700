"""Links to a network as text: one for this server, and one that carries the code to any other."""

from __future__ import annotations

import streamlit as st

from cnnviz.classroom.controls import Control
from cnnviz.language import translate as _
from cnnviz.own.link import LONGEST_IN_LINK, packed
from cnnviz.ui.architecture import views
from cnnviz.ui.architecture.network import CODE
from cnnviz.ui.architecture.own.drafts import Draft
from cnnviz.ui.shared import controls
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption


@controls.offers(Control.SHARING)
def link(draft: Draft) -> None:
    """The popover of links."""
    with st.popover(_("Link"), icon=":material/link:", help=_("A link to exactly this view")):
        st.write(_("**On this server**: the address names your network, with every choice on this page."))
        st.code(views.address(query.pairs()), language=None, wrap_lines=True)
        st.write(_("**Anywhere**: this link carries the code itself, so that every cnnviz can open it."))
        carrying = views.address((*_elsewhere(), (CODE, packed(draft.definition))))
        if len(carrying) <= LONGEST_IN_LINK:
            st.code(carrying, language=None, wrap_lines=True, height=160)
        else:
            caption(
                _(
                    "The code is too long for a link: it would have {length:,} characters, and links of more than "
                    "{most:,} are often cut off. Send the file instead.",
                    length=len(carrying),
                    most=LONGEST_IN_LINK,
                )
            )
        name = f"{draft.reading.chosen or 'network'}.py".lower()
        save_button(_("Download {name}", name=name), draft.definition.text, name, key="own-download")


def _elsewhere() -> tuple[tuple[str, str], ...]:
    """What the link says, without the name that the network has on this server."""
    return tuple(pair for pair in query.pairs() if pair[0] not in ("model", CODE))
