// One weight's gradient taken apart: the kernel to choose a weight from, the output's gradient, the input values that
// the weight met, their products. Every number comes from the server; a choice goes back there.
// canvas.js, payload.js and bars.js stand before this file in the same module.

const CELL = 46; // pixels, at most
const SIDE = 300;
const GAP = 28;

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".gradients");
  root.shown ??= makeGradients(root);
  root.shown.update(unpack(data), setStateValue);
  return root.shown.rest;
}

function makeGradients(root) {
  const view = { root, facts: null, tell: () => {}, known: "" };
  const sizes = new ResizeObserver(() => draw(view));
  return {
    update(facts, tell) {
      Object.assign(view, { facts, tell, known: "" });
      draw(view);
      sizes.observe(root);
    },
    rest() {
      sizes.disconnect();
    },
  };
}

function draw(view) {
  const { root, facts } = view;
  const theme = themeOf(root, facts.palette);
  const known = JSON.stringify([root.clientWidth, theme, window.devicePixelRatio]);
  if (!root.clientWidth || known === view.known) return;
  const focused = root.getRootNode().activeElement?.getAttribute("data-name");
  Object.assign(view, { theme, known });
  root.replaceChildren(kernelRow(view), ...facts.parts.flatMap((part, index) => placesOf(view, part, index)), sumOf(view), element("p", "note", facts.texts.hint));
  if (focused) root.querySelector(`[data-name="${focused}"]`)?.focus({ preventScroll: true });
}

// A picture of numbers around zero: {canvas, figure, mark(index), cell}.
function picture(view, title, values, [rows, columns], room, className) {
  const { theme } = view;
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  const whole = Math.min(CELL, room / columns, SIDE / rows);
  const cell = whole >= LINES_FROM ? Math.floor(whole) : whole;
  const sheet = makeSheet(canvas, columns * cell, rows * cell);
  const limit = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const shade = (value) => along(theme.diverging, 0.5 + value / limit / 2);
  enlarged(sheet.base, 0, 0, columns, rows, cell, (index) => shade(values[index]));
  gridLines(sheet.base, 0, 0, columns, rows, cell, "rgba(128,128,128,0.35)", false);
  sheet.base.strokeStyle = theme.text;
  sheet.base.strokeRect(0.5, 0.5, columns * cell - 1, rows * cell - 1);
  if (cell >= NUMBERS_FROM * 2) {
    values.forEach((value, index) => number(sheet.base, short(value), (index % columns) * cell, Math.floor(index / columns) * cell, cell, inkOn(shade(value)), theme.font));
  }
  sheet.restore();
  const figure = element("figure", className, element("figcaption", "", title), canvas);
  figure.querySelector("figcaption").style.maxWidth = `${Math.max(columns * cell, Math.min(room, 120))}px`;
  const mark = (index) => {
    sheet.restore();
    if (index !== null) frame(sheet.front, (index % columns) * cell, Math.floor(index / columns) * cell, cell, cell, theme, ...thickness(cell));
  };
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    const [column, row] = [Math.floor((event.clientX - box.left) / cell), Math.floor((event.clientY - box.top) / cell)];
    return row >= 0 && column >= 0 && row < rows && column < columns ? row * columns + column : null;
  };
  return { canvas, figure, mark, under };
}

// Shared by both pictures of the kernel: a click or a key chooses a weight.
function kernelRow(view) {
  const { facts, tell } = view;
  const { texts, kernel } = facts;
  const [rows, columns] = kernel;
  const [row, column] = facts.at.split("-").map(Number);
  let chosen = facts.at === "bias" ? null : row * columns + column;
  const room = Math.min(SIDE, (view.root.clientWidth - GAP) / 2);
  const choose = (index) => {
    chosen = index; // a key that is pressed before the page has answered goes on from here
    tell("weight", `${Math.floor(index / columns)}-${index % columns}`);
  };
  const pictures = ["weights", "computed"].map((name) => {
    const made = picture(view, texts[name], facts.arrays[name], kernel, room, "pick");
    made.mark(chosen);
    Object.assign(made.canvas, { tabIndex: 0 });
    made.canvas.dataset.name = name;
    made.canvas.onclick = (event) => made.under(event) !== null && choose(made.under(event));
    made.canvas.onkeydown = (event) => {
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!move) return;
      event.preventDefault();
      const next = chosen === null ? [0, 0] : [Math.floor(chosen / columns) + move[0], (chosen % columns) + move[1]];
      if (next[0] >= 0 && next[1] >= 0 && next[0] < rows && next[1] < columns) choose(next[0] * columns + next[1]);
    };
    return made.figure;
  });
  const line = element("div", "row", ...pictures);
  if (facts.bias) line.append(biasButton(view));
  return line;
}

function biasButton({ facts, tell }) {
  const button = element("button", "bias", `${facts.texts.bias}: ${short(facts.bias[0])}`);
  button.type = "button";
  button.dataset.name = "bias";
  button.setAttribute("aria-pressed", facts.at === "bias");
  button.onclick = () => tell("weight", "bias");
  return button;
}

// Of one call: gradient × value = contribution, at every place of the output.
function placesOf(view, part, index) {
  const { facts, root } = view;
  const { texts } = facts;
  const [gradients, values, inside] = ["gradients", "values", "inside"].map((name) => facts.arrays[`${name}${index}`]);
  const products = gradients.map((gradient, place) => gradient * values[place]);
  const isBias = facts.at === "bias";
  const room = Math.min(SIDE, (root.clientWidth - 4 * GAP) / 3);
  const [across] = part.shape.slice(1);
  const made = [
    picture(view, texts.gradients, gradients, part.shape, room, "places"),
    picture(view, isBias ? texts.units : texts.values, values, part.shape, room, "places"),
    picture(view, texts.products, products, part.shape, room, "places"),
  ];
  const here = element("div", "here");
  const show = (place) => {
    made.forEach((each) => each.mark(place));
    const numbers = { row: Math.floor(place / across), column: place % across, gradient: short(gradients[place]), value: short(values[place]), product: short(products[place]) };
    here.textContent = fill(inside[place] ? texts.place : texts.padding, numbers);
  };
  for (const each of made) {
    each.canvas.onpointermove = (event) => each.under(event) !== null && show(each.under(event));
    each.canvas.onpointerdown = each.canvas.onpointermove;
  }
  const strongest = products.reduce((best, product, place) => (Math.abs(product) > Math.abs(products[best]) ? place : best), 0);
  show(strongest);
  const title = part.title ? [element("div", "call", part.title)] : [];
  const [first, second, third] = made.map((each) => each.figure);
  return [...title, element("div", "row", first, element("span", "sign", "×"), second, element("span", "sign", "="), third), here];
}

function sumOf({ facts, theme }) {
  const { bars, told, texts } = facts;
  const scale = Math.max(...bars.map(({ value }) => Math.abs(value))) || 1;
  const rows = bars.map(({ name, value }) => bar(theme, name, value, scale));
  const total = element("div", "total", element("span", "", texts.sum), element("b", "result", told.sum));
  return element("div", "", element("div", "bars", ...rows), total, element("p", `check ${told.same ? "same" : "other"}`, told.check));
}
