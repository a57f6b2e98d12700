// The digit in a picture as MNIST shows it, step by step as cnnviz/drawing/pictures.py does it, dark on light or light on
// dark. Of a photo each pixel is compared with the paper around it, which is grey in the shade and yellow under a lamp.
// It stands beside photo.js.

const SEARCHED = 240; // pixels of the longer side at which ink is searched
const EVEN = 0.1; // of a colour's range: along the edge pictures vary less, photos more
const AROUND = 0.12; // of the longer side: within this distance of a stroke there is always some paper
const SOFT = 6; // pixels: the closing leaves steps, and shadows have edges
const BLURS = 3; // box blurs that make a Gaussian one
const BLUR_PRECISION = 2 ** 24; // Pillow's fixed point
const DARKEST_PAPER = 0.3;
const CONTRAST = 0.12; // (of 1) between a pixel of ink and the paper, at least: less is paper's own texture
const CLEAR = 0.2; // ... and in the middle: less is a shadow
const SPECK = 0.02; // of the largest piece of ink: anything smaller is dirt
const BORDER = 0.25; // a piece of ink along this much of the picture's edge is the edge of the paper
const LEAST_INK = 0.002; // of the picture: less is dirt
const MOST_INK = 0.6; // of the picture: if more differs from its surroundings, there is no paper
const BINS = 64;
const LUMA = [19595, 38470, 7471]; // Pillow's parts of red, green and blue, of 65536

// 28 x 28 values; null where no digit is found.
function digitOf(photo) {
  const { rgba, width, height } = photo;
  const found = hasEvenGround(photo) ? { ink: inkAgainst(rgba, groundOf(photo)), width, height } : inkOfPhoto(photo);
  return found.ink === null ? null : prepareInk(found.ink, found.width, found.height).image;
}

// Whether a picture has a uniform colour along its edge.
function hasEvenGround({ rgba, width, height }) {
  const places = outline(width, height);
  return [0, 1, 2, 3].every((channel) => {
    const values = places.map((at) => rgba[4 * at + channel] * (channel < 3 ? rgba[4 * at + 3] : 1));
    const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
    return high - low < EVEN * (channel < 3 ? 255 * 255 : 255);
  });
}

// The colour along the edge: red, green and blue multiplied with the opacity, and that.
function groundOf({ rgba, width, height }) {
  const places = outline(width, height);
  const single = Math.fround;
  return [0, 1, 2, 3].map((channel) =>
    median(places.map((at) => single(rgba[4 * at + channel] / 255) * (channel < 3 ? single(rgba[4 * at + 3] / 255) : 1))),
  );
}

// How much ink there is at each pixel, from 0 to 1, of the picture at 240 pixels: {ink, width, height}; `ink` is null
// where there is none.
function inkOfPhoto(photo) {
  const { grey, width, height } = searched(photo);
  const candidates = [grey, grey.map((value) => 1 - value)].map((values) => {
    const difference = darkerThanAround(values, width, height);
    const ink = cleaned(difference, width, height);
    return { ink, contrast: contrastOf(difference, ink), size: sizeOf(ink) };
  });
  const strongest = Math.max(...candidates.map(({ contrast }) => contrast));
  const clear = candidates.filter(({ contrast }) => contrast >= strongest / 2);
  // The background stands out from the ink, too: as blots around the strokes, which are larger.
  const best = clear.reduce((one, other) => (other.size < one.size ? other : one));
  return { ink: strongest >= CLEAR && best.size < Infinity ? best.ink : null, width, height };
}

// Its brightness on white paper, from 0 to 1, with a longer side of 240 pixels.
function searched({ rgba, width, height }) {
  const plane = new Uint8Array(width * height);
  for (let at = 0; at < plane.length; at++) {
    const alpha = rgba[4 * at + 3];
    let sum = 0x8000;
    for (let channel = 0; channel < 3; channel++) {
      const value = rgba[4 * at + channel];
      sum += LUMA[channel] * (alpha === 255 ? value : Math.round((value * alpha) / 255 + 255 - alpha));
    }
    plane[at] = sum >> 16;
  }
  const factor = SEARCHED / Math.max(width, height);
  const [wide, high] = [width, height].map((size) => Math.max(1, roundHalfEven(size * factor)));
  const small = resized(plane, width, height, wide, high, factor < 1 ? AREA : LINEAR);
  return { grey: mapped(Float32Array, small, (value) => value / 255), width: wide, height: high };
}

