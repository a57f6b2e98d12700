// What one output value is computed from. Nothing here touches the page.
//
// A layer is what cnnviz.ui.convolution_walk sends: `mode` ("sum", "max" or "mean"), `height` and `width`
// of the input, `kernel`, `stride`, `dilation`, cells of padding `top`, `left`, `bottom`, `right`, `rows`
// and `columns` of the output, `planes` (for each channel a string of digits, row by row), and for "sum"
// `kernels` (for each channel its weights, row by row) and `bias`.

// Calls visit(row, column, index, place) for every cell of the window behind an output value; `place` is
// "inside" the input, in its "padding", or "beyond" both, where only ceil_mode reaches.
function eachCell(layer, outputRow, outputColumn, visit) {
  const { kernel, stride, dilation, height, width, top, left, bottom, right } = layer;
  for (let i = 0, index = 0; i < kernel; i++) {
    const row = outputRow * stride - top + i * dilation;
    for (let j = 0; j < kernel; j++, index++) {
      const column = outputColumn * stride - left + j * dilation;
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      const beyond = row >= height + bottom || column >= width + right;
      visit(row, column, index, inside ? "inside" : beyond ? "beyond" : "padding");
    }
  }
}

function pixelAt(layer, channel, row, column) {
  return layer.planes[channel].charCodeAt(row * layer.width + column) - 48;
}

// The window's cells in one channel: for each its place, value (0 in the padding), weight and product.
function windowCells(layer, channel, outputRow, outputColumn) {
  const cells = [];
  eachCell(layer, outputRow, outputColumn, (row, column, index, place) => {
    const value = place === "inside" ? pixelAt(layer, channel, row, column) : 0;
    const weight = layer.mode === "sum" ? layer.kernels[channel][index] : 1;
    cells.push({ row, column, place, value, weight, product: value * weight });
  });
  return cells;
}

// The sum of a channel's products, without the bias.
function partialSum(layer, channel, outputRow, outputColumn) {
  const weights = layer.kernels[channel];
  let sum = 0;
  eachCell(layer, outputRow, outputColumn, (row, column, index, place) => {
    if (place === "inside") sum += pixelAt(layer, channel, row, column) * weights[index];
  });
  return sum;
}

// By what average pooling divides: cells beyond the padding do not count, the padding's zeros do.
function countedCells(layer, outputRow, outputColumn) {
  let count = 0;
  eachCell(layer, outputRow, outputColumn, (row, column, index, place) => {
    if (place !== "beyond") count += 1;
  });
  return count;
}

function outputValue(layer, outputRow, outputColumn) {
  if (layer.mode === "sum") {
    let sum = layer.bias;
    layer.planes.forEach((_, channel) => {
      sum += partialSum(layer, channel, outputRow, outputColumn);
    });
    return sum;
  }
  let sum = 0;
  let largest = -Infinity;
  eachCell(layer, outputRow, outputColumn, (row, column, index, place) => {
    if (place !== "inside") return; // the padding never wins, and adds nothing
    const value = pixelAt(layer, 0, row, column);
    sum += value;
    largest = Math.max(largest, value);
  });
  return layer.mode === "max" ? largest : sum / countedCells(layer, outputRow, outputColumn);
}

function outputValues(layer) {
  const values = new Float64Array(layer.rows * layer.columns);
  for (let row = 0; row < layer.rows; row++) {
    for (let column = 0; column < layer.columns; column++) {
      values[row * layer.columns + column] = outputValue(layer, row, column);
    }
  }
  return values;
}

// A number as people write it, with at most two decimals.
function written(number) {
  const rounded = Number(number.toFixed(2));
  return rounded < 0 ? `−${-rounded}` : String(Math.abs(rounded));
}

// A weight: 1/9 is easier to read than 0.11.
function writtenWeight(number) {
  const part = 1 / number;
  const fraction = Math.abs(part) > 1.5 && Math.abs(part) < 99.5 && Math.abs(part - Math.round(part)) < 1e-6;
  return fraction ? `${number < 0 ? "−" : ""}1/${Math.abs(Math.round(part))}` : written(number);
}

// Indices of the output values whose window reads an input pixel.
function readersOf(layer, row, column) {
  const along = (place, before, count) => {
    const found = [];
    for (let start = 0; start < count; start++) {
      const distance = place + before - start * layer.stride;
      const cell = distance / layer.dilation;
      if (Number.isInteger(cell) && cell >= 0 && cell < layer.kernel) found.push(start);
    }
    return found;
  };
  const columns = along(column, layer.left, layer.columns);
  return along(row, layer.top, layer.rows).flatMap((r) => columns.map((c) => r * layer.columns + c));
}
