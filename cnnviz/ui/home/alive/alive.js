/* The network alive on the landing page: digits that draw themselves until the visitor takes the pen, what the network
   gets, its feature maps and its prediction. PACKED is what Python put in. */

const NETWORK = readNetwork(bytesOf(PACKED));

const FIRST = ["3", "8", "2", "5", "7", "0", "4", "9", "6", "1"]; // the order in which digits are drawn
const BY_HAND = "byHand";
const BEGUN = 0.25; // seconds of drawing that are there at once

class Alive {
  constructor(root) {
    this.root = root;
    this.tensors = NETWORK.tensors;
    this.stages = stages(NETWORK.plan);
    this.build();
    this.network = new Network(NETWORK.plan, this.tensors);
    // Whoever takes the pen gets an empty canvas: this listener comes before the board's own.
    this.canvas.addEventListener("pointerdown", ({ button }) => button === 0 && this.takePen());
    this.board = new Board(this.canvas, () => this.ask());
    this.show = new Show(this.board, FIRST.map((digit) => NETWORK.digits[digit]));
    this.isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.inSight = new IntersectionObserver(([entry]) => this.seen(entry.isIntersecting));
    this.inSight.observe(root);
    this.resized = new ResizeObserver(() => this.paint());
    this.resized.observe(root);
    if (this.isStill) this.show.still();
    else this.show.begin(BEGUN);
  }

  build() {
    this.canvas = make("canvas", { "data-draw": "", role: "img" });
    this.go = make("button", { type: "button" });
    this.clear = make("button", { type: "button" });
    const tools = make("div", { class: "tools" });
    tools.append(this.go, this.clear);
    this.image = make("canvas", { "aria-hidden": "true" });
    this.maps = this.stages.map((stage) =>
      Array.from({ length: stage.shape[0] }, () => make("canvas", { "aria-hidden": "true" })),
    );
    this.verdict = make("div", { class: "verdict", "data-verdict": NETWORK.checkpoint });
    this.bars = make("div", { class: "bars" });
    this.heads = [];
    this.edges = make("canvas", { class: "edges", "aria-hidden": "true" });
    const says = this.column("says", this.verdict, this.bars);
    const row = make("div", { class: "row" });
    const middle = make("div", { class: "stages" });
    row.append(
      this.column("draw", this.canvas, tools),
      this.column("gets", this.image),
      middle,
      says,
    );
    this.maps.forEach((canvases, index) => {
      const grid = make("div", { class: "maps" });
      grid.append(...canvases);
      middle.append(this.column(`stage${index}`, grid));
    });
    this.root.replaceChildren(this.edges, row);
    this.go.addEventListener("click", () => this.goOn());
    this.clear.addEventListener("click", () => {
      this.takePen();
      this.board.clear();
    });
  }

  column(name, ...parts) {
    const found = make("div", { class: `column ${name}` });
    const head = make("p", { class: "head" });
    this.heads.push(head);
    found.append(head, ...parts);
    return found;
  }

  // New words or colours.
  tell({ words, scale }) {
    Object.assign(this, { words, scale });
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", words.about);
    this.canvas.setAttribute("aria-label", words.canvas);
    const counts = this.stages.map(({ shape }) => fill(words.maps, { count: shape[0] }));
    const heads = [words.says, words.draw, words.gets, ...counts];
    this.heads.forEach((head, index) => (head.textContent = heads[index]));
    this.clear.textContent = words.clear;
    this.tellGo();
    this.paint();
  }

  tellGo() {
    const { words } = this;
    this.go.textContent = this.show.running ? words.pause : this.isStill ? words.next : words.play;
  }

  takePen() {
    if (this.root.classList.contains(BY_HAND)) return;
    this.show.stop();
    this.root.classList.add(BY_HAND);
    this.verdict.setAttribute("role", "status");
    this.board.wipe();
    this.tellGo();
  }

