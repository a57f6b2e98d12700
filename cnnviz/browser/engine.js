// A network in the browser: it reads weights from safetensors bytes and carries out a plan, one operation after the
// other. Every operation's output stays at hand. Values are Float32Array in PyTorch's order, without the batch: a map
// stack is [C, H, W]. Sums are made in double precision, as JavaScript does by itself.
//
// A plan (cnnviz/browser/plan.py writes it): {input: [C, H, W], output: index, ops: [{name, type, kind, kernel,
// inputs, shape, weights: {role: name in the file}, ...the kernel's own settings}]}; an input of -1 is the image.

const SIZES = { F32: 4, F64: 8, I64: 8, I32: 4, F16: 2, BF16: 2, U8: 1, BOOL: 1 };

// The tensors of a safetensors file (an ArrayBuffer) by name: {shape, data: Float32Array}. Whole numbers that a
// network only counts with, such as num_batches_tracked, are left out.
export function readSafetensors(buffer) {
  if (buffer.byteLength < 8) throw new Error("The weights are cut off.");
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  if (length > buffer.byteLength - 8) throw new Error("The weights are cut off.");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const found = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [begin, end] = entry.data_offsets;
    const count = entry.shape.reduce((product, size) => product * size, 1);
    if (8 + length + end > buffer.byteLength || end - begin !== count * (SIZES[entry.dtype] ?? NaN)) {
      throw new Error(`The weights of ${name} are cut off.`);
    }
    const data = asFloats(buffer.slice(8 + length + begin, 8 + length + end), entry.dtype);
    if (data !== null) found[name] = { shape: entry.shape, data };
  }
  return found;
}

// A network as cnnviz/browser/packing.py packs it: {plan, mean, deviation, tensors} and what else it holds, the means and
// deviations of the channels for values from 0 to 1.
export function readNetwork(buffer) {
  const tensors = readSafetensors(buffer);
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const told = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))).__metadata__;
  return { ...Object.fromEntries(Object.entries(told).map(([name, text]) => [name, JSON.parse(text)])), tensors };
}

function asFloats(bytes, dtype) {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "F64") return Float32Array.from(new Float64Array(bytes));
  if (dtype === "BF16") {
    const wide = new Uint32Array(bytes.byteLength / 2);
    new Uint16Array(bytes).forEach((half, index) => (wide[index] = half << 16));
    return new Float32Array(wide.buffer);
  }
  return dtype === "F16" ? Float32Array.from(new Uint16Array(bytes), fromHalf) : null;
}

function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

// A plan with its weights. `run` computes all outputs; `outputs[index].data` are overwritten by the next run.
export class Network {
  constructor(plan, tensors) {
    this.plan = plan;
    this.kernels = KERNELS;
    this.input = { shape: plan.input, data: new Float32Array(count(plan.input)) };
    this.outputs = plan.ops.map((op) => ({ shape: op.shape, data: new Float32Array(count(op.shape)) }));
    this.weights = plan.ops.map((op) =>
      Object.fromEntries(
        Object.entries(op.weights ?? {}).map(([role, name]) => {
          if (!(name in tensors)) throw new Error(`The weights lack ${name}.`);
          return [role, tensors[name]];
        }),
      ),
    );
    this.inputs = plan.ops.map((op) => op.inputs.map((from) => (from < 0 ? this.input : this.outputs[from])));
    this.scratch = new Scratch();
  }

  // `image`: the normalised input, as many values as plan.input says. Returns the values that the network returns.
  // `after(index, output)` may change an output before the operations behind it read it.
  run(image, after = null) {
    this.input.data.set(image);
    this.plan.ops.forEach((op, index) => {
      this.kernels[op.kernel](op, this.inputs[index], this.outputs[index], this.weights[index], this.scratch);
      if (after !== null) after(index, this.outputs[index]);
    });
    return this.outputs[this.plan.output].data;
  }
}

// Memory that the kernels share: it grows to the most that one of them needs.
class Scratch {
  constructor() {
    this.arrays = {};
  }

  doubles(name, length) {
    return this.numbers(Float64Array, name, length);
  }

  integers(name, length) {
    return this.numbers(Int32Array, name, length);
  }

