// Where a single value comes from, with the numbers: windows and weights of a convolution, the values a pooling chose
// from, the inputs of a unit. A value is named by its place in the op's output, counted as PyTorch lays it out.

// {rule, parts: [{from, channel, rows, columns, cells: [{at, value, weight}], sum}], value, ...numbers of the rule}.
// `at` is the value's place in the output of `from` (null: padding). null: nobody knows.
// `of(index)` gives an op's values, of -1 the image's; `tensors` the weights.
export function arithmetic(plan, tensors, of, index, flat) {
  const op = plan.ops[index];
  const explain = RULES[op.kernel];
  if (explain === undefined || of(index) === null) return null;
  const froms = op.inputs.map((from) => handedOn(plan, from));
  const shapes = froms.map((from) => shapeOf(plan, from));
  const weights = Object.fromEntries(Object.entries(op.weights ?? {}).map(([role, name]) => [role, tensors[name]]));
  return explain({ op, froms, shapes, inputs: froms.map(of), weights, flat, given: op.inputs.map((from) => shapeOf(plan, from)) });
}

export function shapeOf(plan, index) {
  return index < 0 ? plan.input : plan.ops[index].shape;
}

// [channel, row, column] of a place.
export function placeOf(shape, flat) {
  if (shape.length !== 3) return [flat, 0, 0];
  const [, height, width] = shape;
  return [Math.floor(flat / (height * width)), Math.floor(flat / width) % height, flat % width];
}

function partOf(from, channel, rows, columns, cells) {
  const sum = cells.reduce((total, { value, weight }) => total + value * weight, 0);
  return { from, channel, rows, columns, cells, sum };
}

// The cells of a window of `rows` and `columns` (places, some outside) in one map.
function windowIn(data, [, height, width], channel, rows, columns, weight) {
  const cells = [];
  rows.forEach((y, j) =>
    columns.forEach((x, i) => {
      const inside = y >= 0 && y < height && x >= 0 && x < width;
      const at = inside ? (channel * height + y) * width + x : null;
      cells.push({ at, value: inside ? data[at] : 0, weight: weight(j, i) });
    }),
  );
  return cells;
}

function taps(place, size, stride, padding, dilation = 1) {
  return Array.from({ length: size }, (_, step) => place * stride - padding + step * dilation);
}

function convolution({ op, froms: [from], shapes: [shape], inputs: [data], weights, flat }) {
  const [channel, row, column] = placeOf(op.shape, flat);
  const { weight } = weights;
  const perGroup = weight.shape[1];
  const [high, wide] = op.kernelSize;
  const rows = taps(row, high, op.stride[0], op.padding[0], op.dilation[0]);
  const columns = taps(column, wide, op.stride[1], op.padding[1], op.dilation[1]);
  const first = Math.floor(channel / (op.shape[0] / op.groups)) * perGroup;
  const parts = Array.from({ length: perGroup }, (_, number) => {
    const start = (channel * perGroup + number) * high * wide;
    const cells = windowIn(data, shape, first + number, rows, columns, (j, i) => weight.data[start + j * wide + i]);
    return partOf(from, first + number, high, wide, cells);
  });
  return summed(parts, weights.bias?.data[channel] ?? 0);
}

function summed(parts, bias) {
  return { rule: "sum", parts, bias, value: parts.reduce((total, { sum }) => total + sum, bias) };
}

// Values that were maps before they were laid out in a row are shown as these maps.
function connected({ op, froms: [from], shapes: [shape], inputs: [data], weights, flat, given: [asGiven] }) {
  const outputs = op.shape.at(-1);
  const features = asGiven.at(-1);
  const [row, unit] = [Math.floor(flat / outputs), flat % outputs];
  const isMaps = shape.length === 3 && data.length === features;
  const [high, wide] = isMaps ? shape.slice(1) : [1, 1];
  const parts = Array.from({ length: features / (high * wide) }, (_, channel) => {
    const cells = Array.from({ length: high * wide }, (_, cell) => {
      const feature = channel * high * wide + cell;
      const at = row * features + feature;
      return { at, value: data[at], weight: weights.weight.data[unit * features + feature] };
    });
    return partOf(from, channel, high, wide, cells);
  });
  return summed(parts, weights.bias?.data[unit] ?? 0);
}

