// The page's part of the walk: panels for input and output, controls, legend, and where they have room.

const LARGEST_CELL = 46;
const TALLEST = 510;
const WIDE = 900;
const THUMBNAIL = 0.5; // the colour image, beside its channels
const ICONS = {
  first: "M6 5h2.5v14H6zM20 5v14l-10-7z",
  back: "M15 5v14l-9-7zM17 5h2.5v14H17z",
  play: "M7 4v16l13-8z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  forward: "M9 5v14l9-7zM4.5 5H7v14H4.5z",
};

function makeView(root) {
  const view = { root, panels: [], width: 0 };
  view.build = (data) => build(view, data);
  view.layout = () => layout(view);
  view.paint = (state) => paint(view, state);
  return view;
}

// All elements, for a layer that is new.
function build(view, { layer, text, palette }) {
  Object.assign(view, { layer, text, palette, values: outputValues(layer), width: 0, theme: null });
  view.root.replaceChildren();
  buildControls(view);
  const board = view.root.appendChild(element("div", "board"));
  view.stage = board.appendChild(element("div", "stage"));
  view.thumbnail = layer.planes.length > 1 ? panel(view, text.image, "image") : null;
  view.panels = layer.planes.map((_, channel) => panel(view, layer.names[channel] || text.input, "input"));
  view.output = panel(view, text.output, "output");
  view.output.tabIndex = 0;
  view.beams = view.stage.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
  view.beams.setAttribute("class", "beams");
  view.beams.setAttribute("aria-hidden", "true");
  view.terms = board.appendChild(element("div", layer.planes.length > 1 ? "terms several" : "terms"));
  view.showTerms = makeTerms(view.terms, layer, text);
  view.note = view.root.appendChild(element("p", "note"));
  view.legend = view.root.appendChild(element("div", "legend"));
  for (const [name, present] of Object.entries(marksOf(layer))) {
    if (!present) continue;
    const entry = view.legend.appendChild(element("span", "entry"));
    entry.append(element("i", `swatch ${name}`), element("span", "", text.marks[name]));
  }
  view.live = view.root.appendChild(element("div", "unseen"));
  view.live.setAttribute("aria-live", "polite");
}

function marksOf(layer) {
  return {
    now: true,
    padding: layer.top + layer.left + layer.bottom + layer.right > 0,
    gap: layer.dilation > 1,
    unread: layer.unread_rows.length + layer.unread_columns.length > 0,
    beyond: layer.beyond_rows + layer.beyond_columns > 0,
  };
}

function panel(view, title, kind) {
  const box = view.stage.appendChild(element("figure", `panel ${kind}`));
  const canvas = element("canvas");
  box.append(element("figcaption", "", title), canvas);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", kind === "output" ? `${title}. ${view.text.keys}` : title);
  return canvas;
}

function buildControls(view) {
  const { text, layer } = view;
  const bar = view.root.appendChild(element("div", "bar"));
  const buttons = bar.appendChild(element("div", "buttons"));
  view.buttons = {};
  for (const name of ["first", "back", "play", "forward"]) {
    const button = buttons.appendChild(element("button", name));
    button.type = "button";
    button.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path/></svg>';
    view.buttons[name] = button;
    dress(button, name, text[name]);
  }
  view.scrub = range(bar, "scrub", text.scrub, layer.rows * layer.columns - 1);
  const speed = bar.appendChild(element("label", "speed"));
  view.speedText = speed.appendChild(element("span"));
  view.speed = range(speed, "", text.speed_label, SPEEDS.length - 1);
}

function dress(button, icon, label) {
  if (button.dataset.icon === icon) return;
  button.dataset.icon = icon;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.querySelector("path").setAttribute("d", ICONS[icon]);
}

function range(place, name, label, most) {
  const input = place.appendChild(element("input", name));
  Object.assign(input, { type: "range", min: 0, max: most, step: 1 });
  input.setAttribute("aria-label", label);
  return input;
}

// Sizes for the room that there is; whether anything changed.
function layout(view) {
  const { layer, root } = view;
  const width = root.clientWidth;
  const theme = themeOf(root, view.palette);
  const known = JSON.stringify([width, theme, window.devicePixelRatio]);
  if (!width || (view.width && known === view.known)) return false;
  Object.assign(view, { width, theme, known, shade: outputShade(layer, view.values, theme) });
  const sizes = cellSize(layer, width);
  Object.assign(view, { cell: sizes.cell, outputCell: outputCell(layer, sizes.cell, width) });
  view.output.previousSibling.textContent = view.outputCell > view.cell ? view.text.enlarged : view.text.output;
  root.style.setProperty("--table-cell", `${tableCell(layer, width)}px`);
  root.style.setProperty("--gap", `${sizes.gap}px`);
  root.style.setProperty("--tables", `${Math.min(width, tablesWidth(layer, width))}px`);
  const columns = layer.left + layer.width + layer.right + layer.beyond_columns;
  const rows = layer.top + layer.height + layer.bottom + layer.beyond_rows;
  view.inputs = view.panels.map((canvas, channel) => {
    const sheet = makeSheet(canvas, columns * view.cell, rows * view.cell);
    drawInput(sheet, layer, channel, view.cell, theme);
    return sheet;
  });
  view.together = null;
  if (view.thumbnail) {
    view.together = makeSheet(view.thumbnail, columns * view.cell * THUMBNAIL, rows * view.cell * THUMBNAIL);
    drawTogether(view.together, layer, view.cell * THUMBNAIL);
  }
  view.outputs = makeSheet(view.output, layer.columns * view.outputCell, layer.rows * view.outputCell);
  view.painted = Infinity; // so that the next picture paints the values anew
  return true;
}

