// Values and pixels on a canvas: maps and units in the colours of a diverging scale, the image as it is.

const SHADES = 512;

const shadeTables = new WeakMap();

// The colours of a scale ([[r, g, b], ...]) for values from -1 to 1, as pixels.
function shadesOf(scale) {
  if (!shadeTables.has(scale)) shadeTables.set(scale, shadesAlong(scale));
  return shadeTables.get(scale);
}

function shadesAlong(scale) {
  const pixels = new Uint8ClampedArray(4 * (SHADES + 1));
  for (let shade = 0; shade <= SHADES; shade++) pixels.set(colour(scale, (2 * shade) / SHADES - 1), 4 * shade);
  return new Uint32Array(pixels.buffer);
}

// A colour [r, g, b, 255] of the diverging `scale` ([[r, g, b], ...]) for a value from -1 to 1.
export function colour(scale, value) {
  const place = ((Math.min(Math.max(value, -1), 1) + 1) / 2) * (scale.length - 1);
  const low = Math.min(Math.floor(place), scale.length - 2);
  const part = place - low;
  const [a, b] = [scale[low], scale[low + 1]];
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part, 255];
}

function shadeOf(value, limit) {
  return Math.round(((Math.min(Math.max(value / limit, -1), 1) + 1) / 2) * SHADES);
}

// The colour of a value for a style sheet.
export function cssShade(scale, value, limit) {
  const shades = shadesOf(scale);
  const [red, green, blue] = new Uint8Array(shades.buffer, 4 * shadeOf(value, limit), 3);
  return `rgb(${red},${green},${blue})`;
}

const sheets = new WeakMap();

// The pixels of a canvas of this size, kept from one time to the next.
function sheetOf(canvas, width, height) {
  let sheet = sheets.get(canvas);
  if (sheet === undefined || sheet.image.width !== width || sheet.image.height !== height) {
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    sheet = { context, image, pixels: new Uint32Array(image.data.buffer) };
    sheets.set(canvas, sheet);
  }
  return sheet;
}

// Paints `data` (`width` x `height` values, row by row; null: nothing) on a canvas of as many pixels; `limit` is the
// size of the value that has the strongest colour of the diverging `scale`.
export function paintMap(canvas, data, width, height, limit, scale) {
  const shades = shadesOf(scale);
  const { context, image, pixels } = sheetOf(canvas, width, height);
  if (data === null) pixels.fill(shades[SHADES / 2]);
  else for (let at = 0; at < pixels.length; at++) pixels[at] = shades[shadeOf(data[at], limit)];
  context.putImageData(image, 0, 0);
}

const TINTS = [[255, 90, 90], [90, 225, 110], [115, 155, 255]];

// One channel of an image whose values run from `low` to `high`: of several, in its own colour.
export function paintInk(canvas, data, width, height, [low, high], channel, channels) {
  const { context, image } = sheetOf(canvas, width, height);
  const tint = channels === 3 ? TINTS[channel] : [255, 255, 255];
  for (let at = 0; at < width * height; at++) {
    const part = data === null ? 0 : (data[at] - low) / (high - low || 1);
    for (let colour = 0; colour < 3; colour++) image.data[4 * at + colour] = part * tint[colour];
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// The largest size of a value.
export function strengthOf(data) {
  let most = 0;
  for (const value of data) most = Math.max(most, Math.abs(value));
  return most;
}

// The same as a limit of colours: never 0.
export function largest(data) {
  return strengthOf(data) || 1;
}

export function ends(data) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

export function isLight(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return isBright([red, green, blue]);
}

// Whether black is easier to read than white on [red, green, blue]: the relative luminance of WCAG 2.2.
export function isBright(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179;
}

// A number with a true minus sign.
export function written(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

const BLACK = 0xff000000; // as a canvas has it in memory
const ONE_CHANNEL = [1, 28, 28];

// What a network gets, plane by plane, of `shape` (channels, height, width), values from 0 to 255; null: black.
export function paintImage(canvas, image, [channels, height, width] = ONE_CHANNEL) {
  const { context, image: shown, pixels } = sheetOf(canvas, width, height);
  const size = height * width;
  const [green, blue] = channels === 3 ? [size, 2 * size] : [0, 0];
  for (let at = 0; at < size; at++) {
    pixels[at] = image === null ? BLACK : BLACK | (image[blue + at] << 16) | (image[green + at] << 8) | image[at];
  }
  context.putImageData(shown, 0, 0);
}