function pooled(rule, windowAt) {
  return ({ op, froms: [from], shapes: [shape], inputs: [data], flat }) => {
    const [channel, row, column] = placeOf(op.shape, flat);
    const { rows, columns, divisor } = windowAt(op, shape, row, column);
    const cells = windowIn(data, shape, channel, rows, columns, () => 1);
    const part = partOf(from, channel, rows.length, columns.length, cells);
    if (rule === "maximum") {
      const value = Math.max(...cells.filter(({ at }) => at !== null).map((cell) => cell.value));
      return { rule, parts: [part], value };
    }
    return { rule, parts: [part], divisor, value: part.sum / divisor };
  };
}

function slidingWindow(op, [, height, width], row, column) {
  const [top, left] = op.padding;
  const [strideY, strideX] = op.stride;
  const [dilationY, dilationX] = op.dilation ?? [1, 1];
  let rows = taps(row, op.kernelSize[0], strideY, top, dilationY);
  let columns = taps(column, op.kernelSize[1], strideX, left, dilationX);
  if (op.kernel !== "averagePool2d") return { rows, columns };
  rows = rows.filter((y) => y < height + top);
  columns = columns.filter((x) => x < width + left);
  const inside = (places, side) => places.filter((place) => place >= 0 && place < side).length;
  const counted = op.countsPadding ? rows.length * columns.length : inside(rows, height) * inside(columns, width);
  return { rows, columns, divisor: op.divisor ?? counted };
}

function adaptiveWindow(op, [, height, width], row, column) {
  const along = (place, outputs, inputs) => {
    const [from, to] = [Math.floor((place * inputs) / outputs), Math.ceil(((place + 1) * inputs) / outputs)];
    return Array.from({ length: to - from }, (_, step) => from + step);
  };
  const [rows, columns] = [along(row, op.shape[1], height), along(column, op.shape[2], width)];
  return { rows, columns, divisor: rows.length * columns.length };
}

// The mean of whole maps; of anything else only the value is known.
function averaged({ op, froms: [from], shapes: [shape], inputs: [data], flat }) {
  if (shape.length !== 3 || op.axes.join() !== "1,2") return null;
  const [, height, width] = shape;
  const all = (side) => Array.from({ length: side }, (_, place) => place);
  const part = partOf(from, flat, height, width, windowIn(data, shape, flat, all(height), all(width), () => 1));
  return { rule: "mean", parts: [part], divisor: height * width, value: part.sum / (height * width) };
}

function single(from, shape, data, at) {
  return partOf(from, placeOf(shape, at)[0], 1, 1, [{ at, value: data[at], weight: 1 }]);
}

function apply({ op, froms: [from], shapes: [shape], inputs: [data], weights, flat }) {
  const out = { shape: [1], data: new Float32Array(1) };
  const slopes = weights.weight?.data;
  const slope = slopes === undefined ? {} : { weight: { data: slopes.subarray(slopes.length > 1 ? placeOf(shape, flat)[0] : 0).subarray(0, 1) } };
  KERNELS[op.kernel]({ ...op, shape: [1] }, [{ shape: [1], data: [data[flat]] }], out, slope);
  return { rule: "apply", parts: [single(from, shape, data, flat)], value: out.data[0] };
}

function batchNormalised({ op, froms: [from], shapes: [shape], inputs: [data], weights, flat }) {
  const channel = Math.floor(flat / (data.length / op.shape[0]));
  const [mean, variance] = [weights.runningMean.data[channel], weights.runningVar.data[channel]];
  const [factor, shift] = [weights.weight?.data[channel] ?? 1, weights.bias?.data[channel] ?? 0];
  const deviation = Math.sqrt(variance + op.epsilon);
  const value = ((data[flat] - mean) / deviation) * factor + shift;
  return { rule: "normalise", parts: [single(from, shape, data, flat)], mean, deviation, factor, shift, value };
}

// The place in a tensor of `shape` whose value stands at `flat` of `whole`: where it has one entry, that is repeated.
function repeated(shape, whole, flat) {
  let [place, unit, rest] = [0, 1, flat];
  for (let axis = 1; axis <= whole.length; axis++) {
    const at = rest % whole.at(-axis);
    rest = Math.floor(rest / whole.at(-axis));
    const size = shape.at(-axis) ?? 1;
    if (size > 1) place += at * unit;
    unit *= size;
  }
  return place;
}

function combined(sign, rule) {
  return ({ op, froms, shapes, inputs, flat, given }) => {
    const parts = froms.map((from, number) => {
      const at = repeated(given[number], op.shape, flat);
      return single(from, shapes[number], inputs[number], at);
    });
    return { rule: "combine", sign, parts, value: rule(parts[0].sum, parts[1].sum) };
  };
}

