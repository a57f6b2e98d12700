"""Problems, shown as a sentence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.language import translate as _

_log = logging.getLogger(__name__)


@contextmanager
def explained() -> Iterator[None]:
    """Show a problem inside of the ``with`` block as a sentence; what comes after the block goes on.

    A :class:`CnnvizError` says itself what to do. Anything else is a fault of cnnviz: the person reads
    that it happened, and the traceback goes to the server's log.
    """
    try:
        yield
    except CnnvizError as error:
        st.error(str(error), icon=":material/error:")
    except Exception:  # a page's last line of defence; streamlit's own control flow is no Exception
        _log.exception("Unforeseen problem on a page")
        st.error(
            _(
                "Something went wrong here that should not have. The rest of the page goes on; the "
                "details are in the server's log."
            ),
            icon=":material/bug_report:",
        )
