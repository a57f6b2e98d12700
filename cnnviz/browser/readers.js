// The worker that lets several networks read what is drawn. It stands behind engine.js, quick.js,
// strokes.js and preparation.js in one file.

const MOST_MAPS = 8; // of a network's first layer
const IN_A_ROW = 4;
const GAP = 1; // pixels between maps

const paper = new Paper();
const readers = new Map(); // by id: {network, mean, deviation, first}
let colours = new Uint32Array(256); // of a map, from the most negative value to the most positive one

self.onmessage = ({ data }) => {
  if (data.kind === "load") load(data.id, data.bytes);
  else if (data.kind === "drop") readers.delete(data.id);
  else if (data.kind === "colours") colours = shades(data.scale);
  else answer(data);
};

function load(id, bytes) {
  const { plan, mean, deviation, tensors } = readNetwork(bytes);
  const network = quickNetwork(plan, tensors);
  const first = plan.ops.findIndex((op) => op.kind === "convolution" && op.shape.length === 3);
  readers.set(id, { network, mean, deviation, first });
  network.run(new Float32Array(network.input.data.length)); // compiled before the first stroke
}

// Every reader's answer to what is drawn, or to a photo (`rgba`): {id, scores, took (milliseconds), maps: {pixels, width,
// height} or null}; all of it `took` so long.
function answer({ number, rgba, width, height, ...news }) {
  const begin = performance.now();
  const { image, box, isFiner } = rgba === undefined ? drawn(news) : photographed(rgba, width, height);
  if (image === null) {
    self.postMessage({ number, image: null, answers: [] });
    return;
  }
  const answers = [...readers].map(([id, reader]) => ({ id, ...read(reader, image) }));
  const took = performance.now() - begin;
  const pixels = answers.flatMap(({ maps }) => (maps ? [maps.pixels.buffer] : []));
  self.postMessage({ number, image, box, isFiner, answers, took }, pixels);
}

function drawn(news) {
  paper.add(news);
  const { rgba, width, height, isFiner } = paper.pixels();
  return { image: null, box: null, ...prepare(rgba, width, height, PAPER), isFiner };
}

function photographed(rgba, width, height) {
  return { image: preparePhoto(rgba, width, height, "digits"), box: null, isFiner: false };
}

function read({ network, mean, deviation, first }, image) {
  const begin = performance.now();
  const input = new Float32Array(network.input.data.length);
  for (let at = 0; at < input.length; at++) {
    const channel = Math.floor(at / image.length); // a network for colours gets the grey image in each channel
    input[at] = (image[at % image.length] / 255 - mean[channel]) / deviation[channel];
  }
  const scores = network.run(input).slice();
  const took = performance.now() - begin;
  return { scores, took, maps: first < 0 ? null : mosaic(network.outputs[first]) };
}

// The first maps of a layer side by side, as the pixels of a picture.
function mosaic({ shape: [channels, height, width], data }) {
  const count = Math.min(channels, MOST_MAPS);
  const columns = Math.min(count, IN_A_ROW);
  const [wide, high] = [columns * (width + GAP) - GAP, Math.ceil(count / columns) * (height + GAP) - GAP];
  const pixels = new Uint32Array(wide * high);
  const size = height * width;
  let limit = 0;
  for (let at = 0; at < count * size; at++) limit = Math.max(limit, Math.abs(data[at]));
  const factor = limit ? 127.5 / limit : 0;
  for (let map = 0; map < count; map++) {
    const start = Math.floor(map / columns) * (height + GAP) * wide + (map % columns) * (width + GAP);
    for (let at = 0; at < size; at++) {
      const row = Math.floor(at / width);
      pixels[start + row * wide + at - row * width] = colours[Math.round(data[map * size + at] * factor + 127.5)];
    }
  }
  return { pixels: new Uint8ClampedArray(pixels.buffer), width: wide, height: high };
}

// 256 shades of a diverging `scale` ([[r, g, b], ...]), as a canvas has them in memory.
function shades(scale) {
  const bytes = new Uint8ClampedArray(4 * 256);
  for (let at = 0; at < 256; at++) bytes.set(colour(scale, at / 127.5 - 1), 4 * at);
  return new Uint32Array(bytes.buffer);
}
