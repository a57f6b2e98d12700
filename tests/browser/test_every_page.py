"""Every page and every view, as somebody with a screen reader, a keyboard or a phone finds it.

One browser goes once through all of them; each is looked at in one language and theme (in turn), and in all four with
``CNNVIZ_TEST_ALL_LOOKS=1``.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import overflow, settle
from benchmarks.serving import ROOT, Server, serve
from cnnviz import experiments
from cnnviz.language import LANGUAGE_TAGS
from cnnviz.lessons.course import shelf
from cnnviz.training.worker.worker import run_in_foreground
from tests.browser.conftest import PATIENCE_MS, SHORT, settings_of

PASSWORD = "a long password"
LOOKS = [("en", "light"), ("zh", "dark"), ("en", "dark"), ("zh", "light")]
ALL_LOOKS = bool(os.environ.get("CNNVIZ_TEST_ALL_LOOKS"))
COLOURS = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
TABS = 24
LAPTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass(frozen=True)
class Known:
    """What axe finds in an element that Streamlit draws: the rule, the element, Streamlit's issue about it."""

    rule: str
    selector: str
    issue: str


STREAMLIT = [
    # A container or code of a fixed height cannot be focused; Chrome and Firefox scroll it by the keyboard anyway.
    Known("scrollable-region-focusable", '[data-testid="stVerticalBlock"], pre', "not reported"),
]
"""What Streamlit causes and nobody can work around from outside."""

WORKED_AROUND = {
    "the document's language (cnnviz.ui.shared.frame)": "streamlit/streamlit#15726",
    "white text on a light primary colour (.streamlit/config.toml)": "streamlit/streamlit#12801",
    "captions, code and chosen options with too little contrast (style.css)": "not reported",
}
"""What Streamlit causes and we have put right."""


