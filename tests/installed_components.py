"""Streamlit's search for installed components, which AppTest repeats for every app that it opens."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from streamlit.components.v2 import manifest_scanner


@pytest.fixture(scope="session", autouse=True)
def sought_once() -> Iterator[None]:
    """The metadata of all installed packages are read once; parsing them takes longer than to run a page."""
    with pytest.MonkeyPatch.context() as patch:
        once = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield
