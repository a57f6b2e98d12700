"""A server and a real Chromium for the tests of this folder; they are skipped where there is no browser."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, ViewportSize

from benchmarks.browser import HOW_TO_GET_ONE, browser, find_browser
from benchmarks.serving import Server, serve
from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.worker.worker import run_in_foreground

SHORT = Recipe.default("small-cnn", dataset="mnist-sample", train_images=640, epochs=2, threads=1)
"""A training of a second."""
PATIENCE_MS = 60_000
"""A machine that runs other tests meanwhile may need this long for what takes a second otherwise."""
STANDBY = {"CNNVIZ_SPARE_WORKERS": "1"}
"""One process for all that the Train page measures; without it each measurement would import torch anew."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(item.path).parent == Path(__file__).parent]
    # In CI they must run: there a missing browser is an error, not a reason to skip.
    absent = here and os.environ.get("CI") != "true" and find_browser() is None
    for item in here:
        item.add_marker(pytest.mark.browser)
        if absent:
            item.add_marker(pytest.mark.skip(reason=HOW_TO_GET_ONE))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that do not need a fresh one."""
    with serve(tmp_path_factory.mktemp("server"), STANDBY) as server:
        yield server


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Server]:
    """A server on which nobody has opened a page yet."""
    with serve(tmp_path / "server", STANDBY) as server:
        yield server


def settings_of(server: Server) -> Settings:
    """The settings that the server's own processes have."""
    runs = server.log.parent / "runs"
    return dataclasses.replace(settings(), runs_dir=runs, database_url=f"sqlite:///{runs / 'runs.sqlite3'}")


def trained(server: Server) -> str:
    """The id of a run of the short recipe on the server."""
    return run_in_foreground(SHORT, configuration=settings_of(server)).id


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


class Window:
    """A browser's window for the tests of a process, one after another, with one tab: what that has loaded and
    compiled for one test is there for the next, but nothing that a page has kept.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self._tab: Page | None = None
        self._origins: set[str] = set()
        self._foreign: list[str] = []
        context.set_default_timeout(PATIENCE_MS)
        context.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if not parts.scheme.startswith(("http", "ws")):
            return
        if parts.hostname == "127.0.0.1":
            self._origins.add(f"{parts.scheme}://{parts.netloc}")
        else:
            self._foreign.append(url)

    def open(self) -> Iterator[Page]:
        """An empty page; whatever it asks the web for fails the test, for classrooms are offline."""
        page = self._tab if self._tab is not None and not self._tab.is_closed() else self.context.new_page()
        self._tab = page
        size = page.viewport_size
        yield page
        for left in self.context.pages:
            if left is not page:
                left.close()
        if not page.is_closed():
            self._clear(page, size)
        foreign, self._foreign = self._foreign, []
        assert not foreign

    def _clear(self, page: Page, size: ViewportSize | None) -> None:
        """Leave nothing of a test in the tab."""
        page.unroute_all()
        with suppress(Error):  # a file, or a page that was never opened, has no storage
            page.evaluate("sessionStorage.clear()")
        page.goto("about:blank")
        page.mouse.move(0, 0)
        page.emulate_media(media="null", color_scheme="null", reduced_motion="null")
        if size is not None:
            page.set_viewport_size(size)
        self._forget(page)

    def _forget(self, page: Page) -> None:
        self.context.clear_cookies()
        tools = self.context.new_cdp_session(page)
        for origin in self._origins:
            kinds = {
                "origin": origin,
                "storageTypes": "local_storage,indexeddb,cache_storage,service_workers",
            }
            tools.send("Storage.clearDataForOrigin", kinds)
        tools.detach()
        self._origins.clear()


@pytest.fixture(scope="session")
def desktop(chromium: Browser) -> Iterator[Window]:
    with chromium.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield Window(context)


@pytest.fixture(scope="session")
def handset(chromium: Browser) -> Iterator[Window]:
    size = {"width": 390, "height": 844}
    with chromium.new_context(viewport=size, has_touch=True, is_mobile=True) as context:  # type: ignore[arg-type]
        yield Window(context)


@pytest.fixture
def page(desktop: Window) -> Iterator[Page]:
    """A page of a projector's size."""
    yield from desktop.open()


@pytest.fixture
def phone(handset: Window) -> Iterator[Page]:
    """A page on a phone, 390 pixels wide, with a finger in place of the mouse."""
    yield from handset.open()
