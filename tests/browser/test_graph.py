from __future__ import annotations

from playwright.sync_api import Page, expect

from benchmarks.serving import Server
from tests.browser.conftest import PATIENCE_MS

PLACE = ".st-key-graph-place svg"


def test_a_graph_is_enlarged_moved_and_asked(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/architecture?model=resnet-mini&view=graph")
    nodes = page.locator(f"{PLACE} g.node")
    expect(nodes.first).to_be_visible(timeout=PATIENCE_MS)
    drawn = page.locator(PLACE).filter(has=page.locator("g.graph")).first
    expect(page.locator(".graphlook button")).to_have_count(3, timeout=PATIENCE_MS)
    expect(drawn).to_have_css("cursor", "grab", timeout=PATIENCE_MS)
    whole = drawn.get_attribute("viewBox")
    assert whole is not None

    page.get_by_role("button", name="Zoom in").click()
    expect(drawn).not_to_have_attribute("viewBox", whole)
    page.get_by_role("button", name="Show all").click()
    assert drawn.get_attribute("viewBox").split() == [f"{float(n):g}" for n in whole.split()]  # type: ignore[union-attr]

    nodes.filter(has=page.locator("title", has_text="n1")).first.click()
    expect(page.locator(".graphlook .details")).to_contain_text("conv1 (Conv2d)")
    expect(page.locator(".graphlook .details")).to_contain_text("Output: 16 x 24 x 24")

    titles_after_arrows = page.evaluate(
        """place => {
          const parts = [...document.querySelector(`${place} g.graph`).children];
          const last = parts.findLastIndex(part => part.classList.contains("edge"));
          const titles = parts.filter(part => part.tagName === "text");
          return titles.length > 0 && titles.every(title => parts.indexOf(title) > last);
        }""",
        PLACE,
    )
    assert titles_after_arrows
