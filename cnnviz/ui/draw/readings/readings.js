/* A card for each network that the browser runs: what it says of the drawing, while the pen moves. */

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".readings");
  root.readings ??= new Readings(root);
  root.readings.show(data);
  return whenGone(root, () => root.readings.close());
}

const READABLE = 400; // milliseconds for which a time stands

class Readings {
  constructor(root) {
    this.root = root;
    this.cards = new Map();
    this.end = follow((answer) => this.paint(answer), "answers");
  }

  show({ networks, others, words }) {
    if (this.words?.maps !== words.maps) this.cards.clear(); // another language
    this.words = words;
    const cards = networks.map((network) => [network.id, this.cards.get(network.id) ?? new Card(network, words)]);
    this.cards = new Map(cards);
    this.root.replaceChildren(...cards.map(([, card]) => card.root));
    tell("networks", [...networks, ...others]);
  }

  paint({ image, answers }) {
    const found = new Map(answers.map((answer) => [answer.id, answer]));
    for (const [id, card] of this.cards) card.paint(image === null ? null : (found.get(id) ?? null));
  }

  close() {
    this.end();
    tell("networks", []);
  }
}

class Card {
  constructor({ id, title, classes }, words) {
    Object.assign(this, { id, classes, words, timed: -Infinity });
    this.root = make("div", { class: "reading" });
    this.label = make("div", { class: "cnnviz-verdict", "data-verdict": id });
    this.maps = make("canvas", { class: "maps", role: "img", "aria-label": words.maps, title: words.maps });
    this.maps.hidden = true;
    this.second = make("div");
    this.time = make("div");
    const notes = make("div", { class: "cnnviz-runner-up" });
    notes.append(this.second, this.time);
    this.root.append(make("div", { class: "name" }, title), this.label, this.table(), notes, this.maps);
  }

  table() {
    const bars = make("div", { class: "cnnviz-bars" });
    this.rows = this.classes.map((name) => {
      const [label, track, bar, part] = [
        make("span", {}, name),
        make("span", { class: "cnnviz-track" }),
        make("span", { class: "cnnviz-bar", style: "--cnnviz-part:0%" }),
        make("span"),
      ];
      track.append(bar);
      bars.append(label, track, part);
      return { label, bar, part };
    });
    return bars;
  }

  paint(answer) {
    const chances = answer?.scores.every(Number.isFinite) ? softmax(answer.scores) : null; // one that diverged says none
    const [best, second] = chances === null ? [-1, -1] : twoBest(chances);
    write(this.label, this.classes[best] ?? "");
    this.label.classList.toggle("cnnviz-verdict-long", (this.classes[best] ?? "").length > 2);
    this.label.classList.toggle(`st-key-verdict-${this.id}`, best >= 0);
    this.rows.forEach(({ label, bar, part }, at) => {
      const chance = chances?.[at] ?? 0;
      bar.style.setProperty("--cnnviz-part", `${(100 * chance).toFixed(2)}%`);
      write(part, chances === null ? "" : `${(100 * chance).toFixed(1)}%`);
      for (const element of [label, part]) element.classList.toggle("cnnviz-best", at === best);
      bar.classList.toggle("cnnviz-bar-best", at === best);
    });
    this.note(chances, second, answer);
    this.maps.hidden = !answer?.maps;
    if (answer?.maps) {
      const { pixels, width, height } = answer.maps;
      if (this.maps.width !== width || this.maps.height !== height) {
        [this.maps.width, this.maps.height] = [width, height];
      }
      this.maps.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
    }
  }

  note(chances, second, answer) {
    const { words, classes } = this;
    const part = chances === null ? "" : `${(100 * chances[second]).toFixed(1)}%`;
    write(this.second, chances === null ? "" : fill(words.second, { label: classes[second], part }));
    const now = performance.now();
    if (chances !== null && now - this.timed < READABLE) return;
    this.timed = chances === null ? -Infinity : now; // after an empty card the next time is written at once
    write(this.time, chances === null ? "" : fill(words.time, { milliseconds: answer.took.toFixed(1) }));
  }
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

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
