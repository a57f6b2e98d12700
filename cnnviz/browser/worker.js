// The worker behind a living picture: it prepares what is drawn, runs the network, and sends every output back. It
// stands behind engine.js and preparation.js in one file.

let network = null;
let normalise = null;
let off = {}; // the channels that are switched off, by op

self.onmessage = ({ data }) => {
  if (data.kind === "load") {
    network = new Network(data.plan, readSafetensors(data.weights));
    normalise = { mean: data.mean, deviation: data.deviation };
  } else if (data.kind === "off") {
    off = data.off;
  } else {
    answer(data);
  }
};

function answer({ number, rgba, width, height, background }) {
  const prepared = prepare(rgba, width, height, background);
  if (prepared === null) {
    self.postMessage({ number, image: null });
    return;
  }
  const begin = performance.now();
  const input = Float32Array.from(prepared.image, (value) => (value / 255 - normalise.mean) / normalise.deviation);
  const scores = network.run(input, switchOff);
  const took = performance.now() - begin;
  const outputs = network.outputs.map((output) => output.data.slice());
  self.postMessage({ number, image: prepared.image, input, scores: scores.slice(), outputs, took });
}

function switchOff(index, output) {
  const size = output.data.length / output.shape[0];
  for (const channel of off[index] ?? []) output.data.fill(0, channel * size, (channel + 1) * size);
}
