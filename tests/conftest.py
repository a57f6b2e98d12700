from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import settings

from cnnviz.language import DEFAULT_LANGUAGE, set_language
from cnnviz.training.worker.worker import wait_without_spinning

wait_without_spinning()  # or torch's threads keep the processors from the tests that run at the same time
settings.register_profile(
    "patient", settings(), deadline=None
)  # another program's load is no fault of a test's
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def own_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees, or goes on with, the runs of whoever starts the tests."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CNNVIZ_RUNS_DIR", str(tmp_path_factory.mktemp("runs") / "none"))
        environment.delenv("CNNVIZ_DATABASE_URL", raising=False)
        environment.delenv("CNNVIZ_RUNS_URL", raising=False)
        environment.setenv("CNNVIZ_SPARE_WORKERS", "0")  # they would outlive their tests
        yield


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Every test begins, and leaves the next one, in English."""
    set_language(DEFAULT_LANGUAGE)
    yield
    set_language(DEFAULT_LANGUAGE)


@pytest.fixture(autouse=True)
def no_running_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test without a browser may start an event loop, whatever its process ran before: from the first browser
    test of a process to its end, Playwright's loop counts as running in the main thread.
    """
    running = asyncio._get_running_loop()
    if running is None or request.node.get_closest_marker("browser"):
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(running)
