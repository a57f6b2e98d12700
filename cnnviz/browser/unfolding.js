// Below the picture: what a map is made of, kernel by kernel, and the arithmetic of the value that one points at in it,
// from where one walks on to the maps before, back to the image.

const MOST_FIGURES = 16; // input maps in an unfolded map
const BIG = 232; // pixels of the map that is unfolded

export class Unfolding {
  constructor(picture) {
    this.picture = picture;
    this.element = make("section", { class: "detail", hidden: "" });
    this.chosen = null; // {index, channel, at: [row, column] or null}
    this.way = []; // what one came from
  }

  // The value that is taken apart: [op, [row, column]].
  place() {
    return this.chosen === null || this.chosen.at === null ? null : [this.chosen.index, this.chosen.at];
  }

  open(index, channel, at = null, way = []) {
    const shape = shapeOf(this.picture.plan, index);
    this.way = way;
    this.chosen = { index, channel, at: shape.length === 3 ? (at ?? this.strongestPlace(index, channel)) : [0, 0] };
    this.part = null;
    this.build();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  // Where the map is farthest from 0, so that there is something to see.
  strongestPlace(index, channel) {
    const data = this.picture.channel(index, channel);
    const [, height, width] = shapeOf(this.picture.plan, index);
    if (data === null) return [Math.floor(height / 2), Math.floor(width / 2)];
    let best = 0;
    data.forEach((value, at) => Math.abs(value) > Math.abs(data[best]) && (best = at));
    return [Math.floor(best / width), best % width];
  }

  close() {
    const { index, channel } = this.chosen;
    this.chosen = null;
    this.element.hidden = true;
    this.picture.field(null, null);
    this.picture.boxes.get(index).cells.find((cell) => cell.channel === channel)?.button.focus();
  }

  build() {
    const { index, channel } = this.chosen;
    const { plan } = this.picture;
    this.stage = make("div", { class: "stage" });
    this.arithmetic = make("div", { class: "arithmetic" });
    this.rest = make("div");
    this.big = shapeOf(plan, index).length === 3 ? this.map() : null;
    if (this.big !== null) this.stage.append(this.big.figure);
    const editor = this.picture.changing.editor(index, channel);
    if (editor !== null) this.stage.append(editor);
    this.stage.append(this.arithmetic);
    const hadFocus = this.element.contains(this.element.getRootNode().activeElement);
    this.element.replaceChildren(this.bar(), ...this.crumbs(), this.stage, this.rest);
    this.element.hidden = false;
    if (hadFocus && this.big !== null) this.big.canvas.focus({ preventScroll: true });
    this.update();
  }

  bar() {
    const { index, channel } = this.chosen;
    const { plan, words } = this.picture;
    const isMap = shapeOf(plan, index).length === 3;
    const name = plan.ops[index]?.name ?? words.input;
    const bar = make("div", { class: "bar" });
    const title = index < 0 ? words.input : fill(isMap ? words.made : words.madeUnit, { name, channel });
    const close = make("button", { type: "button", class: "close" }, words.close);
    close.addEventListener("click", () => this.close());
    bar.append(make("h3", {}, title));
    if (index >= 0) {
      this.turn = make("button", { type: "button", class: "turn" });
      this.turn.addEventListener("click", () => this.picture.turn(index, channel, !this.picture.isOff(index, channel)));
      bar.append(this.turn);
    }
    bar.append(close);
    return bar;
  }

  // The way that one has come, to go back.
  crumbs() {
    if (this.way.length === 0) return [];
    const list = make("nav", { class: "way", "aria-label": this.picture.words.way });
    this.way.forEach((step, number) => {
      const button = make("button", { type: "button" }, this.named(step));
      button.addEventListener("click", () => this.open(step.index, step.channel, step.at, this.way.slice(0, number)));
      list.append(button, make("span", { "aria-hidden": "true" }, "←"));
    });
    list.append(make("b", {}, this.named(this.chosen)));
    return [list];
  }

  named({ index, channel, at }) {
    const label = labelOf(this.picture, index, channel);
    return shapeOf(this.picture.plan, index).length === 3 ? `${label} (${at.join(", ")})` : label;
  }

  // The map itself, large: a place in it can be chosen with the mouse and with the arrow keys.
  map() {
    const { index, channel } = this.chosen;
    const shape = shapeOf(this.picture.plan, index);
    const [, height, width] = shape;
    const canvas = make("canvas", { class: "big", role: "img", tabindex: "0", "aria-label": this.picture.words.choose });
    const scale = BIG / Math.max(height, width);
    [canvas.style.width, canvas.style.height] = [`${width * scale}px`, `${height * scale}px`];
    const marker = make("span", { class: "marker" });
    const frame = make("div", { class: "framed" });
    frame.append(canvas, marker);
    const figure = make("figure", { class: "whole" });
    figure.append(frame, make("figcaption", {}, this.picture.words.choose));
    canvas.addEventListener("pointermove", (event) => this.picture.field(index, pixelUnder(canvas, shape, event)));
    canvas.addEventListener("pointerleave", () => this.picture.field(null, null));
    canvas.addEventListener("click", (event) => this.choose(pixelUnder(canvas, shape, event)));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const [row, column] = this.chosen.at;
      this.choose([clamp(row + step[0], 0, height - 1), clamp(column + step[1], 0, width - 1)]);
    });
    return { figure, canvas, marker, channel };
  }

  choose(at) {
    this.chosen = { ...this.chosen, at };
    this.updateValue();
  }

  // New values.
  update() {
    if (this.chosen === null) return;
    const { index, channel } = this.chosen;
    const { picture } = this;
    if (index >= 0) {
      const word = (picture.isOff(index, channel) ? "on" : "off") + (this.big === null ? "Unit" : "");
      this.turn.textContent = picture.words[word];
    }
    this.updateValue();
    this.rest.replaceChildren(...(index < 0 ? [] : figuresOf(picture, index, channel)));
  }

  // Another place: the sums of whole maps stay as they are.
  updateValue() {
    const { index, channel, at } = this.chosen;
    if (this.big !== null) this.paintBig(index, channel, at);
    const kept = this.focused();
    this.arithmetic.replaceChildren(...this.explained());
    if (kept !== null) this.element.querySelector(`[data-key="${CSS.escape(kept)}"]`)?.focus();
    this.picture.field(null, null);
  }

  focused() {
    const root = this.element.getRootNode();
    return this.element.contains(root.activeElement) ? (root.activeElement.dataset.key ?? null) : null;
  }

  paintBig(index, channel, [row, column]) {
    const { picture } = this;
    const data = picture.of(index);
    const range = index < 0 && data !== null ? ends(data) : [0, 1];
    picture.paintChannel(this.big.canvas, index, channel, data === null ? 1 : largest(data), range);
    const [, height, width] = shapeOf(picture.plan, index);
    Object.assign(this.big.marker.style, {
      top: `${(100 * row) / height}%`,
      left: `${(100 * column) / width}%`,
      height: `${100 / height}%`,
      width: `${100 / width}%`,
    });
  }

  // The place of the chosen value in its op's output.
  flat() {
    const { index, channel, at } = this.chosen;
    const shape = shapeOf(this.picture.plan, index);
    return shape.length === 3 ? (channel * shape[1] + at[0]) * shape[2] + at[1] : channel;
  }

  explained() {
    const { index, channel, at } = this.chosen;
    const { picture } = this;
    const { words, plan } = picture;
    const data = picture.of(index);
    if (data === null) return [make("p", { class: "soft" }, words.drawFirst)];
    const shown = data[this.flat()];
    const isMap = shapeOf(plan, index).length === 3;
    const title = fill(isMap ? words.place : words.unitValue, { row: at[0], column: at[1], value: written(shown, 3) });
    const head = make("h4", {}, title);
    if (index < 0) return [head, make("p", { class: "soft" }, words.pixel)];
    const found = arithmetic(plan, picture.tensors, picture.of, index, this.flat());
    if (picture.isOff(index, channel)) return [head, make("p", {}, words.offValue)];
    if (found === null) return [head, make("p", { class: "soft" }, words.unexplained)];
    return [head, ...writtenOut(this, found, plan.ops[index])];
  }

  // To the value in the map before; `cell` names its place.
  walk(part, cell) {
    const [, row, column] = placeOf(shapeOf(this.picture.plan, part.from), cell.at);
    this.open(part.from, part.channel, [row, column], [...this.way, this.chosen]);
  }
}

