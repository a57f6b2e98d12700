// Values and pixels on a canvas.

// Paints `data` (`width` x `height` values, row by row; null: nothing) on a canvas of as many pixels; `limit` is the
// size of the value that has the strongest colour of the diverging `scale`.
export function paintMap(canvas, data, width, height, limit, scale) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    image.data.set(colour(scale, data === null ? 0 : data[at] / limit), at * 4);
  }
  context.putImageData(image, 0, 0);
}

export function largest(data) {
  let most = 0;
  for (const value of data) most = Math.max(most, Math.abs(value));
  return most || 1;
}

// A colour [r, g, b, 255] of the diverging `scale` ([[r, g, b], ...]) for a value from -1 to 1.
export function colour(scale, value) {
  const place = ((Math.min(Math.max(value, -1), 1) + 1) / 2) * (scale.length - 1);
  const low = Math.min(Math.floor(place), scale.length - 2);
  const part = place - low;
  const [a, b] = [scale[low], scale[low + 1]];
  return [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part, 255];
}

// The 28 x 28 grey values from 0 to 255 that a network gets; null: black.
export function paintImage(canvas, image) {
  [canvas.width, canvas.height] = [28, 28];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(28, 28);
  for (let at = 0; at < 784; at++) pixels.data.set([...Array(3).fill(image?.[at] ?? 0), 255], at * 4);
  context.putImageData(pixels, 0, 0);
}
