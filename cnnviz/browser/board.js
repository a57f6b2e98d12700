// The canvas that one draws on, and the questions that a drawing asks of a worker.

const SIZE = 280; // pixels of the canvas
const PEN = 22;
const BACKGROUND = [0, 0, 0, 255];

// The canvas and the pen.
export class Board {
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
export class Asking {
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
