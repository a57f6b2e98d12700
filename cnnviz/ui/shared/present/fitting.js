/* Figures fill the room that the screen has for them: charts with type of the page's size, other figures larger as a whole. */

const SIZES = [2, 1.75, 1.5, 1.25, 1, 0.9, 0.8, 0.7], USUAL = 1; // of a figure that is no chart
const USUAL_TYPE = 16; // pixels of the root element's type, for which the theme is made
const USUAL_FONT = 12; // pixels of a chart's type then
const NAMES_PART = 0.65; // of a chart's height that the names of its bars may take
const LEAST_HEIGHT = 260;
const GRAPH = '[data-testid="stGraphVizChart"] svg';
const MARGIN = 10;

/* The pixels that the screen has for the page's content, and those that it takes. */
function roomOf(main, bar) {
  const content = main.firstElementChild.getBoundingClientRect();
  const top = content.top + document.querySelector('[data-testid="stMain"]').scrollTop;
  return { height: innerHeight - bar.getBoundingClientRect().height - top - MARGIN, taken: content.height };
}

/* Make the figures as large as they can be without anything leaving the screen; smaller only where that is enough. */
function enlarge(main, figures, bar) {
  const parts = figures.flatMap((figure) => [figure, ...[...figure.querySelectorAll("*")].filter(scrolls)]);
  for (const size of [...SIZES, USUAL]) {
    for (const figure of figures) figure.style.zoom = size;
    const { height, taken } = roomOf(main, bar);
    if (taken <= height && parts.every((part) => part.scrollWidth <= part.clientWidth + 1)) return;
  }
  for (const graph of figures.filter((figure) => figure.querySelector(GRAPH))) widen(graph);
}

/* Make a graph that is higher than the screen in any case as large as its width allows. */
function widen(graph) {
  for (const size of [...SIZES.filter((each) => each > USUAL), USUAL]) {
    graph.style.zoom = size;
    const drawing = graph.querySelector(GRAPH).getBoundingClientRect();
    if (drawing.width <= graph.parentElement.getBoundingClientRect().width) return;
  }
}

function scrolls(part) {
  return ["auto", "scroll"].includes(getComputedStyle(part).overflowX);
}

/* Give the chart of the slide all the room that is left between what is above and below it. */
function fitChart(main, leaves, bar) {
  const plots = leaves.flatMap((leaf) => [...leaf.querySelectorAll(".js-plotly-plot")]).filter((plot) => plot._fullLayout);
  if (!window.Plotly || plots.length !== 1) return;
  const [plot] = plots;
  const figure = plot.closest(LEAF);
  const room = roomOf(main, bar);
  const height = Math.max(LEAST_HEIGHT, Math.floor(room.height - (room.taken - figure.getBoundingClientRect().height)));
  figure.style.setProperty("--cnnviz-chart", `${height}px`);
  const width = Math.floor(plot.parentElement.getBoundingClientRect().width);
  const wanted = {};
  if (Math.abs(plot._fullLayout.height - height) > 3) wanted.height = height;
  if (width > 0 && Math.abs(plot._fullLayout.width - width) > 3) wanted.width = width;
  Object.assign(wanted, enlarged(plot, height));
  if (Object.keys(wanted).length) window.Plotly.relayout(plot, wanted);
}

/* The chart's template with type that is larger by as much as the page's, unless the names of its bars would then touch,
   in the colour of the page's text, and margins that hold it; nothing where it is so already. */
function enlarged(plot, height) {
  const template = plot.layout.template;
  if (!template) return {};
  const asPage = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const names = new Set(plot.data.filter((trace) => trace.orientation === "h").flatMap((trace) => [...(trace.y ?? [])])).size;
  const size = Math.max(USUAL_TYPE, Math.min(asPage, names ? Math.floor((NAMES_PART * height) / names) : asPage));
  if (template.typeSize === size) return {};
  const factor = size / (template.typeSize ?? USUAL_TYPE);
  // Streamlit reads the page's size, too, where it draws while the page is presented.
  const types = (USUAL_FONT * size) / USUAL_TYPE / (template.layout?.font?.size ?? USUAL_FONT);
  const colour = getComputedStyle(plot.closest('[data-testid="stApp"]')).color;
  const margin = Object.fromEntries(
    Object.entries(plot.layout.margin ?? {}).map(([side, pixels]) => [side, Number.isFinite(pixels) ? pixels * factor : pixels]),
  );
  return { margin, template: { ...template, layout: scaled(template.layout, types, colour), typeSize: size } };
}

function scaled(value, factor, colour) {
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([name, part]) => {
    const isType = name.endsWith("font") && part !== null && typeof part === "object";
    return [name, isType ? { ...part, color: colour, ...(part.size && { size: part.size * factor }) } : scaled(part, factor, colour)];
  });
  return Object.fromEntries(entries);
}
