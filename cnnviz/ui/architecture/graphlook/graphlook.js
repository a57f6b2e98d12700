/* Zoom, pan, and details on click for the graph that Streamlit has drawn in `data.place`; and titles of boxes in front
   of the arrows that pass them. */

const LOOK_MS = 300, STEP = 1.3, NARROWEST = 0.05, STILL = 4; // pixels that a click may move

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".graphlook");
  root.look?.stop();
  root.look = makeLook(root, data);
  return root.look.stop;
}

function makeLook(root, data) {
  root.replaceChildren();
  root.style.background = data.paper;
  const button = (sign, label, act) => {
    const made = root.appendChild(document.createElement("button"));
    made.type = "button";
    made.textContent = sign;
    made.setAttribute("aria-label", label);
    made.title = label;
    made.onclick = act;
  };
  const hint = document.createElement("span");
  const details = document.createElement("div");
  details.className = "details";
  details.setAttribute("aria-live", "polite");
  let svg = null, whole = null, box = null, drag = null;

  const show = () => svg?.setAttribute("viewBox", [box.x, box.y, box.width, box.height].join(" "));
  function zoom(factor, u = 0.5, v = 0.5) {
    if (!svg) return;
    const width = Math.min(whole.width, Math.max(whole.width * NARROWEST, box.width / factor));
    const scale = width / box.width;
    box = { x: box.x + box.width * (1 - scale) * u, y: box.y + box.height * (1 - scale) * v, width, height: box.height * scale };
    show();
  }
  button("+", data.text.closer, () => zoom(STEP));
  button("−", data.text.farther, () => zoom(1 / STEP));
  button("⤢", data.text.whole, () => { if (svg) { box = { ...whole }; show(); } });
  hint.textContent = data.text.hint;
  root.append(hint, details);

  function adopt(found) {
    svg = found;
    const [x, y, width, height] = (svg.getAttribute("viewBox") ?? "").split(/[ ,]+/).map(Number);
    whole = { x, y, width, height };
    box = { ...whole };
    svg.style.cursor = "grab";
    svg.style.touchAction = "pan-y";
    titlesInFront(svg, data.paper);
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the wheel alone scrolls the page
      event.preventDefault();
      const place = svg.getBoundingClientRect();
      zoom(event.deltaY < 0 ? STEP : 1 / STEP, (event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height);
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, from: { ...box }, moved: false }; });
    svg.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const place = svg.getBoundingClientRect(), scale = box.width / place.width;
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (!drag.moved && Math.hypot(dx, dy) < STILL) return;
      drag.moved = true;
      box = { ...box, x: drag.from.x - dx * scale, y: drag.from.y - dy * scale };
      show();
    });
    svg.addEventListener("click", (event) => {
      const node = event.target.closest("g.node");
      if (node && !drag?.moved) tell(node);
      drag = null;
    });
    svg.addEventListener("pointerleave", () => { drag = null; });
    for (const node of svg.querySelectorAll("g.node")) node.style.cursor = "pointer";
  }

  function tell(node) {
    details.textContent = data.details[node.querySelector("title")?.textContent] ?? "";
    for (const other of svg.querySelectorAll("g.node path, g.node polygon")) other.style.strokeWidth = "";
    for (const outline of node.querySelectorAll("path, polygon")) Object.assign(outline.style, { stroke: data.ink, strokeWidth: "3" });
  }

  function seek() {
    const found = document.querySelector(`${data.place} svg[viewBox] g.graph`)?.ownerSVGElement;
    if (found && found !== svg) adopt(found);
  }
  const timer = setInterval(seek, LOOK_MS); // Streamlit may draw it later, and anew
  seek();
  return { stop: () => clearInterval(timer) };
}

// The titles of boxes, each on a patch of the page's colour, after all arrows.
function titlesInFront(svg, paper) {
  const graph = svg.querySelector("g.graph");
  for (const title of graph.querySelectorAll("g.cluster text")) {
    const around = title.getBBox();
    const patch = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const sides = { x: around.x - 2, y: around.y, width: around.width + 4, height: around.height, fill: paper };
    for (const [name, value] of Object.entries(sides)) patch.setAttribute(name, value);
    graph.append(patch, title);
  }
}