// How much darker each pixel is than the paper around it, from 0 to 1, relative to the paper's brightness.
function darkerThanAround(grey, width, height) {
  const around = Math.max(1, roundHalfEven(Math.max(width, height) * AROUND));
  const picture = middleOfNine(mapped(Uint8Array, grey, (value) => roundHalfEven(Math.fround(value * 255))), width, height);
  // Morphological closing: the lightest nearby, and then the darkest of that, which removes the strokes.
  const light = negated(extended(negated(extended(picture, width, height, around)), width, height, around));
  const paper = blurred(light, width, height, SOFT);
  const single = Math.fround;
  return mapped(Float32Array, grey, (value, at) => {
    const lit = single(paper[at] / 255);
    return Math.min(Math.max(single(lit - value) / Math.max(lit, single(DARKEST_PAPER)), 0), 1);
  });
}

function negated(values) {
  return values.map((value) => 255 - value);
}

// The median of each pixel and its eight neighbours; beyond the edge the picture goes on as it ends.
function middleOfNine(values, width, height) {
  const found = new Uint8Array(values.length);
  const nine = new Uint8Array(9);
  for (let y = 0, at = 0; y < height; y++) {
    const rows = [Math.max(y - 1, 0), y, Math.min(y + 1, height - 1)];
    for (let x = 0; x < width; x++, at++) {
      let count = 0;
      for (const row of rows) {
        for (let column = x - 1; column <= x + 1; column++) {
          const value = values[row * width + Math.min(Math.max(column, 0), width - 1)];
          let place = count++;
          for (; place > 0 && nine[place - 1] > value; place--) nine[place] = nine[place - 1];
          nine[place] = value;
        }
      }
      found[at] = nine[4];
    }
  }
  return found;
}

// The largest value within `around` pixels, along rows and then along columns.
function extended(values, width, height, around) {
  const found = new values.constructor(values.length);
  for (let y = 0; y < height; y++) extendLine(values, found, y * width, 1, width, around);
  const out = new values.constructor(values.length);
  for (let x = 0; x < width; x++) extendLine(found, out, x, width, height, around);
  return out;
}

// A line of `length` values, `step` places apart: blocks as long as the window, of which the largest so far is known from
// both ends (van Herk 1992).
function extendLine(values, out, start, step, length, around) {
  const window = 2 * around + 1;
  const size = length + 2 * around;
  const at = (place) => (place < around || place >= length + around ? 0 : values[start + (place - around) * step]);
  const [before, after] = [new values.constructor(size), new values.constructor(size)];
  for (let place = 0; place < size; place++) {
    before[place] = place % window === 0 ? at(place) : Math.max(before[place - 1], at(place));
  }
  for (let place = size - 1; place >= 0; place--) {
    const isEnd = place === size - 1 || (place + 1) % window === 0;
    after[place] = isEnd ? at(place) : Math.max(after[place + 1], at(place));
  }
  for (let place = 0; place < length; place++) {
    out[start + place * step] = Math.max(after[place], before[place + window - 1]);
  }
}

// Pillow's Gaussian blur: three box blurs whose width is no whole number, along the rows and then along the columns.
function blurred(values, width, height, radius) {
  const variance = (radius * radius) / BLURS;
  const whole = Math.floor((Math.sqrt(12 * variance + 1) - 1) / 2);
  const rest = ((2 * whole + 1) * (whole * (whole + 1) - 3 * variance)) / (6 * (variance - (whole + 1) ** 2));
  let found = values;
  for (let time = 0; time < BLURS; time++) {
    const out = new Uint8Array(found.length);
    for (let y = 0; y < height; y++) blurLine(found, out, y * width, 1, width, whole + rest);
    found = out;
  }
  for (let time = 0; time < BLURS; time++) {
    const out = new Uint8Array(found.length);
    for (let x = 0; x < width; x++) blurLine(found, out, x, width, height, whole + rest);
    found = out;
  }
  return found;
}

function blurLine(values, out, start, step, length, radius) {
  const whole = Math.trunc(radius);
  const each = Math.trunc(BLUR_PRECISION / (2 * radius + 1));
  const edge = Math.trunc((BLUR_PRECISION - (2 * whole + 1) * each) / 2);
  const at = (place) => values[start + Math.min(Math.max(place, 0), length - 1) * step];
  let sum = 0;
  for (let place = -whole; place <= whole; place++) sum += at(place);
  for (let place = 0; place < length; place++) {
    const ends = at(place - whole - 1) + at(place + whole + 1);
    out[start + place * step] = Math.floor((sum * each + ends * edge + BLUR_PRECISION / 2) / BLUR_PRECISION);
    sum += at(place + whole + 1) - at(place - whole);
  }
}

