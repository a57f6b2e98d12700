// Drawing the input and the output.

function hatching(context, x, y, width, height, colour, gap) {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let offset = -height; offset < width; offset += gap) {
    context.moveTo(x + offset, y + height);
    context.lineTo(x + offset + height, y);
  }
  context.stroke();
  context.restore();
}

// The input in one channel, with its padding, what lies beyond, and what no window reads.
function drawInput(sheet, layer, channel, cell, theme) {
  const { base } = sheet;
  const { height, width, top, left, bottom, right, beyond_rows, beyond_columns } = layer;
  const tint = layer.tints[channel];
  const shade = (value) => tint.map((part) => Math.round((part * value) / 9));
  base.clearRect(0, 0, sheet.width, sheet.height);
  base.globalAlpha = 0.25;
  gridLines(base, 0, 0, left + width + right + beyond_columns, top + height + bottom + beyond_rows, cell, theme.text, true);
  base.globalAlpha = 0.08;
  base.fillStyle = theme.text;
  base.fillRect(0, 0, (left + width + right) * cell, (top + height + bottom) * cell);
  base.globalAlpha = 1;
  base.clearRect(left * cell, top * cell, width * cell, height * cell);
  const [x, y] = [left * cell, top * cell];
  enlarged(base, x, y, width, height, cell, (index) => shade(layer.planes[channel].charCodeAt(index) - 48));
  gridLines(base, x, y, width, height, cell, "rgba(128,128,128,0.55)", false);
  base.strokeStyle = theme.text;
  base.lineWidth = 1.5;
  base.strokeRect(x, y, width * cell, height * cell);
  if (cell >= NUMBERS_FROM) {
    for (let row = -top; row < height + bottom; row++) {
      for (let column = -left; column < width + right; column++) {
        const inside = row >= 0 && row < height && column >= 0 && column < width;
        const value = inside ? pixelAt(layer, channel, row, column) : 0;
        const text = inside || layer.mode !== "max" ? String(value) : "·";
        const ink = inside ? inkOn(shade(value)) : theme.text;
        base.globalAlpha = inside ? 1 : 0.55;
        number(base, text, (column + left) * cell, (row + top) * cell, cell, ink, theme.font);
      }
    }
    base.globalAlpha = 1;
  }
  drawUnread(base, layer, cell, theme);
}

// All three channels at once, as the eye sees them.
function drawTogether(sheet, layer, cell) {
  const { height, width, top, left, planes } = layer;
  const colour = (index) => planes.map((plane) => Math.round(((plane.charCodeAt(index) - 48) * 255) / 9));
  enlarged(sheet.base, left * cell, top * cell, width, height, cell, colour);
}

function drawUnread(base, layer, cell, theme) {
  const { height, width, top, left, unread_rows, unread_columns } = layer;
  const stripes = [
    ...unread_rows.map((row) => [left, row + top, width, 1]),
    ...unread_columns.map((column) => [column + left, top, 1, height]),
  ];
  for (const [x, y, columns, rows] of stripes) {
    base.globalAlpha = 0.55;
    base.fillStyle = theme.page;
    base.fillRect(x * cell, y * cell, columns * cell, rows * cell);
    base.globalAlpha = 1;
    hatching(base, x * cell, y * cell, columns * cell, rows * cell, UNREAD, Math.max(4, Math.min(9, cell / 2)));
  }
}

const UNREAD = "#cc6677";

// The window over the input: what it reads keeps its colours, gaps between fade.
function drawPatch(sheet, layer, outputRow, outputColumn, cell, theme) {
  const { front, behind } = sheet;
  const span = layer.dilation * (layer.kernel - 1) + 1;
  const [x, y] = [outputColumn * layer.stride * cell, outputRow * layer.stride * cell];
  const ratio = behind.width / sheet.width;
  sheet.restore();
  if (layer.dilation > 1) {
    front.globalAlpha = 0.72;
    front.fillStyle = theme.page;
    front.fillRect(x, y, span * cell, span * cell);
    front.globalAlpha = 1;
  }
  const read = [];
  eachCell(layer, outputRow, outputColumn, (row, column) => read.push([(column + layer.left) * cell, (row + layer.top) * cell]));
  for (const [cellX, cellY] of layer.dilation > 1 ? read : []) {
    front.clearRect(cellX, cellY, cell, cell);
    front.drawImage(behind, cellX * ratio, cellY * ratio, cell * ratio, cell * ratio, cellX, cellY, cell, cell);
  }
  frame(front, x, y, span * cell, span * cell, theme, ...thickness(cell));
  for (const [cellX, cellY] of layer.dilation > 1 && cell >= LINES_FROM ? read : []) {
    frame(front, cellX, cellY, cell, cell, theme, 2, 0);
  }
}

// What paints output values: on a scale around zero, or as pixels where nothing was weighted.
function outputShade(layer, values, theme) {
  if (layer.mode !== "sum") return (value) => layer.tints[0].map((part) => Math.round((part * value) / 9));
  const limit = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  return (value) => along(theme.diverging, 0.5 + value / limit / 2);
}

function drawOutputFrame(sheet, layer, cell, theme) {
  const { base } = sheet;
  base.clearRect(0, 0, sheet.width, sheet.height);
  base.globalAlpha = 0.35;
  gridLines(base, 0, 0, layer.columns, layer.rows, cell, theme.text, true);
  base.globalAlpha = 1;
  base.strokeStyle = theme.text;
  base.lineWidth = 1.5;
  base.strokeRect(0, 0, layer.columns * cell, layer.rows * cell);
}

// Output cells from index `first` up to and without `last`.
function drawOutputs(context, layer, values, first, last, cell, theme, shade) {
  for (let index = first; index < last; index++) {
    const [x, y] = [(index % layer.columns) * cell, Math.floor(index / layer.columns) * cell];
    const colour = shade(values[index]);
    context.fillStyle = `rgb(${colour.join(",")})`;
    context.fillRect(x, y, cell + (cell < LINES_FROM ? 0.5 : 0), cell + (cell < LINES_FROM ? 0.5 : 0));
    if (cell >= LINES_FROM) {
      context.strokeStyle = "rgba(128,128,128,0.55)";
      context.lineWidth = 1;
      context.strokeRect(x, y, cell, cell);
    }
    if (cell >= NUMBERS_FROM) number(context, written(values[index]), x, y, cell, inkOn(colour), theme.font);
  }
}
