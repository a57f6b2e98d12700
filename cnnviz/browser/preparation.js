// From a drawing to the 28 x 28 image that a network for MNIST gets, step by step as cnnviz/drawing/prepare.py does it:
// ink, its box, resampling by area to a longest side of 20 pixels, centre of mass to pixel 14.

const FIELD = 28;
const BOX = 20;
const CENTRE = 14;
const FAINT = 0.1;
const ALMOST_HALF = 0.4999;

// `rgba`: the canvas's bytes. `background`: [red, green, blue, alpha]. Returns {image: Uint8Array of 28 x 28, box},
// or null where nothing is drawn.
export function prepare(rgba, width, height, background) {
  const ink = inkOf(rgba, background);
  return ink === null ? null : prepareInk(ink, width, height);
}

// How much each pixel differs from the background, from 0 to 1; null without any ink.
export function inkOf(rgba, background) {
  const single = Math.fround;
  const alpha = single(background[3] / 255);
  return inkAgainst(rgba, [...[0, 1, 2].map((channel) => single(single(background[channel] / 255) * alpha)), alpha]);
}

// The same for a background whose colours are multiplied with its opacity, the last of four numbers from 0 to 1. So are
// the pixels': half-covered edges then lie half way.
function inkAgainst(rgba, reference) {
  const ink = new Float32Array(rgba.length / 4);
  const single = Math.fround; // as NumPy computes: what is at the threshold falls on the same side
  const words = new Uint32Array(rgba.buffer, rgba.byteOffset, ink.length);
  let strongest = 0;
  let difference = 0;
  for (let pixel = 0, before = null; pixel < ink.length; pixel++) {
    if (words[pixel] !== before) {
      // Neighbours are mostly alike.
      const at = 4 * pixel;
      const opacity = single(rgba[at + 3] / 255);
      difference = Math.abs(single(opacity - reference[3]));
      for (let channel = 0; channel < 3; channel++) {
        const value = single(single(rgba[at + channel] / 255) * opacity);
        difference = Math.max(difference, Math.abs(single(value - reference[channel])));
      }
      strongest = Math.max(strongest, difference);
      before = words[pixel];
    }
    ink[pixel] = difference;
  }
  if (strongest < FAINT) return null;
  for (let pixel = 0; pixel < ink.length; pixel++) {
    if (ink[pixel] === 0) continue;
    const value = single(ink[pixel] / strongest);
    ink[pixel] = value < single(FAINT) ? 0 : value;
  }
  return ink;
}

function prepareInk(ink, width, height) {
  const box = boundingBox(ink, width, height);
  const scaled = shrink(ink, width, box);
  const offset = [
    shift(sums(scaled, scaled.height, scaled.width, 1), scaled.height),
    shift(sums(scaled, scaled.width, scaled.height, 0), scaled.width),
  ];
  const image = new Uint8Array(FIELD * FIELD);
  for (let row = 0; row < scaled.height; row++) {
    for (let column = 0; column < scaled.width; column++) {
      const value = roundHalfEven(scaled.data[row * scaled.width + column] * 255);
      image[(row + offset[0]) * FIELD + column + offset[1]] = value;
    }
  }
  return { image, box };
}

// [top, left, height, width] of everything that is not 0.
function boundingBox(ink, width, height) {
  let [top, left, bottom, right] = [height, width, -1, -1];
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      if (ink[at] === 0) continue;
      if (top === height) top = row;
      bottom = row;
      if (column < left) left = column;
      if (column > right) right = column;
    }
  }
  return [top, left, bottom - top + 1, right - left + 1];
}

function shrink(ink, width, [top, left, height, wide]) {
  const longest = Math.max(height, wide);
  const rows = Math.max(1, roundHalfEven((height * BOX) / longest));
  const columns = Math.max(1, roundHalfEven((wide * BOX) / longest));
  const [down, across] = [shares(height, rows), shares(wide, columns)];
  // First along the rows: a quarter of the work, as most pixels of a drawing are in no share.
  const narrow = new Float64Array(height * columns);
  for (let row = 0; row < height; row++) {
    const start = (top + row) * width + left;
    for (let column = 0; column < columns; column++) {
      const { first, parts } = across[column];
      let sum = 0;
      for (let at = 0; at < parts.length; at++) sum += parts[at] * ink[start + first + at];
      narrow[row * columns + column] = sum;
    }
  }
  const data = new Float32Array(rows * columns);
  let most = 0;
  for (let row = 0; row < rows; row++) {
    const { first, parts } = down[row];
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let at = 0; at < parts.length; at++) sum += parts[at] * narrow[(first + at) * columns + column];
      data[row * columns + column] = sum;
      most = Math.max(most, sum);
    }
  }
  for (let at = 0; at < data.length; at++) data[at] /= most;
  return { data, height: rows, width: columns };
}

// For each of `target` pixels, the `first` of `size` pixels that it covers, and the `parts` that it and the next ones have.
function shares(size, target) {
  const each = size / target;
  return Array.from({ length: target }, (_, index) => {
    const [begin, end] = [index * each, (index + 1) * each];
    const first = Math.floor(begin);
    const parts = [];
    for (let pixel = first; pixel < Math.min(Math.ceil(end), size); pixel++) {
      const overlap = Math.min(end, pixel + 1) - Math.max(begin, pixel);
      parts.push(Math.max(0, overlap / each));
    }
    return { first, parts };
  });
}

function sums(scaled, length, other, axis) {
  const found = new Float64Array(length);
  for (let index = 0; index < length; index++) {
    for (let k = 0; k < other; k++) {
      found[index] += scaled.data[axis ? index * scaled.width + k : k * scaled.width + index];
    }
  }
  return found;
}

function shift(profile, length) {
  let [sum, moment] = [0, 0];
  profile.forEach((value, index) => {
    sum += value;
    moment += index * value;
  });
  return Math.min(Math.max(0, Math.floor(CENTRE - moment / sum + ALMOST_HALF)), FIELD - length);
}

// As Python and NumPy round.
function roundHalfEven(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest === 0.5) return low % 2 === 0 ? low : low + 1;
  return rest < 0.5 ? low : low + 1;
}
