/* The first visit: four steps, one at a time. The browser keeps that they were seen. */

const SEEN = "cnnviz-first-steps";

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".welcome");
  root.follow = (number) => setTriggerValue("followed", number);
  const described = JSON.stringify(data);
  if (root.described === described) return;
  root.described = described;
  draw(root, data, wasSeen() ? null : (root.number ?? 0), false);
}

// ``number`` is the step that is shown, null where none is.
function draw(root, data, number, moves) {
  root.number = number;
  const parts = number === null ? [again(root, data)] : box(root, data, number);
  root.replaceChildren(...parts);
  if (moves) root.querySelector(number === null ? "button" : ".next").focus();
}

function again(root, data) {
  return press("again", data.words.steps, () => draw(root, data, 0, true));
}

function box(root, data, number) {
  const { steps, words } = data;
  const { title, text, address } = steps[number];
  const found = make("section", { class: "box", "aria-label": words.steps });
  const place = make("span", { class: "place" }, `${words.steps} · ${fill(words.place, { number: number + 1, count: steps.length })}`);
  const open = make("a", { href: address }, words.open);
  open.onclick = (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    root.follow(number);
  };
  const buttons = make("div", { class: "buttons" });
  const isLast = number === steps.length - 1;
  const end = () => {
    remember();
    draw(root, data, null, true);
  };
  if (number > 0) buttons.append(press("back", words.back, () => draw(root, data, number - 1, true)));
  buttons.append(press("next", isLast ? words.done : words.next, () => (isLast ? end() : draw(root, data, number + 1, true))));
  if (!isLast) buttons.append(press("skip", words.skip, end));
  const told = make("div", { class: "told", role: "status" });
  told.append(make("strong", {}, title), make("p", {}, text));
  found.append(place, told, open, buttons);
  return [found];
}

function press(style, text, action) {
  const found = make("button", { class: style, type: "button" }, text);
  found.onclick = action;
  return found;
}

function wasSeen() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return false; // a browser that keeps nothing
  }
}

function remember() {
  try {
    localStorage.setItem(SEEN, "1");
  } catch {
    // it will ask again
  }
}
