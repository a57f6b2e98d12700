/* Present: a button in the menu, a bar at the foot of the screen, and the keys for both. */

const KEPT = "cnnviz-figure";
const BACK = ["ArrowLeft", "PageUp"], ON = ["ArrowRight", "PageDown"]; // a presenter's remote sends the latter
const TYPING = 'input:not([type="checkbox"], [type="radio"], [type="range"]), textarea, select, [contenteditable]:not([contenteditable="false"])';
const OWN_ARROWS = 'canvas, input, video, audio, [role="slider"], [role="radiogroup"], [role="tablist"], [role="grid"], [role="listbox"], [role="menu"], [role="application"]';
const SIZED_OTHERWISE = '.js-plotly-plot, [data-testid="stDataFrame"]';
const OPEN = '[role="dialog"], [data-testid="stPopoverBody"], [data-baseweb="popover"]';
const SCROLLS = { ArrowDown: 0.3, ArrowUp: -0.3 }; // parts of the screen, for a figure that is taller
const SETTLE = 60, LOOK = 1000; // milliseconds: between a change of the page and a look at it, and between looks

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".present");
  root.present ??= new Present(root);
  root.present.show(data, (wanted) => setTriggerValue("wanted", wanted));
  return whenGone(root, () => root.present.close());
}

// What components write in shades of grey is closed to the page's style.
const CLEAR = new CSSStyleSheet();
CLEAR.replaceSync(`
  .head, .none, .padding, .beyond, .note, .sign, figcaption, small, span { opacity: 1 !important; }
  .network_picture, .alive { --soft: var(--st-text-color) !important; }
`);

class Present {
  constructor(root) {
    this.root = root;
    this.key = (event) => this.press(event);
    this.refit = () => this.look();
    document.addEventListener("keydown", this.key);
    addEventListener("resize", this.refit);
    this.seen = new MutationObserver(() => this.soon());
    this.grown = new ResizeObserver(() => this.soon()); // what a component draws is closed to the former
  }

  show(data, send) {
    this.send = send;
    const described = JSON.stringify(data);
    if (this.described !== described) {
      this.described = described;
      this.data = data;
      this.root.replaceChildren(data.on ? this.bar() : this.beginning());
      this.root.classList.toggle("on", data.on);
    }
    document.documentElement.classList.toggle("cnnviz-presenting", data.on);
    this.seen.disconnect();
    this.grown.disconnect();
    clearInterval(this.clock);
    if (data.on) this.watch();
    else unmark();
  }

