// From a picture, or what a camera sees, to the image of a network, as the server does it (cnnviz/interpret/inputs.py,
// cnnviz/drawing/pictures.py): at most 512 pixels a side, then what suits the images that the network learned, each time
// resized as Pillow does it. It stands behind crop.js, preparation.js, digit.js
// and garment.js in one file.

const KEPT = 512;
const PRECISION = 2 ** 22; // Pillow's fixed point
const GREY_PARTS = [0.2989, 0.587, 0.114]; // how bright red, green and blue are
const LINEAR = { support: 1, weigh: (place) => Math.max(0, 1 - Math.abs(place)) };
const AREA = { support: 0.5, weigh: (place) => (place > -0.5 && place <= 0.5 ? 1 : 0) };

// `rgba`: the bytes of a picture. Returns what a network gets of it, plane by plane: a Uint8Array for `shape` (channels,
// height, width). Of a network that `reads` "digits" or "clothing" it has 28 x 28 values, and is null where no digit is found.
export function preparePhoto(rgba, width, height, reads, shape) {
  const photo = reduced({ rgba, width, height });
  if (reads === "digits") return digitOf(photo);
  return reads === "clothing" ? garmentOf(photo) : middleOf(photo, shape);
}

// The same picture with at most 512 pixels a side.
function reduced(photo) {
  const { rgba, width, height } = photo;
  const factor = Math.min(1, KEPT / Math.max(width, height));
  if (factor === 1) return photo;
  const [wide, high] = [width, height].map((size) => Math.max(1, roundHalfEven(size * factor)));
  const found = new Uint8ClampedArray(4 * wide * high);
  const plane = new Uint8Array(width * height);
  for (let channel = 0; channel < 4; channel++) {
    for (let at = 0; at < plane.length; at++) plane[at] = rgba[4 * at + channel];
    resized(plane, width, height, wide, high).forEach((value, at) => (found[4 * at + channel] = value));
  }
  return { rgba: found, width: wide, height: high };
}

// Red, green and blue on white paper, plane by plane.
function onPaper({ rgba, width, height }) {
  const size = width * height;
  const found = new Uint8Array(3 * size);
  for (let at = 0; at < size; at++) {
    const opacity = rgba[4 * at + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      found[channel * size + at] = roundHalfEven(rgba[4 * at + channel] * opacity + 255 * (1 - opacity));
    }
  }
  return found;
}

function greyOf(photo) {
  const size = photo.width * photo.height;
  const planes = onPaper(photo);
  const [red, green, blue] = GREY_PARTS;
  return mapped(Uint8Array, planes.subarray(0, size), (value, at) =>
    roundHalfEven(red * value + green * planes[size + at] + blue * planes[2 * size + at]),
  );
}

// The largest part in the middle that has the proportions of `shape`, at its size.
function middleOf(photo, [channels, height, width]) {
  const size = photo.width * photo.height;
  const planes = channels === 1 ? greyOf(photo) : onPaper(photo);
  const image = new Uint8Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++) {
    const plane = planes.subarray(channel * size, (channel + 1) * size);
    image.set(middle(plane, photo.width, photo.height, width, height), channel * height * width);
  }
  return image;
}

function middle(plane, width, height, wide, high) {
  const { top, left, rows, columns } = middlePart(width, height, wide, high);
  return resized(part(plane, width, [top, left, rows, columns]), columns, rows, wide, high);
}

function part(plane, width, [top, left, rows, columns]) {
  const found = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * width + left;
    found.set(plane.subarray(start, start + columns), row * columns);
  }
  return found;
}

// As Type.from does it, in a third of the time.
function mapped(Type, values, change) {
  const found = new Type(values.length);
  for (let at = 0; at < found.length; at++) found[at] = change(values[at], at);
  return found;
}

// The places along the edge of a picture: its first and last row, its first and last column.
function outline(width, height) {
  const places = [];
  for (let x = 0; x < width; x++) places.push(x, (height - 1) * width + x);
  for (let y = 0; y < height; y++) places.push(y * width, (y + 1) * width - 1);
  return places;
}

function median(values) {
  const sorted = Float32Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// Pillow's resizing of one plane: along the rows, then along the columns.
export function resized(plane, width, height, wide, high, filter = LINEAR) {
  let found = plane;
  if (wide !== width) {
    const rows = mixtures(width, wide, filter);
    found = new Uint8Array(wide * height);
    for (let y = 0; y < height; y++) {
      rows.forEach(({ first, parts }, x) => (found[y * wide + x] = mixed(plane, y * width + first, 1, parts)));
    }
  }
  if (high === height) return found;
  const out = new Uint8Array(wide * high);
  mixtures(height, high, filter).forEach(({ first, parts }, y) => {
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
function mixtures(inputs, outputs, { support, weigh }) {
  const scale = inputs / outputs;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: outputs }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * stretch + 0.5));
    const last = Math.min(inputs, Math.trunc(centre + support * stretch + 0.5));
    const parts = Array.from({ length: last - first }, (_, at) => weigh((at + first - centre + 0.5) / stretch));
    const sum = parts.reduce((total, part) => total + part, 0);
    return { first, parts: parts.map((part) => Math.trunc(0.5 + (part / sum) * PRECISION)) };
  });
}
