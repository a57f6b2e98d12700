/* The Draw page's canvas with its tools. All chosen networks read what is drawn while the pen moves; the server hears
   of the drawing when the pen rests. */

const REST = 500; // milliseconds without a change after which the server is told
const SMALL = 1 / 4; // of the canvas: a smaller drawing is mostly the shape of the pen itself
const FILMED = -1; // the number of what the camera sees: no drawing
const kept = (globalThis.cnnvizSheet ??= { strokes: [], number: 0 }); // while other pages of the app are visited

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".sheet");
  if (root.sheet && root.sheet.words.canvas !== data.words.canvas) {
    root.sheet.close(); // another language: the drawing is kept
    root.sheet = undefined;
  }
  root.sheet ??= new Sheet(root, data);
  root.sheet.show(data, setStateValue);
  return whenGone(root, () => root.sheet.close());
}

class Sheet {
  constructor(root, { side, words, examples, films }) {
    this.words = words;
    this.films = films && Camera.isThere();
    this.camera = null;
    this.loaded = new Map(); // what the worker has, by the networks' ids
    this.answer = { image: null, answers: [] };
    this.build(root, examples);
    this.board = new Board(this.canvas, () => this.changed(), { size: side });
    this.keys = new Keys(this.board, this.ring);
    this.worker = new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })));
    this.asking = new Asking(this.worker, this.board, (answer) => this.answered(answer));
    this.ends = [
      follow((networks) => this.choose(networks), "networks"),
      follow((served) => this.hear(served), "served"),
      follow((number) => this.sendAgain(number), "unheard"),
    ];
    this.board.show(kept.strokes);
    this.isReady = true;
  }

  build(root, examples) {
    const { words } = this;
    this.said = make("div", { class: "cnnviz-answer", role: "status", "data-answer": "" });
    this.lines = [new Text(words.here), new Text()]; // changed, not exchanged: so the page around them is left alone
    for (const line of this.lines) this.said.appendChild(make("div")).append(line);
    this.canvas = make("canvas", { "data-draw": "", tabindex: "0", "aria-label": words.canvas });
    this.ring = make("div", { class: "ring", hidden: "" });
    this.paper = make("div", { class: "paper" });
    this.paper.append(this.canvas, this.ring);
    this.seen = make("canvas", { class: "seen", role: "img", "aria-label": words.seen, title: words.seen });
    this.tools = ["pen", "eraser"].map((name) => this.button(name, () => this.take(name)));
    const undo = this.button("undo", () => this.board.undo());
    const clear = this.button("clear", () => this.board.clear());
    const tools = make("div", { class: "tools" });
    tools.append(this.seen, ...this.tools, undo, clear);
    if (this.films) {
      this.filming = this.button("camera", () => this.film());
      this.filming.setAttribute("aria-pressed", "false");
      tools.append(this.filming);
    }
    const digits = make("div", { class: "examples", role: "group", "aria-label": words.examples });
    digits.append(make("span", {}, words.examples));
    for (const [digit, ways] of Object.entries(examples)) {
      const button = make("button", { type: "button", "data-example": digit }, digit);
      button.addEventListener("click", () => this.board.replay(ways, this.examplePen));
      digits.append(button);
    }
    this.note = make("p", { class: "note" });
    root.replaceChildren(this.said, this.paper, tools, digits, this.note);
    this.take("pen");
    paintImage(this.seen, null);
  }

  button(name, act) {
    const button = make("button", { type: "button", "data-tool": name, "aria-label": this.words[name] });
    button.title = this.words[name];
    const icon = make("span", { class: "icon", "aria-hidden": "true" }, ICONS[name]);
    button.append(icon);
    button.addEventListener("click", act);
    return button;
  }

  take(name) {
    if (this.board) this.board.erases = name === "eraser";
    for (const tool of this.tools) tool.setAttribute("aria-pressed", String(tool.dataset.tool === name));
  }

  // The networks read what the camera sees, until the button is pressed again or something is drawn.
  async film() {
    if (this.camera !== null) {
      this.stopFilming();
      return;
    }
    this.filming.disabled = true;
    try {
      const camera = await Camera.begun();
      if (!this.canvas.isConnected) camera.end();
      else this.startFilming(camera);
    } catch ({ message }) {
      this.note.textContent = fill(this.words.noCamera, { reason: message });
    }
    this.filming.disabled = false;
  }

  startFilming(camera) {
    this.camera = camera;
    this.asking.picture = () => camera.frame();
    this.canvas.hidden = true;
    this.paper.append(camera.video);
    this.filming.setAttribute("aria-pressed", "true");
    this.ask();
  }

  stopFilming() {
    this.camera.end();
    this.camera.video.remove();
    this.camera = this.asking.picture = null;
    this.canvas.hidden = false;
    this.filming.setAttribute("aria-pressed", "false");
    this.ask();
  }

  // What the server says: at first, and when something of it has changed.
  show({ pen, usual, session, scales }, setStateValue) {
    this.board.pen = pen;
    this.examplePen = usual;
    this.send = setStateValue;
    this.session = session;
    const theme = isDark(this.canvas) ? "dark" : "light";
    if (theme !== this.theme) this.worker.postMessage({ kind: "colours", scale: scales[theme] });
    this.theme = theme;
    // A server that started anew knows nothing of the drawing.
    if (kept.strokes.length && kept.session !== session) this.rest();
  }

  async choose(networks) {
    this.networks = networks;
    const ids = new Set(networks.map(({ id }) => id));
    for (const [id] of this.loaded) {
      if (ids.has(id)) continue;
      this.loaded.delete(id);
      this.worker.postMessage({ kind: "drop", id });
    }
    this.ask(); // the others need not wait for those that are on their way
    await Promise.all(networks.filter(({ digest }) => digest).map((network) => this.load(network)));
  }

  async load({ id, digest, url }) {
    if (this.loaded.get(id) === digest) return;
    this.loaded.set(id, digest);
    try {
      const bytes = await fetchNetwork({ digest, url });
      if (this.loaded.get(id) !== digest) return;
      this.worker.postMessage({ kind: "load", id, bytes });
      this.ask();
    } catch {
      this.loaded.delete(id); // tried again when the networks are told again
    }
  }

  changed() {
    if (this.camera !== null) this.stopFilming();
    kept.strokes = this.board.strokes;
    if (this.isReady) kept.number += 1; // what was drawn before is on the canvas again
    this.ask();
    if (this.isReady) this.rest();
  }

  ask() {
    this.asking?.ask(this.camera === null ? kept.number : FILMED);
  }

  rest() {
    clearTimeout(this.timer);
    if (!this.board.isDown) this.timer = setTimeout(() => this.report(), REST);
  }

  answered(answer) {
    this.answer = answer;
    paintImage(this.seen, answer.image);
    tell("drawing", { number: answer.number, image: answer.image });
    tell("answers", answer);
    this.summarise();
    this.advise(answer);
    if (this.late) this.report();
    if (this.camera !== null) this.ask();
  }

  advise({ number, image, box, isFiner }) {
    const { words } = this;
    const isSmall = image !== null && box !== null && !isFiner && Math.max(box[2], box[3]) < SMALL * this.board.size;
    const found = isSmall ? words.small : words.stays;
    const [none, some] = number === FILMED ? [words.notFound, words.filmed] : [words.empty, found];
    const text = image === null ? none : some;
    if (this.note.textContent !== text) this.note.textContent = text;
  }

  // Tell the server what is drawn, once the newest drawing is answered.
  report() {
    this.late = this.answer.number !== kept.number;
    if (this.late || this.board.isDown) return;
    const { image } = this.answer;
    kept.session = this.session;
    const picture = image === null ? null : this.canvas.toDataURL("image/png");
    const redrawn = (image !== null && this.board.finer()?.toDataURL("image/png")) || null;
    const told = { number: kept.number, image: image === null ? null : btoa(String.fromCharCode(...image)), picture, redrawn };
    this.sent = (this.sent ?? 0) + 1; // the server ignores what it has been told already
    this.send("drawing", { ...told, sent: this.sent });
    tell("reported", kept.number);
  }

  // The server has not shown the drawing of this number, though it should have.
  sendAgain(number) {
    if (number === kept.number && !this.board.isDown) this.report();
  }

  // What networks say that the server reads.
  hear(served) {
    this.served = served;
    this.summarise();
  }

  summarise() {
    const { words, networks, answer, served } = this;
    if (!networks) return; // they are on their way
    const labels = new Map();
    for (const { id, scores } of answer.answers) {
      const network = networks.find((one) => one.id === id);
      if (network && scores.every(Number.isFinite)) labels.set(id, network.classes[scores.indexOf(Math.max(...scores))]);
    }
    if (served?.number === answer.number) Object.entries(served.labels).forEach(([id, label]) => labels.set(id, label));
    summary(words, networks.length, [...labels.values()], answer.image === null).forEach((line, at) => {
      if (this.lines[at].data !== line) this.lines[at].data = line;
    });
  }

  close() {
    clearTimeout(this.timer);
    this.camera?.end();
    for (const end of this.ends) end();
    this.worker.terminate();
  }
}

const ICONS = { pen: "edit", eraser: "ink_eraser", undo: "undo", clear: "delete", camera: "videocam" };

// What most networks say, and what the others say.
function summary(words, count, labels, empty) {
  if (count === 0) return [words.none, ""];
  if (empty) return [words.here, ""];
  if (!labels.length) return ["", ""];
  const counts = new Map();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [[label, most], ...others] = [...counts].sort((one, other) => other[1] - one[1]);
  if (count === 1) return [fill(words.one, { label }), ""];
  if (most === count) return [fill(words.all, { count, label }), ""];
  const rest = others.length ? fill(words.others, { labels: others.map(([other]) => other).join(", ") }) : "";
  return [fill(words.some, { count: most, all: count, label }), rest];
}

function isDark(element) {
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  probe.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color").trim() || "#ffffff";
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return red + green + blue < 384;
}
