// One map, unit or class in the picture: what a mouse, a finger or a key points at.

function isClass({ plan, classes }, index) {
  return index === plan.output && classes.length === shapeOf(plan, index)[0];
}

// What a map, a unit or a class is called.
export function labelOf(picture, index, channel) {
  const { plan, words, classes } = picture;
  const template = shapeOf(plan, index).length === 3 ? words.map : isClass(picture, index) ? words.score : words.unit;
  return fill(template, { name: plan.ops[index]?.name ?? words.input, channel, title: classes[channel] });
}

// A button with a place for the map's canvas (Pane paints it there); of a class with its name and a bar; of the image with a frame for receptive fields.
export function makeCell(picture, index, channel, place, known) {
  const { plan } = picture;
  const shape = shapeOf(plan, index);
  const isScore = isClass(picture, index);
  const label = labelOf(picture, index, channel);
  const look = isScore ? "map score" : index < 0 ? "map image" : shape.length === 3 ? "map" : "map unit";
  const button = make("button", { class: look, type: "button", "aria-label": label, title: label });
  button.tabIndex = place === 0 ? 0 : -1; // one stop for each operation; the arrows go on from there
  const cell = { button, channel };
  if (isScore) Object.assign(cell, scoreParts(button, picture.classes[channel]));
  else {
    button.append((cell.face = make("span", { class: "face" })));
    Object.assign(cell, { canvas: make("canvas"), isRound: shape.length !== 3 });
  }
  if (index < 0) button.append((cell.frame = make("span", { class: "field", hidden: "" })));
  if (shape.length === 3 && !isScore) {
    const [, height, width] = shape;
    cell.face.style.aspectRatio = `${width} / ${height}`;
  }
  listen(picture, index, channel, cell, known, place);
  return cell;
}

function scoreParts(button, title) {
  const track = make("span", { class: "track" });
  const [bar, share] = [make("span"), make("span", { class: "share" })];
  track.append(bar);
  button.append(make("span", { class: "class" }, title), track, share);
  return { bar, share };
}

export function paintScore({ button, bar, share, channel }, chances) {
  const chance = chances?.[channel] ?? 0;
  bar.style.width = `${(100 * chance).toFixed(2)}%`;
  share.textContent = chances === null ? "" : `${(100 * chance).toFixed(1)}%`;
  button.classList.toggle("best", chances !== null && chance === Math.max(...chances));
}

function listen(picture, index, channel, { button, face }, known, place) {
  const shape = shapeOf(picture.plan, index);
  const under = (event) => (shape.length === 3 ? pixelUnder(face, shape, event) : null);
  button.addEventListener("pointermove", (event) => picture.point(index, channel, under(event)));
  button.addEventListener("focus", () => picture.point(index, channel));
  button.addEventListener("pointerleave", () => picture.point(null));
  button.addEventListener("blur", () => picture.point(null));
  button.addEventListener("click", (event) => {
    const at = event.detail === 0 ? null : under(event); // a key points at no pixel
    picture.unfolding.open(index, channel, at);
  });
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const next = step === undefined ? undefined : known.cells[place + step];
    if (next === undefined) return;
    event.preventDefault();
    next.button.focus();
  });
}

// [row, column] of the value under a pointer, in an element that shows a map of this shape.
export function pixelUnder(element, [, rows, columns], event) {
  const box = element.getBoundingClientRect();
  const along = (at, start, size, count) => Math.min(count - 1, Math.max(0, Math.floor(((at - start) / size) * count)));
  return [along(event.clientY, box.top, box.height, rows), along(event.clientX, box.left, box.width, columns)];
}

// What is said of a map or a unit: kernel, range and mean; of a unit its value and its strongest inputs.
export function described(picture, index, channel) {
  const { plan, words } = picture;
  const op = plan.ops[index];
  const shape = shapeOf(plan, index);
  const isMap = shape.length === 3;
  const name = labelOf(picture, index, channel);
  const kernel = op?.kernelSize ? `, ${fill(words.kernel, { kernel: op.kernelSize.join(" x ") })}` : "";
  const off = picture.isOff(index, channel) ? ` (${words.isOff})` : "";
  const data = picture.channel(index, channel);
  if (data === null) return `${name}${kernel}${off}`;
  if (!isMap && data.length === 1) return `${name}${off}: ${fill(words.value, { value: written(data[0]) })}${inputsOf(picture, index, channel)}`;
  const [low, high] = ends(data);
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return `${name}${kernel}${off}: ${fill(words.range, { low: written(low), high: written(high), mean: written(mean) })}`;
}

const NAMED = 3;

function inputsOf(picture, index, channel) {
  const { words } = picture;
  const made = picture.madeOf(index, channel).filter(({ weight }) => weight !== null);
  if (made.length < 2) return "";
  const strongest = [...made].sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight)).slice(0, NAMED);
  const named = strongest.map(({ from, channel: number, weight }) => {
    return `${labelOf(picture, from, number)} (${weight < 0 ? "" : "+"}${written(weight)})`;
  });
  return `. ${fill(words.inputs, { inputs: named.join("; ") })}`;
}

// The picture in words, for whoever does not see it: each operation, what it reads, what it holds.
export class AsText {
  constructor(picture) {
    this.picture = picture;
    this.list = make("ol");
    this.element = make("details", { class: "as-text" });
    this.element.append(make("summary", {}, picture.words.asText), this.list);
    this.element.addEventListener("toggle", () => this.update());
  }

  update() {
    if (!this.element.open) return;
    const { plan, layout, words } = this.picture;
    const items = [...layout.places.keys()].map((index) => {
      const op = plan.ops[index];
      const shape = shapeOf(plan, index).join(" x ");
      const name = op === undefined ? words.input : `${op.name} (${op.type})`;
      const reads = op === undefined ? "" : `, ${fill(words.reads, { names: layout.links[index].map((from) => plan.ops[from]?.name ?? words.input).join(", ") })}`;
      return make("li", {}, `${name}, ${shape}${reads}${this.holds(index)}`);
    });
    this.list.replaceChildren(...items);
  }

  holds(index) {
    const data = this.picture.of(index);
    if (data === null) return "";
    const [low, high] = ends(data);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    return `: ${fill(this.picture.words.range, { low: written(low), high: written(high), mean: written(mean) })}`;
  }
}