  numbers(Type, name, length) {
    if (!(this.arrays[name]?.length >= length)) this.arrays[name] = new Type(length);
    return this.arrays[name];
  }
}

function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

// -- convolution and linear layers ----------------------------------------------------------------------------------

// The sums of products of a convolution, four output maps by four positions at a time: so sixteen sums need eight
// numbers from memory, and stay in the processor's registers. `panel` holds the windows of the four positions, value by
// value: of each input value of a window, its four values. They are in double precision, as the sums are.
function multiply(weight, first, panel, inner, bias, out, rows, places, place) {
  const wide = Math.min(4, places - place);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const a0 = (first + row) * inner;
    const a1 = a0 + inner;
    const a2 = a1 + inner;
    const a3 = a2 + inner;
    let s00 = 0, s01 = 0, s02 = 0, s03 = 0;
    let s10 = 0, s11 = 0, s12 = 0, s13 = 0;
    let s20 = 0, s21 = 0, s22 = 0, s23 = 0;
    let s30 = 0, s31 = 0, s32 = 0, s33 = 0;
    for (let k = 0, b = 0; k < inner; k++, b += 4) {
      const b0 = panel[b], b1 = panel[b + 1], b2 = panel[b + 2], b3 = panel[b + 3];
      const v0 = weight[a0 + k], v1 = weight[a1 + k], v2 = weight[a2 + k], v3 = weight[a3 + k];
      s00 += v0 * b0; s01 += v0 * b1; s02 += v0 * b2; s03 += v0 * b3;
      s10 += v1 * b0; s11 += v1 * b1; s12 += v1 * b2; s13 += v1 * b3;
      s20 += v2 * b0; s21 += v2 * b1; s22 += v2 * b2; s23 += v2 * b3;
      s30 += v3 * b0; s31 += v3 * b1; s32 += v3 * b2; s33 += v3 * b3;
    }
    put(out, first + row, places, place, wide, bias, s00, s01, s02, s03);
    put(out, first + row + 1, places, place, wide, bias, s10, s11, s12, s13);
    put(out, first + row + 2, places, place, wide, bias, s20, s21, s22, s23);
    put(out, first + row + 3, places, place, wide, bias, s30, s31, s32, s33);
  }
  for (; row < rows; row++) {
    const a0 = (first + row) * inner;
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (let k = 0, b = 0; k < inner; k++, b += 4) {
      const v = weight[a0 + k];
      s0 += v * panel[b]; s1 += v * panel[b + 1]; s2 += v * panel[b + 2]; s3 += v * panel[b + 3];
    }
    put(out, first + row, places, place, wide, bias, s0, s1, s2, s3);
  }
}

function put(out, row, places, place, wide, bias, s0, s1, s2, s3) {
  const more = bias === null ? 0 : bias[row];
  const at = row * places + place;
  out[at] = s0 + more;
  if (wide > 1) out[at + 1] = s1 + more;
  if (wide > 2) out[at + 2] = s2 + more;
  if (wide > 3) out[at + 3] = s3 + more;
}

// Height and width of the maps with zeros around them, as far as the windows reach.
function paddedSize(op, x) {
  return [0, 1].map((axis) => {
    const reach = (op.shape[axis + 1] - 1) * op.stride[axis] + (op.kernelSize[axis] - 1) * op.dilation[axis] + 1;
    return Math.max(x.shape[axis + 1] + op.padding[axis], reach);
  });
}

function withBorder(op, x, [high, wide], scratch) {
  const [channels, height, width] = x.shape;
  const [top, left] = op.padding;
  const to = scratch.doubles("padded", channels * high * wide);
  to.fill(0, 0, channels * high * wide);
  for (let channel = 0, from = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      let at = (channel * high + row + top) * wide + left;
      for (const end = from + width; from < end; ) to[at++] = x.data[from++];
    }
  }
  return to;
}

// Where in the padded maps the values of the first window lie.
function firstWindow(op, channels, [high, wide], scratch) {
  const [kernelHeight, kernelWidth] = op.kernelSize;
  const found = scratch.integers("window", channels * kernelHeight * kernelWidth);
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let j = 0; j < kernelHeight; j++) {
      const line = (channel * high + j * op.dilation[0]) * wide;
      for (let i = 0; i < kernelWidth; i++) found[to++] = line + i * op.dilation[1];
    }
  }
  return found;
}

