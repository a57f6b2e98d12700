"""The network that is alive on the landing page: it reads digits that draw themselves, then what a visitor draws."""

from __future__ import annotations

import re

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.browser import overflow, stroke
from benchmarks.serving import Server
from cnnviz.browser import ahead
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.checkpoints import checkpoints
from tests.browser.conftest import PATIENCE_MS

EDGES = PROJECT_DIRECTORY / "cnnviz" / "ui" / "home" / "alive" / "edges.js"

ONE = ((0.5, 0.15), (0.5, 0.5), (0.5, 0.85))


def opened(page: Page, server: Server) -> Locator:
    """The canvas of the landing page, once the network has read something."""
    page.goto(server.url)
    expect(verdict(page)).to_have_text(re.compile(r"^\d$"), timeout=PATIENCE_MS)
    return page.locator("canvas[data-draw]")


def verdict(page: Page) -> Locator:
    return page.locator("[data-verdict='basic-cnn-mnist']")


def drawing(canvas: Locator) -> str:
    text: str = canvas.evaluate("(canvas) => canvas.toDataURL()")
    return text


@pytest.fixture
def still(page: Page) -> Page:
    """A page for someone who wants nothing to move."""
    page.emulate_media(reduced_motion="reduce")
    return page


def test_it_reads_digits_until_a_visitor_takes_the_pen(server: Server, page: Page) -> None:
    canvas = opened(page, server)
    assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollHeight") <= 2000
    expect(verdict(page)).to_have_text("3", timeout=PATIENCE_MS)
    expect(verdict(page)).to_have_text("8", timeout=PATIENCE_MS)  # the next digit
    icon = page.locator('link[rel~="icon"]').first.get_attribute("href")
    assert (icon or "").startswith("data:image/svg+xml")
    stroke(page, canvas, *ONE)
    expect(verdict(page)).to_have_text("1", timeout=PATIENCE_MS)
    drawn = drawing(canvas)
    page.wait_for_timeout(2500)  # longer than the pause between two digits
    assert drawing(canvas) == drawn
    page.get_by_role("button", name="Clear").click()
    expect(verdict(page)).to_have_text("")
    page.get_by_role("button", name="Show examples").click()
    expect(verdict(page)).to_have_text("2", timeout=PATIENCE_MS)


def test_it_pauses(server: Server, page: Page) -> None:
    canvas = opened(page, server)
    page.get_by_role("button", name="Pause").click()
    drawn = drawing(canvas)
    page.wait_for_timeout(2500)
    assert drawing(canvas) == drawn
    expect(page.get_by_role("button", name="Show examples")).to_be_visible()


def test_a_digit_stands_still_for_whoever_wants_no_motion(server: Server, still: Page) -> None:
    canvas = opened(still, server)
    expect(verdict(still)).to_have_text("3")
    drawn = drawing(canvas)
    still.wait_for_timeout(500)
    assert drawing(canvas) == drawn
    still.get_by_role("button", name="Next digit").click()
    expect(verdict(still)).to_have_text("8")


def test_a_finger_draws_and_nothing_scrolls(server: Server, phone: Page) -> None:
    canvas = opened(phone, server)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    main = phone.get_by_test_id("stMain")
    before = main.evaluate("(main) => main.scrollTop")
    touch = phone.context.new_cdp_session(phone)
    middle = box["x"] + box["width"] / 2
    for kind, parts in (("Start", [0.15]), ("Move", [0.3, 0.5, 0.7, 0.85])):
        for part in parts:
            point = {"x": middle, "y": box["y"] + part * box["height"]}
            touch.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(verdict(phone)).to_have_text("1", timeout=PATIENCE_MS)
    assert main.evaluate("(main) => main.scrollTop") == before
    assert overflow(phone) <= 0


def test_what_was_packed_ahead_is_what_would_be_packed_now() -> None:
    assert ahead.FILE.read_bytes() == ahead.packed_now()


def test_lines_show_what_each_map_adds_to_the_next(chromium: Browser) -> None:
    model = checkpoints.load_model(checkpoints.get("basic-cnn-mnist"))
    conv, fc = model.get_submodule("conv2"), model.get_submodule("fc")
    maps = torch.rand(10, 12, 12, generator=torch.Generator().manual_seed(1))
    last = torch.rand(20, 4, 4, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        one_by_one = torch.stack(
            [conv(maps * torch.eye(10)[k][:, None, None]) - conv(maps * 0) for k in range(10)]
        )
        through_rows = torch.stack(
            [fc((last * torch.eye(20)[k][:, None, None]).flatten()) - fc.bias for k in range(20)]
        )
    page = chromium.new_page()
    source = "\n".join(line.removeprefix("export ") for line in EDGES.read_text("utf-8").splitlines())
    found = page.evaluate(
        """([source, maps, last, kernels, rows]) => {
            const { throughKernels, throughRows } = new Function(source + ";return { throughKernels, throughRows }")();
            return [throughKernels({ shape: [20, 8, 8], kernelSize: [5, 5] }, [10, 12, 12], maps, kernels),
                    throughRows({ shape: [10] }, 20, last, rows)];
        }""",
        [source, *(x.flatten().tolist() for x in (maps, last, conv.weight, fc.weight))],
    )
    page.close()
    torch.testing.assert_close(torch.tensor(found[0]), one_by_one.sum((2, 3)).T, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(torch.tensor(found[1]), through_rows.T, rtol=1e-4, atol=1e-4)
