// The canvas that one draws on, and the questions that a drawing asks of a worker. It stands behind strokes.js.

const SIZE = 280; // pixels of the canvas
const PEN = 22;
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
    // Where a browser tells of a move before its next frame, the frame can have the answer.
    const moved = "onpointerrawupdate" in canvas ? "pointerrawupdate" : "pointermove";
    canvas.addEventListener(moved, (event) => {
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

  // The canvas of what a network gets to see, where that is drawn with a finer pen; null where it is what one sees.
  finer() {
    const finer = finerStrokes(this.strokes, this.size);
    if (finer === null) return null;
    const canvas = Object.assign(document.createElement("canvas"), { width: this.size, height: this.size });
    redraw(canvas.getContext("2d", { willReadFrequently: true }), finer, this.size);
    return canvas;
  }
}

// One question at a time: while the worker computes, only the newest drawing waits. What has been drawn since the last
// question goes to the worker, which draws it again (Paper): nothing has to be read from the canvas. Where there is a
// `picture()` it is asked about instead: {rgba, width, height}, or {image} that is prepared already.
export class Asking {
  constructor(worker, board, answered) {
    Object.assign(this, { worker, board });
    this.picture = null;
    this.busy = false;
    this.waiting = false;
    worker.onmessage = ({ data }) => {
      this.busy = false;
      if (this.waiting) this.ask(this.number);
      this.show(data, answered);
    };
  }

  // `number` comes back with the answer.
  ask(number) {
    if (this.picture === null && this.board === null) return;
    this.waiting = this.busy;
    this.number = number;
    if (this.busy) return;
    this.busy = true;
    this.worker.postMessage({ number, ...(this.picture === null ? this.news() : this.picture()) });
  }

  // The points that the worker does not know, and whether it should begin with an empty paper.
  news() {
    const { strokes, size } = this.board;
    const anew = strokes !== this.known; // a board takes another list when something is gone from it
    if (anew) [this.known, this.counts] = [strokes, []];
    const pieces = [];
    strokes.forEach(({ points, width, erases }, index) => {
      const from = this.counts[index] ?? 0;
      if (points.length > from) pieces.push({ index, points: points.slice(from), width, erases });
      this.counts[index] = points.length;
    });
    return { size, anew, pieces };
  }

  // An answer is shown with the next frame, and only the newest.
  show(answer, answered) {
    const isPlanned = this.answer !== undefined;
    this.answer = answer;
    if (isPlanned) return;
    requestAnimationFrame(() => {
      const newest = this.answer;
      this.answer = undefined;
      answered(newest);
    });
  }
}
