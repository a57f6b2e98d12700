// The page that stands alone: what one draws on or shows, what the network says about it, and the network as one picture. It
// stands behind the files of script.SHOWING in one file; `WORKER` is the worker's text, behind that of the files that both
// need and that stand in a script of their own; `CONTENT` is what Python put in.

const LANGUAGES = { en: "English", zh: "中文" };
const dark = matchMedia("(prefers-color-scheme: dark)");
const find = (selector) => document.querySelector(selector);

// The worker; where a page around this one, such as a notebook's, refuses scripts of one kind, that of another kind.
async function started() {
  const text = find("#shared").textContent + WORKER;
  const blob = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  for (const address of [blob, `data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`]) {
    const worker = await new Promise((resolve) => {
      try {
        const found = new Worker(address);
        found.onmessage = () => resolve(found);
        found.onerror = () => resolve(null);
        found.postMessage({ kind: "hello" });
      } catch {
        resolve(null);
      }
    });
    if (worker !== null) return worker;
  }
  throw new Error("The browser allows this page no worker.");
}

class Page {
  constructor(worker) {
    const bytes = bytesOf(CONTENT.network);
    const { plan, tensors } = readNetwork(bytes);
    Object.assign(this, { worker, plan, tensors, picture: null, answer: { image: null } });
    const digits = CONTENT.digits && bytesOf(CONTENT.digits.content);
    worker.postMessage({ kind: "load", bytes, reads: CONTENT.reads, digits });
    const canvas = find("canvas[data-draw]");
    this.board = canvas === null ? null : new Board(canvas, () => this.ask());
    this.sight = new Sight(plan.input, () => this.look());
    this.asking = new Asking(worker, this.board, (answer) => this.answered(answer));
    this.offer();
    this.speak(navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
    if (CONTENT.scenes.length > 0) this.sight.take(painted(CONTENT.scenes[0].shapes));
  }

  offer() {
    this.examples = Object.entries(CONTENT.examples).map(([name, strokes]) => {
      const button = make("button", { type: "button" }, name);
      button.addEventListener("click", () => this.draw(() => this.board.replay(strokes)));
      find("#examples").append(button);
      return button;
    });
    this.scenes = CONTENT.scenes.map(({ titles, shapes }) => {
      const button = make("button", { type: "button" });
      button.addEventListener("click", () => this.sight.take(painted(shapes)));
      find("#examples").append(button);
      return { button, titles };
    });
    find("#clear")?.addEventListener("click", () => this.draw(() => this.board.clear()));
  }

  ask() {
    this.asking?.ask(this.sight.number);
  }

  // There is another picture.
  look() {
    this.asking.picture = this.sight.isEmpty ? null : () => this.sight.picture();
    this.sight.canvas.hidden = this.sight.isEmpty;
    if (this.board !== null) this.board.canvas.hidden = !this.sight.isEmpty;
    this.ask();
  }

  // One draws again.
  draw(change) {
    if (!this.sight.isEmpty) {
      this.sight.forget();
      this.look();
    }
    change();
  }

  speak(language) {
    const words = CONTENT.words[language];
    Object.assign(this, { words, classes: CONTENT.classes[language] });
    document.documentElement.lang = language;
    for (const place of document.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
    this.board?.canvas.setAttribute("aria-label", words.canvas);
    for (const button of this.examples) button.setAttribute("aria-label", fill(words.example, { digit: button.textContent }));
    for (const { button, titles } of this.scenes) {
      button.textContent = titles[language];
      button.setAttribute("aria-label", fill(words.scene, { title: titles[language] }));
    }
    this.sight.speak(words);
    const other = language === "zh" ? "en" : "zh";
    const change = find("#language");
    [change.textContent, change.lang, change.onclick] = [LANGUAGES[other], other, () => this.speak(other)];
    this.picture?.changing.back(); // the new one begins with the network as it was trained
    this.picture = new Picture(find("#picture"), {
      plan: this.plan,
      tensors: this.tensors,
      kinds: CONTENT.kinds[language],
      isDark: dark.matches,
      scale: CONTENT.scales[dark.matches ? "dark" : "light"],
      words,
      classes: this.classes,
      digits: CONTENT.digits?.count ?? 0,
      tell: (message, transfer = []) => {
        this.worker.postMessage(message, transfer);
        if (message.kind !== "accuracy") this.ask();
      },
    });
    this.show(this.answer);
  }

  answered(answer) {
    this.answer = answer;
    this.sight.heard(answer);
    this.show(answer);
    if (this.sight.camera !== null) this.ask();
  }

  show({ image, input, scores, outputs }) {
    const isEmpty = image === null;
    const { words, classes } = this;
    find("#nothing").hidden = !isEmpty;
    const reason = this.sight.isEmpty ? words.nothing : words.notFound;
    if (isEmpty && find("#nothing").textContent !== reason) find("#nothing").textContent = reason;
    const chances = isEmpty ? null : chancesOf(this.plan, scores);
    const label = isEmpty ? "" : classes[chances.indexOf(Math.max(...chances))];
    const verdict = find("[data-verdict]");
    if (verdict.textContent !== label) verdict.textContent = label;
    showBars(find("#bars"), classes, chances);
    paintImage(find("#seen"), image, this.plan.input);
    this.picture.update(isEmpty ? null : input, isEmpty ? null : outputs);
  }
}

started().then((worker) => new Page(worker));
