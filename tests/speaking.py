from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cnnviz.language import language, set_language


@contextmanager
def spoken(code: str) -> Iterator[None]:
    """Use the language ``code`` inside of a ``with`` block."""
    before = language()
    set_language(code)
    try:
        yield
    finally:
        set_language(before)