// -- kernel by kernel ------------------------------------------------------------------------------------------------

// Of a convolution: for each input map the kernel and what comes of the two; of anything else the maps that it reads.
function figuresOf(picture, index, channel) {
  const { plan, words } = picture;
  const op = plan.ops[index];
  if (op.kernel !== "conv2d") return readFigures(picture, index, channel);
  const bias = op.weights.bias === undefined ? 0 : picture.tensors[op.weights.bias].data[channel];
  const made = picture.madeOf(index, channel).map((each) => ({ ...each, part: contribution(picture, op, each) }));
  const strength = ({ part, kernel }) => strengthOf(part ?? kernel);
  made.sort((one, other) => strength(other) - strength(one));
  const limits = [Math.max(...made.map(({ kernel }) => largest(kernel))), Math.max(...made.map(strength)) || 1];
  const row = make("div", { class: "sums" });
  for (const each of made.slice(0, MOST_FIGURES)) row.append(sumFigure(picture, op, each, limits));
  const rest = made.length > MOST_FIGURES ? ` ${fill(words.strongest, { count: MOST_FIGURES, all: made.length })}` : "";
  return [row, make("p", {}, fill(words.sum, { count: made.length, bias: written(bias, 3) }) + rest)];
}

// What one input map contributes: its convolution with the kernel, without the bias.
function contribution(picture, op, { from, channel, kernel }) {
  const data = picture.channel(from, channel);
  if (data === null) return null;
  const [, height, width] = shapeOf(picture.plan, from);
  const out = { shape: [1, op.shape[1], op.shape[2]], data: new Float32Array(op.shape[1] * op.shape[2]) };
  const x = { shape: [1, height, width], data };
  KERNELS.conv2d({ ...op, groups: 1, shape: out.shape }, [x], out, { weight: { data: kernel } }, new Scratch());
  return out.data;
}

