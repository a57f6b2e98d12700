// What an output value is computed from. Nothing here touches the page.
//
// A layer is what cnnviz.interpret.binary_payload describes. A place is {output, row, column}: `output` counts the
// outputs whose weights are here. `rows[row]` and `columns[column]` say which input rows and columns the
// window reads there: PADDING beside the input, BEYOND where it reads nothing.

const PADDING = -1;

function makeLayer(facts) {
  const { x, weights, biases, output } = facts.arrays;
  const [, height, width] = facts.input;
  const [high, wide] = [facts.rows[0].length, facts.columns[0].length];
  const layer = {
    ...facts, x, weights, biases, output, height, width, high, wide,
    down: facts.rows.length, // sizes of the output
    across: facts.columns.length,
    edited: new Map(), // kernels of a person's own, by the number of the channel
    alone: null, // the one channel that counts, where a person silenced the others
  };
  layer.side = layer.vector ? vectorSide(facts.total) : layer.across; // values in a row of the picture
  return layer;
}

// A vector is shown as a block; one of few values as a column.
function vectorSide(values) {
  return values <= 12 ? 1 : Math.ceil(Math.sqrt(values));
}

function isEdited(layer) {
  return layer.edited.size > 0 || layer.alone !== null;
}

function learned(layer, output, channel) {
  const size = layer.high * layer.wide;
  const start = (output * layer.channels.length + channel) * size;
  return layer.weights.subarray(start, start + size);
}

function kernelOf(layer, output, channel) {
  return layer.edited.get(channel) ?? learned(layer, output, channel);
}

// Calls visit(value, index, where) for each cell of the window, row by row; `where` is the input's row or a
// column that is not inside, and `value` is 0 there.
function eachCell(layer, channel, { row, column }, visit) {
  const [rows, columns] = [layer.rows[row], layer.columns[column]];
  const plane = channel * layer.height * layer.width;
  for (let i = 0, index = 0; i < layer.high; i++) {
    for (let j = 0; j < layer.wide; j++, index++) {
      const outside = Math.min(rows[i], columns[j]);
      visit(outside < 0 ? 0 : layer.x[plane + rows[i] * layer.width + columns[j]], index, outside);
    }
  }
}

function sumOf(layer, place, channel, kernel) {
  let sum = 0;
  eachCell(layer, channel, place, (value, index) => {
    sum += value * kernel[index];
  });
  return sum;
}

// By what average pooling divides.
function divisorOf(layer, { row, column }) {
  if (layer.divisor !== null) return layer.divisor;
  const least = layer.count_padding ? PADDING : 0;
  const counted = (places) => places.filter((each) => each >= least).length;
  return counted(layer.rows[row]) * counted(layer.columns[column]);
}

// The number that PyTorch computed.
function computedAt(layer, { output, row, column }) {
  return layer.vector ? layer.output[layer.outputs[output]] : layer.output[row * layer.across + column];
}

// What each channel adds at a place, and what the channels add that are not here: {sums, rest, total}.
function partsAt(layer, place) {
  const sums = layer.channels.map((_, channel) => {
    if (layer.alone !== null && layer.alone !== channel) return 0;
    return sumOf(layer, place, channel, kernelOf(layer, place.output, channel));
  });
  const bias = layer.alone === null ? layer.biases[place.output] : 0;
  const rest = layer.alone === null ? restAt(layer, place) : 0;
  return { sums, bias, rest, total: sums.reduce((a, b) => a + b, bias + rest) };
}

// The channels that are not here: as the server added them up, or else what is missing to PyTorch's number.
function restAt(layer, place) {
  if (layer.channels.length === layer.sources) return 0;
  const { others } = layer;
  if (others && others.row === place.row && others.column === place.column) return others.sum;
  let known = layer.biases[place.output];
  layer.channels.forEach((_, channel) => {
    known += sumOf(layer, place, channel, learned(layer, place.output, channel));
  });
  return computedAt(layer, place) - known;
}

function pooledAt(layer, place) {
  const values = [];
  let sum = 0;
  eachCell(layer, 0, place, (value, _, outside) => {
    sum += value;
    if (outside >= 0) values.push(value);
  });
  return layer.mode === "max" ? Math.max(...values) : sum / divisorOf(layer, place);
}

// All values of the output's picture: PyTorch's, changed by what a person has edited.
function outputValues(layer) {
  const values = Float64Array.from(layer.output);
  if (!isEdited(layer)) return values;
  for (let index = 0; index < values.length; index++) {
    const place = placeOf(layer, index);
    if (!place) continue;
    if (layer.alone !== null) {
      values[index] = sumOf(layer, place, layer.alone, kernelOf(layer, place.output, layer.alone));
      continue;
    }
    for (const [channel, kernel] of layer.edited) {
      const before = sumOf(layer, place, channel, learned(layer, place.output, channel));
      values[index] += sumOf(layer, place, channel, kernel) - before;
    }
  }
  return values;
}

// The place of a value of the picture; null where its weights are not here.
function placeOf(layer, index) {
  if (!layer.vector) return { output: 0, row: Math.floor(index / layer.across), column: index % layer.across };
  const output = layer.outputs.indexOf(index);
  return output < 0 ? null : { output, row: 0, column: 0 };
}

function indexOf(layer, { output, row, column }) {
  return layer.vector ? layer.outputs[output] : row * layer.across + column;
}

// The cells of the window on the plane of the input, those in its padding as well: [{row, column, outside}].
function cellsOf(layer, { row, column }) {
  const [rows, columns] = [unfolded(layer.rows[row]), unfolded(layer.columns[column])];
  const cells = [];
  layer.rows[row].forEach((inRow, i) => {
    layer.columns[column].forEach((inColumn, j) => {
      const outside = Math.min(inRow, inColumn);
      if (outside >= PADDING) cells.push({ row: rows[i], column: columns[j], outside: outside < 0 });
    });
  });
  return cells;
}

// Where the padding's parts of a window lie: as far apart as those inside of the input.
function unfolded(places) {
  const first = places.findIndex((place) => place >= 0);
  if (first < 0) return places;
  const next = places.findIndex((place, index) => index > first && place >= 0);
  const step = next < 0 ? 1 : (places[next] - places[first]) / (next - first);
  return places.map((place, index) => (place >= 0 ? place : places[first] + (index - first) * step));
}

// By how many cells windows reach over the input's edges, at least as far as people can see.
function marginOf(layer) {
  const over = (lists, size) => {
    const reached = lists.flatMap((places) => unfolded(places).filter((_, index) => places[index] >= PADDING));
    const most = (value) => Math.min(Math.max(0, Math.ceil(value)), 16);
    return [most(-Math.min(...reached)), most(Math.max(...reached) - size + 1)];
  };
  const [top, bottom] = over(layer.rows, layer.height);
  const [left, right] = over(layer.columns, layer.width);
  return { top, bottom, left, right };
}
