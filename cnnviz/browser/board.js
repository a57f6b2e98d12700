// The canvas that one draws on, and the questions that a drawing asks of a worker. Ink is white on black. A drawing is
// its strokes: {points: [[x, y], ...], width, erases}, in pixels of the canvas.

const SIZE = 280; // pixels of the canvas
const PEN = 22;
const BACKGROUND = [0, 0, 0, 255];
const ERASER = 1.6; // times as wide as the pen: otherwise a grey rim of the strokes would remain

// The canvas and the pen. `changed(board)` is called at every change, with each move of the pen; `board.isDown` says
// whether the pen is on the canvas.
export class Board {
  constructor(canvas, changed, { size = SIZE, pen = PEN } = {}) {
    Object.assign(this, { canvas, changed, size, pen });
    [canvas.width, canvas.height] = [size, size];
    canvas.style.touchAction = "none"; // a finger draws: it does not scroll the page
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.strokes = [];
    this.isDown = false;
    this.erases = false;
    this.listen();
    this.wipe();
  }

  listen() {
    const { canvas } = this;
    let pointer = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || pointer !== null) return;
      event.preventDefault();
      canvas.setPointerCapture(event.pointerId);
      pointer = event.pointerId;
      this.down(this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const points = event.getCoalescedEvents?.() ?? [];
      this.move((points.length ? points : [event]).map((each) => this.place(each)));
    });
    const end = (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      this.up();
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const { size } = this;
    return [((event.clientX - box.left) * size) / box.width, ((event.clientY - box.top) * size) / box.height];
  }

  // The pen comes down at `point`, moves along `points`, and goes up.
  down(point) {
    this.isDown = true;
    const width = this.erases ? this.pen * ERASER : this.pen;
    this.strokes.push({ points: [point], width, erases: this.erases });
    inked(this.context, this.strokes.at(-1));
    this.changed(this);
  }

  move(points) {
    const stroke = this.strokes.at(-1);
    const from = stroke.points.length;
    stroke.points.push(...points);
    inked(this.context, stroke, from);
    this.changed(this);
  }

  up() {
    this.isDown = false;
    this.changed(this);
  }

  wipe() {
    this.strokes = [];
    blackened(this.context, this.size);
  }

  clear() {
    this.show([]);
  }

  undo() {
    this.show(this.strokes.slice(0, -1));
  }

  // Another drawing in the place of this one.
  show(strokes) {
    this.wipe();
    this.strokes = strokes;
    for (const stroke of strokes) inked(this.context, stroke);
    this.changed(this);
  }

  // `ways`: lists of points, from 0 to 1, drawn with the pen of usual width.
  replay(ways, width = this.pen) {
    const { size } = this;
    this.show(ways.map((way) => ({ points: way.map(([x, y]) => [x * size, y * size]), width, erases: false })));
  }

  // The bytes of what is drawn, as a network should get to see it: `isFiner` says that it is drawn with a finer pen for
  // that, on the canvas `fine`.
  pixels() {
    const finer = finerStrokes(this.strokes, this.size);
    this.isFiner = finer !== null;
    if (finer === null) return this.context.getImageData(0, 0, this.size, this.size).data;
    this.fine ??= Object.assign(document.createElement("canvas"), { width: this.size, height: this.size });
    const context = this.fine.getContext("2d", { willReadFrequently: true });
    blackened(context, this.size);
    for (const stroke of finer) inked(context, stroke);
    return context.getImageData(0, 0, this.size, this.size).data;
  }
}

function blackened(context, size) {
  context.fillStyle = "#000000";
  context.fillRect(0, 0, size, size);
}

// Draws the points of a stroke from the one numbered `from` on. Each piece is drawn by itself, so that a drawing
// looks the same however it came about.
function inked(context, { points, width, erases }, from = 0) {
  [context.lineWidth, context.lineCap, context.lineJoin] = [width, "round", "round"];
  context.strokeStyle = erases ? "#000000" : "#ffffff";
  for (let at = from; at < points.length; at++) {
    context.beginPath();
    context.moveTo(...points[Math.max(at - 1, 0)]);
    context.lineTo(...points[at]);
    context.stroke();
  }
}

const THICK = 0.16; // of a drawing's longer side: a wider pen hides its shape; MNIST's take an eighth
const FILL = 0.75; // of the canvas: the size of an enlarged drawing
const FINE = 0.08; // of the canvas: a pen that suits it
const DOT = 6; // pixels: anything shorter is a dot

// A thick pen hides the shape of a small drawing: holes close, strokes merge. So it is enlarged, and drawn with a pen
// that suits it. Null where the pen is fine enough.
function finerStrokes(strokes, size) {
  const inks = strokes.filter((stroke) => !stroke.erases);
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  for (const { points } of inks) {
    for (const point of points) {
      for (const axis of [0, 1]) {
        low[axis] = Math.min(low[axis], point[axis]);
        high[axis] = Math.max(high[axis], point[axis]);
      }
    }
  }
  const longest = Math.max(high[0] - low[0], high[1] - low[1]);
  const pen = Math.max(0, ...inks.map((stroke) => stroke.width));
  if (!(longest >= DOT) || pen <= THICK * (longest + pen)) return null;
  const factor = (size * FILL) / longest;
  const moved = (value, axis) => (value - (high[axis] + low[axis]) / 2) * factor + size / 2;
  return strokes.map(({ points, width, erases }) => ({
    points: points.map(([x, y]) => [moved(x, 0), moved(y, 1)]),
    width: erases ? width * factor : FINE * size,
    erases,
  }));
}

// One question at a time: while the worker computes, only the newest drawing waits.
export class Asking {
  constructor(worker, board, answered) {
    Object.assign(this, { worker, board });
    this.busy = false;
    this.waiting = false;
    worker.onmessage = ({ data }) => {
      this.busy = false;
      answered(data);
      if (this.waiting) this.ask(this.number);
    };
  }

  // `number` comes back with the answer.
  ask(number) {
    this.waiting = this.busy;
    this.number = number;
    if (this.busy) return;
    this.busy = true;
    const { size } = this.board;
    const rgba = this.board.pixels();
    this.worker.postMessage({ number, rgba, width: size, height: size, background: BACKGROUND }, [rgba.buffer]);
  }
}
