// The page that stands alone: a canvas, what each network says about it, and the network as one picture. It stands
// behind the files of script.SHOWING in one file; `WORKER` is the worker's text, `CONTENT` what Python put in.

const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const words = CONTENT.words[language];
const dark = matchMedia("(prefers-color-scheme: dark)");

function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

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
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
  const canvas = document.querySelector("canvas[data-draw]");
  canvas.setAttribute("aria-label", words.canvas);
  const worker = await started();
  const weights = bytesOf(CONTENT.weights);
  const tensors = readSafetensors(weights);
  const picture = new Picture(document.querySelector("#picture"), {
    plan: CONTENT.plan,
    tensors,
    kinds: CONTENT.kinds[language],
    isDark: dark.matches,
    scale: CONTENT.scales[dark.matches ? "dark" : "light"],
    words,
    classes: CONTENT.classes,
    digits: CONTENT.digits?.count ?? 0,
    tell: (message, transfer = []) => {
      worker.postMessage(message, transfer);
      if (message.kind !== "accuracy") asking.ask();
    },
  });
  worker.postMessage({
    kind: "load",
    plan: CONTENT.plan,
    weights,
    mean: CONTENT.mean,
    deviation: CONTENT.deviation,
    digits: CONTENT.digits && bytesOf(CONTENT.digits.content),
  });
  const board = new Board(canvas, () => asking.ask());
  const asking = new Asking(worker, board, (answer) => show(answer, picture));
  document.querySelector("#clear").addEventListener("click", () => board.clear());
  for (const [digit, strokes] of Object.entries(CONTENT.examples)) {
    const button = make("button", { type: "button", "aria-label": fill(words.example, { digit }) }, digit);
    button.addEventListener("click", () => board.replay(strokes));
    document.querySelector("#examples").append(button);
  }
  show({ image: null }, picture);
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
