// A drawing as its strokes: {points: [[x, y], ...], width, erases}, in pixels of its canvas. Ink is white on black.

export const PAPER = [0, 0, 0, 255];

export function blackened(context, size) {
  context.fillStyle = "#000000";
  context.fillRect(0, 0, size, size);
}

// Draws the points of a stroke from the one numbered `from` on. Each piece is drawn by itself, so that a drawing
// looks the same however it came about.
export function inked(context, { points, width, erases }, from = 0) {
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
export function finerStrokes(strokes, size) {
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

// All of a drawing, on the context of a canvas of `size` pixels a side.
export function redraw(context, strokes, size) {
  blackened(context, size);
  for (const stroke of strokes) inked(context, stroke);
}

// The same drawing in a worker, which hears of it piece by piece.
export class Paper {
  constructor() {
    this.strokes = [];
  }

  // What is new: `pieces` as Asking.news() finds them, on a canvas of `size` pixels a side.
  add({ size, anew, pieces }) {
    if (size !== this.size) [this.size, this.own, this.finer] = [size, paperOf(size), paperOf(size)];
    if (anew) {
      this.strokes = [];
      blackened(this.own, size);
    }
    for (const { index, points, width, erases } of pieces) {
      const stroke = (this.strokes[index] ??= { points: [], width, erases });
      const from = stroke.points.length;
      stroke.points.push(...points);
      inked(this.own, stroke, from);
    }
  }

  // The bytes of what is drawn, as a network should get to see it, as far as there is ink; and whether that is with a
  // finer pen: {rgba, width, height, isFiner}.
  pixels() {
    const { size, own, finer } = this;
    const strokes = finerStrokes(this.strokes, size);
    const isFiner = strokes !== null;
    if (isFiner) redraw(finer, strokes, size);
    const [left, top, right, bottom] = reach(strokes ?? this.strokes, size);
    const [width, height] = [right - left, bottom - top];
    const { data } = (isFiner ? finer : own).getImageData(left, top, width, height);
    return { rgba: data, width, height, isFiner };
  }
}

// The part of the paper beyond which there is no ink: [left, top, right, bottom], at least one pixel.
function reach(strokes, size) {
  const found = [size - 1, size - 1, 1, 1];
  for (const { points, width, erases } of strokes) {
    if (erases) continue;
    const far = width / 2 + 1; // a pixel for the soft edge
    for (const [x, y] of points) {
      found[0] = Math.min(found[0], x - far);
      found[1] = Math.min(found[1], y - far);
      found[2] = Math.max(found[2], x + far);
      found[3] = Math.max(found[3], y + far);
    }
  }
  const within = (value) => Math.min(Math.max(value, 0), size);
  const [left, top] = [found[0], found[1]].map((value) => Math.min(within(Math.floor(value)), size - 1));
  return [left, top, Math.max(left + 1, within(Math.ceil(found[2]))), Math.max(top + 1, within(Math.ceil(found[3])))];
}

function paperOf(size) {
  return new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
}
