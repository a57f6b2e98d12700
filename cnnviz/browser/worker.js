// The worker behind a living picture: it prepares what is drawn, runs the network, and sends every output back; it counts
// how many test digits are recognised. It stands behind engine.js and preparation.js in one file.

const PIECE = 25; // milliseconds of counting between two looks for a drawing

let tensors = null;
let network = null;
let learned = null; // the same network without a change
let normalise = null;
let off = {}; // the channels that are switched off, by op
let digits = null; // {images, labels}: 28 x 28 bytes each, and a byte each, at first compressed

const HANDLERS = {
  load({ plan, weights, mean, deviation, digits: known }) {
    tensors = readSafetensors(weights);
    network = new Network(plan, tensors);
    learned = new Network(plan, readSafetensors(weights));
    normalise = { mean, deviation };
    digits = known ?? null;
  },
  off(data) {
    off = data.off;
  },
  tensor({ name, data }) {
    tensors[name].data.set(data);
  },
  accuracy({ port }) {
    countDigits(port);
  },
};

self.onmessage = ({ data }) => (HANDLERS[data.kind] ?? answer)(data);

function answer({ number, rgba, width, height, background }) {
  const prepared = prepare(rgba, width, height, background);
  if (prepared === null) {
    self.postMessage({ number, image: null });
    return;
  }
  const begin = performance.now();
  const input = normalised(prepared.image);
  const scores = network.run(input, switchOff);
  const took = performance.now() - begin;
  const outputs = network.outputs.map((output) => output.data.slice());
  self.postMessage({ number, image: prepared.image, input, scores: scores.slice(), outputs, took });
}

function normalised(image) {
  return Float32Array.from(image, (value) => (value / 255 - normalise.mean) / normalise.deviation);
}

function switchOff(index, output) {
  const size = output.data.length / output.shape[0];
  for (const channel of off[index] ?? []) output.data.fill(0, channel * size, (channel + 1) * size);
}

// Tell `port` how many digits the network recognises as it is, and how many as it was learned; any word from there ends it.
async function countDigits(port) {
  let isWanted = true;
  port.onmessage = () => (isWanted = false);
  digits = { images: await inflated(digits.images), labels: await inflated(digits.labels) };
  const all = digits.labels.length;
  const found = { done: 0, all, correct: 0, trained: 0 };
  for (let pause = performance.now() + PIECE; found.done < all && isWanted; found.done++) {
    const input = normalised(digits.images.subarray(784 * found.done, 784 * (found.done + 1)));
    const label = digits.labels[found.done];
    if (best(network.run(input, switchOff)) === label) found.correct += 1;
    if (best(learned.run(input)) === label) found.trained += 1;
    if (performance.now() < pause) continue;
    port.postMessage(found);
    await new Promise((resolve) => setTimeout(resolve));
    pause = performance.now() + PIECE;
  }
  if (isWanted) port.postMessage(found);
  port.close();
}

function best(scores) {
  return scores.indexOf(Math.max(...scores));
}

// The bytes that a buffer of zlib's holds; those of an array are as they are.
async function inflated(data) {
  if (data instanceof Uint8Array) return data;
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
