/* What of a page belongs together on the screen: each figure, with the heading and the text before it and the caption
   after it. */

const MAIN = '[data-testid="stMainBlockContainer"]';
const LEAF = '[data-testid="stElementContainer"]';

const CONTROLS = [
  "stButton", "stButtonGroup", "stCheckbox", "stCameraInput", "stColorPicker", "stDateInput", "stDownloadButton",
  "stFileUploader", "stForm", "stFormSubmitButton", "stLinkButton", "stMultiSelect", "stNumberInput", "stPageLink",
  "stPopover", "stRadio", "stSelectSlider", "stSelectbox", "stSlider", "stTextArea", "stTextInput", "stToggle",
].map((name) => `[data-testid="${name}"]`).join();
const FIGURES = [
  "stPlotlyChart", "stGraphVizChart", "stImage", "stFullScreenFrame", "stDataFrame", "stTable", "stCode",
].map((name) => `[data-testid="${name}"]`).join();
const TEXTS = ["stMarkdown", "stAlert", "stProgress", "stSpinner"].map((name) => `[data-testid="${name}"]`).join();
const TOGETHER = '[class*="st-key-together-"]';
const SEEN = "img, svg, canvas, a, button, table, p, h3, dl, [role]";
const BESIDE_A_FIGURE = ".cnnviz-say, .cnnviz-legend";

/* The slides of the page, each a set of elements; those in ``header`` stand on all of them. */
function slidesOf(main, keepsChoices) {
  const header = [], slides = [];
  let waiting = [], heading = null, isNew = false;
  const settle = (isLast = false) => { // text that no figure follows
    if (!waiting.some((leaf) => kindOf(leaf) !== "control")) waiting = [];
    if (!waiting.length || (!isNew && !slides.length && !isLast)) return; // a page's first words go with what follows
    if (isNew || !slides.length) slides.push(newSlide(isNew ? [heading, ...waiting] : waiting));
    else for (const leaf of waiting) slides.at(-1).leaves.add(leaf);
    waiting = [];
  };
  const begin = (group) => {
    slides.push(newSlide(heading ? [heading, ...waiting] : waiting, group));
    waiting = [];
    isNew = false;
  };
  for (const leaf of main.querySelectorAll(LEAF)) {
    const kind = kindOf(leaf);
    const group = leaf.closest(TOGETHER);
    const last = slides.at(-1);
    if (kind === null || (kind === "control" && !isKept(leaf, keepsChoices))) continue;
    if (kind !== "control" && isAmongControls(leaf, keepsChoices)) continue;
    if (kind === "title") header.push(leaf);
    else if (group !== null) {
      if (last?.group !== group) begin(group);
      slides.at(-1).leaves.add(leaf);
    } else if (kind === "heading") {
      settle();
      heading = leaf;
      isNew = true;
    } else if (kind === "caption" && last && !isNew && !waiting.length) last.leaves.add(leaf);
    else if (kind === "metric" && last?.row === leaf.parentElement && !waiting.length) last.leaves.add(leaf);
    else if (kind === "figure" || kind === "metric") {
      begin(null);
      slides.at(-1).leaves.add(leaf);
      if (kind === "metric") slides.at(-1).row = leaf.parentElement;
    } else waiting.push(leaf);
  }
  settle(true);
  return { header, slides };
}

function newSlide(leaves, group = null) {
  return { leaves: new Set(leaves), group, row: null };
}

function kindOf(leaf) {
  if (leaf.closest('.st-key-menu, [data-testid="stExpander"], [data-testid="stPopoverBody"]')) return null;
  if (leaf.querySelector(CONTROLS)) return "control";
  if (leaf.querySelector('[data-testid="stHeading"]')) return leaf.querySelector("h1") ? "title" : "heading";
  if (leaf.querySelector('[data-testid="stMetric"]')) return "metric";
  if (leaf.querySelector(FIGURES)) return "figure";
  if (leaf.querySelector('[data-testid="stCaptionContainer"]')) return "caption";
  if (leaf.querySelector(TEXTS)) return leaf.textContent.trim() ? "text" : null;
  const html = leaf.querySelector('[data-testid="stHtml"]');
  if (html) return !html.querySelector(":scope > :not(style)") ? null : html.querySelector(BESIDE_A_FIGURE) ? "text" : "figure";
  const component = leaf.querySelector('[data-testid^="stBidiComponent"]');
  return component && inside(component).some((root) => root.querySelector(SEEN)) ? "figure" : null;
}

/* The component itself, and the trees that are closed to the page's style. */
function inside(component) {
  const closed = [...component.querySelectorAll("*")].map((each) => each.shadowRoot).filter((root) => root !== null);
  return component.shadowRoot ? [component, component.shadowRoot, ...closed] : [component, ...closed];
}

function isKept(leaf, keepsChoices) {
  return keepsChoices || leaf.closest('[class*="st-key-left-"]') !== null;
}

/* Words beside controls that are not shown: a label, what a form says of its fields. */
function isAmongControls(leaf, keepsChoices) {
  if (keepsChoices) return false;
  if (leaf.closest('[class*="st-key-settings-"]')) return true;
  const row = leaf.parentElement;
  const isText = ["text", "caption"].includes(kindOf(leaf));
  return isText && row.matches('[data-testid="stHorizontalBlock"]') && row.querySelector(`:scope > ${LEAF} :is(${CONTROLS})`) !== null;
}
