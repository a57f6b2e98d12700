// Receptive fields: the part of the image that a value depends on, through every branch.

// {top, left, height, width} in pixels of the image, for the value in a row and a column of a map of op `index` (of all
// its maps together); null where it depends on no pixel. Of a unit all rows and columns are one.
export function receptiveField(plan, index, row, column) {
  const needed = new Map([[index, [[row, row], [column, column]]]]);
  for (let at = index; at >= 0; at--) {
    const box = needed.get(at);
    if (box === undefined) continue;
    const op = plan.ops[at];
    op.inputs.forEach((from, number) => {
      const before = reached(op, from < 0 ? plan.input : plan.ops[from].shape, box);
      if (before !== null) needed.set(from, hull(needed.get(from), before));
    });
  }
  const found = needed.get(-1);
  if (found === undefined) return null;
  const [[top, bottom], [left, right]] = found;
  return { top, left, height: bottom - top + 1, width: right - left + 1 };
}

function hull(one, other) {
  if (one === undefined) return other;
  return one.map(([low, high], side) => [Math.min(low, other[side][0]), Math.max(high, other[side][1])]);
}

// The rows and columns of an input of `shape` that those of `box` are made of; null: none.
function reached(op, shape, box) {
  if (shape.length !== 3) return [[0, 0], [0, 0]];
  const sides = shape.slice(1);
  if (op.shape.length !== 3 || op.kernel === "mean") return sides.map((side) => [0, side - 1]);
  const found = sides.map((side, axis) => (SPANS[op.kernel] ?? alike)(op, box[axis], axis, side));
  return found.includes(null) ? null : found;
}

// Where a side of the input has one place, it is read everywhere.
function alike(op, [low, high], axis, side) {
  return side === 1 ? [0, 0] : [Math.min(low, side - 1), Math.min(high, side - 1)];
}

function sliding(op, [low, high], axis, side) {
  const dilation = op.dilation?.[axis] ?? 1;
  const tap = (place, step) => place * op.stride[axis] - op.padding[axis] + step * dilation;
  let found = null;
  for (let place = low; place <= high; place++) {
    for (let step = 0; step < op.kernelSize[axis]; step++) {
      const at = tap(place, step);
      if (at >= 0 && at < side) found = found === null ? [at, at] : [Math.min(found[0], at), Math.max(found[1], at)];
    }
  }
  return found;
}

function adapting(op, [low, high], axis, side) {
  const outputs = op.shape[axis + 1];
  return [Math.floor((low * side) / outputs), Math.ceil(((high + 1) * side) / outputs) - 1];
}

function beforePadding(op, [low, high], axis, side) {
  const before = op.before[axis + 1];
  const found = [Math.max(low - before, 0), Math.min(high - before, side - 1)];
  return found[0] > found[1] ? null : found;
}

function picked(op, [low, high], axis) {
  return [low, high].map((place) => op.start[axis + 1] + place * op.step[axis + 1]);
}

const SPANS = {
  conv2d: sliding,
  maxPool2d: sliding,
  averagePool2d: sliding,
  adaptiveAveragePool2d: adapting,
  adaptiveMaxPool2d: adapting,
  pad: beforePadding,
  slice: picked,
};
