"""What is done with a network as text: links to it, its title, its deletion and the way back."""

from __future__ import annotations

import streamlit as st

from cnnviz.classroom.controls import Control
from cnnviz.language import translate as _
from cnnviz.own import kept
from cnnviz.own.link import LONGEST_IN_LINK, packed
from cnnviz.ui.architecture import views
from cnnviz.ui.architecture.network import CODE, DELETED
from cnnviz.ui.architecture.own import drafts
from cnnviz.ui.architecture.own.drafts import Draft
from cnnviz.ui.shared import controls, rights
from cnnviz.ui.shared.downloads import save_button
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import ask
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption


def show(draft: Draft) -> None:
    """Rename and delete, of a network that is kept and listed."""
    found = kept.find(draft.definition.key)
    if found is None or not found.is_listed or not rights.may_change(*found.owners):
        return
    with st.popover(_("Name or delete"), icon=":material/edit:", key="own-manage"):
        field = f"own-title-{found.key}"
        st.text_input(
            _("Name"),
            value=found.title,
            key=field,
            max_chars=kept.LONGEST_TITLE,
            disabled=not rights.may_change(found.owner),
            help=None if rights.may_change(found.owner) else _("Whoever wrote it first names it."),
            on_change=_rename,
            args=(found.key, field),
        )
        if found.owners and not rights.is_own(*found.owners):
            caption(_("This network was written in another browser. What you change here, its author sees."))
        st.button(
            _("Delete"), icon=":material/delete:", key="own-delete", on_click=ask, args=(_delete, found.key)
        )


def _rename(key: str, field: str) -> None:
    ask(_renamed, key, st.session_state[field])


def _renamed(key: str, name: str) -> None:
    controls.need(Control.OWN)
    rights.need(kept.get(key).owner)
    kept.rename(key, name)


def _delete(key: str) -> None:
    controls.need(Control.OWN)
    network = kept.get(key)
    if rights.may_do_anything() or network.owners == (owner(),):
        kept.delete(key)
        st.session_state[DELETED] = key
    else:  # the same text was written by several people: it stays the others'
        kept.leave(key, owner())
    drafts.leave()


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