function conv2d(op, [x], out, weights, scratch) {
  const channels = x.shape[0] / op.groups;
  const perGroup = op.shape[0] / op.groups;
  const [, rows, columns] = op.shape;
  const places = rows * columns;
  const inner = channels * op.kernelSize[0] * op.kernelSize[1];
  const size = paddedSize(op, x);
  const maps = withBorder(op, x, size, scratch);
  const offsets = firstWindow(op, channels, size, scratch);
  const panel = scratch.doubles("panel", 4 * inner);
  const bias = weights.bias?.data ?? null;
  const begin = (place) => {
    const row = Math.floor(Math.min(place, places - 1) / columns);
    return row * op.stride[0] * size[1] + (Math.min(place, places - 1) - row * columns) * op.stride[1];
  };
  for (let group = 0; group < op.groups; group++) {
    const start = group * channels * size[0] * size[1];
    for (let place = 0; place < places; place += 4) {
      const four = [begin(place), begin(place + 1), begin(place + 2), begin(place + 3)];
      fillPanel(panel, maps, offsets, inner, start + four[0], start + four[1], start + four[2], start + four[3]);
      multiply(weights.weight.data, group * perGroup, panel, inner, bias, out.data, perGroup, places, place);
    }
  }
}

// The windows that begin at p0 to p3, value by value.
function fillPanel(panel, maps, offsets, inner, p0, p1, p2, p3) {
  for (let k = 0, to = 0; k < inner; k++, to += 4) {
    const at = offsets[k];
    panel[to] = maps[p0 + at];
    panel[to + 1] = maps[p1 + at];
    panel[to + 2] = maps[p2 + at];
    panel[to + 3] = maps[p3 + at];
  }
}

// Of one row, or of several: [..., features] -> [..., out].
function linear(op, [x], out, weights, scratch) {
  const features = x.shape.at(-1);
  const outputs = op.shape.at(-1);
  const rows = x.data.length / features;
  const weight = weights.weight.data;
  const bias = weights.bias?.data ?? null;
  for (let row = 0; row < rows; row++) {
    for (let output = 0; output < outputs; output++) {
      let sum = bias === null ? 0 : bias[output];
      const start = output * features;
      const from = row * features;
      for (let k = 0; k < features; k++) sum += weight[start + k] * x.data[from + k];
      out.data[row * outputs + output] = sum;
    }
  }
}

// -- pooling --------------------------------------------------------------------------------------------------------

// Along one axis, for each output position: where its window begins and ends within the map, and by how many values a
// mean is divided there.
function spans(op, axis, x, scratch) {
  const [size, outputs] = [x.shape[axis + 1], op.shape[axis + 1]];
  const found = scratch.integers(`spans ${axis}`, 3 * outputs);
  for (let place = 0; place < outputs; place++) {
    const begin = place * op.stride[axis] - op.padding[axis];
    const step = op.dilation?.[axis] ?? 1;
    const end = begin + (op.kernelSize[axis] - 1) * step + 1;
    const first = begin >= 0 ? begin : begin + Math.ceil(-begin / step) * step;
    found[3 * place] = first;
    found[3 * place + 1] = Math.min(end, size);
    const counted = op.countsPadding ? Math.min(end, size + op.padding[axis]) - begin : null;
    found[3 * place + 2] = counted ?? found[3 * place + 1] - first;
  }
  return found;
}

// The same as PyTorch's adaptive pooling cuts a map.
function adaptiveSpans(op, axis, x, scratch) {
  const [size, outputs] = [x.shape[axis + 1], op.shape[axis + 1]];
  const found = scratch.integers(`spans ${axis}`, 3 * outputs);
  for (let place = 0; place < outputs; place++) {
    found[3 * place] = Math.floor((place * size) / outputs);
    found[3 * place + 1] = Math.ceil(((place + 1) * size) / outputs);
    found[3 * place + 2] = found[3 * place + 1] - found[3 * place];
  }
  return found;
}

