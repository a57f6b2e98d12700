"""Digits that a camera sees: Chromium takes a file for the camera's video."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import ARGUMENTS, find_browser
from benchmarks.serving import Server
from cnnviz.cli.main import main
from tests.browser.conftest import PATIENCE_MS
from tests.drawing.test_pictures import paper


def video(path: Path) -> Path:
    """A video of one frame, uncompressed (YUV4MPEG2): a 3 on paper, dark on light."""
    grey = paper()[..., 0]
    height, width = grey.shape
    colourless = np.full((height // 2) * (width // 2) * 2, 128, np.uint8)
    header = f"YUV4MPEG2 W{width} H{height} F30:1 Ip A1:1 C420jpeg\nFRAME\n".encode()
    path.write_bytes(header + np.ascontiguousarray(grey).tobytes() + colourless.tobytes())
    return path


@pytest.fixture(scope="module")
def filmed(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = video(tmp_path_factory.mktemp("video") / "three.y4m")
    flags = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={path}",
    )
    browser = chromium.browser_type.launch(executable_path=find_browser(), args=[*ARGUMENTS, *flags])
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    browser.close()


def test_the_saved_page_reads_what_the_camera_sees(filmed: Page, tmp_path: Path) -> None:
    path = tmp_path / "basic-cnn.html"
    assert main(["page", "basic-cnn", "--output", str(path)]) == 0
    filmed.goto(path.as_uri())
    filmed.get_by_role("button", name="Live camera").click()
    expect(filmed.locator("[data-verdict]")).to_have_text("3", timeout=PATIENCE_MS)
    filmed.get_by_role("button", name="Stop the camera").click()
    expect(filmed.locator("[data-verdict]")).to_have_text("3")  # the last frame stays
    filmed.get_by_role("button", name="Clear").click()
    expect(filmed.locator("canvas[data-draw]")).to_be_visible()
    expect(filmed.locator("[data-verdict]")).to_have_text("")


def test_all_networks_of_the_draw_page_read_what_the_camera_sees(filmed: Page, server: Server) -> None:
    filmed.goto(f"{server.url}/draw?checkpoint=basic-cnn-mnist&checkpoint=lenet5-mnist")
    camera = filmed.get_by_role("button", name="Live camera")
    camera.click()
    for name in ("basic-cnn-mnist", "lenet5-mnist"):
        expect(filmed.locator(f"[data-verdict='{name}']")).to_have_text("3", timeout=PATIENCE_MS)
    filmed.get_by_role("button", name="7", exact=True).click()  # an example is drawn: the camera goes
    expect(camera).to_have_attribute("aria-pressed", "false")
    for name in ("basic-cnn-mnist", "lenet5-mnist"):
        expect(filmed.locator(f"[data-verdict='{name}']")).to_have_text("7", timeout=PATIENCE_MS)
    filmed.goto(f"{server.url}/filters?view=network&weights=basic-cnn-mnist&dataset=mnist-sample")
    filmed.get_by_role("button", name="Live camera").click()
    score = filmed.locator(".network_picture .score.best")
    expect(score).to_contain_text("3", timeout=PATIENCE_MS)
