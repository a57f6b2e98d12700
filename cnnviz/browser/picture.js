// The network as one picture that lives: a column of maps for each operation, from left to right as the values flow,
// and lines for the links. Pointing at a map lights what it is made of; a click unfolds it.
//
// `words` are sentences in the reader's language; nothing that comes from a name becomes markup. What is changed goes to
// whoever computes: `tell({kind: "off" | "tensor", ...})`. `digits`: how many test digits `tell({kind: "accuracy", port})`
// counts on; 0: none are there. `kinds`: {light, dark, letter, title} by the kind of an op.

const OF_A_TRUNK = 10; // maps of an op that stands alone in its column
const OF_A_BRANCH = 3;
const UNITS = 16;
const LARGEST = 56; // pixels of a map
const SMALLEST = 36;
const QUIET = 500; // milliseconds after which order and text follow the drawing

export class Picture {
  constructor(element, { plan, tensors, classes, kinds, isDark, scale, words, digits, tell }) {
    Object.assign(this, { element, plan, tensors, classes, kinds, isDark, scale, words, digits, tell });
    this.layout = layOut(plan);
    this.values = null;
    this.off = {};
    this.first = new Map(); // the first map that an op shows
    this.order = null; // by op, the strongest maps first
    this.made = new Map();
    this.of = (index) => (this.values === null ? null : index < 0 ? this.values.input : this.values.outputs[index]);
    this.build();
    new ResizeObserver(() => this.fit()).observe(this.scroll);
  }

  build() {
    const { words } = this;
    this.links = new Links(this);
    this.flow = make("div", { class: "flow" });
    this.scroll = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": words.picture });
    this.flow.append(this.links.rest);
    this.scroll.append(this.flow);
    this.told = make("p", { class: "told", "aria-live": "polite" }, words.point);
    this.changing = new Changing(this);
    this.unfolding = new Unfolding(this);
    this.text = new AsText(this);
    this.element.replaceChildren(this.tools(), this.scroll, this.told, this.unfolding.element, this.text.element);
    this.boxes = new Map();
    this.frames();
    for (const [index, place] of this.layout.places) this.flow.append(this.box(index, place));
    this.flow.append(this.links.lit);
    this.fit();
    this.paint();
  }

  tools() {
    const tools = make("div", { class: "switches" });
    const strongest = make("button", { type: "button", "aria-pressed": "false" }, this.words.strongestFirst);
    strongest.addEventListener("click", () => {
      strongest.setAttribute("aria-pressed", String(this.order === null));
      this.order = this.order === null ? new Map() : null;
      this.sort();
    });
    if ([...this.layout.places.keys()].some((index) => this.countOf(index) > this.roomOf(index))) tools.append(strongest);
    tools.append(...this.changing.tools);
    return tools;
  }

  // A frame with its name around the ops of a container.
  frames() {
    for (const { name, first, last } of this.layout.groups) {
      const frame = make("div", { class: "frame" });
      frame.style.gridColumn = `${first + 1} / ${last + 2}`;
      frame.append(make("span", {}, name));
      this.flow.append(frame);
    }
  }

  box(index, { column, lane, wide }) {
    const op = this.plan.ops[index];
    const box = make("div", { class: "box" });
    box.style.gridColumn = `${column + 1}`;
    box.style.gridRow = wide ? "1 / -1" : `${lane + 1}`;
    const name = op?.name ?? this.words.input;
    const head = make("h3", { title: op === undefined ? name : `${name} · ${op.type}` });
    const kind = this.kinds[op?.kind];
    if (kind !== undefined) {
      const chip = make("span", { class: "chip", title: kind.title }, kind.letter);
      const colour = this.colourOf(op.kind);
      chip.style.background = colour;
      chip.style.color = isLight(colour) ? "#000" : "#fff";
      head.append(chip);
      box.style.setProperty("--kind", colour);
    }
    head.append(op === undefined ? name : shortName(name));
    const maps = make("div", { class: "maps" });
    box.append(head, make("p", { class: "shape" }, shapeOf(this.plan, index).join(" x ")), maps);
    const pane = new Pane();
    this.flow.append(pane.canvas);
    this.boxes.set(index, { box, maps, pane, cells: [], more: null });
    this.fill(index);
    return box;
  }

