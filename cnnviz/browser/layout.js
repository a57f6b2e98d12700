// Where everything in the picture of a network stands: a column for each step on the longest way from the image, a
// lane for each branch, and who hands values to whom.

// The op whose values `from` hands on: a reshape or a dropout has no picture of its own.
export function handedOn(plan, from) {
  while (from >= 0 && plan.ops[from].kernel === "copy") from = plan.ops[from].inputs[0];
  return from;
}

// {columns, lanes, places: Map(op -> {column, lane, wide}), links: [inputs of each op], groups: [{name, first, last}]};
// the image is op -1. `wide`: it stands for all lanes. A group is a container, from its first column to its last.
export function layOut(plan) {
  const shown = [...plan.ops.keys()].filter((index) => plan.ops[index].kernel !== "copy");
  const links = plan.ops.map((op) => op.inputs.map((from) => handedOn(plan, from)));
  const columns = new Map([[-1, 0]]);
  for (const index of shown) columns.set(index, 1 + Math.max(0, ...links[index].map((from) => columns.get(from))));
  const lanes = lanesOf(shown, links, columns);
  const last = Math.max(...columns.values());
  const places = new Map();
  for (const [index, column] of columns) {
    places.set(index, { column, lane: lanes.get(index), wide: isAlone(index, shown, links, columns, lanes) });
  }
  return { columns: last + 1, lanes: 1 + Math.max(...lanes.values()), places, links, groups: groupsOf(plan, shown, columns) };
}

// A branch keeps its lane until it meets the others again; what goes on straight stays where it is.
function lanesOf(shown, links, columns) {
  const lanes = new Map([[-1, 0]]);
  const continued = new Set(); // ops that something stands behind in their own lane
  const open = new Set([0]);
  const taken = new Set(["0 0"]);
  for (const index of shown) {
    const sources = [...new Set(links[index])];
    let lane;
    if (sources.length > 1) {
      const own = sources.map((from) => lanes.get(from));
      lane = Math.min(...own);
      for (const each of own) if (each !== lane) open.delete(each);
    } else {
      const from = sources[0] ?? -1;
      lane = lanes.get(from);
      if (continued.has(from)) for (lane = 0; open.has(lane); ) lane += 1;
      continued.add(from);
    }
    while (taken.has(`${columns.get(index)} ${lane}`)) lane += 1;
    taken.add(`${columns.get(index)} ${lane}`);
    open.add(lane);
    lanes.set(index, lane);
  }
  return lanes;
}

// Whether nothing else stands in the op's column or passes through it in another lane.
function isAlone(index, shown, links, columns, lanes) {
  const column = columns.get(index);
  if (lanes.get(index) !== 0) return false;
  return shown.every((other) => {
    if (other !== index && columns.get(other) === column) return false;
    const passes = (from) => columns.get(from) < column && columns.get(other) > column;
    return links[other].every((from) => !passes(from) || (lanes.get(from) === 0 && lanes.get(other) === 0));
  });
}

function groupsOf(plan, shown, columns) {
  const found = new Map();
  for (const index of shown) {
    const cut = plan.ops[index].name.lastIndexOf(".");
    if (cut < 0) continue;
    const name = plan.ops[index].name.slice(0, cut);
    const column = columns.get(index);
    const known = found.get(name) ?? { name, first: column, last: column, count: 0 };
    Object.assign(known, { first: Math.min(known.first, column), last: Math.max(known.last, column), count: known.count + 1 });
    found.set(name, known);
  }
  return [...found.values()].filter(({ count }) => count > 1);
}

// The op's name without the container that a frame around it names.
export function shortName(name) {
  const parts = name.split(".");
  return /^\d+$/.test(parts.at(-1)) ? parts.slice(-2).join(".") : parts.at(-1);
}
