// The worker behind a living picture: it prepares what is drawn or photographed, runs the network, and sends every output
// back; it counts how many test digits are recognised. It stands behind engine.js, strokes.js and photo.js in one file.

const PIECE = 25; // milliseconds of counting between two looks for a drawing

const paper = new Paper();
let tensors = null;
let network = null;
let learnedTensors = null;
let learned = null; // the same network without a change
let normalise = null;
let reads = ""; // what the network learned: digits, clothing, or any pictures
let off = {}; // the channels that are switched off, by op
let digits = null; // 28 x 28 bytes of each and behind them a label of each, at first compressed

const HANDLERS = {
  hello() {
    self.postMessage({});
  },
  load({ bytes, reads: learnedOf, digits: known }) {
    const { plan, mean, deviation, tensors: own } = readNetwork(bytes);
    tensors = own;
    network = new Network(plan, tensors);
    learnedTensors = readSafetensors(bytes);
    learned = new Network(plan, learnedTensors);
    normalise = { mean, deviation }; // of each channel
    reads = learnedOf;
    digits = known ?? null;
  },
  // The weights of another moment of the same training.
  moment({ weights }) {
    for (const [name, { data }] of Object.entries(readSafetensors(weights))) {
      tensors[name]?.data.set(data);
      learnedTensors[name]?.data.set(data);
    }
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

// What the network says about what is new in a drawing, about a photo (`rgba`), or about an `image` that is prepared already.
function answer({ number, image: given, rgba, width, height, ...news }) {
  const image = given ?? (rgba === undefined ? fitted(drawing(news)) : photographed(rgba, width, height));
  if (image === null) {
    self.postMessage({ number, image });
    return;
  }
  const input = normalised(image);
  const scores = network.run(input, switchOff);
  const outputs = network.outputs.map((output) => output.data.slice());
  self.postMessage({ number, image, input, scores: scores.slice(), outputs });
}

function photographed(rgba, width, height) {
  const image = preparePhoto(rgba, width, height, reads, network.plan.input);
  return reads === "pictures" ? image : fitted(image);
}

// A digit or a piece of clothing, 28 x 28 values, in the size that the network takes, and the same in each channel.
function fitted(image) {
  if (image === null) return null;
  const [channels, height, width] = network.plan.input;
  const plane = resized(image, FIELD, FIELD, width, height);
  const found = new Uint8Array(channels * plane.length);
  for (let channel = 0; channel < channels; channel++) found.set(plane, channel * plane.length);
  return found;
}

// The image of what is drawn; null where nothing is.
function drawing(news) {
  paper.add(news);
  const { rgba, width, height } = paper.pixels();
  return prepare(rgba, width, height, PAPER)?.image ?? null;
}

function normalised(image) {
  const { mean, deviation } = normalise;
  const size = image.length / mean.length;
  return Float32Array.from(image, (value, at) => {
    const channel = Math.floor(at / size);
    return (value / 255 - mean[channel]) / deviation[channel];
  });
}

function switchOff(index, output) {
  const size = output.data.length / output.shape[0];
  for (const channel of off[index] ?? []) output.data.fill(0, channel * size, (channel + 1) * size);
}

// Tell `port` how many digits the network recognises as it is, and how many as it was learned; any word from there ends it.
async function countDigits(port) {
  let isWanted = true;
  port.onmessage = () => (isWanted = false);
  digits = await inflated(digits);
  const all = digits.length / 785;
  const found = { done: 0, all, correct: 0, trained: 0 };
  for (let pause = performance.now() + PIECE; found.done < all && isWanted; found.done++) {
    const input = normalised(fitted(digits.subarray(784 * found.done, 784 * (found.done + 1))));
    const label = digits[784 * all + found.done];
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
