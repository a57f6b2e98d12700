// One output value taken apart: what a mouse, a finger or a key chooses.
// The other files of this folder, and picture.js stand before this one in the same module.

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".pixels");
  root.inspector ??= makeInspector(root);
  root.inspector.update(data, setStateValue);
  return root.inspector.rest; // called before the next update, too
}

function makeInspector(root) {
  const view = makeView(root);
  const state = { pinned: 0, hovered: null, channel: 0 };
  let tell = () => {};
  let known = null; // what names the layer and its image
  let layer = null;

  const paint = () => view.paint(state.hovered ?? state.pinned, state.channel);
  const sizes = new ResizeObserver(() => view.layout() && paint());

  function pin(index) {
    state.pinned = index;
    state.hovered = null;
    if (typeof state.channel === "string") state.channel = 0;
    paint();
    tell("at", layer.vector ? `${index}` : `${Math.floor(index / layer.across)}-${index % layer.across}`);
  }

  function renew() {
    view.renew();
    paint();
  }

  const actions = {
    pin,
    hover(index) {
      if (index === state.hovered) return;
      state.hovered = index;
      if (typeof state.channel === "string") state.channel = 0;
      paint();
    },
    move(rows, columns) {
      const row = Math.floor(state.pinned / layer.side) + rows;
      const column = (state.pinned % layer.side) + columns;
      const index = row * layer.side + column;
      if (row >= 0 && column >= 0 && column < layer.side && index < layer.output.length) pin(index);
    },
    choose(channel) {
      state.channel = channel;
      if (layer.alone !== null && typeof channel === "number") layer.alone = channel;
      renew();
    },
    weigh(index, weight) {
      const place = placeOf(layer, state.pinned);
      if (!place || !Number.isFinite(weight) || typeof state.channel !== "number") return paint();
      const kernel = Float64Array.from(kernelOf(layer, place.output, state.channel));
      kernel[index] = weight;
      layer.edited.set(state.channel, kernel);
      return renew();
    },
    preset(name) {
      if (typeof state.channel !== "number") state.channel = 0;
      if (name === "learned") {
        layer.edited.clear();
        layer.alone = null;
      } else {
        layer.edited.set(state.channel, Float64Array.from(view.texts.presets[name].kernel));
        if (layer.sources > 1) layer.alone = state.channel;
      }
      if (view.buttons.others) view.buttons.others.checked = layer.alone === null;
      renew();
    },
    others(counting) {
      layer.alone = counting ? null : Number(state.channel) || 0;
      renew();
    },
  };

  return {
    update(data, setStateValue) {
      tell = setStateValue;
      const facts = unpack(data);
      const before = layer;
      layer = makeLayer(facts);
      if (facts.name === known) Object.assign(layer, { edited: before.edited, alone: before.alone });
      else Object.assign(state, { channel: strongest(layer, facts.at), hovered: null });
      const same = facts.name === known && view.texts.language === facts.texts.language;
      known = facts.name;
      if (same) view.layer = layer;
      else {
        view.build(layer, facts.texts, facts.palette);
        listen(view, actions);
      }
      state.pinned = facts.at;
      if (view.buttons.others) view.buttons.others.checked = layer.alone === null;
      view.layout();
      sizes.observe(root);
      view.renew();
      paint();
    },
    rest() {
      sizes.disconnect();
    },
  };
}

// The channel that is shown at first: the one that adds most.
function strongest(layer, index) {
  if (!layer.vector) return 0; // they came in this order
  const { sums } = partsAt(layer, placeOf(layer, index));
  return sums.reduce((best, sum, channel) => (Math.abs(sum) > Math.abs(sums[best]) ? channel : best), 0);
}

function listen(view, actions) {
  const { canvas } = view.output;
  const valueUnder = (event) => {
    const box = canvas.getBoundingClientRect();
    const [column, row] = [Math.floor((event.clientX - box.left) / view.outputCell), Math.floor((event.clientY - box.top) / view.outputCell)];
    const index = row * view.layer.side + column;
    return row >= 0 && column >= 0 && column < view.layer.side && index < view.layer.output.length ? index : null;
  };
  canvas.onpointermove = (event) => {
    const index = valueUnder(event);
    if (event.pointerType === "mouse" || (event.pressure > 0 && index !== null)) actions.hover(index);
  };
  canvas.onpointerleave = (event) => event.pointerType === "mouse" && actions.hover(null);
  canvas.onpointerdown = (event) => {
    const index = valueUnder(event);
    if (index === null) return;
    canvas.focus({ preventScroll: true });
    if (event.pointerType === "mouse") actions.pin(index);
    else actions.hover(index);
  };
  canvas.onpointerup = (event) => {
    const index = valueUnder(event);
    if (event.pointerType !== "mouse" && index !== null) actions.pin(index);
  };
  canvas.onkeydown = (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!move) return;
    actions.move(...move);
    event.preventDefault();
  };
  listenToInput(view, actions);
  view.bars.onclick = (event) => {
    const row = event.target.closest("[data-channel]");
    if (row) actions.choose(row.dataset.channel.startsWith("other") ? row.dataset.channel : Number(row.dataset.channel));
  };
  for (const button of Object.values(view.buttons)) {
    if (button.dataset.preset) button.onclick = () => actions.preset(button.dataset.preset);
    else button.onchange = () => actions.others(button.checked);
  }
  (view.grids.kernel?.cells ?? []).forEach((cell, index) => {
    cell.onchange = () => actions.weigh(index, Number(cell.value.trim().replace("−", "-").replace(",", ".") || "0"));
    cell.onfocus = () => cell.select();
  });
}

// In an input of single values each of them is a channel, and can be chosen there.
function listenToInput(view, actions) {
  const { canvas } = view.input;
  canvas.onpointerdown = (event) => {
    if (!view.vectorIn) return;
    const box = canvas.getBoundingClientRect();
    const [column, row] = [Math.floor((event.clientX - box.left) / view.cell), Math.floor((event.clientY - box.top) / view.cell)];
    const channel = row * view.across + column;
    if (column < view.across && channel < view.layer.channels.length) actions.choose(channel);
  };
}