// The ink without paper, dirt and the edges of the sheet; the darkest strokes are 1.
function cleaned(ink, width, height) {
  const limit = Math.max(CONTRAST, threshold(ink));
  const mask = mapped(Uint8Array, ink, (value) => (value > Math.fround(limit) ? 1 : 0));
  const share = mask.reduce((sum, value) => sum + value, 0) / mask.length;
  const none = new Float32Array(ink.length);
  if (share === 0 || share > MOST_INK) return none;
  const pieces = regionsOf(mask, width, height);
  const kept = digitsOwn(pieces, width, height);
  const strokes = mapped(Uint8Array, pieces, (piece) => (kept[piece] ? 1 : 0));
  const near = extended(strokes, width, height, 1); // soft edges belong to the strokes beside them
  const strongest = quantile(ink.filter((_, at) => strokes[at]), 0.9);
  const faintest = Math.fround(limit / strongest / 2);
  return none.map((_, at) => {
    if (!strokes[at] && !(near[at] && pieces[at] === 0)) return 0;
    const value = Math.fround(Math.min(ink[at] / strongest, 1));
    return value < faintest ? 0 : value;
  });
}

// Between paper and ink, where the two differ most (Otsu 1979).
function threshold(ink) {
  const counts = new Float64Array(BINS);
  for (const value of ink) counts[Math.min(BINS - 1, Math.floor(value * BINS))] += 1;
  const masses = counts.map((count, bin) => (count * (bin + 0.5)) / BINS);
  const all = masses.reduce((sum, mass) => sum + mass, 0);
  let [below, mass, best, most] = [0, 0, 0, -1];
  counts.forEach((count, bin) => {
    below += count;
    mass += masses[bin];
    const between = ((all * below) / ink.length - mass) ** 2 / (below * (ink.length - below));
    if (Number.isFinite(between) && between > most) [best, most] = [bin, between];
  });
  return (best + 1) / BINS;
}

// The connected pieces of a mask, numbered from 1; 0 elsewhere. Diagonal neighbours are connected.
function regionsOf(mask, width, height) {
  const labels = new Uint32Array(mask.length);
  let number = 0;
  for (let seed = 0; seed < mask.length; seed++) {
    if (!mask[seed] || labels[seed]) continue;
    labels[seed] = ++number;
    for (const open = [seed]; open.length > 0; ) {
      const at = open.pop();
      const [y, x] = [Math.floor(at / width), at % width];
      for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++) {
        for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
          const other = row * width + column;
          if (!mask[other] || labels[other]) continue;
          labels[other] = number;
          open.push(other);
        }
      }
    }
  }
  return labels;
}

// By number, whether a piece may be a stroke of the digit.
function digitsOwn(pieces, width, height) {
  const count = pieces.reduce((most, piece) => Math.max(most, piece), 0) + 1;
  const [sizes, along] = [new Float64Array(count), new Float64Array(count)];
  for (const piece of pieces) if (piece > 0) sizes[piece] += 1;
  for (const at of outline(width, height)) along[pieces[at]] += 1;
  const inside = sizes.map((size, piece) => (along[piece] < BORDER * Math.min(width, height) ? size : 0));
  const candidates = inside.some((size) => size > 0) ? inside : sizes;
  const greatest = candidates.reduce((most, size) => Math.max(most, size), 0);
  return Array.from(candidates, (size) => size > SPECK * greatest);
}

function contrastOf(difference, ink) {
  const strokes = difference.filter((_, at) => ink[at] > 0.5);
  return strokes.length > 0 ? median(strokes) : 0;
}

function sizeOf(ink) {
  const share = ink.reduce((count, value) => count + (value > 0.5 ? 1 : 0), 0) / ink.length;
  return share > LEAST_INK ? share : Infinity;
}

function quantile(values, part) {
  const sorted = Float32Array.from(values).sort();
  const place = part * (sorted.length - 1);
  const low = Math.floor(place);
  const [one, other] = [sorted[low], sorted[Math.min(low + 1, sorted.length - 1)]];
  return one + (other - one) * (place - low);
}