  watch() {
    this.main = document.querySelector(MAIN);
    this.seen.observe(this.main, { childList: true, subtree: true });
    this.grown.observe(this.main.firstElementChild);
    this.clock = setInterval(() => this.soon(), LOOK); // for a component that draws once its data are there
    this.look();
  }

  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (this.data.on && this.root.isConnected) this.look();
    }, SETTLE);
  }

  close() {
    document.removeEventListener("keydown", this.key);
    removeEventListener("resize", this.refit);
    this.seen.disconnect();
    this.grown.disconnect();
    clearTimeout(this.timer);
    clearInterval(this.clock);
    if (document.querySelector(".present.on") === null) document.documentElement.classList.remove("cnnviz-presenting");
  }

  // -- keys --------------------------------------------------------------------------------------------------------

  press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const path = event.composedPath().filter((each) => each instanceof Element);
    if (path.some((each) => each.matches(TYPING))) return;
    if (event.key.toLowerCase() === "p") this.send(this.data.on ? "off" : "on");
    else if (this.data.on && event.key === "Escape" && document.querySelector(OPEN) === null) this.escape();
    else if (this.data.on && !event.shiftKey && [...BACK, ...ON].includes(event.key)) {
      if (path.some((each) => each.matches(OWN_ARROWS))) return;
      event.preventDefault();
      this.go(ON.includes(event.key) ? 1 : -1);
    } else if (this.data.on && event.key in SCROLLS && !path.some((each) => each.matches(OWN_ARROWS))) {
      document.querySelector('[data-testid="stMain"]').scrollBy({ top: SCROLLS[event.key] * innerHeight });
    }
  }

  escape() {
    if (this.pages.hidden) this.send("off");
    else this.openPages(false);
  }

  go(step) {
    const way = this.beyond(step);
    if (way !== null) {
      way.click();
      return;
    }
    const number = Math.min(Math.max(this.number + step, 0), this.slides.length - 1);
    sessionStorage.setItem(whereKept(), number);
    document.querySelector('[data-testid="stMain"]').scrollTop = 0;
    this.look();
  }

  /* The page's own way on or back, where there are no more figures in that direction; null without one. */
  beyond(step) {
    const number = this.number + step;
    if (number >= 0 && number < this.slides.length) return null;
    return document.querySelector(`.st-key-present-${step > 0 ? "on" : "back"} button:enabled`);
  }

  // -- one figure at a time ----------------------------------------------------------------------------------------

  look() {
    if (!this.data?.on) return;
    const { header, slides } = slidesOf(this.main, this.data.choices);
    this.slides = slides;
    const kept = Number(sessionStorage.getItem(whereKept()) ?? 0);
    this.number = Math.min(Math.max(kept, 0), Math.max(slides.length - 1, 0));
    const shown = new Set([...header, ...(slides[this.number]?.leaves ?? [])]);
    mark(this.main, shown);
    for (const root of closedRoots(this.main)) root.adoptedStyleSheets = [...new Set([...root.adoptedStyleSheets, CLEAR])];
    this.tell();
    this.fit([...shown]);
  }

  fit(shown) {
    const bar = this.root.firstElementChild;
    const figures = sizable(shown);
    const sizes = () => JSON.stringify([this.number, innerWidth, innerHeight, figures.map((figure) => figure.offsetHeight)]);
    for (const leaf of this.main.querySelectorAll(`${LEAF}, ${TOGETHER}`)) if (!figures.includes(leaf)) leaf.style.removeProperty("zoom");
    if (this.fitted !== sizes()) enlarge(this.main, figures, bar);
    this.fitted = sizes();
    fitChart(this.main, shown, bar);
  }

  tell() {
    const count = this.slides.length;
    const text = count ? fill(this.data.words.place, { number: this.number + 1, count }) : "";
    if (this.indicator.textContent !== text) this.indicator.textContent = text;
    this.previous.disabled = this.number === 0 && this.beyond(-1) === null;
    this.next.disabled = this.number >= count - 1 && this.beyond(1) === null;
  }

  // -- button and bar ----------------------------------------------------------------------------------------------

  beginning() {
    const { begin, how } = this.data.words;
    const found = button("slideshow", begin, () => this.send("on"), how);
    found.className = "begin";
    return found;
  }

  bar() {
    const { words } = this.data;
    this.previous = button("chevron_left", "", () => this.go(-1), words.previous);
    this.next = button("chevron_right", "", () => this.go(1), words.next);
    this.indicator = made("span", "place");
    this.indicator.setAttribute("role", "status");
    this.pages = made("nav", "pages");
    this.pages.hidden = true;
    this.opener = button("menu", words.pages, () => this.openPages(this.pages.hidden));
    this.openPages(false);
    const steps = made("div", "steps", this.previous, this.indicator, this.next);
    const leave = button("close", words.leave, () => this.send("off"), words.escape);
    const found = made("div", "bar", this.opener, this.pages, steps, leave);
    found.setAttribute("role", "toolbar");
    found.setAttribute("aria-label", words.bar);
    return found;
  }

  openPages(open) {
    if (open) this.pages.replaceChildren(...[...document.querySelectorAll(".st-key-menu a")].map((link) => this.way(link)));
    this.pages.hidden = !open;
    this.opener.setAttribute("aria-expanded", open);
    if (open) this.pages.querySelector("a").focus();
  }

  way(link) {
    const found = made("a", "", link.querySelector("p")?.textContent ?? link.textContent);
    found.href = link.href;
    if (new URL(link.href).pathname === location.pathname) found.setAttribute("aria-current", "page");
    found.onclick = (event) => {
      event.preventDefault();
      this.openPages(false);
      link.click();
    };
    return found;
  }
}

function whereKept() {
  const named = new URLSearchParams(location.search);
  const place = named.has("lesson") ? ["lesson", "step"] : ["view"];
  return `${KEPT}:${location.pathname}:${place.map((name) => named.get(name) ?? "").join()}`;
}

/* What is enlarged as a whole: the figures, or the words where there are only words. */
function sizable(shown) {
  const figures = shown.filter((leaf) => ["figure", "metric"].includes(kindOf(leaf)));
  const found = figures.length ? figures : shown.filter((leaf) => kindOf(leaf) !== "title");
  const sized = found.filter((leaf) => leaf.querySelector(SIZED_OTHERWISE) === null);
  return [...new Set(sized.map((leaf) => leaf.closest(TOGETHER) ?? leaf))];
}

function mark(main, shown) {
  for (const leaf of main.querySelectorAll(LEAF)) set(leaf, "data-present", shown.has(leaf) ? "on" : "off");
  for (const part of main.querySelectorAll('[data-testid="stLayoutWrapper"], [data-testid="stColumn"]')) {
    part.toggleAttribute("data-present-empty", part.querySelector('[data-present="on"], .present') === null);
  }
}

function closedRoots(main) {
  const components = [...main.querySelectorAll('[data-testid^="stBidiComponent"]')];
  return components.flatMap((component) => inside(component).filter((root) => root instanceof ShadowRoot));
}

function unmark() {
  for (const root of closedRoots(document)) root.adoptedStyleSheets = root.adoptedStyleSheets.filter((sheet) => sheet !== CLEAR);
  for (const leaf of document.querySelectorAll(`${LEAF}, ${TOGETHER}`)) {
    leaf.removeAttribute("data-present");
    leaf.style.removeProperty("zoom");
  }
  for (const part of document.querySelectorAll("[data-present-empty]")) part.removeAttribute("data-present-empty");
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function button(icon, text, press, title = "") {
  const symbol = made("span", "icon", icon);
  symbol.setAttribute("aria-hidden", "true");
  const found = made("button", "", symbol, ...(text ? [made("span", "label", text)] : []));
  found.type = "button";
  if (title) found.title = title;
  if (!text) found.setAttribute("aria-label", title);
  found.onclick = press;
  return found;
}

function made(tag, style, ...children) {
  const found = make(tag, { class: style });
  found.append(...children);
  return found;
}
