from __future__ import annotations

from collections.abc import Iterator

import pytest

from cnnviz.language import DEFAULT_LANGUAGE, set_language


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Every test begins, and leaves the next one, in English."""
    set_language(DEFAULT_LANGUAGE)
    yield
    set_language(DEFAULT_LANGUAGE)
