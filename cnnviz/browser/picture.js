// The network as one picture that lives: a column of maps for each operation, from left to right as the values flow,
// and curves for the links. Pointing at a map lights what it is made of; a click unfolds it.
//
// `words` are sentences in the reader's language; nothing that comes from a name becomes markup.

const MAPS_AT_FIRST = 12; // of an operation that stands alone in its column
const MAPS_OF_BRANCHES = 4;
const SIDE = 44; // pixels of a map's picture
const UNFOLDED = 16; // input maps in an unfolded map
const STRIP = 14; // pixels that a vector is wide

export class Picture {
  constructor(element, { plan, tensors, kinds, scale, words, onSwitch }) {
    Object.assign(this, { element, plan, tensors, kinds, scale, words, onSwitch });
    this.off = {};
    this.all = new Set(); // ops that show all of their maps
    this.chosen = null; // [op, channel]
    this.links = plan.ops.map((op) => op.inputs.map((from) => this.visible(from)));
    this.build();
    new ResizeObserver(() => this.drawLinks()).observe(this.flow);
  }

  // The op whose values `from` hands on: a reshape or a dropout has no picture of its own.
  visible(from) {
    while (from >= 0 && this.plan.ops[from].kernel === "copy") from = this.plan.ops[from].inputs[0];
    return from;
  }

  build() {
    this.flow = make("div", { class: "flow" });
    this.lines = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.lines.setAttribute("aria-hidden", "true");
    this.told = make("p", { class: "told" }, this.words.point);
    this.detail = make("section", { class: "detail", hidden: "" });
    const scroll = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": this.words.picture });
    scroll.append(this.lines, this.flow);
    this.element.replaceChildren(scroll, this.told, this.detail);
    this.boxes = new Map();
    this.few = new Set();
    for (const indices of this.columns()) {
      const column = make("div", { class: "column" });
      if (indices.length > 1) for (const index of indices) this.few.add(index);
      for (const index of indices) column.append(this.box(index));
      this.flow.append(column);
    }
  }

  // The visible ops by the length of the longest path to them.
  columns() {
    const depths = [];
    const columns = [[-1]];
    this.plan.ops.forEach((op, index) => {
      const before = op.inputs.map((from) => (from < 0 ? 0 : depths[from]));
      const isCopy = op.kernel === "copy";
      depths[index] = Math.max(0, ...before) + (isCopy ? 0 : 1);
      if (!isCopy) (columns[depths[index]] ??= []).push(index);
    });
    return columns;
  }

  box(index) {
    const op = index < 0 ? { name: this.words.input, type: "", kind: "", shape: this.plan.input } : this.plan.ops[index];
    const box = make("div", { class: "box" });
    const head = make("h3");
    const kind = this.kinds[op.kind];
    if (kind !== undefined) {
      const look = `--kind:${kind.colour};--on-kind:${isLight(kind.colour) ? "#000" : "#fff"}`;
      head.append(make("span", { class: "chip", style: look, title: kind.title }, kind.letter));
    }
    head.append(op.name);
    const maps = make("div", { class: "maps" });
    box.append(head, make("p", { class: "shape" }, op.shape.join(" x ")), maps);
    this.boxes.set(index, { box, maps, cells: [] });
    this.fill(index);
    return box;
  }

  shape(index) {
    return index < 0 ? this.plan.input : this.plan.ops[index].shape;
  }

  fill(index) {
    const known = this.boxes.get(index);
    const shape = this.shape(index);
    known.cells = [];
    known.maps.replaceChildren();
    if (shape.length !== 3) {
      const canvas = make("canvas", { class: "strip", role: "img", "aria-label": this.words.vector });
      known.maps.append(canvas);
      known.cells.push({ canvas, button: null });
      return;
    }
    const first = this.few.has(index) ? MAPS_OF_BRANCHES : MAPS_AT_FIRST;
    const count = this.all.has(index) ? shape[0] : Math.min(shape[0], first);
    for (let channel = 0; channel < count; channel++) known.cells.push(this.cell(index, channel, known));
    if (shape[0] > first) {
      const more = this.all.has(index) ? this.words.fewer : fill(this.words.more, { count: shape[0] - count });
      const button = make("button", { class: "more", type: "button" }, more);
      button.addEventListener("click", () => {
        this.all[this.all.has(index) ? "delete" : "add"](index);
        this.fill(index);
        this.drawLinks();
        this.paint();
      });
      known.maps.append(button);
    }
  }

