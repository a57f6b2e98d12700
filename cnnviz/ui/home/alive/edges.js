// What each map adds to those behind it, as lines: computed from the values that the network has right now.

// For a convolution: out[to][from] is what map `from` adds to map `to`, summed over all places. Each kernel value
// meets the same window of the map, whose sum is taken once.
export function throughKernels(op, inputShape, values, weight) {
  const [channels, height, width] = inputShape;
  const [maps, rows, columns] = op.shape;
  const [down, across] = op.kernelSize;
  const sums = new Float32Array(channels * down * across);
  for (let from = 0, at = 0; from < channels; from++) {
    for (let y = 0; y < down; y++) {
      for (let x = 0; x < across; x++, at++) {
        for (let row = 0; row < rows; row++) {
          const start = (from * height + y + row) * width + x;
          for (let column = 0; column < columns; column++) sums[at] += values[start + column];
        }
      }
    }
  }
  return table(maps, channels, down * across, (to, from, k, size) => weight[(to * channels + from) * size + k] * sums[from * size + k]);
}

// For a linear layer behind `maps` maps: out[to][from] is what map `from` adds to output `to`.
export function throughRows(op, maps, values, weight) {
  const size = values.length / maps;
  return table(op.shape[0], maps, size, (to, from, k) => weight[(to * maps + from) * size + k] * values[from * size + k]);
}

function table(rows, columns, size, product) {
  return Array.from({ length: rows }, (_, to) =>
    Array.from({ length: columns }, (_, from) => {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += product(to, from, k, size);
      return sum;
    }),
  );
}

// Lines from the right sides of `sources` to the left sides of `targets` (elements), the stronger `strengths[to][from]`
// the clearer, in the colours of the ends of `scale`.
export function drawEdges(context, origin, sources, targets, strengths, scale) {
  const boxes = (elements) => elements.map((element) => element.getBoundingClientRect());
  const [left, right] = [boxes(sources), boxes(targets)];
  const most = Math.max(...strengths.flat().map(Math.abs)) || 1;
  strengths.forEach((row, to) =>
    row.forEach((strength, from) => {
      const part = Math.abs(strength) / most;
      if (part < 0.04) return;
      const [a, b] = [left[from], right[to]];
      const [x0, y0] = [a.right - origin.left, (a.top + a.bottom) / 2 - origin.top];
      const [x1, y1] = [b.left - origin.left, (b.top + b.bottom) / 2 - origin.top];
      const middle = (x0 + x1) / 2;
      const shade = scale.at(strength < 0 ? 0 : -1);
      context.strokeStyle = `rgba(${shade.join(",")},${(0.75 * part).toFixed(3)})`;
      context.lineWidth = 0.5 + 2 * part;
      context.beginPath();
      context.moveTo(x0, y0);
      context.bezierCurveTo(middle, y0, middle, y1, x1, y1);
      context.stroke();
    }),
  );
}
