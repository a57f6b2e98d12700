// From a photo to the image of a network for colours, as the server does it (cnnviz/interpret/inputs.py): at most 512
// pixels a side, the square in the middle, and that at the network's size, each time resized as Pillow does it.

const KEPT = 512;
const PRECISION = 2 ** 22; // Pillow's fixed point

// `rgba`: the bytes of an opaque picture. Returns red, green and blue of `side` x `side` pixels, plane by plane.
export function prepareColours(rgba, width, height, side) {
  const factor = Math.min(1, KEPT / Math.max(width, height));
  const [wide, high] = [width, height].map((size) => Math.max(1, roundHalfEven(size * factor)));
  const inner = Math.min(wide, high);
  const [top, left] = [Math.floor((high - inner) / 2), Math.floor((wide - inner) / 2)];
  const image = new Uint8Array(3 * side * side);
  for (let channel = 0; channel < 3; channel++) {
    const plane = Uint8Array.from({ length: width * height }, (_, at) => rgba[4 * at + channel]);
    const small = resized(plane, width, height, wide, high);
    const square = new Uint8Array(inner * inner);
    for (let row = 0; row < inner; row++) {
      const start = (top + row) * wide + left;
      square.set(small.subarray(start, start + inner), row * inner);
    }
    image.set(resized(square, inner, inner, side, side), channel * side * side);
  }
  return image;
}

// Pillow's bilinear resizing of one plane: along the rows, then along the columns.
function resized(plane, width, height, wide, high) {
  let found = plane;
  if (wide !== width) {
    const rows = mixtures(width, wide);
    found = new Uint8Array(wide * height);
    for (let y = 0; y < height; y++) {
      rows.forEach(({ first, parts }, x) => (found[y * wide + x] = mixed(plane, y * width + first, 1, parts)));
    }
  }
  if (high === height) return found;
  const out = new Uint8Array(wide * high);
  mixtures(height, high).forEach(({ first, parts }, y) => {
    for (let x = 0; x < wide; x++) out[y * wide + x] = mixed(found, first * wide + x, wide, parts);
  });
  return out;
}

function mixed(values, start, step, parts) {
  let sum = PRECISION / 2;
  for (let at = 0; at < parts.length; at++) sum += values[start + at * step] * parts[at];
  return Math.min(255, Math.floor(sum / PRECISION));
}

// For each of `outputs` places the first of the `inputs` that it is mixed from, and the parts of these.
function mixtures(inputs, outputs) {
  const scale = inputs / outputs;
  const support = Math.max(scale, 1);
  return Array.from({ length: outputs }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(inputs, Math.trunc(centre + support + 0.5));
    const parts = Array.from({ length: last - first }, (_, at) =>
      Math.max(0, 1 - Math.abs((at + first - centre + 0.5) / support)),
    );
    const sum = parts.reduce((total, part) => total + part, 0);
    return { first, parts: parts.map((part) => Math.trunc(0.5 + (part / sum) * PRECISION)) };
  });
}
