from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store import runs
from cnnviz.training.store import store as store_module
from cnnviz.training.store.store import RunStore


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The settings in force: runs in a folder of the test's own, one worker at a time."""
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("CNNVIZ_MAX_WORKERS", "1")
    monkeypatch.setenv("CNNVIZ_THREADS", "1")  # what a busy machine can bear best
    monkeypatch.delenv("CNNVIZ_DATABASE_URL", raising=False)
    yield settings()
    if store_module._opened.cache_info().currsize:
        store_module.open_store(settings()).close()
    store_module._opened.cache_clear()


@pytest.fixture
def store(configuration: Settings) -> RunStore:
    """The store of these settings, the same one that the code under test opens."""
    return store_module.open_store(configuration)


@pytest.fixture
def recipe() -> Recipe:
    """A training of a second or two."""
    return Recipe.default("basic-cnn", dataset="mnist-sample", epochs=1, batch_size=250)


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass for leases, at once; without it none pass, however slow the machine is."""
    now = 1000.0

    def pass_(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(runs, "ticks", lambda: now)
    monkeypatch.setattr(runs, "time", SimpleNamespace(time=lambda: now))
    return pass_