function sumFigure(picture, op, { from, channel, kernel, part }, [most, mostPart]) {
  const [source, small, product] = Array.from({ length: 3 }, () => make("canvas", { "aria-hidden": "true" }));
  paintSource(picture, source, from, channel);
  paintMap(small, kernel, op.kernelSize[1], op.kernelSize[0], most, picture.scale);
  paintMap(product, part, op.shape[2], op.shape[1], mostPart, picture.scale);
  const row = make("div");
  row.append(source, make("span", {}, "∗"), small, make("span", {}, "="), product);
  const figure = make("figure");
  figure.append(row, make("figcaption", {}, fill(picture.words.from, { number: channel })));
  return figure;
}

function paintSource(picture, canvas, from, channel) {
  const data = picture.of(from);
  const range = from < 0 && data !== null ? ends(data) : [0, 1];
  picture.paintChannel(canvas, from, channel, data === null ? 1 : largest(data), range);
}

function readFigures(picture, index, channel) {
  const { plan } = picture;
  if (shapeOf(plan, index).length !== 3) return [];
  const row = make("div", { class: "sums" });
  for (const { from, channel: number } of picture.madeOf(index, channel)) {
    if (shapeOf(plan, from).length !== 3) continue;
    const [source, own] = [make("canvas", { "aria-hidden": "true" }), make("canvas", { "aria-hidden": "true" })];
    paintSource(picture, source, from, number);
    paintSource(picture, own, index, channel);
    const pair = make("div");
    pair.append(source, make("span", {}, "→"), own);
    const figure = make("figure");
    figure.append(pair, make("figcaption", {}, labelOf(picture, from, number)));
    row.append(figure);
  }
  return [row];
}
