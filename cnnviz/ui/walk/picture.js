// Drawing the input and the output. Sizes are in CSS pixels; canvases hold as many device pixels as the
// screen has, so that lines and numbers stay sharp.

const NUMBERS_FROM = 15; // side of a cell, in pixels, from which on a number in it can be read
const LINES_FROM = 9;

// The theme's colours, as Streamlit tells them to its components.
function themeOf(element, palette) {
  const style = getComputedStyle(element);
  const probe = document.createElement("canvas").getContext("2d");
  const colour = (name, fallback) => {
    probe.fillStyle = fallback;
    probe.fillStyle = style.getPropertyValue(name).trim() || fallback;
    return probe.fillStyle;
  };
  const page = colour("--st-background-color", "#ffffff");
  return {
    page,
    text: colour("--st-text-color", "#1d2230"),
    accent: colour("--st-primary-color", "#4a3aa7"),
    font: style.fontFamily,
    diverging: luminance(channelsOf(page)) < 0.2 ? palette.dark : palette.light,
  };
}

function channelsOf(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

function luminance(channels) {
  const linear = channels.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function inkOn(channels) {
  return luminance(channels) > 0.179 ? "#000000" : "#ffffff";
}

// Between two colours of `scale` (#rrggbb), at `part` from 0 to 1.
function along(scale, part) {
  const place = Math.min(Math.max(part, 0), 1) * (scale.length - 1);
  const low = Math.min(Math.floor(place), scale.length - 2);
  const [a, b] = [channelsOf(scale[low]), channelsOf(scale[low + 1])];
  return a.map((value, index) => Math.round(value + (b[index] - value) * (place - low)));
}

function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  const context = canvas.getContext("2d");
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  return context;
}

// A canvas and the unchanging picture behind what moves on it.
function makeSheet(canvas, width, height) {
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const behind = document.createElement("canvas");
  const sheet = { canvas, width, height, behind, base: sharp(behind, width, height) };
  sheet.front = sharp(canvas, width, height);
  sheet.restore = () => {
    sheet.front.clearRect(0, 0, width, height);
    sheet.front.drawImage(behind, 0, 0, width, height);
  };
  return sheet;
}

function number(context, text, x, y, cell, colour, font, weight = 500) {
  const size = Math.min(cell * (cell < 24 ? 0.62 : 0.52), (cell * 1.6) / Math.max(text.length, 1.6), 24);
  context.font = `${weight} ${size}px ${font}`;
  context.fillStyle = colour;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, x + cell / 2, y + cell / 2 + size * 0.06);
}

function gridLines(context, x, y, columns, rows, cell, colour, dashed) {
  if (cell < LINES_FROM) return;
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.setLineDash(dashed ? [2, 2] : []);
  context.beginPath();
  for (let row = 0; row <= rows; row++) {
    context.moveTo(x, y + row * cell);
    context.lineTo(x + columns * cell, y + row * cell);
  }
  for (let column = 0; column <= columns; column++) {
    context.moveTo(x + column * cell, y);
    context.lineTo(x + column * cell, y + rows * cell);
  }
  context.stroke();
  context.restore();
}

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

// Cells drawn one pixel each and then enlarged: quick for any number of them.
function enlarged(context, x, y, columns, rows, cell, colourAt) {
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const image = new ImageData(columns, rows);
  for (let index = 0; index < columns * rows; index++) {
    image.data.set([...colourAt(index), 255], index * 4);
  }
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, x, y, columns * cell, rows * cell);
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
  frame(front, x, y, span * cell, span * cell, theme, cell < 12 ? 2 : 3, 2);
  for (const [cellX, cellY] of layer.dilation > 1 && cell >= LINES_FROM ? read : []) {
    frame(front, cellX + 1, cellY + 1, cell - 2, cell - 2, theme, 2, 0);
  }
}

// A frame that shows on black, on white and on any colour: the accent colour with a seam of the page's.
function frame(context, x, y, width, height, theme, line, seam) {
  if (seam) {
    context.strokeStyle = theme.page;
    context.lineWidth = line + 2 * seam;
    context.strokeRect(x, y, width, height);
  }
  context.strokeStyle = theme.accent;
  context.lineWidth = line;
  context.strokeRect(x, y, width, height);
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
