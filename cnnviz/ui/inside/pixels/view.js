// The page's part: the input with the patch, the output, and the arithmetic as tables and bars.

const PANEL = 330; // pixels, at most
const CELL = 46;
const MOST_NUMBERS = 7; // sides of a kernel whose weights can be read as numbers
const MOST_BARS = 8;
const LEAST_FRAME = 8;

// As many digits as float32 holds.
function exact(number) {
  return Number(number.toPrecision(7)).toString().replace("-", "−");
}

function makeView(root) {
  const view = { root, known: "" };
  view.build = (layer, texts, palette) => build(view, layer, texts, palette);
  view.layout = () => layout(view);
  view.paint = (place, channel) => paint(view, place, channel);
  view.renew = () => renew(view);
  return view;
}

function build(view, layer, texts, palette) {
  Object.assign(view, { layer, texts, palette, known: "" });
  view.root.replaceChildren();
  const stage = view.root.appendChild(element("div", "stage"));
  view.input = panel(stage, "input");
  view.output = panel(stage, "output");
  view.output.canvas.tabIndex = 0;
  view.output.canvas.setAttribute("aria-label", `${texts.output}. ${texts.keys}`);
  const summary = stage.appendChild(element("div", "summary"));
  [view.heading, view.bars, view.total, view.check] = ["heading", "bars", "total", "check"].map((name) => summary.appendChild(element("div", name)));
  view.terms = view.root.appendChild(element("div", "terms"));
  view.tables = view.terms.appendChild(element("div", "tables"));
  view.buttons = layer.mode === "sum" && !layer.vector && written(layer) ? buildPresets(view) : {};
  view.root.append(element("p", "note", texts.hint));
  view.live = view.root.appendChild(element("div", "unseen"));
  view.live.setAttribute("aria-live", "polite");
  view.margin = marginOf(layer);
  buildTables(view);
  renew(view);
}

// Whether a kernel's weights can be read, and changed, as numbers.
function written(layer) {
  return Math.max(layer.high, layer.wide) <= MOST_NUMBERS;
}

function panel(stage, name) {
  const caption = element("figcaption");
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  stage.append(element("figure", `panel ${name}`, caption, canvas));
  return { caption, canvas };
}

function buildPresets(view) {
  const { texts, layer } = view;
  const bar = view.terms.appendChild(element("div", "presets"));
  bar.append(element("span", "", texts.kernel_is));
  const buttons = {};
  for (const [name, { title }] of Object.entries({ learned: { title: texts.learned }, ...texts.presets })) {
    const button = bar.appendChild(element("button", "", title));
    button.type = "button";
    button.dataset.preset = name;
    buttons[name] = button;
  }
  if (layer.sources > 1) {
    const box = element("input");
    box.type = "checkbox";
    bar.append(element("label", "others", box, element("span", "", texts.with_others)));
    buttons.others = box;
  }
  return buttons;
}

// The tables of patch, kernel and products: of numbers where these can be read, else as pictures.
function buildTables(view) {
  const { layer, texts } = view;
  const numbers = written(layer);
  const kinds = layer.mode === "sum" ? ["patch", "kernel", "products"] : ["patch"];
  view.tables.className = `tables ${numbers ? "written" : "painted"}`;
  view.grids = {};
  const signs = { kernel: "×", products: "=" };
  for (const kind of kinds) {
    if (signs[kind]) view.tables.append(element("span", "sign", signs[kind]));
    const grid = numbers ? element("div", "grid") : element("canvas");
    grid.style.setProperty("--wide", layer.wide);
    const cells = numbers ? Array.from({ length: layer.high * layer.wide }, () => cellOf(grid, kind, layer)) : [];
    if (!numbers) grid.setAttribute("role", "img"), grid.setAttribute("aria-label", texts[kind]);
    view.tables.append(element("figure", `table ${kind}`, element("figcaption", "", texts[kind]), grid));
    view.grids[kind] = { grid, cells };
  }
}

function cellOf(grid, kind, layer) {
  const cell = element(kind === "kernel" ? "input" : "span");
  if (kind === "kernel") Object.assign(cell, { type: "text", inputMode: "decimal" });
  return grid.appendChild(cell);
}