  colourOf(kind) {
    return (this.kinds[kind] ?? this.kinds.other)[this.isDark ? "dark" : "light"];
  }

  countOf(index) {
    return shapeOf(this.plan, index)[0];
  }

  roomOf(index) {
    if (index === this.plan.output) return UNITS;
    if (shapeOf(this.plan, index).length !== 3) return UNITS;
    return this.layout.places.get(index).wide ? OF_A_TRUNK : OF_A_BRANCH;
  }

  // The maps that an op shows now.
  channels(index) {
    const all = this.order?.get(index) ?? Array.from({ length: this.countOf(index) }, (_, channel) => channel);
    const first = this.first.get(index) ?? 0;
    return all.slice(first, first + this.roomOf(index));
  }

  fill(index) {
    const known = this.boxes.get(index);
    this.pointed = undefined;
    known.cells = this.channels(index).map((channel, place) => makeCell(this, index, channel, place, known));
    const pager = this.pager(index, known);
    known.more = pager;
    known.pane.cells = known.cells.filter(({ face }) => face !== undefined);
    known.maps.replaceChildren(...known.cells.map(({ button }) => button), ...(pager === null ? [] : [pager]));
  }

  pager(index, known) {
    const [count, room] = [this.countOf(index), this.roomOf(index)];
    if (count <= room) return null;
    const first = this.first.get(index) ?? 0;
    const pager = make("div", { class: "pager" });
    const go = (to, text, label) => {
      const name = fill(label, { name: this.plan.ops[index]?.name ?? this.words.input });
      const button = make("button", { type: "button", "aria-label": name }, text);
      button.disabled = to < 0 || to >= count;
      button.addEventListener("click", () => {
        this.first.set(index, to);
        this.fill(index);
        this.links.measure();
        this.paint();
        const again = known.more.children[to > first ? 2 : 0];
        (again.disabled ? known.more.children[to > first ? 0 : 2] : again).focus();
      });
      return button;
    };
    const shown = `${first}–${Math.min(first + room, count) - 1} / ${count}`;
    pager.append(go(first - room, "‹", this.words.before), make("span", {}, shown), go(first + room, "›", this.words.after));
    return pager;
  }

  // Sizes for the width there is: maps as large as it allows, then lines as long as are left.
  fit() {
    const room = this.scroll.clientWidth;
    if (room === 0 || room === this.room) return;
    this.room = room;
    const { columns, lanes, places, links, groups } = this.layout;
    const least = groups.length > 0 ? 74 : 34;
    const set = (side, gap) => {
      this.flow.style.setProperty("--side", `${side}px`);
      this.flow.style.setProperty("--gap", `${gap}px`);
      return this.flow.offsetWidth;
    };
    this.flow.classList.toggle("grouped", groups.length > 0);
    this.flow.classList.toggle("arched", [...places.keys()].some((to) => to >= 0 && links[to].some((from) => this.links.isShortcut(from, to))));
    this.flow.style.gridTemplateRows = `repeat(${lanes}, auto)`;
    let side = lanes > 1 ? 46 : LARGEST;
    let width = set(side, least);
    while (side > SMALLEST && width > room) width = set((side -= 2), least);
    set(side, Math.min(96, Math.max(least, Math.floor(least + (room - width) / Math.max(1, columns - 1)))));
    this.links.measure();
  }

