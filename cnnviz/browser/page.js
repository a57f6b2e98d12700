// The page that stands alone: a canvas, what each network says about it, and the network as one picture. It stands
// behind engine.js and picture.js in one file; `WORKER` is the worker's text, `CONTENT` what Python put in.

const SIZE = 280; // pixels of the canvas
const PEN = 22;
const BACKGROUND = [0, 0, 0, 255];

const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const words = CONTENT.words[language];
const dark = matchMedia("(prefers-color-scheme: dark)");

function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

function start() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
  const canvas = document.querySelector("canvas[data-draw]");
  canvas.setAttribute("aria-label", words.canvas);
  const worker = new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })));
  const weights = bytesOf(CONTENT.weights);
  const tensors = readSafetensors(weights);
  const picture = new Picture(document.querySelector("#picture"), {
    plan: CONTENT.plan,
    tensors,
    kinds: Object.fromEntries(
      Object.entries(CONTENT.kinds).map(([name, kind]) => [
        name,
        { letter: kind.letter, title: kind.title[language], colour: dark.matches ? kind.dark : kind.light },
      ]),
    ),
    scale: CONTENT.scales[dark.matches ? "dark" : "light"],
    words,
    onSwitch: (off) => {
      worker.postMessage({ kind: "off", off });
      document.querySelector("#reset").hidden = !Object.values(off).some((channels) => channels.length);
      asking.ask();
    },
  });
  document.querySelector("#reset").addEventListener("click", () => picture.reset());
  worker.postMessage({
    kind: "load",
    plan: CONTENT.plan,
    weights,
    mean: CONTENT.mean,
    deviation: CONTENT.deviation,
  });
  const board = new Board(canvas, () => asking.ask());
  const asking = new Asking(worker, board, (answer) => show(answer, picture));
  document.querySelector("#clear").addEventListener("click", () => board.clear());
  for (const [digit, strokes] of Object.entries(CONTENT.examples)) {
    const button = make("button", { type: "button", "aria-label": fill(words.example, { digit }) }, digit);
    button.addEventListener("click", () => board.replay(strokes));
    document.querySelector("#examples").append(button);
  }
  show({ image: null }, picture);
}

// The canvas and the pen.
class Board {
  constructor(canvas, changed) {
    this.canvas = canvas;
    [canvas.width, canvas.height] = [SIZE, SIZE];
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.changed = changed;
    this.pen = null;
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      this.pen = event.pointerId;
      this.stroke([this.place(event)]);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.pen) return;
      const points = event.getCoalescedEvents?.() ?? [];
      this.stroke([this.last, ...(points.length ? points : [event]).map((each) => this.place(each))]);
    });
    const end = (event) => {
      if (event.pointerId === this.pen) this.pen = null;
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    this.wipe();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIZE) / box.width, ((event.clientY - box.top) * SIZE) / box.height];
  }

  stroke(points) {
    const { context } = this;
    [context.lineWidth, context.lineCap, context.lineJoin, context.strokeStyle] = [PEN, "round", "round", "#ffffff"];
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.length > 1 ? points : [...points, points[0]]) context.lineTo(...point);
    context.stroke();
    this.last = points.at(-1);
    this.changed();
  }

  wipe() {
    this.context.fillStyle = "#000000";
    this.context.fillRect(0, 0, SIZE, SIZE);
  }

  clear() {
    this.wipe();
    this.changed();
  }

  // `strokes`: lists of points, from 0 to 1.
  replay(strokes) {
    this.wipe();
    for (const points of strokes) this.stroke(points.map(([x, y]) => [x * SIZE, y * SIZE]));
  }

  pixels() {
    return this.context.getImageData(0, 0, SIZE, SIZE).data;
  }
}

// One question at a time: while the worker computes, only the newest drawing waits.
class Asking {
  constructor(worker, board, answered) {
    Object.assign(this, { worker, board });
    this.busy = false;
    this.waiting = false;
    worker.onmessage = ({ data }) => {
      this.busy = false;
      answered(data);
      if (this.waiting) this.ask();
    };
  }

  ask() {
    this.waiting = this.busy;
    if (this.busy) return;
    this.busy = true;
    const rgba = this.board.pixels();
    this.worker.postMessage({ rgba, width: SIZE, height: SIZE, background: BACKGROUND }, [rgba.buffer]);
  }
}

function show({ image, input, scores, outputs }, picture) {
  const empty = image === null;
  document.querySelector("#nothing").hidden = !empty;
  const verdict = document.querySelector("[data-verdict]");
  const chances = empty ? [] : softmax(scores);
  const best = chances.indexOf(Math.max(...chances));
  verdict.textContent = empty ? "" : CONTENT.classes[best];
  const bars = document.querySelector("#bars");
  bars.replaceChildren(
    ...CONTENT.classes.map((name, index) => {
      const row = make("div", { class: index === best ? "best" : "" });
      const track = make("span", { class: "track" });
      const chance = chances[index] ?? 0;
      track.append(make("span", { style: `width:${(100 * chance).toFixed(2)}%` }));
      row.append(make("span", {}, name), track, make("span", {}, empty ? "" : `${(100 * chance).toFixed(1)}%`));
      return row;
    }),
  );
  seen(document.querySelector("#seen"), image);
  picture.update(empty ? null : input, empty ? null : outputs);
}

// What the network gets: 28 x 28 pixels.
function seen(canvas, image) {
  [canvas.width, canvas.height] = [28, 28];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(28, 28);
  for (let at = 0; at < 784; at++) pixels.data.set([...Array(3).fill(image?.[at] ?? 0), 255], at * 4);
  context.putImageData(pixels, 0, 0);
}

// Probabilities of scores; of their logarithms they are the same.
function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

start();
