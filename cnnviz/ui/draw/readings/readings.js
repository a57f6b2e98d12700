/* A card for each network that the browser runs: what it says of the drawing, while the pen moves. */

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".readings");
  root.readings ??= new Readings(root);
  root.readings.show(data);
  return whenGone(root, () => root.readings.close());
}

// Numbers that change with every move of the pen cannot be read: while it moves they stand so long, and they are written
// when it pauses. Both in milliseconds.
const READABLE = 400;
const PAUSE = 150;
const SHORT = 2; // letters of a label that has room at full size

class Readings {
  constructor(root) {
    this.root = root;
    this.cards = new Map();
    this.glass = new Glass();
    this.written = -Infinity;
    this.sized = new ResizeObserver(() => this.glass.measure());
    this.sized.observe(root);
    this.end = follow((answer) => this.paint(answer), "answers");
  }

  show({ networks, others, words }) {
    if (this.words?.maps !== words.maps) this.cards.clear(); // another language
    this.words = words;
    const cards = networks.map((network) => [network.id, this.cards.get(network.id) ?? new Card(network, words)]);
    this.cards = new Map(cards);
    this.glass.cover(this.cards);
    for (const [, card] of cards) this.sized.observe(card.tracks[0]);
    this.root.replaceChildren(...cards.map(([, card]) => card.root), this.glass.element);
    if (this.answer) this.paint(this.answer);
    this.glass.measure();
    tell("networks", [...networks, ...others]);
  }

  paint(answer) {
    this.answer = answer;
    const isEmpty = answer.image === null;
    const found = new Map(answer.answers.map((one) => [one.id, one]));
    let isMoved = false;
    for (const [id, card] of this.cards) {
      const one = isEmpty ? null : (found.get(id) ?? null);
      isMoved = card.read(one) || isMoved;
      this.glass.paint(id, card.chances, card.best, one?.maps ?? null);
    }
    if (isMoved) this.glass.measure();
    const wait = isEmpty ? 0 : Math.min(PAUSE, this.written + READABLE - performance.now());
    clearTimeout(this.timer);
    if (wait <= 0) this.write();
    else this.timer = setTimeout(() => this.write(), wait);
  }

  write() {
    const isEmpty = this.answer.image === null;
    this.written = isEmpty ? -Infinity : performance.now(); // after an empty canvas the next are written at once
    for (const card of this.cards.values()) card.write();
  }

  close() {
    clearTimeout(this.timer);
    this.sized.disconnect();
    this.end();
    tell("networks", []);
  }
}

class Card {
  constructor({ id, title, classes }, words) {
    Object.assign(this, { id, classes, words, chances: null, best: -1, took: 0 });
    this.shown = new Map(); // what stands where, so that nothing is written again
    const isWide = classes.some((name) => name.length > SHORT);
    this.root = make("div", { class: isWide ? "reading wide" : "reading" });
    this.label = make("div", { class: "cnnviz-verdict", "data-verdict": id });
    this.maps = make("div", { class: "maps", role: "img", "aria-label": words.maps, title: words.maps });
    const notes = make("div", { class: "cnnviz-runner-up" });
    [this.runnerUp, this.time] = [text(notes), text(notes)];
    this.said = this.label.appendChild(new Text());
    this.root.append(make("div", { class: "name" }, title), this.label, this.table(), notes, this.maps);
  }

  table() {
    const bars = make("div", { class: "cnnviz-bars" });
    this.rows = this.classes.map((name) => {
      const [label, track, share] = ["label", "cnnviz-track", "share"].map((role) => make("span", { class: role }));
      label.dataset.bold = name;
      const texts = [text(label, name), text(share)];
      bars.append(label, track, share);
      return { track, texts };
    });
    this.tracks = this.rows.map(({ track }) => track);
    return bars;
  }

  // What the network says, or null; whether the card has another size now.
  read(answer) {
    this.chances = answer?.scores.every(Number.isFinite) ? softmax(answer.scores) : null; // one that diverged says none
    [this.best, this.second] = this.chances === null ? [-1, -1] : twoBest(this.chances);
    this.took = answer?.took;
    this.name();
    const ratio = answer?.maps ? `${answer.maps.width} / ${answer.maps.height}` : this.shown.get(this.maps);
    if (!this.isNews(this.maps, ratio)) return false;
    this.maps.style.aspectRatio = ratio;
    return true;
  }

  name() {
    const { best } = this;
    if (!this.isNews(this.label, best)) return;
    const label = this.classes[best] ?? "";
    this.said.data = label;
    this.label.classList.toggle("cnnviz-verdict-long", label.length > SHORT);
    this.label.classList.toggle(`st-key-verdict-${this.id}`, best >= 0);
    this.rows.forEach(({ texts }, at) => {
      for (const { parentElement } of texts) parentElement.classList.toggle("best", at === best);
    });
  }

  // Everything that is a number.
  write() {
    const { chances, words, classes, second } = this;
    const [parts, runnerUp, time] = chances === null ? [[], "", ""] : [
      chances.map(percent),
      fill(words.second, { label: classes[second], part: percent(chances[second]) }),
      fill(words.time, { milliseconds: this.took.toFixed(1) }),
    ];
    this.rows.forEach((row, at) => this.put(row.texts[1], parts[at] ?? ""));
    this.put(this.runnerUp, runnerUp);
    this.put(this.time, time);
  }

  put(place, words) {
    if (this.isNews(place, words)) place.data = words;
  }

  isNews(element, value) {
    if (this.shown.get(element) === value) return false;
    this.shown.set(element, value);
    return true;
  }
}

// A text that changes often: within a box of fixed size that stands in `parent`, and within a span, whose style may change.
// So a browser lays out this box alone, and no other text of the page.
function text(parent, words = "") {
  const box = make("span", { class: "part" });
  const inner = make("span");
  const found = new Text(words);
  inner.append(found);
  box.append(inner);
  parent.append(box);
  return found;
}

function percent(chance) {
  return `${(100 * chance).toFixed(1)}%`;
}

// The places of the largest and of the second largest value; of equal ones the first.
function twoBest(values) {
  let [best, second] = [-1, -1];
  values.forEach((value, at) => {
    if (best < 0 || value > values[best]) [best, second] = [at, best];
    else if (second < 0 || value > values[second]) second = at;
  });
  return [best, second < 0 ? best : second];
}