function taken({ op, froms, shapes, inputs, flat, given }) {
  const size = (shape) => shape.slice(op.axis).reduce((product, side) => product * side, 1);
  const [outer, rest] = [Math.floor(flat / size(op.shape)), flat % size(op.shape)];
  let start = 0;
  for (const [number, from] of froms.entries()) {
    const own = size(given[number]);
    if (rest < start + own) {
      const part = single(from, shapes[number], inputs[number], outer * own + rest - start);
      return { rule: "same", parts: [part], value: part.sum };
    }
    start += own;
  }
  return null;
}

// A softmax over a vector.
function softened({ op, froms: [from], shapes: [shape], inputs: [data], flat }) {
  if (op.shape.length !== 1) return null;
  const sign = op.negated ? -1 : 1;
  const most = Math.max(...Array.from(data, (value) => sign * value));
  const parts = Array.from(data, (_, at) => single(from, shape, data, at));
  const powers = Array.from(data, (value) => Math.exp(sign * value - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const value = op.log ? sign * data[flat] - most - Math.log(total) : powers[flat] / total;
  return { rule: op.log ? "logSoftmax" : "softmax", parts, own: flat, most, total, value };
}

const RULES = {
  conv2d: convolution,
  linear: connected,
  maxPool2d: pooled("maximum", slidingWindow),
  averagePool2d: pooled("mean", slidingWindow),
  adaptiveAveragePool2d: pooled("mean", adaptiveWindow),
  adaptiveMaxPool2d: pooled("maximum", adaptiveWindow),
  mean: averaged,
  batchNorm: batchNormalised,
  add: combined("+", (a, b) => a + b),
  subtract: combined("−", (a, b) => a - b),
  multiply: combined("×", (a, b) => a * b),
  divide: combined("÷", (a, b) => a / b),
  maximum: combined("max", Math.max),
  minimum: combined("min", Math.min),
  concatenate: taken,
  softmax: softened,
  relu: apply,
  prelu: apply,
  ...Object.fromEntries(Object.keys(ACTIVATIONS).map((name) => [name, apply])),
};

// What a map or a unit is made of: [{from, channel, weight, kernel}], one for each map or unit that it reads. `weight` is
// the sum of the weights between the two, of a unit with a drawing at hand what the map or unit contributes; null where
// there are no weights.
export function influences(plan, tensors, of, index, channel) {
  const op = plan.ops[index];
  const from = handedOn(plan, op.inputs[0] ?? -1);
  const shape = shapeOf(plan, from);
  const weight = op.weights?.weight === undefined ? undefined : tensors[op.weights.weight];
  if (op.kernel === "conv2d") {
    const perGroup = weight.shape[1];
    const area = weight.shape[2] * weight.shape[3];
    const first = Math.floor(channel / (op.shape[0] / op.groups)) * perGroup;
    return Array.from({ length: perGroup }, (_, number) => {
      const start = (channel * perGroup + number) * area;
      const kernel = weight.data.subarray(start, start + area);
      return { from, channel: first + number, weight: kernel.reduce((sum, value) => sum + value, 0), kernel };
    });
  }
  if (op.kernel === "linear" && op.shape.length === 1) {
    const features = weight.shape[1];
    const area = shape.length === 3 ? shape[1] * shape[2] : 1;
    const data = of(from);
    return Array.from({ length: features / area }, (_, number) => {
      let sum = 0;
      for (let at = number * area; at < (number + 1) * area; at++) {
        sum += weight.data[channel * features + at] * (data === null ? 1 : data[at]);
      }
      return { from, channel: number, weight: sum, kernel: null };
    });
  }
  return readMaps(plan, op, channel);
}

// Of an op without weights: the maps or units that the one at `channel` reads.
function readMaps(plan, op, channel) {
  const found = [];
  let start = 0;
  for (const input of op.inputs) {
    const from = handedOn(plan, input);
    const count = shapeOf(plan, from)[0];
    const own = op.kernel === "concatenate" && op.axis === 0 ? channel - start : Math.min(channel, count - 1);
    const all = op.kernel === "softmax" && op.shape.length === 1;
    for (let number = 0; number < count; number++) {
      if (all || number === own) found.push({ from, channel: number, weight: null, kernel: null });
    }
    start += shapeOf(plan, input)[0];
  }
  return found;
}