  // Show examples, or the next one where nothing may move; or pause.
  goOn() {
    const byHand = this.root.classList.contains(BY_HAND);
    this.root.classList.remove(BY_HAND);
    this.verdict.removeAttribute("role");
    this.paused = this.show.running;
    if (this.paused) {
      this.show.stop();
    } else {
      if (byHand || this.isStill) this.show.next();
      if (this.isStill) this.show.still();
      else this.show.start();
    }
    this.tellGo();
  }

  // Nothing is drawn out of sight.
  seen(isInSight) {
    if (this.isStill || this.paused || this.root.classList.contains(BY_HAND)) return;
    if (isInSight) this.show.start();
    else this.show.stop();
    if (this.words) this.tellGo();
  }

  // What the network says: with the next frame, or with this one where a digit draws itself. It is so small that it has
  // read a digit before a worker would have started.
  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    const soon = this.show.running ? queueMicrotask : requestAnimationFrame;
    soon(() => {
      this.isAsked = false;
      this.values = this.read();
      this.paint();
    });
  }

  // {image, input, scores, outputs}; null where nothing is drawn.
  read() {
    const { board, network } = this;
    const context = (board.finer() ?? this.canvas).getContext("2d");
    const { data, width, height } = context.getImageData(0, 0, board.size, board.size);
    const prepared = prepare(data, width, height, PAPER);
    if (prepared === null) return null;
    const input = Float32Array.from(prepared.image, (value) => (value / 255 - NETWORK.mean[0]) / NETWORK.deviation[0]);
    const scores = network.run(input);
    return { image: prepared.image, input, scores, outputs: network.outputs.map((output) => output.data) };
  }

  of(index) {
    return index < 0 ? this.values.input : this.values.outputs[index];
  }

  paint() {
    if (!this.scale) return;
    const { values, scale } = this;
    const chances = values === null || values === undefined ? null : softmax(values.scores);
    this.root.classList.toggle("empty", chances === null);
    this.verdict.textContent = chances === null ? "" : NETWORK.classes[chances.indexOf(Math.max(...chances))];
    showBars(this.bars, NETWORK.classes, chances);
    paintImage(this.image, values?.image ?? null);
    this.stages.forEach(({ index, shape: [channels, height, width] }, stage) => {
      const data = chances === null ? null : this.of(index);
      const limit = data === null ? 1 : largest(data);
      const size = height * width;
      for (let channel = 0; channel < channels; channel++) {
        const part = data === null ? null : data.subarray(channel * size, (channel + 1) * size);
        paintMap(this.maps[stage][channel], part, width, height, limit, scale);
      }
    });
    this.paintEdges(chances !== null);
  }

  paintEdges(isDrawn) {
    const origin = this.root.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    [this.edges.width, this.edges.height] = [origin.width * ratio, origin.height * ratio];
    if (!isDrawn || getComputedStyle(this.edges).display === "none") return;
    const context = this.edges.getContext("2d");
    context.scale(ratio, ratio);
    const { plan } = NETWORK;
    let sources = [this.image];
    let [from, shape] = [-1, plan.input];
    this.stages.forEach((stage, number) => {
      const op = plan.ops[stage.convolution];
      const weight = this.tensors[op.weights.weight].data;
      const strengths = throughKernels(op, shape, this.of(from), weight);
      drawEdges(context, origin, sources, this.maps[number], strengths, this.scale);
      sources = this.maps[number];
      [from, shape] = [stage.index, stage.shape];
    });
    const op = plan.ops[plan.output];
    const strengths = throughRows(op, shape[0], this.of(from), this.tensors[op.weights.weight].data);
    drawEdges(context, origin, sources, [...this.bars.children], strengths, this.scale);
  }

  end() {
    this.show.stop();
    this.inSight.disconnect();
    this.resized.disconnect();
  }
}

// The convolutions, each with the last op that still gives its maps: {convolution, index, shape}.
function stages(plan) {
  const found = [];
  plan.ops.forEach((op, index) => {
    if (op.kernel === "conv2d") found.push({ convolution: index });
    if (op.shape.length === 3) Object.assign(found.at(-1), { index, shape: op.shape });
  });
  return found;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".alive");
  root.alive ??= new Alive(root);
  root.alive.tell(data);
  return whenGone(root, () => root.alive.end());
}