function tableCell({ kernel, planes }, width) {
  const most = (kernel <= 3 ? 38 : kernel <= 5 ? 32 : kernel <= 7 ? 27 : 23) - (planes.length > 1 ? 6 : 0);
  return Math.max(18, Math.min(most, Math.floor((width - 72) / (3 * kernel))));
}

function tablesWidth(layer, width) {
  const tables = layer.mode === "sum" ? 3 : 1;
  return Math.max(layer.planes.length > 1 ? 190 : 270, tables * layer.kernel * tableCell(layer, width) + (tables - 1) * 30);
}

// The side of a cell, the same in input and output, so that both are on one scale.
function cellSize(layer, width) {
  const columns = layer.left + layer.width + layer.right + layer.beyond_columns;
  const rows = Math.max(layer.rows, layer.top + layer.height + layer.bottom + layer.beyond_rows);
  const channels = layer.planes.length;
  const gap = width < WIDE ? 16 : 36;
  const fit = (room, across) => Math.min(LARGEST_CELL, room / across, TALLEST / rows);
  let cell = fit(width - channels * gap, channels * columns + layer.columns);
  if (channels > 1) {
    if (width < WIDE) cell = fit(width - gap, 2 * Math.max(columns, layer.columns));
    else cell = fit(width - (channels + 1) * gap, (channels + THUMBNAIL) * columns + layer.columns);
  } else {
    const beside = fit(width - tablesWidth(layer, width) - 2 * gap, columns + layer.columns);
    if (width >= WIDE && beside >= Math.min(24, 0.7 * cell)) cell = beside;
    else if (cell < 16) cell = Math.max(cell, fit(width, Math.max(columns, layer.columns)));
  }
  return { gap, cell: whole(cell) };
}

// Pixels of the screen, not parts of them, or else lines blur.
function whole(cell) {
  const ratio = window.devicePixelRatio || 1;
  return cell >= LINES_FROM ? Math.floor(cell) : Math.max(1, Math.floor(cell * ratio)) / ratio;
}

// Where cells are too small for numbers anyway, a small output is enlarged to the size of the input.
function outputCell(layer, cell, width) {
  if (cell >= NUMBERS_FROM || layer.planes.length > 1) return cell;
  const room = Math.min(Math.max(layer.height, layer.width) * cell, width);
  const enlarged = whole(Math.min(LARGEST_CELL, room / Math.max(layer.rows, layer.columns)));
  return enlarged > 1.3 * cell ? enlarged : cell;
}

// Everything that moves.
function paint(view, state) {
  if (!view.width) return;
  const { layer, values, cell, outputCell, theme } = view;
  const index = state.hovered ?? state.position;
  const [row, column] = [Math.floor(index / layer.columns), index % layer.columns];
  paintValues(view, state.reached);
  view.inputs.forEach((sheet) => drawPatch(sheet, layer, row, column, cell, theme));
  if (view.together) drawPatch(view.together, layer, row, column, view.cell * THUMBNAIL, theme);
  view.outputs.restore();
  drawOutputs(view.outputs.front, layer, values, index, index + 1, outputCell, theme, view.shade);
  for (const reader of state.readers) outline(view, reader, 1.5, 0);
  outline(view, index, ...thickness(outputCell));
  paintBeams(view, row, column);
  view.showTerms(row, column, values[index]);
  dress(view.buttons.play, state.playing ? "pause" : "play", state.playing ? view.text.pause : view.text.play);
  view.scrub.value = index;
  view.speed.value = state.speed;
  view.speedText.textContent = fill(view.text.speed, { speed: SPEEDS[state.speed] });
  view.note.textContent = state.readers.length ? fill(view.text.readers, { count: state.readers.length }) : view.text.hint;
  const where = { row, last_row: layer.rows - 1, column, last_column: layer.columns - 1 };
  if (!state.playing) view.live.textContent = `${fill(view.text.position, where)}: ${written(values[index])}`;
}

function paintValues(view, reached) {
  const { layer, values, outputs, outputCell, theme } = view;
  if (reached < view.painted) {
    drawOutputFrame(outputs, layer, outputCell, theme);
    view.painted = 0;
  }
  drawOutputs(outputs.base, layer, values, view.painted, reached, outputCell, theme, view.shade);
  view.painted = reached;
}

function outline(view, index, line, seam) {
  const { layer, outputCell, theme } = view;
  const [x, y] = [(index % layer.columns) * outputCell, Math.floor(index / layer.columns) * outputCell];
  frame(view.outputs.front, x, y, outputCell, outputCell, theme, line, seam);
}

// Two lines from the patch to the value that comes of it; they need one input, and say nothing for three.
function paintBeams(view, row, column) {
  const { layer, cell, outputCell, panels, output, beams } = view;
  if (panels.length > 1) return;
  const span = (layer.dilation * (layer.kernel - 1) + 1) * cell;
  const [x, y] = [panels[0].offsetLeft + column * layer.stride * cell, panels[0].offsetTop + row * layer.stride * cell];
  const [u, v] = [output.offsetLeft + column * outputCell, output.offsetTop + row * outputCell];
  const side = output.offsetTop < panels[0].offsetTop + panels[0].offsetHeight;
  const lines = side
    ? [[x + span, y, u, v], [x + span, y + span, u, v + outputCell]]
    : [[x, y + span, u, v], [x + span, y + span, u + outputCell, v]];
  const path = lines.map(([a, b, c, d]) => `M${a} ${b}L${c} ${d}`).join("");
  beams.innerHTML = `<path d="${path}"/>`;
}

// Which cell of `columns` x `rows` lies under a pointer; null outside.
function cellUnder(event, canvas, cell, columns, rows) {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left) / cell);
  const row = Math.floor((event.clientY - box.top) / cell);
  return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : null;
}