  cell(index, channel, known) {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const label = fill(this.words.map, { name: index < 0 ? this.words.input : this.plan.ops[index].name, channel });
    const button = make("button", { class: "map", type: "button", "aria-label": label, title: label });
    button.tabIndex = channel === 0 ? 0 : -1; // one stop for each operation; the arrows go on from there
    button.append(canvas);
    const point = () => this.point(index, channel);
    button.addEventListener("pointerenter", point);
    button.addEventListener("focus", point);
    button.addEventListener("pointerleave", () => {
      if (document.activeElement !== button) this.point(null);
    });
    button.addEventListener("blur", () => this.point(null));
    button.addEventListener("click", () => this.unfold(index, channel));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = step === undefined ? undefined : known.cells[channel + step];
      if (next === undefined) return;
      event.preventDefault();
      next.button.focus();
    });
    known.maps.append(button);
    return { canvas, button };
  }

  // New values: `input` (normalised) and the outputs of all ops; null: nothing is drawn.
  update(input, outputs) {
    this.values = input === null ? null : { input, outputs };
    this.paint();
    if (this.chosen !== null) this.unfold(...this.chosen, false);
  }

  of(index) {
    if (!this.values) return null;
    return index < 0 ? this.values.input : this.values.outputs[index];
  }

  paint() {
    for (const [index, { cells }] of this.boxes) {
      const data = this.of(index);
      const shape = this.shape(index);
      const limit = data === null ? 1 : largest(data);
      cells.forEach(({ canvas, button }, channel) => {
        if (shape.length !== 3) {
          this.strip(canvas, data, index === this.plan.output);
          return;
        }
        const size = shape[1] * shape[2];
        const part = data === null ? null : data.subarray(channel * size, (channel + 1) * size);
        this.map(canvas, part, shape[2], shape[1], limit);
        button.classList.toggle("off", (this.off[index] ?? []).includes(channel));
      });
    }
  }

  map(canvas, data, width, height, limit) {
    paintMap(canvas, data, width, height, limit, this.scale);
    const side = Math.max(width, height);
    canvas.style.width = `${(SIDE * width) / side}px`;
    canvas.style.height = `${(SIDE * height) / side}px`;
  }

  strip(canvas, data, isLast) {
    const length = data?.length ?? 10;
    this.map(canvas, data, 1, length, data === null ? 1 : largest(data));
    canvas.style.width = `${STRIP}px`;
    canvas.style.height = `${isLast ? 10 * STRIP : Math.min(240, Math.max(60, length))}px`;
  }

  drawLinks() {
    const origin = this.flow.getBoundingClientRect();
    this.lines.replaceChildren();
    this.lines.setAttribute("width", this.flow.offsetWidth);
    this.lines.setAttribute("height", this.flow.offsetHeight);
    this.plan.ops.forEach((op, index) => {
      if (op.kernel === "copy") return;
      for (const from of this.links[index]) this.link(from, index, origin);
    });
  }

  link(from, to, origin) {
    const [a, b] = [from, to].map((index) => this.boxes.get(index).maps.getBoundingClientRect());
    const [x0, y0] = [a.right - origin.left + 2, a.top + Math.min(a.height, 60) / 2 - origin.top];
    const [x1, y1] = [b.left - origin.left - 2, b.top + Math.min(b.height, 60) / 2 - origin.top];
    const bend = Math.max(12, (x1 - x0) / 2);
    const arc = x1 - x0 > 160 ? 46 : 0; // a shortcut passes above what it leaves out
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M${x0},${y0}C${x0 + bend},${y0 - arc} ${x1 - bend},${y1 - arc} ${x1},${y1}`);
    path.dataset.from = from;
    path.dataset.to = to;
    this.lines.append(path);
  }

  // Light what the map is made of, and say what it holds; null: nothing.
  point(index, channel) {
    for (const { box } of this.boxes.values()) box.classList.remove("source");
    for (const path of this.lines.children) path.classList.toggle("lit", index !== null && +path.dataset.to === index);
    if (index === null) return;
    if (index >= 0) for (const from of this.links[index]) this.boxes.get(from).box.classList.add("source");
    this.told.textContent = this.describe(index, channel);
  }

  describe(index, channel) {
    const op = index < 0 ? null : this.plan.ops[index];
    const name = fill(this.words.map, { name: op === null ? this.words.input : op.name, channel });
    const data = this.channel(index, channel);
    const kernel = op?.kernelSize ? `, ${fill(this.words.kernel, { kernel: op.kernelSize.join(" x ") })}` : "";
    if (data === null) return `${name}${kernel}`;
    let [low, high, sum] = [Infinity, -Infinity, 0];
    for (const value of data) {
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
    }
    const range = fill(this.words.range, {
      low: low.toFixed(2),
      high: high.toFixed(2),
      mean: (sum / data.length).toFixed(2),
    });
    return `${name}${kernel}: ${range}`;
  }

  channel(index, channel) {
    const data = this.of(index);
    const shape = this.shape(index);
    if (data === null || shape.length !== 3) return data;
    const size = shape[1] * shape[2];
    return data.subarray(channel * size, (channel + 1) * size);
  }

  // Below the picture: what the map is made of, kernel by kernel.
  unfold(index, channel, scrolls = true) {
    if (index < 0) return;
    this.chosen = [index, channel];
    const op = this.plan.ops[index];
    const title = make("h3", {}, fill(this.words.made, { name: op.name, channel }));
    const close = make("button", { type: "button", class: "close" }, this.words.close);
    close.addEventListener("click", () => {
      this.chosen = null;
      this.detail.hidden = true;
      this.boxes.get(index).cells[channel]?.button?.focus();
    });
    const isOff = (this.off[index] ?? []).includes(channel);
    const turn = make("button", { type: "button" }, isOff ? this.words.on : this.words.off);
    turn.addEventListener("click", () => this.turn(index, channel, !isOff));
    const bar = make("div", { class: "bar" });
    bar.append(title, turn, close);
    const parts = op.kernel === "conv2d" ? this.sums(op, index, channel) : this.sources(op, index, channel);
    const focused = this.detail.contains(document.activeElement) ? document.activeElement.className : null;
    this.detail.replaceChildren(bar, ...parts);
    this.detail.hidden = false;
    if (focused !== null) (focused === "close" ? close : turn).focus();
    if (scrolls) this.detail.scrollIntoView({ block: "nearest" });
  }

  turn(index, channel, off) {
    const others = (this.off[index] ?? []).filter((known) => known !== channel);
    this.off = { ...this.off, [index]: off ? [...others, channel] : others };
    this.onSwitch(this.off);
    this.unfold(index, channel, false);
  }

  reset() {
    this.off = {};
    this.onSwitch(this.off);
    if (this.chosen !== null) this.unfold(...this.chosen, false);
  }

  // Of a convolution: for each input map the kernel and what comes of the two, and what they add up to.
  sums(op, index, channel) {
    const from = op.inputs[0];
    const [inputs, height, width] = this.shape(from);
    const weight = this.tensors[op.weights.weight];
    const bias = op.weights.bias === undefined ? 0 : this.tensors[op.weights.bias].data[channel];
    const perGroup = weight.shape[1];
    const area = weight.shape[2] * weight.shape[3];
    const first = Math.floor(channel / (op.shape[0] / op.groups)) * perGroup;
    const found = [];
    for (let number = 0; number < Math.min(perGroup, inputs); number++) {
      const start = (channel * perGroup + number) * area;
      const kernel = weight.data.subarray(start, start + area);
      found.push({ number: first + number, kernel, part: this.part(op, from, first + number, kernel), height, width });
    }
    const strength = ({ part, kernel }) => (part === null ? largest(kernel) : largest(part));
    found.sort((one, other) => strength(other) - strength(one));
    const limits = [largest(weight.data), Math.max(...found.map(({ part }) => (part === null ? 1 : largest(part))))];
    const row = make("div", { class: "sums" });
    for (const each of found.slice(0, UNFOLDED)) row.append(this.sum(op, from, each, weight.shape, limits));
    const rest = found.length > UNFOLDED ? ` ${fill(this.words.strongest, { count: UNFOLDED, all: found.length })}` : "";
    return [row, make("p", {}, fill(this.words.sum, { count: found.length, bias: bias.toFixed(3) }) + rest)];
  }

  // What one input map contributes: its convolution with the kernel, without the bias.
  part(op, from, number, kernel) {
    const data = this.channel(from, number);
    if (data === null) return null;
    const [, height, width] = this.shape(from);
    const out = { shape: [1, op.shape[1], op.shape[2]], data: new Float32Array(op.shape[1] * op.shape[2]) };
    const alone = { ...op, groups: 1, shape: out.shape };
    const weights = { weight: { data: kernel } };
    KERNELS.conv2d(alone, [{ shape: [1, height, width], data }], out, weights, new Scratch());
    return out.data;
  }

  sum(op, from, { number, kernel, part }, kernelShape, [most, mostPart]) {
    const item = make("figure");
    const row = make("div");
    item.append(row);
    const [, height, width] = this.shape(from);
    const pictures = [
      [this.channel(from, number), width, height, largest(this.of(from) ?? [1])],
      [kernel, kernelShape[3], kernelShape[2], most],
      [part, op.shape[2], op.shape[1], mostPart],
    ];
    pictures.forEach(([data, w, h, limit], place) => {
      const canvas = make("canvas", { "aria-hidden": "true" });
      this.map(canvas, data, w, h, limit);
      if (place > 0) row.append(make("span", {}, place === 1 ? "*" : "="));
      row.append(canvas);
    });
    item.append(make("figcaption", {}, fill(this.words.from, { number })));
    return item;
  }

  // Of anything else: the maps that it reads.
  sources(op, index, channel) {
    const row = make("div", { class: "sums" });
    for (const from of this.links[index]) {
      const shape = this.shape(from);
      if (shape.length !== 3) continue;
      const number = Math.min(channel, shape[0] - 1);
      const item = make("figure");
      const pair = make("div");
      item.append(pair);
      for (const [data, [, h, w], source] of [
        [this.channel(from, number), shape, from],
        [this.channel(index, channel), op.shape, index],
      ]) {
        const canvas = make("canvas", { "aria-hidden": "true" });
        this.map(canvas, data, w, h, largest(this.of(source) ?? [1]));
        if (pair.children.length) pair.append(make("span", {}, "→"));
        pair.append(canvas);
      }
      item.append(make("figcaption", {}, from < 0 ? this.words.input : this.plan.ops[from].name));
      row.append(item);
    }
    return [row];
  }
}

function isLight(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140;
}
