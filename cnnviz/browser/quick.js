// Networks that read while one draws: their convolutions are WebAssembly, in single precision, several times as quick
// as the engine's own, which the picture has for taking values apart. It stands behind engine.js and convolution.js in
// one file.

const PAGE = 65536; // bytes: WebAssembly's memory comes in pages
const VECTOR = 16; // bytes
const FLOAT = 4; // bytes
const WIDE = 8; // positions that are computed together

const compiled = compile();

// Null where a browser has no such instructions, or somebody's rules forbid them.
function compile() {
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(CONVOLUTION), (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}

// A network with its weights, as quick as this browser allows.
export function quickNetwork(plan, tensors) {
  return compiled === null ? new Network(plan, tensors) : new QuickNetwork(plan, tensors);
}

class QuickNetwork extends Network {
  constructor(plan, tensors) {
    super(plan, tensors);
    const room = new Room();
    const convolutions = new Map();
    const tensorsOfRun = [this.input, ...this.outputs];
    const places = new Map(tensorsOfRun.map((tensor) => [tensor, room.reserve(FLOAT * tensor.data.length)]));
    plan.ops.forEach((op, index) => {
      if (op.kernel === "conv2d") convolutions.set(op, new Convolution(op, this.inputs[index][0], this.weights[index], room));
    });
    const memory = new WebAssembly.Memory({ initial: Math.ceil(room.size / PAGE) });
    const code = new WebAssembly.Instance(compiled, { env: { memory } }).exports;
    for (const [tensor, place] of places) {
      tensor.data = new Float32Array(memory.buffer, place, tensor.data.length);
    }
    for (const convolution of convolutions.values()) convolution.fill(memory.buffer);
    const conv2d = (op, [x], out) => convolutions.get(op).run(code, x.data.byteOffset, out.data.byteOffset);
    this.kernels = { ...KERNELS, conv2d };
  }
}

// What one network needs of memory: all places are reserved before the memory is made, for it must not move afterwards.
class Room {
  constructor() {
    this.size = VECTOR; // place 0 means "none"
  }

  reserve(bytes) {
    const place = this.size;
    this.size += Math.ceil(bytes / VECTOR) * VECTOR;
    return place;
  }
}

class Convolution {
  constructor(op, x, { weight, bias }, room) {
    Object.assign(this, { op, x, weight: weight.data, bias: bias?.data ?? null });
    this.channels = x.shape[0] / op.groups;
    this.inner = this.channels * op.kernelSize[0] * op.kernelSize[1];
    this.padded = paddedSize(op, x);
    this.places = {
      weight: room.reserve(FLOAT * this.weight.length),
      bias: this.bias === null ? 0 : room.reserve(FLOAT * this.bias.length),
      padded: room.reserve(FLOAT * x.shape[0] * this.padded[0] * this.padded[1]),
      offsets: room.reserve(FLOAT * this.inner),
      panel: room.reserve(FLOAT * WIDE * this.inner),
      rest: room.reserve(FLOAT * WIDE),
    };
  }

  fill(buffer) {
    const { op, channels, inner, padded, places } = this;
    new Float32Array(buffer, places.weight, this.weight.length).set(this.weight);
    if (this.bias !== null) new Float32Array(buffer, places.bias, this.bias.length).set(this.bias);
    const offsets = firstWindow(op, channels, padded, new Scratch());
    new Int32Array(buffer, places.offsets, inner).set(offsets);
  }

  run(code, from, to) {
    const { op, channels, inner, padded: [high, wide], places } = this;
    const [all, height, width] = this.x.shape;
    code.pad(from, all, height, width, places.padded, high, wide, ...op.padding);
    const [maps, rows, columns] = op.shape;
    const each = maps / op.groups;
    for (let group = 0; group < op.groups; group++) {
      code.convolve(
        places.padded + FLOAT * group * channels * high * wide,
        places.offsets,
        inner,
        places.weight + FLOAT * group * each * inner,
        places.bias && places.bias + FLOAT * group * each,
        each,
        places.panel,
        places.rest,
        to + FLOAT * group * each * rows * columns,
        rows,
        columns,
        op.stride[0] * wide,
        op.stride[1],
      );
    }
  }
}