// Each output is `rule(first, last, x0, x1, area)` of its window: of the values of a map, lines begin at `first` up to
// `last`, and the window reaches from x0 to x1 in each; a mean is divided by `area`.
function pool(x, out, rows, columns, rule) {
  const [channels, height, width] = x.shape;
  const [, high, wide] = out.shape;
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * height * width;
    for (let row = 0; row < high; row++) {
      const first = start + rows[3 * row] * width;
      const last = start + rows[3 * row + 1] * width;
      for (let column = 0; column < wide; column++) {
        const area = rows[3 * row + 2] * columns[3 * column + 2];
        out.data[to++] = rule(first, last, columns[3 * column], columns[3 * column + 1], area);
      }
    }
  }
}

function largestOfWindows(x, out, rows, columns, stepY, stepX) {
  const { data } = x;
  const step = stepY * x.shape[2];
  pool(x, out, rows, columns, (first, last, x0, x1) => {
    let most = -Infinity;
    for (let line = first; line < last; line += step) {
      for (let at = line + x0; at < line + x1; at += stepX) {
        const value = data[at];
        if (value > most || value !== value) most = value;
      }
    }
    return most;
  });
}

function average(x, out, rows, columns, divisor) {
  const { data } = x;
  const width = x.shape[2];
  pool(x, out, rows, columns, (first, last, x0, x1, area) => {
    let sum = 0;
    for (let line = first; line < last; line += width) {
      for (let at = line + x0; at < line + x1; at++) sum += data[at];
    }
    return sum / (divisor ?? area);
  });
}

function maxPool2d(op, [x], out, _, scratch) {
  largestOfWindows(x, out, spans(op, 0, x, scratch), spans(op, 1, x, scratch), op.dilation[0], op.dilation[1]);
}

function averagePool2d(op, [x], out, _, scratch) {
  average(x, out, spans(op, 0, x, scratch), spans(op, 1, x, scratch), op.divisor);
}

function adaptiveMaxPool2d(op, [x], out, _, scratch) {
  largestOfWindows(x, out, adaptiveSpans(op, 0, x, scratch), adaptiveSpans(op, 1, x, scratch), 1, 1);
}

function adaptiveAveragePool2d(op, [x], out, _, scratch) {
  average(x, out, adaptiveSpans(op, 0, x, scratch), adaptiveSpans(op, 1, x, scratch), null);
}

// -- value by value ---------------------------------------------------------------------------------------------------

// Folded for evaluation to one factor and one shift for each channel. They are not folded further, into the weights of the
// convolution before it: its own output, which the picture shows and takes apart, would be lost.
function batchNorm(op, [x], out, weights) {
  const channels = x.shape[0];
  const size = x.data.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    const spread = Math.sqrt(weights.runningVar.data[channel] + op.epsilon);
    const factor = (weights.weight?.data[channel] ?? 1) / spread;
    const shift = (weights.bias?.data[channel] ?? 0) - weights.runningMean.data[channel] * factor;
    for (let at = channel * size; at < (channel + 1) * size; at++) out.data[at] = x.data[at] * factor + shift;
  }
}

// Each value divided by what the maps around it hold at its place; as PyTorch does, the longer side comes first.
function localResponseNorm(op, [x], out) {
  const channels = x.shape[0];
  const size = x.data.length / channels;
  for (let channel = 0; channel < channels; channel++) {
    const first = Math.max(channel - Math.floor(op.size / 2), 0);
    const last = Math.min(channel + Math.floor((op.size - 1) / 2), channels - 1);
    for (let place = 0; place < size; place++) {
      let squares = 0;
      for (let other = first; other <= last; other++) squares += x.data[other * size + place] ** 2;
      const at = channel * size + place;
      out.data[at] = x.data[at] / (op.k + (op.alpha * squares) / op.size) ** op.beta;
    }
  }
}

// The most frequent activation has a loop of its own: a call for every value takes twice as long.
function relu(op, [x], out) {
  const [from, to] = [x.data, out.data];
  for (let at = 0; at < from.length; at++) {
    const value = from[at];
    to[at] = value > 0 || value !== value ? value : 0;
  }
}

