"""What axe-core finds on the page that stands alone and on the landing page: nothing serious, in either theme."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from cnnviz.cli.main import main
from tests.browser.conftest import PATIENCE_MS

GRAVE = ("serious", "critical")
LOOKS = [("light", "page"), ("dark", "phone")]


@pytest.fixture(params=LOOKS, ids="-".join)
def look(request: pytest.FixtureRequest) -> Page:
    scheme, screen = request.param
    page: Page = request.getfixturevalue(screen)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    return page


def grave(page: Page, within: str | None = None) -> list[str]:
    """The serious findings on ``page``, or in the elements that the selector ``within`` finds."""
    found: dict[str, Any] = Axe().run(page, context=within, options={}).response
    assert found["passes"]
    return [
        f"{finding['id']}: {node['html']}"
        for finding in found["violations"]
        if finding["impact"] in GRAVE
        for node in finding["nodes"]
    ]


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("accessible") / "basic-cnn.html"
    assert main(["page", "basic-cnn", "--output", str(path)]) == 0
    return path


def test_the_page_that_stands_alone(basic: Path, look: Page) -> None:
    look.goto(basic.as_uri())
    look.get_by_role("button", name="Example: 4").click()
    expect(look.locator("[data-verdict]")).to_have_text("4", timeout=PATIENCE_MS)
    look.get_by_role("button", name="conv2, map 1", exact=True).click()
    assert grave(look) == []


def test_the_page_of_a_network_for_pictures(look: Page, tmp_path: Path) -> None:
    path = tmp_path / "lenet-cifar.html"
    assert main(["page", "lenet-cifar", "--output", str(path)]) == 0
    look.goto(path.as_uri())
    expect(look.locator("[data-verdict]")).to_have_text("ship", timeout=PATIENCE_MS)
    assert grave(look, "main > :not(#picture)") == []


def test_the_landing_page(server: Server, look: Page) -> None:
    look.goto(server.url)
    expect(look.locator("[data-verdict]")).to_have_text(re.compile(r"^\d$"), timeout=PATIENCE_MS)
    parts = ("alive", "jobs", "trained", "others", "blocks")
    for part in parts:
        assert grave(look, f".st-key-{part}") == []