// Sizes for the room there is; whether anything changed.
function layout(view) {
  const { layer, root } = view;
  const theme = themeOf(root, view.palette);
  const known = JSON.stringify([root.clientWidth, theme, window.devicePixelRatio]);
  if (!root.clientWidth || known === view.known) return false;
  Object.assign(view, { theme, known });
  const room = Math.min(PANEL, (root.clientWidth - 16) / 2); // side by side, on a phone as well
  const { top, bottom, left, right } = view.margin;
  const vectorIn = layer.height * layer.width === 1 && layer.channels.length > 1;
  view.across = vectorIn ? vectorSide(layer.channels.length) : left + layer.width + right;
  view.below = vectorIn ? Math.ceil(layer.channels.length / view.across) : top + layer.height + bottom;
  view.vectorIn = vectorIn;
  view.cell = cellFor(room, view.across, view.below);
  view.input.sheet = makeSheet(view.input.canvas, view.across * view.cell, view.below * view.cell);
  view.rows = Math.ceil(layer.output.length / layer.side);
  view.outputCell = cellFor(room, layer.side, view.rows);
  view.output.sheet = makeSheet(view.output.canvas, layer.side * view.outputCell, view.rows * view.outputCell);
  root.style.setProperty("--cell", `${tableSide(layer, root.clientWidth)}px`);
  view.painted = null;
  renew(view);
  return true;
}

function cellFor(room, across, below) {
  const cell = Math.min(CELL, room / across, PANEL / below);
  return cell >= LINES_FROM ? Math.floor(cell) : cell;
}

function tableSide({ wide, mode }, width) {
  const tables = mode === "sum" ? 3 : 1;
  const larger = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; // as the numbers in them are
  const room = Math.floor((Math.min(width, 620 * larger) - 60 * larger) / (tables * wide));
  return Math.max(30 * larger, Math.min(56 * larger, room));
}

// The output's picture, after an edit or another size.
function renew(view) {
  view.values = outputValues(view.layer);
  view.limit = view.values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  view.drawn = false;
}

function shadeOf(view, limit) {
  return (value) => along(view.theme.diverging, 0.5 + value / limit / 2);
}

function drawOutput(view) {
  const { layer, output, outputCell: cell, values, theme } = view;
  const { base } = output.sheet;
  const shade = shadeOf(view, view.limit);
  base.clearRect(0, 0, output.sheet.width, output.sheet.height);
  enlarged(base, 0, 0, layer.side, view.rows, cell, (index) => (index < values.length ? shade(values[index]) : channelsOf(theme.page)));
  border(base, 0, 0, layer.side, view.rows, cell, theme);
  if (cell >= NUMBERS_FROM * 2) {
    values.forEach((value, index) => {
      const [x, y] = [(index % layer.side) * cell, Math.floor(index / layer.side) * cell];
      number(base, tiny(value).padStart(5, "\u2007"), x, y, cell, inkOn(shade(value)), theme.font);
    });
  }
  view.drawn = true;
}

function tiny(value) {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1).replace("-", "−");
}

function border(context, x, y, columns, rows, cell, theme) {
  gridLines(context, x, y, columns, rows, cell, "rgba(128,128,128,0.35)", false);
  context.strokeStyle = theme.text;
  context.lineWidth = 1.2;
  context.strokeRect(x, y, columns * cell, rows * cell);
}

function drawInput(view, channel) {
  const { layer, input, cell, theme, margin } = view;
  const { base } = input.sheet;
  const plane = layer.height * layer.width;
  const values = view.vectorIn ? layer.x : layer.x.subarray(channel * plane, (channel + 1) * plane);
  view.inputLimit = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
  const shade = shadeOf(view, view.inputLimit);
  base.clearRect(0, 0, input.sheet.width, input.sheet.height);
  const [columns, rows] = view.vectorIn ? [view.across, view.below] : [layer.width, layer.height];
  const [x, y] = view.vectorIn ? [0, 0] : [margin.left * cell, margin.top * cell];
  base.globalAlpha = 0.3;
  if (!view.vectorIn) gridLines(base, 0, 0, view.across, view.below, cell, theme.text, true);
  base.globalAlpha = 1;
  enlarged(base, x, y, columns, rows, cell, (index) => (index < values.length ? shade(values[index]) : channelsOf(theme.page)));
  border(base, x, y, columns, rows, cell, theme);
  view.painted = channel;
}

