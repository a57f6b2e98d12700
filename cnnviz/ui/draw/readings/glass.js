/* What follows the pen on the cards, drawn on canvases that lie over them: the classes' bars, and the maps of a
   network's first layer. So a drawing changes nothing of the page's layout, and nothing of the cards is painted again. */

const ROUND = 3; // pixels of a bar's corner

class Glass {
  constructor() {
    this.element = make("div", { class: "glass", "aria-hidden": "true" });
    this.panes = new Map();
  }

  // A pane for each of `cards`, by their ids.
  cover(cards) {
    this.panes = new Map([...cards].map(([id, card]) => [id, this.panes.get(id) ?? new Pane(card)]));
    this.element.replaceChildren(...[...this.panes.values()].map(({ canvas }) => canvas));
  }

  // Where everything lies; again after the layout or the colours have changed.
  measure() {
    const origin = this.element.getBoundingClientRect();
    const found = [...this.panes.values()].map((pane) => pane.look(origin)); // all is read before anything is written
    found.forEach((lie) => lie());
  }

  paint(id, chances, best, maps) {
    this.panes.get(id)?.paint(chances, best, maps);
  }
}

class Pane {
  constructor({ tracks, maps }) {
    Object.assign(this, { tracks, maps, shown: [null, -1, null] });
    this.canvas = make("canvas");
    this.context = this.canvas.getContext("2d");
    this.small = document.createElement("canvas");
  }

  // Find where the card's tracks and maps lie on the page; what is returned puts the pane there.
  look(origin) {
    const boxes = [...this.tracks, this.maps].map((element) => element.getBoundingClientRect());
    const style = getComputedStyle(this.tracks[0]);
    const [ink, accent] = [style.color, style.getPropertyValue("--cnnviz-accent")];
    const [left, top] = [boxes.at(-1).left, boxes[0].top];
    const [width, height] = [boxes.at(-1).width, boxes.at(-1).bottom - top];
    const ratio = window.devicePixelRatio || 1;
    const known = JSON.stringify([boxes, origin, ratio, ink, accent]);
    if (known === this.known) return () => undefined;
    this.known = known;
    return () => {
      Object.assign(this, { width, height, ink, accent });
      this.places = boxes.map((box) => [box.left - left, box.top - top, box.width, box.height]);
      const [wide, high] = [width, height].map((size) => Math.max(1, Math.round(size * ratio)));
      [this.canvas.width, this.canvas.height] = [wide, high];
      Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px`, left: `${left - origin.left}px`, top: `${top - origin.top}px` });
      this.context.setTransform(wide / width, 0, 0, high / height, 0, 0);
      this.paint(...this.shown);
    };
  }

  // `chances` from 0 to 1; null: nothing is drawn. `maps`: {pixels, width, height} or null.
  paint(chances, best, maps) {
    this.shown = [chances, best, maps];
    const { context, places, ink, accent } = this;
    if (places === undefined) return;
    context.clearRect(0, 0, this.width, this.height);
    chances?.forEach((chance, at) => {
      const [x, y, width, height] = places[at];
      [context.fillStyle, context.globalAlpha] = at === best ? [accent, 1] : [ink, 0.38];
      context.beginPath();
      context.roundRect(x, y, width * chance, height, Math.min(ROUND, (width * chance) / 2));
      context.fill();
    });
    context.globalAlpha = 1;
    if (maps !== null) this.paintMaps(maps, places.at(-1));
  }

  paintMaps({ pixels, width, height }, [x, y, wide]) {
    const { context, small } = this;
    if (small.width !== width || small.height !== height) [small.width, small.height] = [width, height];
    small.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, x, y, wide, (wide * height) / width);
  }
}
