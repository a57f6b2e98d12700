from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.training.loop import memory
from cnnviz.training.store import store as store_module
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker.dispatching import dispatch
from cnnviz.ui.shared import owner
from cnnviz.ui.train import estimates, runs
from tests.installed_components import sought_once as sought_once
from tests.pages.opening import opened
from tests.pages.training_page import MY_TOKEN, SECONDS, Pretended

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Open a page as a browser would, ``open_page("pages/draw.py", lang="zh")``; runs in its own folder.

    Nothing is measured, and no process waits for runs.
    """
    monkeypatch.setattr(runs, "keep_standby", lambda: None)
    monkeypatch.setattr(estimates, "estimate", lambda recipe: SECONDS)
    monkeypatch.setattr(memory, "available", lambda *_: SECONDS.available)
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))

    estimates._jobs.clear()

    def open_(page: str = "app.py", **query: str | list[str]) -> AppTest:
        return opened(page, query)

    return open_


@pytest.fixture
def store(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """The store that the Train page uses, where starting a run starts no process; one run at a time."""
    opened = store_module.open_store()
    monkeypatch.setattr(runs, "start_queued", lambda: dispatch(opened, Pretended(), max_workers=1))
    monkeypatch.setattr(owner, "new_token", lambda: MY_TOKEN)
    yield opened
    opened.close()
    store_module._opened.cache_clear()
