// The page that stands alone: a canvas, what each network says about it, and the network as one picture. It stands
// behind engine.js, dom.js, board.js and picture.js in one file; `WORKER` is the worker's text, `CONTENT` what Python put in.

const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
const words = CONTENT.words[language];
const dark = matchMedia("(prefers-color-scheme: dark)");

function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}

function start() {
  document.documentElement.lang = language;
  for (const place of document.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
  const canvas = document.querySelector("canvas[data-draw]");
  canvas.setAttribute("aria-label", words.canvas);
  const worker = new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })));
  const weights = bytesOf(CONTENT.weights);
  const tensors = readSafetensors(weights);
  const picture = new Picture(document.querySelector("#picture"), {
    plan: CONTENT.plan,
    tensors,
    kinds: Object.fromEntries(
      Object.entries(CONTENT.kinds).map(([name, kind]) => [
        name,
        { letter: kind.letter, title: kind.title[language], colour: dark.matches ? kind.dark : kind.light },
      ]),
    ),
    scale: CONTENT.scales[dark.matches ? "dark" : "light"],
    words,
    onSwitch: (off) => {
      worker.postMessage({ kind: "off", off });
      document.querySelector("#reset").hidden = !Object.values(off).some((channels) => channels.length);
      asking.ask();
    },
  });
  document.querySelector("#reset").addEventListener("click", () => picture.reset());
  worker.postMessage({
    kind: "load",
    plan: CONTENT.plan,
    weights,
    mean: CONTENT.mean,
    deviation: CONTENT.deviation,
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
  const verdict = document.querySelector("[data-verdict]");
  const chances = empty ? [] : softmax(scores);
  const best = chances.indexOf(Math.max(...chances));
  verdict.textContent = empty ? "" : CONTENT.classes[best];
  const bars = document.querySelector("#bars");
  bars.replaceChildren(
    ...CONTENT.classes.map((name, index) => {
      const row = make("div", { class: index === best ? "best" : "" });
      const track = make("span", { class: "track" });
      const chance = chances[index] ?? 0;
      track.append(make("span", { style: `width:${(100 * chance).toFixed(2)}%` }));
      row.append(make("span", {}, name), track, make("span", {}, empty ? "" : `${(100 * chance).toFixed(1)}%`));
      return row;
    }),
  );
  seen(document.querySelector("#seen"), image);
  picture.update(empty ? null : input, empty ? null : outputs);
}

// What the network gets: 28 x 28 pixels.
function seen(canvas, image) {
  [canvas.width, canvas.height] = [28, 28];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(28, 28);
  for (let at = 0; at < 784; at++) pixels.data.set([...Array(3).fill(image?.[at] ?? 0), 255], at * 4);
  context.putImageData(pixels, 0, 0);
}

// Probabilities of scores; of their logarithms they are the same.
function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

start();
