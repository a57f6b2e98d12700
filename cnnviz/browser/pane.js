// The maps and units of one operation, on one canvas behind their buttons. A browser puts the canvases of a page together
// anew in every frame in which something moves, so they are few and small: none for each map, and none as large as the
// picture.

const ROUND = 4; // pixels of a map's corner
const FADED = 0.3; // of a map that is off

export class Pane {
  constructor() {
    this.canvas = make("canvas", { class: "pane", "aria-hidden": "true" });
    this.cells = [];
    this.places = [];
  }

  // Where the faces of `cells` lie; again after the layout has changed. `placed`: an element's box within the picture.
  measure(placed) {
    this.places = this.cells.map(({ face }) => placed(face));
    const context = cover(this.canvas, this.places);
    context.imageSmoothingEnabled = false;
    this.paint();
  }

  // What the cells' own canvases hold, each at its place.
  paint() {
    const context = this.canvas.getContext("2d");
    context.clearRect(-1, -1, 1e5, 1e5);
    this.places.forEach(({ left, top, width, height }, at) => {
      const { canvas, isRound, isOff } = this.cells[at];
      context.save();
      context.globalAlpha = isOff ? FADED : 1;
      context.beginPath();
      context.roundRect(left, top, width, height, isRound ? width / 2 : ROUND);
      context.clip();
      context.drawImage(canvas, left, top, width, height);
      context.restore();
    });
  }
}

// Lay a canvas over the smallest part of the picture that has all `places` in it, with `more` pixels around them. Its
// context draws in the picture's own coordinates.
export function cover(canvas, places, more = 0) {
  const scale = Math.min(devicePixelRatio || 1, 2);
  const left = Math.floor(Math.min(...places.map((place) => place.left))) - more;
  const top = Math.floor(Math.min(...places.map((place) => place.top))) - more;
  const right = Math.max(...places.map((place) => place.left + place.width)) + more;
  const bottom = Math.max(...places.map((place) => place.top + place.height)) + more;
  const context = canvas.getContext("2d");
  if (places.length === 0) {
    [canvas.width, canvas.height] = [1, 1];
    return context;
  }
  [canvas.width, canvas.height] = [Math.ceil((right - left) * scale), Math.ceil((bottom - top) * scale)];
  const { width, height } = canvas;
  Object.assign(canvas.style, { width: `${width / scale}px`, height: `${height / scale}px`, left: `${left}px`, top: `${top}px` });
  context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
  return context;
}
