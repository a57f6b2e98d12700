// A convolution in single precision, four numbers at a time, as WebAssembly can do it. All arguments that are called
// after a tensor are its place in memory, in bytes; maps are [C, H, W] of 32-bit floats in PyTorch's order.

const FLOAT: usize = 4;
const VECTOR: usize = 16;
const WIDE = 8; // positions that are computed together: with four output maps, eight sums of four stay in registers

// `x` [channels, height, width] with zeros around each map: [channels, high, wide].
export function pad(
  x: usize, channels: i32, height: i32, width: i32, padded: usize, high: i32, wide: i32, top: i32, left: i32,
): void {
  memory.fill(padded, 0, FLOAT * channels * high * wide);
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < height; row++) {
      const to = (channel * high + row + top) * wide + left;
      memory.copy(padded + FLOAT * to, x + FLOAT * (channel * height + row) * width, FLOAT * width);
    }
  }
}

// `offsets` (32-bit integers): where in the padded maps the `inner` values of the first window lie. `weight`
// [maps, inner]; `bias` [maps], or 0. `panel` has room for 8 windows, `rest` for 8 sums. Window (row, column) begins
// `row * down + column * across` values behind the first one. Fills `out` [maps, rows, columns].
export function convolve(
  padded: usize, offsets: usize, inner: i32, weight: usize, bias: usize, maps: i32, panel: usize, rest: usize,
  out: usize, rows: i32, columns: i32, down: i32, across: i32,
): void {
  const places = rows * columns;
  for (let place = 0; place < places; place += WIDE) {
    gather(padded, offsets, inner, panel, place, places, columns, down, across);
    multiply(weight, panel, inner, bias, maps, rest, out + FLOAT * place, places, min(WIDE, places - place));
  }
}

// The windows of eight positions, value by value: of each value of a window, its eight values.
function gather(
  padded: usize, offsets: usize, inner: i32, panel: usize, place: i32, places: i32, columns: i32, down: i32, across: i32,
): void {
  const column = place % columns;
  const first = padded + FLOAT * ((place / columns) * down + column * across);
  if (across == 1 && column + WIDE <= columns) { // eight neighbours
    for (let k = 0; k < inner; k++) {
      const from = first + FLOAT * load<i32>(offsets + 4 * k);
      const to = panel + 2 * VECTOR * k;
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, VECTOR), VECTOR);
    }
    return;
  }
  for (let at = 0; at < WIDE; at++) {
    const taken = min(place + at, places - 1);
    const begin = padded + FLOAT * ((taken / columns) * down + (taken % columns) * across);
    for (let k = 0; k < inner; k++) {
      store<f32>(panel + 2 * VECTOR * k + FLOAT * at, load<f32>(begin + FLOAT * load<i32>(offsets + 4 * k)));
    }
  }
}

function multiply(
  weight: usize, panel: usize, inner: i32, bias: usize, maps: i32, rest: usize, out: usize, places: i32, wide: i32,
): void {
  const line: i32 = <i32>FLOAT * inner;
  let map = 0;
  for (; map + 4 <= maps; map += 4) {
    const w0 = weight + map * line, w1 = w0 + line, w2 = w1 + line, w3 = w2 + line;
    let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    for (let k: usize = 0, at = panel; k < <usize>line; k += FLOAT, at += 2 * VECTOR) {
      const x0 = v128.load(at), x1 = v128.load(at, VECTOR);
      const a = v128.load32_splat(w0 + k);
      a0 = f32x4.add(a0, f32x4.mul(a, x0)); a1 = f32x4.add(a1, f32x4.mul(a, x1));
      const b = v128.load32_splat(w1 + k);
      b0 = f32x4.add(b0, f32x4.mul(b, x0)); b1 = f32x4.add(b1, f32x4.mul(b, x1));
      const c = v128.load32_splat(w2 + k);
      c0 = f32x4.add(c0, f32x4.mul(c, x0)); c1 = f32x4.add(c1, f32x4.mul(c, x1));
      const d = v128.load32_splat(w3 + k);
      d0 = f32x4.add(d0, f32x4.mul(d, x0)); d1 = f32x4.add(d1, f32x4.mul(d, x1));
    }
    put(a0, a1, map, bias, rest, out, places, wide);
    put(b0, b1, map + 1, bias, rest, out, places, wide);
    put(c0, c1, map + 2, bias, rest, out, places, wide);
    put(d0, d1, map + 3, bias, rest, out, places, wide);
  }
  for (; map < maps; map++) {
    const w0 = weight + map * line;
    let a0 = f32x4.splat(0), a1 = a0;
    for (let k: usize = 0, at = panel; k < <usize>line; k += FLOAT, at += 2 * VECTOR) {
      const a = v128.load32_splat(w0 + k);
      a0 = f32x4.add(a0, f32x4.mul(a, v128.load(at)));
      a1 = f32x4.add(a1, f32x4.mul(a, v128.load(at, VECTOR)));
    }
    put(a0, a1, map, bias, rest, out, places, wide);
  }
}

@inline
function put(
  sum0: v128, sum1: v128, map: i32, bias: usize, rest: usize, out: usize, places: i32, wide: i32,
): void {
  const more = bias ? v128.load32_splat(bias + FLOAT * map) : f32x4.splat(0);
  const to = out + FLOAT * map * places;
  const at = wide == WIDE ? to : rest; // a whole store would reach into the next map
  v128.store(at, f32x4.add(sum0, more));
  v128.store(at, f32x4.add(sum1, more), VECTOR);
  if (wide < WIDE) memory.copy(to, rest, FLOAT * wide);
}