  // New values: `input` (normalised) and the outputs of all ops; null: nothing is drawn.
  update(input, outputs) {
    this.values = input === null ? null : { input, outputs };
    this.made.clear();
    this.paint();
    this.unfolding.update();
    const { pointed } = this;
    this.pointed = undefined;
    if (pointed !== undefined) this.point(...pointed);
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      if (this.order !== null) this.sort();
      this.text.update();
    }, QUIET);
  }

  // The strongest maps come first; where the order is off, as they are counted.
  sort() {
    for (const [index] of this.boxes) {
      const data = this.of(index);
      if (this.order !== null && this.countOf(index) > this.roomOf(index)) {
        const strength = Array.from({ length: this.countOf(index) }, (_, channel) => (data === null ? 0 : strengthOf(this.channel(index, channel))));
        this.order.set(index, [...strength.keys()].sort((one, other) => strength[other] - strength[one]));
      }
      if (this.countOf(index) <= this.roomOf(index) || this.boxes.get(index).box.contains(this.element.getRootNode().activeElement)) continue;
      this.fill(index);
    }
    this.links.measure();
    this.paint();
  }

  channel(index, channel) {
    const data = this.of(index);
    const size = shapeOf(this.plan, index).slice(1).reduce((product, side) => product * side, 1);
    return data === null ? null : data.subarray(channel * size, (channel + 1) * size);
  }

  madeOf(index, channel) {
    const key = `${index} ${channel}`;
    if (!this.made.has(key)) this.made.set(key, influences(this.plan, this.tensors, this.of, index, channel));
    return this.made.get(key);
  }

  isOff(index, channel) {
    return (this.off[index] ?? []).includes(channel);
  }

  paint() {
    const scores = this.of(this.plan.output);
    const chances = scores === null ? null : chancesOf(this.plan, scores);
    for (const [index, { cells, pane }] of this.boxes) {
      const data = this.of(index);
      const limit = data === null ? 1 : largest(data);
      const range = index < 0 && data !== null ? ends(data) : [0, 1];
      for (const cell of cells) {
        cell.isOff = this.isOff(index, cell.channel);
        cell.button.classList.toggle("off", cell.isOff);
        if (cell.bar !== undefined) paintScore(cell, chances);
        else this.paintChannel(cell.canvas, index, cell.channel, limit, range);
      }
      pane.paint();
    }
  }

  paintChannel(canvas, index, channel, limit, range) {
    const shape = shapeOf(this.plan, index);
    const [high, wide] = shape.length === 3 ? shape.slice(1) : [1, 1];
    const part = this.channel(index, channel);
    if (index < 0) paintInk(canvas, part, wide, high, range, channel, shape[0]);
    else paintMap(canvas, part, wide, high, limit, this.scale);
  }

  // Light what the map or unit is made of and say what it holds, and where `place` ([row, column]) comes from in the
  // image; null: nothing.
  point(index, channel, place = null) {
    const isSame = index !== null && this.pointed?.[0] === index && this.pointed[1] === channel;
    this.pointed = index === null ? undefined : [index, channel, place];
    if (isSame) return this.field(index, place);
    for (const { box } of this.boxes.values()) box.classList.remove("source");
    for (const element of this.flow.querySelectorAll(".map.source")) element.classList.remove("source");
    this.links.light(index, channel);
    this.field(index, place);
    if (index === null) return undefined;
    if (index >= 0) {
      for (const from of this.layout.links[index]) this.boxes.get(from).box.classList.add("source");
      for (const { from, channel: number } of this.madeOf(index, channel)) {
        this.boxes.get(from).cells.find((cell) => cell.channel === number)?.button.classList.add("source");
      }
    }
    this.told.textContent = described(this, index, channel);
    return undefined;
  }

  // Frame the receptive field of a place in a map of op `index` in the image; null: none, or that of the value that is
  // taken apart.
  field(index, place) {
    if (index === null || place === null) [index, place] = this.unfolding.place() ?? [null, null];
    const found = index === null || index < 0 ? null : receptiveField(this.plan, index, ...place);
    const [, height, width] = this.plan.input;
    for (const { frame } of this.boxes.get(-1).cells) {
      frame.hidden = found === null;
      if (found === null) continue;
      Object.assign(frame.style, {
        top: `${(100 * found.top) / height}%`,
        left: `${(100 * found.left) / width}%`,
        height: `${(100 * found.height) / height}%`,
        width: `${(100 * found.width) / width}%`,
      });
    }
  }

  // Switch a map off, or on again.
  turn(index, channel, off) {
    const others = (this.off[index] ?? []).filter((known) => known !== channel);
    this.off = { ...this.off, [index]: off ? [...others, channel] : others };
    this.tell({ kind: "off", off: this.off });
    this.changed();
  }

  changed() {
    this.made.clear();
    this.changing.show();
    this.paint();
    this.unfolding.update();
  }

  // The weights of another moment, by name.
  become(tensors) {
    this.tensors = tensors;
    this.changing.forget();
    this.made.clear();
    if (this.unfolding.chosen !== null) this.unfolding.build();
  }
}
