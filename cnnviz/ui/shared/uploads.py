"""How large a file may be that a person uploads, and what a page says where one was refused."""

from __future__ import annotations

import streamlit as st

from cnnviz.classroom.limits import check, limit
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.shared.rights import may_do_anything

_MEGABYTE = 1_000_000
"""In bytes, as the browser counts when a file is chosen; the server itself counts 2**20."""

_WATCH = """
// A file for which the server has no room gets a red sign, with the number of the answer under the pointer: the page
// hears of it, and says it in words as long as the file stands there.
export default function ({ parentElement, setStateValue }) {
  const block = parentElement.closest('[data-testid="stVerticalBlock"]');
  const signs = ":is([data-testid=stFileUploader], [data-testid=stCameraInput]) [role=alert]";
  let known = null;
  const look = () => {
    const refused = [...block.querySelectorAll(signs)].some((sign) => sign.textContent.endsWith(" 507"));
    if (refused !== (known ?? false)) setStateValue("refused", refused);
    known = refused;
  };
  const observer = new MutationObserver(look);
  observer.observe(block, { childList: true, subtree: true });
  return () => observer.disconnect();
}
"""
_watch = st.components.v2.component("cnnviz_refused", js=_WATCH, isolate_styles=False)


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


def tell_refused(key: str) -> None:
    """Say it where there was no room for a file of the widget just above, whose key is ``key``."""
    found = _watch(key=f"refused-{key}", default={"refused": False}, on_refused_change=lambda: None)
    if found["refused"]:
        st.error(
            _(
                "There is no room for this file: the files that are uploaded at the moment take all the memory "
                "for them. Remove one of yours that you no longer need, or try again in a minute."
            ),
            icon=":material/error:",
        )