function prelu(op, [x], out, weights) {
  const slopes = weights.weight.data;
  const size = slopes.length === 1 ? x.data.length : x.data.length / slopes.length;
  x.data.forEach((value, at) => (out.data[at] = value > 0 ? value : value * slopes[Math.floor(at / size)]));
}

function each(rule) {
  return (op, [x], out) => {
    const f = rule(op);
    const { data } = x;
    for (let at = 0; at < data.length; at++) out.data[at] = f(data[at]);
  };
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
// ln(1 + e^x) without an overflow.
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

// The Gauss error function. Abramowitz and Stegun's series 7.1.6 near 0, and Lentz's continued fraction beyond.
function erf(x) {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  let sum;
  if (size < 2.5) {
    let term = size;
    sum = size;
    for (let n = 1; n < 80 && Math.abs(term) > 1e-17 * sum; n++) {
      term *= (2 * size * size) / (2 * n + 1);
      sum += term;
    }
    sum *= (2 / Math.sqrt(Math.PI)) * Math.exp(-size * size);
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
    sum = 1 - Math.exp(-size * size) / Math.sqrt(Math.PI) / (size + fraction);
  }
  return x < 0 ? -sum : sum;
}

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

const ACTIVATIONS = {
  relu6: () => (x) => clamp(x, 0, 6),
  leakyRelu: (op) => (x) => (x > 0 ? x : x * op.negativeSlope),
  elu: (op) => (x) => (x > 0 ? x : op.alpha * Math.expm1(x)),
  celu: (op) => (x) => Math.max(0, x) + Math.min(0, op.alpha * Math.expm1(x / op.alpha)),
  selu: () => (x) => SELU_SCALE * (x > 0 ? x : SELU_ALPHA * Math.expm1(x)),
  silu: () => (x) => x * sigmoid(x),
  mish: () => (x) => x * Math.tanh(softplus(x)),
  sigmoid: () => sigmoid,
  tanh: () => Math.tanh,
  softplus: (op) => (x) => (x * op.beta > op.threshold ? x : softplus(x * op.beta) / op.beta),
  softsign: () => (x) => x / (1 + Math.abs(x)),
  hardtanh: (op) => (x) => clamp(x, op.minVal, op.maxVal),
  hardswish: () => (x) => (x * clamp(x + 3, 0, 6)) / 6,
  hardsigmoid: () => (x) => clamp(x / 6 + 0.5, 0, 1),
  hardshrink: (op) => (x) => (Math.abs(x) > op.lambd ? x : 0),
  softshrink: (op) => (x) => (Math.abs(x) > op.lambd ? x - Math.sign(x) * op.lambd : 0),
  tanhshrink: () => (x) => x - Math.tanh(x),
  logSigmoid: () => (x) => -softplus(-x),
  threshold: (op) => (x) => (x > op.threshold ? x : op.value),
  exp: () => Math.exp,
  gelu: (op) =>
    op.tanh
      ? (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))
      : (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
};

// -- several values ---------------------------------------------------------------------------------------------------

function softmaxLike(finish) {
  return (op, [x], out) => {
    const size = x.shape[op.axis];
    const inner = count(x.shape.slice(op.axis + 1));
    const outer = x.data.length / size / inner;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) finish(x.data, out.data, o * size * inner + i, size, inner, op);
    }
  };
}

function softmaxAlong(x, out, start, size, step, op) {
  const sign = op.negated ? -1 : 1;
  let largest = -Infinity;
  for (let k = 0; k < size; k++) largest = Math.max(largest, sign * x[start + k * step]);
  let sum = 0;
  for (let k = 0; k < size; k++) sum += Math.exp(sign * x[start + k * step] - largest);
  for (let k = 0; k < size; k++) {
    const shifted = sign * x[start + k * step] - largest;
    out[start + k * step] = op.log ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
  }
}

