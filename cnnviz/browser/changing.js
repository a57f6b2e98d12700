// What can be changed in a network: maps that are off, the weights that the image meets first, of kernels or of units;
// how many test digits it still recognises; and back to what was learned.

const STEPS = 40; // of a weight, from 0 to the strongest of its layer
const PIXELS = 120; // of a drag for as much
const SHEET = 224; // pixels of a unit's weights

export class Changing {
  constructor(picture) {
    this.picture = picture;
    this.trained = picture.tensors;
    this.changes = new Set(); // names of tensors
    const { words } = picture;
    this.reset = make("button", { type: "button", hidden: "", class: "reset" }, words.reset);
    this.reset.addEventListener("click", () => this.back());
    this.counting = new Counting(picture);
    this.tools = [this.reset, ...this.counting.tools];
  }

  // What follows from a change.
  show() {
    const isOff = Object.values(this.picture.off).some((channels) => channels.length > 0);
    this.reset.hidden = !isOff && this.changes.size === 0;
    this.counting.forget();
  }

  // Other weights were learned.
  forget() {
    this.trained = this.picture.tensors;
    this.changes.clear();
    this.counting.forget();
    this.show();
  }

  back() {
    const { picture } = this;
    picture.off = {};
    picture.tell({ kind: "off", off: {} });
    picture.tensors = this.trained;
    for (const name of this.changes) picture.tell({ kind: "tensor", name, data: this.trained[name].data });
    this.changes.clear();
    picture.changed();
    if (picture.unfolding.chosen !== null) picture.unfolding.build();
  }

  set(name, at, value) {
    const { picture } = this;
    if (!this.changes.has(name)) {
      const { shape, data } = picture.tensors[name];
      picture.tensors = { ...picture.tensors, [name]: { shape, data: data.slice() } };
      this.changes.add(name);
    }
    picture.tensors[name].data[at] = value;
    picture.tell({ kind: "tensor", name, data: picture.tensors[name].data });
    picture.changed();
  }

  // The weights of a map or a unit that reads the image: of kernels a slider for each, of a linear layer an image of them;
  // null for any other.
  editor(index, channel) {
    const { plan, words, layout } = this.picture;
    const op = plan.ops[index];
    if (!["conv2d", "linear"].includes(op?.kernel) || layout.links[index][0] >= 0) return null;
    const figure = make("figure", { class: "editor" });
    const { shape } = this.picture.tensors[op.weights.weight];
    if (op.kernel === "conv2d") {
      for (let number = 0; number < shape[1]; number++) figure.append(this.grid(op, channel, number, shape));
    } else {
      if (shape[1] !== plan.input[0] * plan.input[1] * plan.input[2]) return null; // it reads row by row, or the like
      for (let number = 0; number < plan.input[0]; number++) figure.append(this.sheet(op, channel, number, plan.input));
    }
    figure.append(make("figcaption", {}, op.kernel === "conv2d" ? words.change : words.changeSheet));
    return figure;
  }

  // A unit's weights for one channel of the image, laid out as the image is.
  sheet(op, unit, number, [inputs, rows, columns]) {
    const { picture } = this;
    const name = op.weights.weight;
    const most = largest(this.trained[name].data);
    const start = (unit * inputs + number) * rows * columns;
    const canvas = make("canvas", { class: "big", role: "slider", tabindex: "0", "aria-label": fill(picture.words.weightsOf, { number }) });
    const scale = SHEET / Math.max(rows, columns);
    [canvas.style.width, canvas.style.height] = [`${columns * scale}px`, `${rows * scale}px`];
    const marker = make("span", { class: "marker" });
    const said = make("output");
    const framed = make("div", { class: "framed" });
    framed.append(canvas, marker);
    const part = make("div");
    part.append(framed, said);
    let at = [rows >> 1, columns >> 1];
    const place = () => start + at[0] * columns + at[1];
    const value = () => picture.tensors[name].data[place()];
    const paint = () => {
      paintMap(canvas, picture.tensors[name].data.subarray(start, start + rows * columns), columns, rows, most / 2, picture.scale);
      const [row, column] = at;
      Object.assign(marker.style, { top: `${row * scale - 2}px`, left: `${column * scale - 2}px`, width: `${scale + 4}px`, height: `${scale + 4}px` });
      said.textContent = fill(picture.words.weightIs, { row, column, value: written(value(), 3) });
      canvas.setAttribute("aria-valuenow", value().toFixed(3));
      canvas.setAttribute("aria-valuetext", said.textContent);
    };
    const put = (wanted) => {
      this.set(name, place(), clamp(wanted, -2 * most, 2 * most));
      paint();
    };
    const choose = (row, column) => {
      at = [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
      paint();
    };
    dragged(canvas, most, value, put, (event) => choose(...pixelUnder(canvas, [inputs, rows, columns], event)));
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      const sign = { "+": 1, "=": 1, "-": -1 }[event.key];
      if ((way === undefined && sign === undefined) || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      if (way !== undefined) choose(at[0] + way[0], at[1] + way[1]);
      else put(value() + (sign * most) / STEPS);
    });
    paint();
    return part;
  }

