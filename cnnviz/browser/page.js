// The page that stands alone: a canvas, what each network says about it, and the network as one picture. It stands
// behind the files of script.SHOWING in one file; `WORKER` is the worker's text, `CONTENT` what Python put in.

const LANGUAGES = { en: "English", zh: "中文" };
const dark = matchMedia("(prefers-color-scheme: dark)");

// The worker; where a page around this one, such as a notebook's, refuses scripts of one kind, that of another kind.
async function started() {
  const blob = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  for (const address of [blob, `data:text/javascript;charset=utf-8,${encodeURIComponent(WORKER)}`]) {
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

async function start() {
  const worker = await started();
  const weights = bytesOf(CONTENT.weights);
  const tensors = readSafetensors(weights);
  const canvas = document.querySelector("canvas[data-draw]");
  const examples = Object.entries(CONTENT.examples).map(([digit, strokes]) => {
    const button = make("button", { type: "button" }, digit);
    button.addEventListener("click", () => board.replay(strokes));
    document.querySelector("#examples").append(button);
    return button;
  });
  let picture = null;
  let answer = { image: null };
  const tell = (message, transfer = []) => {
    worker.postMessage(message, transfer);
    if (message.kind !== "accuracy") asking.ask();
  };

  function speak(language) {
    const words = CONTENT.words[language];
    document.documentElement.lang = language;
    for (const place of document.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
    canvas.setAttribute("aria-label", words.canvas);
    for (const button of examples) button.setAttribute("aria-label", fill(words.example, { digit: button.textContent }));
    const other = language === "zh" ? "en" : "zh";
    const change = document.querySelector("#language");
    [change.textContent, change.lang, change.onclick] = [LANGUAGES[other], other, () => speak(other)];
    picture?.changing.back(); // the new one begins with the network as it was trained
    picture = new Picture(document.querySelector("#picture"), {
      plan: CONTENT.plan,
      tensors,
      kinds: CONTENT.kinds[language],
      isDark: dark.matches,
      scale: CONTENT.scales[dark.matches ? "dark" : "light"],
      words,
      classes: CONTENT.classes,
      digits: CONTENT.digits?.count ?? 0,
      tell,
    });
    show(answer, picture);
  }

  worker.postMessage({
    kind: "load",
    plan: CONTENT.plan,
    weights,
    mean: CONTENT.mean,
    deviation: CONTENT.deviation,
    digits: CONTENT.digits && bytesOf(CONTENT.digits.content),
  });
  const board = new Board(canvas, () => asking.ask());
  const asking = new Asking(worker, board, (found) => {
    answer = found;
    show(answer, picture);
  });
  document.querySelector("#clear").addEventListener("click", () => board.clear());
  speak(navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
}

function show({ image, input, scores, outputs }, picture) {
  const empty = image === null;
  document.querySelector("#nothing").hidden = !empty;
  const chances = empty ? null : chancesOf(CONTENT.plan, scores);
  const verdict = document.querySelector("[data-verdict]");
  verdict.textContent = empty ? "" : CONTENT.classes[chances.indexOf(Math.max(...chances))];
  showBars(document.querySelector("#bars"), CONTENT.classes, chances);
  paintImage(document.querySelector("#seen"), image);
  picture.update(empty ? null : input, empty ? null : outputs);
}

start();
