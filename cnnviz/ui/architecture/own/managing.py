"""A kept network's title, its deletion, and the way back."""

from __future__ import annotations

import streamlit as st

from cnnviz.language import translate as _
from cnnviz.own import kept
from cnnviz.ui.architecture.network import DELETED
from cnnviz.ui.architecture.own import drafts
from cnnviz.ui.architecture.own.drafts import Draft
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import ask


def show(draft: Draft) -> None:
    """Rename and delete, of a network that is kept and listed."""
    found = kept.find(draft.definition.key)
    if found is None or not found.is_listed:
        return
    with st.popover(_("Name or delete"), icon=":material/edit:", key="own-manage"):
        field = f"own-title-{found.key}"
        st.text_input(
            _("Name"),
            value=found.title,
            key=field,
            max_chars=kept.LONGEST_TITLE,
            on_change=_rename,
            args=(found.key, field),
        )
        if found.owners and owner() not in found.owners:
            st.caption(
                _("This network was written in another browser. What you change here, its author sees.")
            )
        st.button(
            _("Delete"), icon=":material/delete:", key="own-delete", on_click=ask, args=(_delete, found.key)
        )


def _rename(key: str, field: str) -> None:
    ask(kept.rename, key, st.session_state[field])


def _delete(key: str) -> None:
    kept.delete(key)
    st.session_state[DELETED] = key
    drafts.leave()
