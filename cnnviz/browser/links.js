// The lines between the maps: all of them, faint, in the colour of the operation that they lead to; those of the map that
// one points at strong, in the colours of the signs of their weights, as wide as these are large, with the kernels on them.

const MOST_LINES = 300; // between two ops; of more only the boxes are joined
const KERNEL = 20; // pixels of a kernel on a line

export class Links {
  constructor(picture) {
    this.picture = picture;
    this.rest = make("canvas", { class: "lines", "aria-hidden": "true" });
    this.lit = make("canvas", { class: "lines", "aria-hidden": "true" });
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
    const scale = Math.min(devicePixelRatio || 1, 2);
    for (const canvas of [this.rest, this.lit]) {
      [canvas.width, canvas.height] = [flow.offsetWidth * scale, flow.offsetHeight * scale];
      [canvas.style.width, canvas.style.height] = [`${flow.offsetWidth}px`, `${flow.offsetHeight}px`];
      canvas.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
    }
    this.draw();
  }

  draw() {
    const { plan, layout } = this.picture;
    const context = this.rest.getContext("2d");
    context.clearRect(0, 0, this.rest.width, this.rest.height);
    for (const to of layout.places.keys()) {
      if (to < 0) continue;
      context.strokeStyle = this.picture.colourOf(plan.ops[to].kind);
      for (const from of new Set(layout.links[to])) {
        if (this.isShortcut(from, to)) this.arc(context, from, to, true);
        else this.bundle(context, from, to);
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

  bundle(context, from, to) {
    const [a, b] = [this.spots.get(from), this.spots.get(to)];
    const pairs = [];
    for (const [channel, spot] of b.maps) {
      for (const { from: source, channel: number } of this.picture.madeOf(to, channel)) {
        const start = source === from ? a.maps.get(number) : undefined;
        if (start !== undefined) pairs.push([start, spot]);
      }
    }
    context.globalAlpha = pairs.length > 30 ? 0.16 : 0.4;
    context.lineWidth = 1;
    if (pairs.length === 0 || pairs.length > MOST_LINES) {
      [context.globalAlpha, context.lineWidth] = [0.4, 3];
      pairs.splice(0, pairs.length, [middleOf(a), middleOf(b)]);
    }
    for (const [start, end] of pairs) line(context, start, end);
    context.globalAlpha = 1;
  }

  // A shortcut passes above what it leaves out.
  arc(context, from, to, isLabelled) {
    const [a, b] = [this.spots.get(from).box, this.spots.get(to).box];
    const { places } = this.picture.layout;
    const [first, last] = [places.get(from).column, places.get(to).column];
    let top = Infinity;
    for (const [index, { column }] of places) {
      if (column >= first && column <= last) top = Math.min(top, this.spots.get(index).box.top);
    }
    const [x0, x1] = [a.left + a.width * 0.6, b.left + b.width * 0.4];
    const peak = top - 30;
    context.lineWidth = 2.5;
    context.beginPath();
    context.moveTo(x0, a.top);
    context.bezierCurveTo(x0, peak, x0 + 20, peak, (x0 + x1) / 2, peak);
    context.bezierCurveTo(x1 - 20, peak, x1, peak, x1, b.top);
    context.stroke();
    context.beginPath();
    context.moveTo(x1 - 5, b.top - 9);
    context.lineTo(x1, b.top - 1);
    context.lineTo(x1 + 5, b.top - 9);
    context.stroke();
    if (!isLabelled) return;
    const style = getComputedStyle(this.picture.flow);
    context.font = `12px ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.textAlign = "center";
    context.fillText(this.picture.words.shortcut, (x0 + x1) / 2, peak - 6);
  }

  // The lines of the map or unit `channel` of op `index`; null: none.
  light(index, channel) {
    const context = this.lit.getContext("2d");
    context.clearRect(0, 0, this.lit.width, this.lit.height);
    if (index === null || index < 0 || this.spots === undefined) return;
    const end = this.spots.get(index).maps.get(channel);
    const made = this.picture.madeOf(index, channel);
    const most = Math.max(...made.map(({ weight }) => Math.abs(weight ?? 0))) || 1;
    const kernels = [];
    for (const each of made) {
      const source = this.spots.get(each.from);
      const start = source.maps.get(each.channel);
      this.dress(context, each, most, index);
      if (this.isShortcut(each.from, index)) this.arc(context, each.from, index, false);
      else if (start !== undefined && end !== undefined) {
        line(context, start, end);
        if (each.kernel !== null) kernels.push([each, start, end]);
      }
    }
    context.globalAlpha = 1;
    const strongest = Math.max(0, ...kernels.map(([{ kernel }]) => largest(kernel)));
    const size = this.picture.plan.ops[index].kernelSize;
    for (const [{ kernel }, start, end] of kernels) this.kernel(context, kernel, size, start, end, strongest);
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

function line(context, start, end) {
  const [x0, y0] = [start.left + start.width + 1, start.top + start.height / 2];
  const [x1, y1] = [end.left - 1, end.top + end.height / 2];
  const bend = (x1 - x0) / 2;
  context.beginPath();
  context.moveTo(x0, y0);
  context.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
  context.stroke();
}
