// The lines between the maps: all of them, faint, in the colour of the operation that they lead to; those of the map that
// one points at strong, in the colours of the signs of their weights, as wide as these are large, with the kernels on them.

const MOST_LINES = 300; // between two ops; of more only the boxes are joined
const KERNEL = 20; // pixels of a kernel on a line

export class Links {
  constructor(picture) {
    this.picture = picture;
    this.rest = drawing("svg", { class: "lines", "aria-hidden": "true" });
    this.lit = make("canvas", { class: "lines lit", "aria-hidden": "true" });
  }

  // Where everything stands; again after the layout has changed.
  measure() {
    const { flow, boxes } = this.picture;
    const origin = flow.getBoundingClientRect();
    const placed = (element) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return { left: left - origin.left, top: top - origin.top, width, height };
    };
    this.spots = new Map();
    for (const [index, { box, cells, more }] of boxes) {
      const maps = new Map(cells.map(({ button, channel }) => [channel, placed(button)]));
      this.spots.set(index, { box: placed(box), maps, more: more === null ? null : placed(more) });
    }
    for (const { pane } of boxes.values()) pane.measure(placed);
    this.rest.setAttribute("width", origin.width);
    this.rest.setAttribute("height", origin.height);
    this.draw();
  }

  draw() {
    const { plan, layout } = this.picture;
    this.rest.replaceChildren();
    for (const to of layout.places.keys()) {
      if (to < 0) continue;
      const colour = this.picture.colourOf(plan.ops[to].kind);
      for (const from of new Set(layout.links[to])) {
        if (this.isShortcut(from, to)) this.shortcut(from, to, colour);
        else this.bundle(from, to, colour);
      }
    }
  }

  // Whether something of the same lane stands between the two.
  isShortcut(from, to) {
    const { places } = this.picture.layout;
    const [a, b] = [places.get(from), places.get(to)];
    return [...places.values()].some(
      ({ column, lane, wide }) => column > a.column && column < b.column && (wide || (lane === a.lane && lane === b.lane)),
    );
  }

  bundle(from, to, stroke) {
    const [a, b] = [this.spots.get(from), this.spots.get(to)];
    const pairs = [];
    for (const [channel, spot] of b.maps) {
      for (const { from: source, channel: number } of this.picture.madeOf(to, channel)) {
        const start = source === from ? a.maps.get(number) : undefined;
        if (start !== undefined) pairs.push([start, spot]);
      }
    }
    const isWhole = pairs.length === 0 || pairs.length > MOST_LINES;
    const look = isWhole ? { opacity: 0.4, "stroke-width": 3 } : { opacity: pairs.length > 30 ? 0.16 : 0.4 };
    const shown = isWhole ? [[middleOf(a), middleOf(b)]] : pairs;
    // One path for each line: where they cross they are darker.
    for (const [start, end] of shown) this.rest.append(drawing("path", { d: line(start, end), stroke, ...look }));
  }

  shortcut(from, to, stroke) {
    const { path, x, y } = this.arc(from, to);
    const text = drawing("text", { x, y: y - 6 });
    text.textContent = this.picture.words.shortcut;
    this.rest.append(drawing("path", { d: path, stroke, "stroke-width": 2.5 }), text);
  }

  // A shortcut passes above what it leaves out, highest at (x, y).
  arc(from, to) {
    const [a, b] = [this.spots.get(from).box, this.spots.get(to).box];
    const { places } = this.picture.layout;
    const [first, last] = [places.get(from).column, places.get(to).column];
    let top = Infinity;
    for (const [index, { column }] of places) {
      if (column >= first && column <= last) top = Math.min(top, this.spots.get(index).box.top);
    }
    const [x0, x1] = [a.left + a.width * 0.6, b.left + b.width * 0.4];
    const [x, y] = [(x0 + x1) / 2, top - 30];
    const rise = `M${x0} ${a.top}C${x0} ${y} ${x0 + 20} ${y} ${x} ${y}`;
    const fall = `C${x1 - 20} ${y} ${x1} ${y} ${x1} ${b.top}`;
    return { path: `${rise}${fall}M${x1 - 5} ${b.top - 9}L${x1} ${b.top - 1}L${x1 + 5} ${b.top - 9}`, x, y };
  }

  // The lines of the map or unit `channel` of op `index`; null: none.
  light(index, channel) {
    this.lit.hidden = index === null || index < 0 || this.spots === undefined;
    if (this.lit.hidden) return;
    const end = this.spots.get(index).maps.get(channel);
    const made = this.picture.madeOf(index, channel);
    const most = Math.max(...made.map(({ weight }) => Math.abs(weight ?? 0))) || 1;
    const lines = made.map((each) => ({ each, start: this.spots.get(each.from).maps.get(each.channel), isArc: this.isShortcut(each.from, index) }));
    const shown = lines.filter(({ start, isArc }) => isArc || (start !== undefined && end !== undefined));
    const reach = shown.flatMap(({ each, start, isArc }) => (isArc ? [this.spread(each.from, index)] : [start, end]));
    const context = cover(this.lit, reach, 4);
    context.clearRect(-1e4, -1e4, 1e5, 1e5);
    for (const { each, start, isArc } of shown) {
      this.dress(context, each, most, index);
      context.stroke(new Path2D(isArc ? this.arc(each.from, index).path : line(start, end)));
    }
    context.globalAlpha = 1;
    const kernels = shown.filter(({ each, isArc }) => !isArc && each.kernel !== null);
    const strongest = Math.max(0, ...kernels.map(({ each }) => largest(each.kernel)));
    const size = this.picture.plan.ops[index].kernelSize;
    for (const { each, start } of kernels) this.kernel(context, each.kernel, size, start, end, strongest);
  }

  // The part of the picture that an arc takes.
  spread(from, to) {
    const [a, b] = [this.spots.get(from).box, this.spots.get(to).box];
    const { y } = this.arc(from, to);
    return { left: a.left, top: y, width: b.left + b.width - a.left, height: Math.max(a.top, b.top) - y };
  }

  dress(context, { weight }, most, index) {
    const { plan, scale } = this.picture;
    const part = weight === null ? 1 : Math.abs(weight) / most;
    const sign = weight === null ? 0 : Math.sign(weight);
    context.strokeStyle = sign === 0 ? this.picture.colourOf(plan.ops[index].kind) : cssShade(scale, sign * 0.85, 1);
    context.lineWidth = weight === null ? 3 : 0.6 + 4.4 * part;
    context.globalAlpha = weight === null ? 1 : 0.35 + 0.65 * part;
  }

  kernel(context, kernel, [high, wide], start, end, strongest) {
    const room = end.left - start.left - start.width;
    if (room < KERNEL + 8) return;
    const x = start.left + start.width + room * 0.5 - KERNEL / 2;
    const y = (start.top + start.height / 2 + end.top + end.height / 2) / 2 - KERNEL / 2;
    const small = document.createElement("canvas");
    paintMap(small, kernel, wide, high, strongest, this.picture.scale);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, x, y, KERNEL, KERNEL);
    [context.strokeStyle, context.lineWidth] = ["rgba(128,128,128,0.9)", 1];
    context.strokeRect(x, y, KERNEL, KERNEL);
  }
}

function middleOf({ box, maps, more }) {
  const shown = [...maps.values()];
  if (shown.length === 0) return more ?? box;
  const [top, bottom] = [shown[0].top, shown.at(-1).top + shown.at(-1).height];
  return { left: shown[0].left, width: shown[0].width, top, height: bottom - top };
}

// The way of a line, as a path of SVG.
function line(start, end) {
  const [x0, y0] = [start.left + start.width + 1, start.top + start.height / 2];
  const [x1, y1] = [end.left - 1, end.top + end.height / 2];
  const middle = (x0 + x1) / 2;
  return `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
}

function drawing(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
