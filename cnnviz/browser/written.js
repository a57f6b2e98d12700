// The arithmetic of one value, written out: windows and weights as tables of numbers, and what they come to.

const MOST_NUMBERS = 49; // cells of a table that can be read as numbers
const MOST_TERMS = 12;

// The elements that explain the value `found` (as arithmetic gives it) of `op`; `unfolding` follows a click.
export function writtenOut(unfolding, found, op) {
  const { words } = unfolding.picture;
  if (found.rule === "sum") return summedUp(unfolding, found);
  const [part] = found.parts;
  const value = written(found.value, 3);
  const numbers = (cells) => cells.map((cell) => written(cell.value)).join(", ");
  if (found.rule === "maximum" || found.rule === "mean") {
    const known = part.cells.filter(({ at }) => at !== null);
    const best = known.reduce((most, cell) => (cell.value > most.value ? cell : most), known[0]);
    const isMost = found.rule === "maximum";
    const list = part.cells.length > MOST_NUMBERS ? "…" : numbers(isMost ? known : part.cells);
    const text = isMost ? `max(${list}) = ${value}` : `(${list.replaceAll(", ", " + ")}) / ${found.divisor} = ${value}`;
    return [tables(unfolding, part, false, isMost ? best : null), equation(text), onwards(unfolding, part, isMost ? best : middle(part))];
  }
  const steps = found.rule === "softmax" || found.rule === "logSoftmax" ? [found.parts[found.own]] : found.parts;
  return [equation(formula(found, op, words)), ...steps.map((each) => onwards(unfolding, each, each.cells[0]))];
}

function formula(found, op, words) {
  const [first, second] = found.parts.map(({ sum }) => written(sum, 3));
  const value = written(found.value, 3);
  const bracketed = (text) => (text.startsWith("−") ? `(${text})` : text);
  switch (found.rule) {
    case "apply":
      return op.kernel === "relu" ? `max(0, ${first}) = ${value}` : `${op.type}(${first}) = ${value}`;
    case "normalise": {
      const [mean, deviation, factor, shift] = [found.mean, found.deviation, found.factor, found.shift].map((each) => written(each, 3));
      return `(${first} − ${bracketed(mean)}) / ${deviation} × ${bracketed(factor)} + ${bracketed(shift)} = ${value}`;
    }
    case "combine":
      return found.sign.length > 1 ? `${found.sign}(${first}, ${second}) = ${value}` : `${first} ${found.sign} ${bracketed(second)} = ${value}`;
    case "same":
      return `${words.sameValue} ${value}`;
    default: {
      const own = written(found.parts[found.own].sum, 3);
      const sum = `Σ e^x`;
      return found.rule === "logSoftmax" ? `${own} − ln(${sum}) = ${value}` : `e^${bracketed(own)} / ${sum} = ${value}`;
    }
  }
}

function equation(text) {
  return make("p", { class: "equation" }, text);
}

function middle(part) {
  const known = part.cells.filter(({ at }) => at !== null);
  return known[Math.floor(known.length / 2)];
}

// -- sums of products ------------------------------------------------------------------------------------------------

// The strongest summands, each a button that shows its window; then the bias and the sum.
function summedUp(unfolding, found) {
  const { words, plan } = unfolding.picture;
  const sorted = [...found.parts].sort((one, other) => Math.abs(other.sum) - Math.abs(one.sum));
  const shown = sorted.slice(0, MOST_TERMS);
  const chosen = sorted.find(({ channel }) => channel === unfolding.part) ?? sorted[0];
  const row = make("div", { class: "terms" });
  for (const part of shown) {
    const button = make("button", { type: "button", class: "term", "data-key": `term ${part.channel}` });
    button.setAttribute("aria-pressed", String(part === chosen));
    const isMap = shapeOf(plan, part.from).length === 3;
    button.append(make("small", {}, fill(isMap ? words.from : words.fromUnit, { number: part.channel })), signed(part.sum));
    button.addEventListener("click", () => {
      unfolding.part = part.channel;
      unfolding.updateValue();
    });
    row.append(button);
  }
  const others = sorted.slice(MOST_TERMS);
  if (others.length > 0) {
    const sum = others.reduce((total, part) => total + part.sum, 0);
    row.append(fact(fill(words.others, { count: others.length }), signed(sum)));
  }
  row.append(fact(words.bias, signed(found.bias)), fact("=", written(found.value, 3), "result"));
  const known = chosen.cells.some(({ at }) => at !== null);
  return [tables(unfolding, chosen, true, null), row, ...(known ? [onwards(unfolding, chosen, middle(chosen))] : [])];
}

function signed(value) {
  return value < 0 ? written(value, 3) : `+${written(value, 3)}`;
}

function fact(name, value, look = "") {
  const element = make("span", { class: `fact ${look}` });
  element.append(make("small", {}, name), value);
  return element;
}

// The window, and with `weighted` the weights and the products; `best` stands out.
function tables(unfolding, part, weighted, best) {
  const { picture } = unfolding;
  const { words } = picture;
  const row = make("div", { class: "tables" });
  row.append(table(unfolding, words.window, part, ({ value }) => value, best, true));
  if (!weighted) return row;
  row.append(make("span", {}, "×"), table(unfolding, words.weights, part, ({ weight }) => weight, null, false));
  row.append(make("span", {}, "="), table(unfolding, words.products, part, ({ value, weight }) => value * weight, null, false));
  row.append(fact(words.total, signed(part.sum)));
  return row;
}

function table(unfolding, title, part, number, best, isWindow) {
  const { scale } = unfolding.picture;
  const values = part.cells.map(number);
  const limit = largest(values);
  const figure = make("figure", { class: "table" });
  if (values.length > MOST_NUMBERS) {
    const canvas = make("canvas", { "aria-hidden": "true", class: "grid" });
    paintMap(canvas, values, part.columns, part.rows, limit, scale);
    figure.append(canvas, make("figcaption", {}, title));
    return figure;
  }
  const grid = make("div", { class: "grid" });
  grid.style.gridTemplateColumns = `repeat(${part.columns}, auto)`;
  part.cells.forEach((cell, at) => {
    const element = make("span", { class: cell.at === null ? "number padding" : "number" }, written(values[at]));
    element.style.background = cssShade(scale, values[at], limit);
    element.style.color = inkOn(element.style.background);
    if (cell === best) element.classList.add("best");
    if (isWindow && cell.at !== null) {
      element.classList.add("way-in");
      element.addEventListener("click", () => unfolding.walk(part, cell));
    }
    grid.append(element);
  });
  figure.append(grid, make("figcaption", {}, title));
  return figure;
}

function inkOn(colour) {
  const [red, green, blue] = colour.match(/\d+/g).map(Number);
  return isBright([red, green, blue]) ? "#000" : "#fff";
}

// To the value in the map before.
function onwards(unfolding, part, cell) {
  const { plan, words } = unfolding.picture;
  const shape = shapeOf(plan, part.from);
  const [, row, column] = placeOf(shape, cell.at);
  const name = plan.ops[part.from]?.name ?? words.input;
  const text = shape.length === 3 ? words.onwards : words.onwardsUnit;
  const label = fill(text, { name, channel: part.channel, row, column });
  const button = make("button", { type: "button", class: "onwards", "data-key": `on ${part.from} ${part.channel}` }, label);
  button.addEventListener("click", () => unfolding.walk(part, cell));
  return button;
}
