from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.settings import PROJECT_DIRECTORY

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Open a page as a browser would, ``open_page("pages/draw.py", lang="zh")``; runs in its own folder."""
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))

    def open_(page: str = "app.py", **query: str | list[str]) -> AppTest:
        app = AppTest.from_file(str(PROJECT_DIRECTORY / "app.py"), default_timeout=60)
        for name, value in query.items():
            app.query_params[name] = value
        if page != "app.py":
            app.switch_page(page)
        app.run()
        assert not app.exception
        return app

    return open_
