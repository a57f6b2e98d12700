// The arithmetic of one output value as text and small tables.

// A square table of `kernel` x `kernel` cells under a title; `set(texts, marks)` writes into it.
function makeTable(kernel, title, kind) {
  const box = element("figure", `table ${kind}`);
  const grid = element("div", "grid");
  grid.style.setProperty("--side", kernel);
  const cells = Array.from({ length: kernel * kernel }, () => grid.appendChild(element("span")));
  box.append(element("figcaption", "", title), grid);
  const held = []; // what a cell holds already is not written again: large tables would be slow
  const set = (texts, marks = []) =>
    cells.forEach((cell, index) => {
      const [text, mark] = [texts[index], marks[index] ?? ""];
      if (held[index] === text + mark) return;
      held[index] = text + mark;
      cell.textContent = text;
      cell.className = mark;
    });
  return { box, set };
}

const MOST_TERMS = 9; // of a sum that is written out

// The tables and the line below them, for one layer; `show(row, column)` fills them in.
function makeTerms(place, layer, text) {
  place.replaceChildren();
  const heading = place.appendChild(element("div", "heading"));
  const rows = layer.planes.map((_, channel) => makeTerm(place, layer, channel, text));
  const total = place.appendChild(element("div", "total"));
  return (outputRow, outputColumn, value) => {
    const at = { row: outputRow, last_row: layer.rows - 1, column: outputColumn, last_column: layer.columns - 1 };
    heading.textContent = fill(text.position, at);
    const cells = rows.map((show, channel) => show(windowCells(layer, channel, outputRow, outputColumn)));
    total.replaceChildren(...totalOf(layer, cells, value, text, outputRow, outputColumn));
  };
}

function makeTerm(place, layer, channel, text) {
  const line = place.appendChild(element("div", "term"));
  line.style.setProperty("--side", layer.kernel);
  if (layer.names[channel]) line.append(element("strong", "channel", layer.names[channel]));
  const patch = makeTable(layer.kernel, text.patch, "patch");
  if (layer.mode !== "sum") {
    line.append(patch.box);
    return (cells) => {
      patch.set(cells.map((c) => patchText(c, layer)), marks(cells, layer));
      return cells;
    };
  }
  const weights = makeTable(layer.kernel, text.kernel, "weights");
  const products = makeTable(layer.kernel, text.products, "products");
  weights.set(layer.kernels[channel].map(writtenWeight));
  line.append(patch.box, element("span", "sign", "×"), weights.box, element("span", "sign", "="), products.box);
  const sum = layer.names[channel] ? line.appendChild(element("span", "subtotal")) : null;
  return (cells) => {
    if (sum) sum.textContent = `${text.sum_of} ${written(cells.reduce((total, c) => total + c.product, 0))}`;
    patch.set(cells.map((c) => patchText(c, layer)), marks(cells, layer));
    products.set(cells.map((c) => written(c.product)), cells.map((c) => (c.product ? "" : "none")));
    return cells;
  };
}

function patchText(cell, layer) {
  if (cell.place === "beyond" || (cell.place === "padding" && layer.mode === "max")) return "·";
  return written(cell.value);
}

// What stands out in a patch: what is no input pixel, and the pixel that max pooling takes (the first of equals).
function marks(cells, layer) {
  const inside = cells.filter((cell) => cell.place === "inside");
  const most = inside.reduce((best, cell) => (best && best.value >= cell.value ? best : cell), null);
  return cells.map((cell) => (cell.place !== "inside" ? cell.place : layer.mode === "max" && cell === most ? "most" : ""));
}

// The last line: how the value follows from the tables.
function totalOf(layer, cells, value, text, outputRow, outputColumn) {
  const result = element("b", "result", written(value));
  const parts = [];
  if (layer.mode === "max") parts.push(element("span", "", maximumText(cells[0], text)));
  if (layer.mode === "mean") parts.push(element("span", "", meanText(cells[0], countedCells(layer, outputRow, outputColumn))));
  if (layer.mode === "sum") parts.push(...sumParts(layer, cells, text, outputRow, outputColumn));
  return [...parts, element("span", "sign", "="), result];
}

function maximumText(cells, text) {
  const values = cells.filter((cell) => cell.place === "inside").map((cell) => written(cell.value));
  const listed = values.length <= MOST_TERMS ? values.join(", ") : fill(text.values, { count: values.length });
  return `max(${listed})`;
}

function meanText(cells, count) {
  const values = cells.filter((cell) => cell.place !== "beyond").map((cell) => cell.value);
  const sum = values.reduce((total, value) => total + value, 0);
  const listed = values.length > 1 && values.length <= MOST_TERMS;
  return listed ? `(${values.map(written).join(" + ")}) / ${count}` : `${written(sum)} / ${count}`;
}

function sumParts(layer, cells, text, outputRow, outputColumn) {
  const several = cells.length > 1;
  const parts = cells.map((_, channel) => {
    const partial = partialSum(layer, channel, outputRow, outputColumn);
    const part = element("span", several ? "part" : "", "");
    if (several) part.append(element("small", "", layer.names[channel]), element("span", "partial", written(partial)));
    else part.textContent = productsText(cells[0], partial, text);
    return part;
  });
  const bias = element("span", "part");
  bias.append(element("small", "", text.bias), element("span", "", written(layer.bias)));
  return [...parts.flatMap((part, index) => (index ? [element("span", "sign", "+"), part] : [part])), element("span", "sign", "+"), bias];
}

// The products that count, added up: 3 − 8 + 5; their number where there are many.
function productsText(cells, partial, text) {
  const counting = cells.filter((cell) => cell.product !== 0);
  const whole = counting.every((cell) => Number.isInteger(cell.product));
  if (counting.length < 2 || counting.length > MOST_TERMS || !whole) {
    return `${fill(text.sum, { count: cells.length })} ${written(partial)}`;
  }
  return counting
    .map((cell, index) => (index === 0 ? written(cell.product) : `${cell.product < 0 ? "−" : "+"} ${written(Math.abs(cell.product))}`))
    .join(" ");
}