// Of a channel that was asked for, only its patch is known.
function drawOther(view, place, channel) {
  const { layer, input, cell, theme, margin } = view;
  const { base } = input.sheet;
  const { values } = windowOf(layer, place, channel);
  const shade = shadeOf(view, view.inputLimit);
  base.clearRect(0, 0, input.sheet.width, input.sheet.height);
  cellsOf(layer, place).forEach(({ row, column, outside }, index) => {
    base.fillStyle = `rgb(${shade(values[index]).join(",")})`;
    if (!outside) base.fillRect((column + margin.left) * cell, (row + margin.top) * cell, cell, cell);
  });
  border(base, margin.left * cell, margin.top * cell, layer.width, layer.height, cell, theme);
  view.painted = null;
}

// Everything that follows a place of the output and a channel of the input; `channel` is a number among those
// that are here, or "other 3": a channel of which only this patch is known.
function paint(view, index, choice) {
  if (!view.theme) return;
  const { layer, texts, output } = view;
  if (!view.drawn) drawOutput(view);
  const place = placeOf(layer, index);
  const parts = place && layer.mode === "sum" ? partsAt(layer, place) : null;
  const channel = layer.mode === "sum" ? (choice ?? 0) : 0;
  if (typeof channel === "string") drawOther(view, place, channel);
  else if (view.painted !== channel) drawInput(view, channel);
  paintPatch(view, place, channel);
  output.sheet.restore();
  const [x, y] = [(index % layer.side) * view.outputCell, Math.floor(index / layer.side) * view.outputCell];
  mark(output.sheet.front, x, y, view.outputCell, view.outputCell, view.theme);
  const where = { row: Math.floor(index / layer.across), column: index % layer.across, last_row: layer.down - 1, last_column: layer.across - 1 };
  const named = texts.names[index];
  const title = layer.vector ? texts.output_value : texts.position;
  view.heading.textContent = fill(title, { ...where, number: index, last: layer.total - 1 }) + (layer.vector && named ? ` (${named})` : "");
  const inputTitle = view.vectorIn ? texts.input_vector : typeof channel === "string" ? texts.input_other : layer.input[0] === 1 ? texts.input_only : texts.input_channel;
  view.input.caption.textContent = fill(inputTitle, { channel: nameOf(layer, channel), count: layer.input[0], last: layer.input[0] - 1 });
  view.input.canvas.setAttribute("aria-label", view.input.caption.textContent);
  output.caption.textContent = layer.vector ? texts.outputs : fill(isEdited(layer) ? texts.output_edited : texts.output_channel, { channel: layer.channel, count: layer.total });
  if (!place) return paintMissing(view, index);
  view.terms.classList.remove("missing");
  paintTables(view, place, channel);
  if (layer.mode === "sum") paintSum(view, place, channel, parts);
  else paintPool(view, place);
  return undefined;
}

function nameOf(layer, channel) {
  return typeof channel === "number" ? layer.channels[channel] : layer.others.channels[Number(channel.split(" ")[1])];
}

function paintMissing(view, index) {
  view.terms.classList.add("missing");
  view.bars.replaceChildren();
  view.total.replaceChildren(element("b", "result", exact(view.values[index])));
  view.check.textContent = view.texts.ask;
}

// A frame that can be seen around the smallest cells, too.
function mark(context, x, y, width, height, theme) {
  const [more, higher] = [Math.max(0, LEAST_FRAME - width) / 2, Math.max(0, LEAST_FRAME - height) / 2];
  const line = Math.min(width, height) < 12 ? 2 : 3;
  frame(context, x - more, y - higher, width + 2 * more, height + 2 * higher, theme, line, 2);
}

function paintPatch(view, place, channel) {
  const { layer, input, cell, theme, margin } = view;
  input.sheet.restore();
  if (!place) return;
  if (view.vectorIn) {
    const line = [(channel % view.across) * cell, Math.floor(channel / view.across) * cell];
    if (typeof channel === "number") mark(input.sheet.front, ...line, cell, cell, theme);
    return;
  }
  const cells = cellsOf(layer, place);
  const rows = cells.map((each) => each.row);
  const columns = cells.map((each) => each.column);
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const [high, wide] = [Math.max(...rows) - top + 1, Math.max(...columns) - left + 1];
  const at = (row, column) => [(column + margin.left) * cell, (row + margin.top) * cell];
  mark(input.sheet.front, ...at(top, left), wide * cell, high * cell, theme);
  if (high * wide > cells.length && cell >= LINES_FROM) {
    for (const each of cells) {
      const [x, y] = at(each.row, each.column);
      frame(input.sheet.front, x + 1, y + 1, cell - 2, cell - 2, theme, 1.5, 0);
    }
  }
}
