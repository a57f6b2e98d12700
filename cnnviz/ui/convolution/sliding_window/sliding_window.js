// The kernel walking over its input: time, and what a mouse, a finger or a key chooses.
// The other files of this folder stand before this one in the same module.

const SPEEDS = [0.5, 1, 2, 4, 8, 16, 32, 64]; // output values a second
const WALK_SECONDS = 20; // how long a whole walk takes at the speed that is chosen at first
const PATIENCE = 350; // milliseconds: whoever steps on quickly changes the link once

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".sliding_window");
  root.walker ??= makeWalker(root);
  root.walker.update(data, setTriggerValue);
  return root.walker.rest; // called before the next update, too
}

function makeWalker(root) {
  const view = makeView(root);
  const state = {
    position: 0, // the index of the output value at which the walk stands
    reached: 0, // output values before this index are painted
    hovered: null, // the index under the mouse
    readers: [], // indices of the values that read the input pixel under the mouse
    playing: false,
    speed: 2, // an index in SPEEDS
  };
  const clock = makeClock((steps) => {
    if (state.hovered !== null) return;
    go(state.position + steps);
    if (state.position === last()) stop();
  });
  let known = ""; // the layer as text, to see whether it is another one
  let linked = null; // the position in the link, when the server last spoke
  const own = new Set(); // positions that were put there from here: the server may be late in repeating them
  let tell = () => {};
  const timers = {};

  const last = () => view.layer.rows * view.layer.columns - 1;
  const paint = () => view.paint(state);
  const share = (name, value) => {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(() => tell(name, value), PATIENCE);
  };

  function go(position) {
    state.position = Math.min(Math.max(position, 0), last());
    state.reached = Math.max(state.reached, state.position + 1);
    paint();
  }

  function play(playing) {
    state.playing = playing;
    clock.run(playing, SPEEDS[state.speed]);
    paint();
  }

  const stop = () => play(false);

  // Stop where the person chose, and let the link lead there.
  function pin(position) {
    state.playing = false;
    clock.run(false);
    go(position);
    own.add(state.position);
    const { columns } = view.layer;
    share("at", `${Math.floor(state.position / columns) + 1}-${(state.position % columns) + 1}`);
  }

  const actions = {
    pin,
    toggle() {
      if (state.playing) return pin(state.position);
      if (state.position === last()) state.position = 0;
      state.reached = state.position + 1;
      play(true);
      return share("at", ""); // it stops nowhere any more
    },
    first() {
      state.reached = 0;
      pin(0);
    },
    step: (by) => pin(state.position + by),
    move(rows, columns) {
      const { rows: height, columns: width } = view.layer;
      const row = Math.floor(state.position / width) + rows;
      const column = (state.position % width) + columns;
      if (row >= 0 && row < height && column >= 0 && column < width) pin(row * width + column);
    },
    scrub(position) {
      state.playing = false;
      clock.run(false);
      go(position);
    },
    hover(position) {
      if (position === state.hovered) return;
      state.hovered = position;
      paint();
    },
    look(readers) {
      if (readers.join() === state.readers.join()) return;
      state.readers = readers;
      paint();
    },
    speed(index, chosen) {
      state.speed = index;
      play(state.playing);
      if (chosen) share("speed", SPEEDS[index]);
    },
  };

  // A layer that was not there before: walk over it, unless the link or the person's system says otherwise.
  function begin({ speed, at }) {
    const quick = SPEEDS.findIndex((each) => (last() + 1) / each <= WALK_SECONDS);
    state.speed = speed ? SPEEDS.indexOf(speed) : quick < 0 ? SPEEDS.length - 1 : Math.max(quick, 1);
    const still = at !== null || matchMedia("(prefers-reduced-motion: reduce)").matches;
    Object.assign(state, { position: at ?? 0, reached: still ? last() + 1 : 1, hovered: null, readers: [] });
    state.playing = !still;
  }

  const sizes = new ResizeObserver(() => view.layout() && paint());
  const sight = new IntersectionObserver((entries) => clock.see(entries.at(-1).isIntersecting));

  return {
    update(data, setTriggerValue) {
      tell = setTriggerValue;
      const described = JSON.stringify([data.layer, data.text]);
      if (described !== known) {
        known = described;
        view.build(data);
        listen(view, actions);
        own.clear();
        begin(data);
      } else if (data.at !== null && data.at !== linked && !own.has(data.at)) {
        Object.assign(state, { playing: false, position: data.at, reached: last() + 1 });
      }
      linked = data.at;
      view.layout();
      sizes.observe(root);
      sight.observe(root);
      play(state.playing);
    },
    rest() {
      sizes.disconnect();
      sight.disconnect();
      clock.run(false);
    },
  };
}

// Calls advance(steps) as time passes, while the walk is in sight.
function makeClock(advance) {
  let request = 0;
  let before = 0;
  let owed = 0;
  let rate = 1;
  let running = false;
  let visible = false;

  function tick(now) {
    request = 0;
    owed += (Math.min(now - before, 250) / 1000) * rate;
    before = now;
    const steps = Math.floor(owed);
    owed -= steps;
    if (steps) advance(steps);
    next();
  }

  function next() {
    if (running && visible && !request) request = requestAnimationFrame(tick);
  }

  function restart() {
    cancelAnimationFrame(request);
    request = 0;
    before = performance.now();
    next();
  }

  return {
    run(run, speed = rate) {
      if (!run || !running) owed = 0;
      running = run;
      rate = speed;
      restart();
    },
    see(inSight) {
      visible = inSight;
      restart();
    },
  };
}

// What mouse, finger and keys do.
function listen(view, actions) {
  const { output, panels, buttons, scrub, speed, layer } = view;
  const valueUnder = (event) => {
    const found = cellUnder(event, output, view.outputCell, layer.columns, layer.rows);
    return found && found.row * layer.columns + found.column;
  };
  buttons.first.onclick = actions.first;
  buttons.back.onclick = () => actions.step(-1);
  buttons.play.onclick = actions.toggle;
  buttons.forward.onclick = () => actions.step(1);
  scrub.oninput = () => actions.scrub(Number(scrub.value));
  scrub.onchange = () => actions.pin(Number(scrub.value));
  speed.oninput = () => actions.speed(Number(speed.value), false);
  speed.onchange = () => actions.speed(Number(speed.value), true);
  output.onpointermove = (event) => {
    const index = valueUnder(event);
    if (event.pointerType === "mouse") actions.hover(index);
    else if (index !== null && event.pressure > 0) actions.scrub(index);
  };
  output.onpointerleave = () => actions.hover(null);
  output.onpointerdown = (event) => {
    const index = valueUnder(event);
    if (index === null) return;
    output.focus({ preventScroll: true });
    if (event.pointerType === "mouse") actions.pin(index);
    else actions.scrub(index);
  };
  output.onpointerup = (event) => {
    const index = valueUnder(event);
    if (event.pointerType !== "mouse" && index !== null) actions.pin(index);
  };
  output.onkeydown = (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (move) actions.move(...move);
    else if (event.key === " ") actions.toggle();
    else if (event.key === "Home") actions.first();
    else return;
    event.preventDefault();
  };
  for (const canvas of panels) {
    canvas.onpointermove = (event) => {
      const found = cellUnder(event, canvas, view.cell, layer.left + layer.width, layer.top + layer.height);
      actions.look(found ? readersOf(layer, found.row - layer.top, found.column - layer.left) : []);
    };
    canvas.onpointerdown = canvas.onpointermove;
    canvas.onpointerleave = () => actions.look([]);
  }
}
