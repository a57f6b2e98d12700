"""The editor of code on a page of its own, in ``editor_app``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.browser import overflow, paste, settle
from benchmarks.serving import ROOT, Server, serve
from tests.browser.editor_app.sample import FIRST, TIDY, WRONG

expect.set_options(timeout=60_000)
REST_MS = 300
SCRIPT = Path(__file__).with_name("editor_app") / "main.py"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the page alone."""
    words = ("-m", "streamlit", "run", str(SCRIPT), "--server.headless", "true", "--server.port")
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with serve(tmp_path_factory.mktemp("editor"), {"PYTHONPATH": path}, words) as server:
        yield server


def opened(page: Page, server: Server, query: str = "") -> Locator:
    """Where one types, once it is there and has its marks."""
    page.goto(f"{server.url}/{query}")
    expect(page.locator(".cnnviz-mark-error")).to_be_visible()
    settle(page)
    return page.locator(".st-key-own-code .cm-content")


def read(page: Page) -> Locator:
    """The text as the server knows it."""
    return page.locator(".st-key-read [data-testid=stText]")


def typed_at_start(page: Page, code: Locator, text: str, delay: float = 0) -> None:
    code.focus()
    page.keyboard.press("Control+Home")
    page.keyboard.type(text, delay=delay)


def test_what_is_typed_reaches_the_server_when_the_fingers_rest(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    expect(read(page)).to_have_text(FIRST, use_inner_text=True)
    typed_at_start(page, code, "# c, r\n")  # which are shortcuts of Streamlit elsewhere
    expect(read(page)).to_have_text("# c, r\n" + FIRST, use_inner_text=True)
    expect(code).to_be_focused()


def test_a_click_below_a_short_text_is_in_it(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    code.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("x")
    box = page.locator(".cm-editor").bounding_box()
    assert box is not None
    assert box["height"] > 200
    page.mouse.click(1, 1)
    expect(code).not_to_be_focused()
    page.mouse.click(box["x"] + 100, box["y"] + box["height"] - 20)
    expect(code).to_be_focused()
    page.keyboard.type("y")
    expect(read(page)).to_have_text("xy")


def test_no_character_is_lost_while_a_slow_page_runs(page: Page, alone: Server) -> None:
    code = opened(page, alone, "?slow=0.7")
    lines = "".join(f"# line {number}\n" for number in range(12))
    typed_at_start(page, code, "")
    for line in lines.splitlines(keepends=True):
        page.keyboard.type(line, delay=15)
        page.wait_for_timeout(REST_MS + 100)  # so that each starts a run, in which the next one is typed
    expect(read(page)).to_have_text(lines + FIRST, use_inner_text=True)
    assert code.inner_text().startswith(lines + "class Net(nn.Module):")


def test_it_does_not_fade_while_a_slow_page_runs(page: Page, alone: Server) -> None:
    code = opened(page, alone, "?slow=3")
    typed_at_start(page, code, "#")
    holder = page.locator(".st-key-own-code")
    expect(holder).to_have_attribute("data-stale", "true")
    page.wait_for_timeout(1800)
    expect(holder).to_have_attribute("data-stale", "true")
    assert holder.evaluate("holder => getComputedStyle(holder).opacity") == "1"


def test_a_click_at_once_finds_what_was_typed(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    typed_at_start(page, code, "# 1408\n")
    page.get_by_role("button", name="Mend it").click()
    mended = ("# 1408\n" + FIRST).replace("1408", "2200")
    expect(read(page)).to_have_text(mended, use_inner_text=True)
    expect(code).to_contain_text("# 2200")


def test_what_the_server_puts_in_is_one_step_to_undo_and_leaves_the_cursor(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    code.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("# end")
    page.get_by_role("button", name="Mend it").click()
    expect(code).to_contain_text("nn.Linear(2200, 10)")
    expect(page.locator(".cnnviz-mark")).to_have_count(0)
    expect(page.locator(".cnnviz-pointed")).to_contain_text("nn.Linear(2200, 10)")
    code.focus()
    page.keyboard.type("!")  # where the cursor was
    expect(read(page)).to_contain_text("# end!")
    expect(read(page)).to_contain_text("2200")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(code).to_contain_text("nn.Linear(1408, 10)")
    expect(read(page)).to_have_text(FIRST + "# end", use_inner_text=True)
    expect(page.locator(".cnnviz-mark-error")).to_have_text(re.compile(re.escape(WRONG)))


def test_a_mark_is_a_sentence_below_its_line_with_a_sign(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    line, sentence = page.locator(".cnnviz-line-error"), page.locator(".cnnviz-mark-error")
    expect(line).to_have_text("        self.fc = nn.Linear(1408, 10)  # the last one")
    expect(sentence.get_by_text(WRONG)).to_be_visible()
    expect(sentence.get_by_role("img", name="Error")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text(f"Error in line 4: {WRONG}")
    upper, lower = line.bounding_box(), sentence.bounding_box()
    assert upper is not None
    assert lower is not None
    assert abs(upper["y"] + upper["height"] - lower["y"]) < 2
    typed_at_start(page, code, "# a \n")
    expect(page.locator(".cnnviz-mark-remark")).to_contain_text(TIDY)
    expect(page.get_by_role("status")).to_have_text(f"Remark in line 1: {TIDY}\nError in line 5: {WRONG}")
    expect(line).to_contain_text("1408")


def test_it_is_used_and_left_by_the_keyboard(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    for name, value in (
        ("role", "textbox"),
        ("aria-multiline", "true"),
        ("aria-label", "Code of the network"),
    ):
        expect(code).to_have_attribute(name, value)
    hint = page.locator(f"#{code.get_attribute('aria-describedby')}")
    expect(hint).to_have_text(re.compile("press Esc, then Tab"))
    page.get_by_role("button", name="Mend it").focus()
    page.keyboard.press("Tab")
    expect(code).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    expect(code).to_be_focused()
    expect(read(page)).to_have_text("    " + FIRST, use_inner_text=True)
    page.keyboard.press("Shift+Tab")
    expect(read(page)).to_have_text(FIRST, use_inner_text=True)
    page.keyboard.press("F8")
    expect(page.locator(".cm-activeLine")).to_contain_text("1408")
    page.keyboard.press("Escape")
    page.wait_for_timeout(3000)  # nobody has to hurry
    page.keyboard.press("Tab")
    expect(code).not_to_be_focused()
    expect(read(page)).to_have_text(FIRST, use_inner_text=True)


def test_text_is_found_and_replaced_by_the_keyboard(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    code.focus()
    page.keyboard.press("Control+f")
    field = page.get_by_role("textbox", name="Find")
    expect(field).to_be_focused()
    page.keyboard.type("1408")
    page.keyboard.press("Enter")
    expect(page.locator(".cm-searchMatch-selected")).to_have_text("1408")
    page.get_by_role("textbox", name="Replace with").fill("2200")
    page.keyboard.press("Enter")
    expect(read(page)).to_have_text(FIRST.replace("1408", "2200", 1), use_inner_text=True)
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    expect(code).to_be_focused()
    page.keyboard.press("Control+z")
    expect(read(page)).to_have_text(FIRST, use_inner_text=True)


def test_a_row_and_its_line_mark_each_other(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    row, line = page.locator("tr[data-line='7']"), page.locator(".cm-line").nth(6)
    expect(line).to_have_text("        x = x.flatten(1)")
    expect(page.locator(".cnnviz-pointed")).to_have_count(0)
    row.hover()
    expect(line).to_have_class(re.compile("cnnviz-pointed"))
    plain = ground(row, page)
    line.hover()
    expect(page.locator(".cnnviz-pointed")).to_have_count(0)
    marked = ground(row, page)
    assert marked != "rgba(0, 0, 0, 0)" != plain
    page.locator(".cm-line").nth(1).hover()
    assert ground(row, page) == "rgba(0, 0, 0, 0)"
    line.click()
    page.mouse.move(0, 0)
    assert ground(row, page) == marked
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")  # the table's first row
    expect(row).to_be_focused()
    expect(line).to_have_class(re.compile("cnnviz-pointed"))
    page.keyboard.press("ArrowDown")
    expect(page.locator("tr[data-line='8']")).to_be_focused()
    expect(page.locator(".cnnviz-pointed")).to_have_text("        return self.fc(x)")
    page.keyboard.press("Enter")
    expect(code).to_be_focused()
    expect(page.locator(".cm-activeLine")).to_have_text("        return self.fc(x)")


def ground(place: Locator, page: Page) -> str:
    page.wait_for_timeout(50)
    return str(place.evaluate("row => getComputedStyle(row).backgroundColor"))


def test_both_themes_have_their_colours_and_a_switch_keeps_the_editor(page: Page, alone: Server) -> None:
    page.emulate_media(color_scheme="light")
    code = opened(page, alone)
    typed_at_start(page, code, "#")
    word = page.locator(".tok-keyword", has_text="def").first
    light = word.evaluate("word => getComputedStyle(word).color")
    page.evaluate("document.querySelector('.cm-editor').ours = true")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "light => getComputedStyle(document.querySelector('.tok-keyword')).color != light", arg=light
    )
    assert page.evaluate("document.querySelector('.cm-editor').ours")
    expect(code).to_contain_text("#class Net")


_LEAST_CONTRAST = """() => {
    const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const paint = (...colours) => { // one over the other
        pen.clearRect(0, 0, 1, 1);
        for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255);
    };
    const light = colour => colour.map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
    let least = ['', 21];
    for (const word of document.querySelectorAll('.cnnviz-editor *')) {
        if (![...word.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
        const grounds = [];
        for (let at = word; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
        const [dark, bright] = [light(paint(...grounds)), light(paint(...grounds, getComputedStyle(word).color))]
            .sort((one, other) => one - other);
        const contrast = (bright + .05) / (dark + .05);
        if (contrast < least[1]) least = [word.textContent, contrast];
    }
    return least;
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_can_be_read(page: Page, alone: Server, theme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=theme)
    code = opened(page, alone)
    typed_at_start(page, code, "# a \nname = 'text', 12, None  # 1408\n")
    expect(page.locator(".cnnviz-mark")).to_have_count(3)
    for place in (page.locator(".cm-line").nth(1), page.locator("tr[data-line]").first):
        place.hover()
        word, contrast = page.evaluate(_LEAST_CONTRAST)
        assert contrast >= 4.5, word


def test_the_text_is_there_again_when_the_editor_was_away(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    typed_at_start(page, code, "# kept\n")
    page.get_by_text("Shown").click()
    expect(code).to_have_count(0)
    page.get_by_text("Shown").click()
    expect(code).to_contain_text("# kept")
    typed_at_start(page, code, "#")
    expect(read(page)).to_have_text("## kept\n" + FIRST, use_inner_text=True)


def test_a_link_that_is_followed_at_once_keeps_what_was_typed(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    typed_at_start(page, code, "# kept\n")
    page.get_by_role("link", name="Away").click()
    expect(page.get_by_role("heading", name="Another page")).to_be_visible()
    page.get_by_role("link", name="Back to the code").click()
    expect(code).to_contain_text("# kept")
    expect(read(page)).to_have_text("# kept\n" + FIRST, use_inner_text=True)


def test_the_editor_is_sent_to_a_page_that_has_one_and_only_once(page: Page, alone: Server) -> None:
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    page.goto(f"{alone.url}/other")
    expect(page.get_by_role("heading", name="Another page")).to_be_visible()
    settle(page)
    assert sum(received) < 50_000
    page.get_by_role("link", name="Back to the code").click()
    code = page.locator(".st-key-own-code .cm-content")
    expect(code).to_be_visible()
    settle(page)
    assert 300_000 < sum(received) < 600_000
    received.clear()
    typed_at_start(page, code, "# more\n")
    expect(read(page)).to_contain_text("# more")
    settle(page)
    assert 0 < sum(received) < 50_000


def test_a_long_file_is_pasted_and_scrolls_inside_the_editor(page: Page, alone: Server) -> None:
    code = opened(page, alone)
    long = "".join(f"x{number} = {'1' * 40}\n" for number in range(2000))
    paste(page, code, long)
    expect(page.locator(".st-key-length [data-testid=stText]")).to_have_text(str(len(long)))
    box = page.locator(".cm-editor").bounding_box()
    assert box is not None
    assert box["height"] < 700
    page.keyboard.press("Control+End")
    expect(page.locator(".cm-activeLine")).to_be_in_viewport()


def test_it_fits_on_a_phone_whatever_the_lines(phone: Page, alone: Server) -> None:
    code = opened(phone, alone)
    typed_at_start(phone, code, f"#{' long' * 60}\n")
    sentence = phone.locator(".cnnviz-mark-error")
    expect(sentence).to_be_visible()
    assert overflow(phone) == 0
    box = sentence.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert code.evaluate("code => parseFloat(getComputedStyle(code).fontSize)") >= 16


def test_a_row_at_the_end_of_a_long_table_shows_its_line_in_sight(page: Page, server: Server) -> None:
    layers = 30
    made = "".join(f"        self.conv{number} = nn.Conv2d(1, 1, 3, padding=1)\n" for number in range(layers))
    done = "".join(f"        x = self.conv{number}(x)\n" for number in range(layers))
    head = (
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    )
    page.goto(f"{server.url}/architecture?model=own")
    code = page.locator(".st-key-own-code .cm-content")
    expect(code).to_be_visible()
    settle(page)
    paste(page, code, f"{head}{made}    def forward(self, x):\n{done}        return x\n")
    row = page.locator(f"tr[data-line='{4 + layers + 1 + layers}']")
    expect(row).to_contain_text("conv29")
    settle(page)
    row.scroll_into_view_if_needed()
    row.hover()
    line = page.locator(".cnnviz-pointed")
    expect(line).to_have_text("        x = self.conv29(x)")
    expect(line).to_be_in_viewport()