// `rule(a, b)` of two values at each position; a size of 1 is repeated.
function combine(rule) {
  return (op, [a, b], out) => {
    if (a.data.length === out.data.length && b.data.length === out.data.length) {
      for (let at = 0; at < out.data.length; at++) out.data[at] = rule(a.data[at], b.data[at]);
      return;
    }
    const [stepsA, stepsB] = [steps(a.shape, out.shape), steps(b.shape, out.shape)];
    const place = new Array(out.shape.length).fill(0);
    for (let at = 0; at < out.data.length; at++) {
      let [fromA, fromB] = [0, 0];
      place.forEach((index, axis) => {
        fromA += index * stepsA[axis];
        fromB += index * stepsB[axis];
      });
      out.data[at] = rule(a.data[fromA], b.data[fromB]);
      for (let axis = place.length - 1; axis >= 0 && ++place[axis] === out.shape[axis]; axis--) place[axis] = 0;
    }
  };
}

// How far one step along each axis of `whole` is in a tensor of `shape`: nothing where it is repeated.
function steps(shape, whole) {
  const found = new Array(whole.length).fill(0);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] > 1) found[axis + whole.length - shape.length] = step;
    step *= shape[axis];
  }
  return found;
}

function concatenate(op, inputs, out) {
  const inner = count(op.shape.slice(op.axis + 1));
  const outer = count(op.shape.slice(0, op.axis));
  const whole = op.shape[op.axis] * inner;
  let start = 0;
  for (const x of inputs) {
    const part = x.shape[op.axis] * inner;
    for (let o = 0; o < outer; o++) out.data.set(x.data.subarray(o * part, (o + 1) * part), o * whole + start);
    start += part;
  }
}

function copy(op, [x], out) {
  out.data.set(x.data);
}

// [C, H, W] with `value` around each map, and around all maps.
function pad(op, [x], out) {
  out.data.fill(op.value);
  const [, height, width] = x.shape;
  const [front, top, left] = op.before;
  for (let channel = 0; channel < x.shape[0]; channel++) {
    for (let row = 0; row < height; row++) {
      const from = (channel * height + row) * width;
      const to = ((channel + front) * op.shape[1] + row + top) * op.shape[2] + left;
      out.data.set(x.data.subarray(from, from + width), to);
    }
  }
}

// Every `step`-th value from `start` on, along each axis.
function slice(op, [x], out) {
  const place = new Array(out.shape.length).fill(0);
  const unit = x.shape.map((_, axis) => count(x.shape.slice(axis + 1)));
  for (let at = 0; at < out.data.length; at++) {
    let from = 0;
    place.forEach((index, axis) => (from += (op.start[axis] + index * op.step[axis]) * unit[axis]));
    out.data[at] = x.data[from];
    for (let axis = place.length - 1; axis >= 0 && ++place[axis] === out.shape[axis]; axis--) place[axis] = 0;
  }
}

// The mean over some axes; `axes` are those of the input.
function mean(op, [x], out) {
  out.data.fill(0);
  const kept = x.shape.map((size, axis) => (op.axes.includes(axis) ? 1 : size));
  const to = steps(kept, x.shape);
  const place = new Array(x.shape.length).fill(0);
  const sums = new Float64Array(out.data.length);
  for (let at = 0; at < x.data.length; at++) {
    let target = 0;
    place.forEach((index, axis) => (target += index * to[axis]));
    sums[target] += x.data[at];
    for (let axis = place.length - 1; axis >= 0 && ++place[axis] === x.shape[axis]; axis--) place[axis] = 0;
  }
  const size = x.data.length / out.data.length;
  sums.forEach((sum, at) => (out.data[at] = sum / size));
}

export const KERNELS = {
  conv2d,
  linear,
  maxPool2d,
  averagePool2d,
  adaptiveAveragePool2d,
  adaptiveMaxPool2d,
  batchNorm,
  localResponseNorm,
  relu,
  prelu,
  softmax: softmaxLike(softmaxAlong),
  add: combine((a, b) => a + b),
  subtract: combine((a, b) => a - b),
  multiply: combine((a, b) => a * b),
  divide: combine((a, b) => a / b),
  maximum: combine(Math.max),
  minimum: combine(Math.min),
  concatenate,
  copy,
  pad,
  slice,
  mean,
  ...Object.fromEntries(Object.entries(ACTIVATIONS).map(([name, rule]) => [name, each(rule)])),
};