def addresses() -> Iterator[str]:
    """A link to every page and every view, as the pages themselves list them."""
    from cnnviz.ui.architecture.views import DECODER
    from cnnviz.ui.architecture.views import VIEWS as ARCHITECTURE
    from cnnviz.ui.data.views import VIEWS as DATA
    from cnnviz.ui.draw.views import VIEWS as DRAW
    from cnnviz.ui.evaluate.views import VIEWS as EVALUATE
    from cnnviz.ui.filters.views import VIEWS as FILTERS
    from cnnviz.ui.shared.frame import MENU, TEACHER
    from cnnviz.ui.train.curves import MORE
    from cnnviz.ui.train.views import VIEWS as TRAIN

    listed = {"architecture", "data", "filters", "evaluate", "train"}  # which show their first view
    yield from (f"{page.name}?" for page in (*MENU, TEACHER) if page.name not in listed)
    yield from (f"architecture?model=inception-mini&view={view}" for view in [*ARCHITECTURE, DECODER])
    yield "architecture?model=inception-mini&view=graph&pass=backward"
    yield "architecture?model=inception-mini&size=32&view=why"  # where it breaks
    yield "architecture?model=text"
    yield from (f"data?view={view}" for view in DATA)
    yield from (f"filters?view={view}" for view in FILTERS)
    yield "filters?view=value&way=backward&label=3"
    yield "exercises?kind=match-confusion"
    yield "exercises?board=true"
    yield from (f"draw?source=data&view={view}" for view in DRAW)
    yield from (f"evaluate?view={view}" for view in EVALUATE)
    yield from (f"train?view={view}" for view in TRAIN)
    yield from (f"train?curve={curve}" for curve in MORE)
    yield from (f"experiments?experiment={key}" for key in (experiments.keys() if ALL_LOOKS else ()))
    yield "lessons?lesson=convolution&step=5"
    yield from (
        f"lessons?lesson={lesson.key}&step={number}"
        for lesson in (shelf.shipped() if ALL_LOOKS else ())
        for number in range(1, len(lesson.steps) + 1)
    )


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A class's server, which has the teacher's page, too, with two runs."""
    with serve(tmp_path_factory.mktemp("every-page"), {"CNNVIZ_TEACHER_PASSWORD": PASSWORD}) as server:
        for seed in (1, 2):
            run_in_foreground(dataclasses.replace(SHORT, seed=seed), configuration=settings_of(server))
        yield server


@pytest.fixture(scope="module")
def teacher(chromium: Browser, classroom: Server) -> Iterator[Page]:
    """A page of somebody who may use everything, with axe in it; nothing on it moves."""
    context = chromium.new_context(viewport=LAPTOP, reduced_motion="reduce")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{classroom.url}/teacher?lang=en")
    page.evaluate(Path(AXE_FILE_PATH).read_text(encoding="utf-8"))
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator(".st-key-unlock button").click()
    expect(page.locator(".st-key-lock")).to_be_visible(timeout=PATIENCE_MS)
    yield page
    context.close()


def go(page: Page, address: str, language: str, theme: str) -> None:
    """Go there as the browser's back button does: the page's script runs anew, and nothing is loaded again.

    It has come so far when the document has the language, and the style sheet the theme's colours.
    """
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    paper = COLOURS[theme]["backgroundColor"]
    # A run of the script is told the theme of the moment in which the browser asks for it.
    page.wait_for_function(
        """colour => {
            const probe = document.createElement("p");
            probe.style.color = colour;
            return getComputedStyle(document.querySelector(".stApp")).backgroundColor === probe.style.color;
        }""",
        arg=paper,
    )
    page.evaluate(
        """link => {
            history.pushState({}, "", link);
            dispatchEvent(new PopStateEvent("popstate"));
        }""",
        f"/{address}&lang={language}",
    )
    page.wait_for_function(
        """([language, colour]) => document.documentElement.lang === language
            && getComputedStyle(document.documentElement).getPropertyValue("--cnnviz-page").trim() === colour""",
        arg=[LANGUAGE_TAGS[language], paper],
    )
    settle(page)


FINDINGS = """
async known => {
  const {violations} = await axe.run(document, {elementRef: true, resultTypes: ["violations"],
    runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}});
  const grave = violations.filter(({impact}) => ["serious", "critical"].includes(impact));
  return grave.flatMap(({id, nodes}) => nodes
    .filter(({element}) => !known.some(({rule, selector}) => rule === id && element?.matches(selector)))
    .map(({html, any}) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ""}`));
}
"""

SILENT = """
() => {
  const found = [];
  const catches = (target) => {
    const touches = [new Touch({identifier: 1, target, clientX: 9, clientY: 9})];
    return !target.dispatchEvent(new TouchEvent("touchstart", {touches, cancelable: true, bubbles: true}));
  };
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) look(element.shadowRoot);
      const hidden = !element.checkVisibility() || element.closest("[aria-hidden=true], [role=img] *, [role=figure] *, .stDataFrame, button *");
      const named = element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || element.title;
      const says = element.matches("img") ? element.hasAttribute("alt") : named;
      if (element.matches("canvas, svg[role=img], img, [data-testid=stPlotlyChart], [data-testid=stGraphVizChart]")
          && !hidden && !says) found.push(`says nothing: ${element.outerHTML.slice(0, 120)}`);
      if (element.matches(".draglayer .drag") && catches(element)) found.push("a plot catches the finger");
    }
  };
  look(document);
  return found;
}
"""


def problems(page: Page, address: str, language: str, theme: str) -> list[str]:
    go(page, address, language, theme)
    known = [dataclasses.asdict(one) for one in STREAMLIT]
    return [*page.evaluate(FINDINGS, known), *page.evaluate(SILENT)]


def too_wide(page: Page) -> list[str]:
    """By how much the page is wider than a phone, and which parts of it are."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for _look in range(60):  # tables and figures follow the window's width when they come to it
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
        if (wide := overflow(page)) <= 0:
            break
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
    return [f"{wide} pixels wider than a phone"] if wide > 0 else []


def looks(number: int) -> Sequence[tuple[str, str]]:
    return LOOKS if ALL_LOOKS else [LOOKS[number % len(LOOKS)]]


@pytest.mark.timeout(7200 if ALL_LOOKS else 1200)
def test_every_page_and_every_view(teacher: Page) -> None:
    found: dict[str, Any] = {}
    seen = set()
    for look in LOOKS:  # all that has one look after another: a change of the theme draws the page anew
        for number, address in enumerate(addresses()):
            if look not in looks(number):
                continue
            if told := problems(teacher, address, *look):
                found[f"{address} {look}"] = told
            if address not in seen and (told := too_wide(teacher)):
                found[f"{address} on a phone"] = told
            seen.add(address)
    assert len(seen) > 30
    assert found == {}


FOCUS = """
async () => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!element || element === document.body) return null;
  const around = [];  // a field's border belongs to an element around it
  for (let one = element; one && around.length < 6; one = one.parentElement ?? one.getRootNode().host) around.push(one);
  const look = () => new Promise((done) => setTimeout(() => done(around.map((one) => {
    const {outlineStyle, outlineColor, boxShadow, borderColor, backgroundColor} = getComputedStyle(one);
    return [outlineStyle === "none" ? "" : outlineColor, boxShadow, borderColor, backgroundColor].join();
  }).join()), 80));
  let seen = false;
  for (let number = 0; number < 10 && !seen; number += 1) {  // a busy browser draws the focus a moment later
    const focused = await look();
    element.blur();
    seen = focused !== await look();
    element.focus();
  }
  if (!seen && (!element.isConnected || element.disabled)) return null;  // the page has replaced it meanwhile
  return {seen, html: element.outerHTML.slice(0, 160),
    named: !!element.closest("[aria-label], [aria-labelledby], label, [title]") || !!element.innerText?.trim()
      || !!element.labels?.length};
}
"""


@pytest.mark.parametrize("address", ["architecture?model=inception-mini", "draw?"])
def test_the_keyboard_is_seen_wherever_it_goes(teacher: Page, address: str) -> None:
    go(teacher, address, "en", "dark")
    stops = []
    for _number in range(TABS):
        teacher.keyboard.press("Tab")
        stops.append(teacher.evaluate(FOCUS))
    reached = [stop for stop in stops if stop is not None]
    assert len({stop["html"] for stop in reached}) > TABS // 2
    assert [stop["html"] for stop in reached if not stop["seen"] or not stop["named"]] == []
