"""Faults are tried in short; with ``CNNVIZ_LONG_FAULTS=1`` a hundred or ten thousand times each, for hours."""

from __future__ import annotations

import os

import pytest

from tests.installed_components import sought_once as sought_once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CNNVIZ_LONG_FAULTS"):
        for item in items:
            item.add_marker(pytest.mark.timeout(0))  # a hundred rounds, ten thousand links: hours
