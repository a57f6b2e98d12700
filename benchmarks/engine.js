// The timing part of benchmarks/engine.py, for Chromium and node. `engine` has what
// cnnviz/browser/engine.js and quick.js define.

const LAYER = { channels: 64, size: 28, kernel: 3 };

// The fewest milliseconds that a call takes, of calls for about `budget` milliseconds. Short calls are timed by the
// dozen: a browser's clock has steps of a tenth of a millisecond.
function timed(call, budget) {
  const begin = performance.now();
  let calls = 0;
  while (performance.now() - begin < budget / 5 || calls < 5) {
    call();
    calls++;
  }
  const together = Math.ceil((10 * calls) / (performance.now() - begin)); // some 10 ms
  let least = Infinity;
  for (let spent = 0; spent < budget; ) {
    const start = performance.now();
    for (let number = 0; number < together; number++) call();
    const took = performance.now() - start;
    spent += took;
    least = Math.min(least, took / together);
  }
  return least;
}

function random(length) {
  let state = 1;
  return Float32Array.from({ length }, () => (state = (state * 16807) % 2147483647) / 2147483647 - 0.5);
}

// A convolution as one writes it first: out[k, y, x] += weight[k, c, j, i] * image[c, y + j, x + i].
function naive(image, weight, out, { channels, size, kernel }) {
  const half = kernel >> 1;
  out.fill(0);
  for (let k = 0; k < channels; k++)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        let sum = 0;
        for (let c = 0; c < channels; c++)
          for (let j = 0; j < kernel; j++)
            for (let i = 0; i < kernel; i++) {
              const row = y + j - half;
              const column = x + i - half;
              if (row < 0 || row >= size || column < 0 || column >= size) continue;
              sum += weight[((k * channels + c) * kernel + j) * kernel + i] * image[(c * size + row) * size + column];
            }
        out[(k * size + y) * size + x] = sum;
      }
}

function convolution(engine) {
  const { channels, size, kernel } = LAYER;
  const shape = [channels, size, size];
  const op = {
    name: "conv", type: "Conv2d", kind: "convolution", kernel: "conv2d", inputs: [-1], shape,
    kernelSize: [kernel, kernel], stride: [1, 1], padding: [kernel >> 1, kernel >> 1], dilation: [1, 1], groups: 1,
    weights: { weight: "conv.weight", bias: "conv.bias" },
  };
  const weight = { shape: [channels, channels, kernel, kernel], data: random(channels * channels * kernel * kernel) };
  const tensors = { "conv.weight": weight, "conv.bias": { shape: [channels], data: new Float32Array(channels) } };
  const plan = { input: shape, output: 0, ops: [op] };
  const network = new engine.Network(plan, tensors);
  const quick = engine.quickNetwork(plan, tensors);
  const image = random(channels * size * size);
  const out = new Float32Array(image.length);
  naive(image, weight.data, out, LAYER);
  for (const found of [network.run(image), quick.run(image)]) {
    if (found.some((value, at) => !(Math.abs(value - out[at]) < 1e-3))) throw new Error("The convolutions disagree.");
  }
  const multiplyAdds = channels * channels * kernel * kernel * size * size;
  const speed = (milliseconds) => multiplyAdds / milliseconds / 1e6;
  return {
    quick: speed(timed(() => quick.run(image), 1500)),
    blocks: speed(timed(() => network.run(image), 1500)),
    naive: speed(timed(() => naive(image, weight.data, out, LAYER), 1000)),
  };
}

// `networks`: {id: ArrayBuffer of cnnviz/browser/packing.py}; `together`: the ids that one drawing asks at once.
export function measure(engine, networks, together) {
  const read = Object.entries(networks).map(([id, buffer]) => [id, engine.readNetwork(buffer)]);
  return {
    convolution: convolution(engine),
    plain: ofNetworks(read, together, ({ plan, tensors }) => new engine.Network(plan, tensors)),
    quick: ofNetworks(read, together, ({ plan, tensors }) => engine.quickNetwork(plan, tensors)),
  };
}

function ofNetworks(read, together, made) {
  const running = Object.fromEntries(
    read.map(([id, told]) => {
      const network = made(told);
      const image = random(network.input.data.length);
      return [id, () => network.run(image)];
    }),
  );
  return {
    networks: Object.fromEntries(Object.entries(running).map(([id, run]) => [id, timed(run, 500)])),
    together: timed(() => together.forEach((id) => running[id]()), 1000),
  };
}