  grid(op, channel, number, [, inputs, rows, columns]) {
    const name = op.weights.weight;
    const grid = make("div", { class: "grid", role: "group", "aria-label": fill(this.picture.words.kernelOf, { number }) });
    grid.style.gridTemplateColumns = `repeat(${columns}, auto)`;
    const most = largest(this.trained[name].data);
    const cells = Array.from({ length: rows * columns }, (_, cell) => {
      const at = (channel * inputs + number) * rows * columns + cell;
      const label = fill(this.picture.words.weight, { row: Math.floor(cell / columns), column: cell % columns });
      return this.slider(name, at, most, label, cell === 0);
    });
    cells.forEach((cell, place) => {
      cell.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step === undefined || cells[place + step] === undefined) return;
        event.preventDefault();
        cells[place + step].focus();
      });
    });
    grid.append(...cells);
    return grid;
  }

  slider(name, at, most, label, isFirst) {
    const element = make("span", { class: "number slider", role: "slider", "aria-label": label, "aria-orientation": "vertical" });
    element.tabIndex = isFirst ? 0 : -1;
    const limit = 2 * most;
    element.setAttribute("aria-valuemin", (-limit).toFixed(2));
    element.setAttribute("aria-valuemax", limit.toFixed(2));
    const value = () => this.picture.tensors[name].data[at];
    const paint = () => {
      element.textContent = written(value());
      element.setAttribute("aria-valuenow", value().toFixed(2));
      element.style.background = cssShade(this.picture.scale, value(), most);
      element.style.color = inkOn(element.style.background);
    };
    const put = (wanted) => {
      this.set(name, at, clamp(wanted, -limit, limit));
      paint();
    };
    dragged(element, most, value, put);
    element.addEventListener("keydown", (event) => {
      const wanted = { ArrowUp: value() + most / STEPS, ArrowDown: value() - most / STEPS, Home: 0, PageUp: limit, PageDown: -limit }[event.key];
      if (wanted === undefined) return;
      event.preventDefault();
      put(wanted);
    });
    paint();
    return element;
  }
}

// A drag up makes a value larger, one down smaller: by `most` for as many pixels as PIXELS says. `begun(event)` comes first.
function dragged(element, most, value, put, begun = () => undefined) {
  let start = null; // [y, value]
  element.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    element.focus();
    element.setPointerCapture(event.pointerId);
    begun(event);
    start = [event.clientY, value()];
  });
  element.addEventListener("pointermove", (event) => {
    if (start !== null) put(start[1] + ((start[0] - event.clientY) / PIXELS) * most);
  });
  for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, () => (start = null));
}

// -- how many test digits are recognised -------------------------------------------------------------------------------

// On request the worker counts, in pieces, so that a drawing is still read in between.
class Counting {
  constructor(picture) {
    this.picture = picture;
    const { words } = picture;
    this.ask = make("button", { type: "button" }, "");
    this.ask.addEventListener("click", () => (this.port === undefined ? this.start() : this.stop()));
    this.bar = make("progress", { hidden: "", max: "1", "aria-label": words.counting });
    this.said = make("span", { class: "accuracy", role: "status" });
    this.tools = picture.digits === 0 ? [] : [this.ask, this.bar, this.said];
    this.forget();
  }

  start() {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    port1.onmessage = ({ data }) => this.heard(data);
    this.bar.hidden = false;
    this.bar.value = 0;
    this.said.textContent = "";
    this.ask.textContent = this.picture.words.cancel;
    this.picture.tell({ kind: "accuracy", port: port2 }, [port2]);
  }

  heard({ done, all, correct, trained }) {
    if (this.port === undefined) return;
    this.bar.value = done / all;
    if (done < all) return;
    this.stop();
    const percent = (count) => ((100 * count) / all).toFixed(1);
    this.said.textContent = fill(this.picture.words.accuracy, { now: percent(correct), trained: percent(trained), correct, all });
  }

  stop() {
    this.port?.postMessage("stop");
    this.port?.close();
    this.port = undefined;
    this.bar.hidden = true;
    this.ask.textContent = fill(this.picture.words.count, { count: this.picture.digits });
  }

  // What was counted is true no more.
  forget() {
    this.stop();
    this.said.textContent = "";
  }
}
