// What the components draw with: the theme's colours, sharp canvases, cells, numbers and frames. Sizes are in CSS
// pixels; canvases hold as many device pixels as the screen has, so that lines and numbers stay sharp.

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

// A frame that shows on black, on white and on any colour: the accent colour, with a seam of the page's. The
// line lies inside of what it frames, so that it is whole at the edge of a canvas.
function frame(context, x, y, width, height, theme, line, seam) {
  const stroke = (colour, thick) => {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.strokeRect(x + line / 2, y + line / 2, width - line, height - line);
  };
  if (seam) stroke(theme.page, line + 2 * seam);
  stroke(theme.accent, line);
}

// Of a frame's line and of its seam, around cells of a size.
function thickness(cell) {
  return cell < 26 ? [2, 1] : [3, 2];
}

// An element with what is in it: texts and other elements.
function element(tag, name = "", ...children) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children.filter((child) => child !== ""));
  return made;
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (found, name) => (name in values ? values[name] : found));
}
