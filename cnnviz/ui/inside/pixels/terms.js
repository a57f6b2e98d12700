// The arithmetic of one output value: tables of one channel, a bar for each of the strongest, and the sum.

// What stands in the three tables: of a channel that is here, or of one that was asked for.
function windowOf(layer, place, channel) {
  const size = layer.high * layer.wide;
  const found = { values: new Float32Array(size), outside: new Int8Array(size), kernel: null };
  const here = typeof channel === "number";
  eachCell(layer, here ? channel : 0, place, (value, index, outside) => {
    found.values[index] = value;
    found.outside[index] = outside < 0 ? outside : 0;
  });
  if (layer.mode !== "sum") return found;
  if (here) found.kernel = kernelOf(layer, place.output, channel);
  else {
    const start = Number(channel.split(" ")[1]) * size;
    found.values = layer.arrays.other_patches.subarray(start, start + size);
    found.kernel = layer.arrays.other_kernels.subarray(start, start + size);
  }
  return found;
}

function paintTables(view, place, channel) {
  const { layer, grids } = view;
  const found = windowOf(layer, place, channel);
  const products = found.kernel && Array.from(found.kernel, (weight, index) => weight * found.values[index]);
  if (!written(layer)) return paintPictures(view, { patch: found.values, kernel: found.kernel, products });
  const most = found.values.reduce((best, value, index) => (found.outside[index] === 0 && (best < 0 || value > found.values[best]) ? index : best), -1);
  const mark = (index) => (found.outside[index] === 0 ? "" : found.outside[index] === PADDING ? "padding" : "beyond");
  const shades = { patch: shadeOf(view, view.inputLimit), kernel: shadeOf(view, largest(found.kernel)), products: shadeOf(view, largest(products)) };
  for (const [kind, { cells }] of Object.entries(grids)) {
    const values = { patch: found.values, kernel: found.kernel, products }[kind];
    cells.forEach((cell, index) => {
      const gone = found.outside[index] !== 0 && (found.outside[index] !== PADDING || layer.mode === "max");
      const colour = shades[kind](values[index]);
      cell.className = kind === "kernel" ? "" : mark(index);
      if (layer.mode === "max" && index === most) cell.classList.add("most");
      cell.style.background = cell.className ? "" : `rgb(${colour.join(",")})`;
      cell.style.color = cell.className ? "" : inkOn(colour);
      const text = gone && kind !== "kernel" ? "·" : short(values[index]);
      if (kind !== "kernel") cell.textContent = text;
      else if (cell.getRootNode().activeElement !== cell) {
        cell.value = text;
        cell.disabled = layer.vector || typeof channel !== "number";
        cell.setAttribute("aria-label", fill(view.texts.weight, { row: Math.floor(index / layer.wide), column: index % layer.wide }));
      }
    });
  }
  return undefined;
}

function largest(values) {
  return (values ?? []).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12);
}

function paintPictures(view, tables) {
  const { layer, grids } = view;
  const cell = Math.min(150 / layer.wide, 150 / layer.high);
  for (const [kind, { grid }] of Object.entries(grids)) {
    const shade = shadeOf(view, kind === "patch" ? view.inputLimit : largest(tables[kind]));
    const sheet = makeSheet(grid, layer.wide * cell, layer.high * cell);
    enlarged(sheet.base, 0, 0, layer.wide, layer.high, cell, (index) => shade(tables[kind][index]));
    sheet.restore();
  }
}

// A bar for each of the channels that add most here, the others in one, the bias, and the sum of all.
function paintSum(view, place, chosen, { sums, bias, rest, total }) {
  const { layer, texts } = view;
  const entries = sums.map((sum, channel) => ({ channel, sum, name: layer.channels[channel] }));
  let [unseen, hidden] = [rest, layer.sources - layer.channels.length];
  const { others } = layer;
  const asked = others && others.row === place.row && others.column === place.column && layer.alone === null;
  if (asked) {
    others.channels.forEach((name, index) => {
      const sum = layer.arrays.other_sums[index];
      entries.push({ channel: `other ${index}`, sum, name });
      unseen -= sum;
      hidden -= 1;
    });
  }
  const counting = layer.alone === null ? entries : entries.filter((entry) => entry.channel === layer.alone);
  counting.sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum));
  const shown = counting.slice(0, MOST_BARS);
  if (layer.sources > 1 && layer.alone === null && !shown.some((entry) => entry.channel === chosen)) {
    shown[shown.length - 1] = counting.find((entry) => entry.channel === chosen) ?? shown[shown.length - 1];
  }
  const left = counting.filter((entry) => !shown.includes(entry));
  const remaining = left.reduce((sum, entry) => sum + entry.sum, unseen);
  const scale = Math.max(...shown.map((entry) => Math.abs(entry.sum)), Math.abs(remaining), Math.abs(bias), 1e-12);
  const rows = layer.sources === 1 ? [] : shown.map((entry) => channelBar(view, fill(texts.channel, { channel: entry.name }), entry.sum, scale, entry.channel, chosen));
  if (layer.sources === 1) rows.push(bar(view.theme, texts.products_sum, shown[0].sum, scale));
  const count = left.length + (layer.alone === null ? hidden : 0);
  if (count > 0) rows.push(bar(view.theme, fill(hidden && !asked ? texts.others_ask : texts.others, { count }), remaining, scale));
  if (layer.alone === null) rows.push(bar(view.theme, texts.bias, bias, scale));
  view.bars.replaceChildren(...rows);
  view.total.replaceChildren(element("span", "", texts.sum), element("b", "result", exact(total)));
  conclude(view, place, total, largestSum(sums, bias));
}

function largestSum(sums, bias) {
  return sums.reduce((most, sum) => most + Math.abs(sum), Math.abs(bias));
}

// A bar that can be clicked: it stands for a channel.
function channelBar(view, name, sum, scale, channel, chosen) {
  const row = bar(view.theme, name, sum, scale, "button");
  row.type = "button";
  row.dataset.channel = channel;
  row.setAttribute("aria-pressed", channel === chosen);
  return row;
}

function paintPool(view, place) {
  const { layer, texts } = view;
  const values = [];
  let padded = 0;
  eachCell(layer, 0, place, (value, _, outside) => {
    if (outside >= 0) values.push(value);
    else if (outside === PADDING) padded += 1;
  });
  const total = pooledAt(layer, place);
  const sum = values.reduce((a, b) => a + b, 0);
  const mean = fill(texts.mean, { sum: short(sum), count: divisorOf(layer, place) });
  view.total.replaceChildren(element("span", "", layer.mode === "max" ? fill(texts.maximum, { count: values.length }) : mean), element("span", "sign", "="), element("b", "result", exact(total)));
  conclude(view, place, total, Math.abs(sum));
}

// Is it the number that PyTorch computed? Sums in another order differ in the last digits of float32.
function conclude(view, place, total, size) {
  const { layer, texts } = view;
  const computed = computedAt(layer, place);
  const same = Math.abs(total - computed) <= 1e-5 * Math.max(size, Math.abs(computed), 1e-6);
  const values = { computed: exact(computed), difference: Math.abs(total - computed).toExponential(0) };
  view.check.textContent = fill(isEdited(layer) ? texts.edited : same ? texts.same : texts.different, values);
  view.check.className = `check ${isEdited(layer) ? "" : same ? "same" : "other"}`;
  view.live.textContent = `${view.heading.textContent}: ${exact(total)}`;
}
