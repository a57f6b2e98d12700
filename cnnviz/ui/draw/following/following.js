/* What the server shows of the drawing follows it when the pen rests: as soon as somebody can see it. */

// Streamlit takes what several parts of a page send at one moment for one part's: so each waits for its turn.
const TURN = 40; // milliseconds

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".following");
  root.following ??= new Following(root);
  root.following.show(data, setStateValue);
  return whenGone(root, () => root.following.close());
}

class Following {
  constructor(root) {
    this.root = root;
    this.sight = new IntersectionObserver(([entry]) => {
      this.inSight = entry.isIntersecting;
      this.look();
    });
    this.sight.observe(root.closest('[class*="st-key-follows-"]'));
    this.ends = [
      follow((number) => {
        this.reported = number;
        this.look();
      }, "reported"),
      follow(({ number }) => root.toggleAttribute("data-stale", number !== this.shown), "drawing"),
    ];
  }

  show({ shown, labels }, setStateValue) {
    this.shown = shown;
    this.send = setStateValue;
    this.root.removeAttribute("data-stale");
    if (labels) tell("served", { number: shown, labels });
    this.look();
  }

  look() {
    if (!this.send || !this.inSight || this.reported === undefined || this.reported === this.shown) return;
    if (this.asked === this.reported) return;
    this.asked = this.reported;
    const now = performance.now();
    globalThis.cnnvizTurn = Math.max(globalThis.cnnvizTurn ?? 0, now) + TURN;
    setTimeout(() => this.send("wanted", this.asked), globalThis.cnnvizTurn - now);
  }

  close() {
    this.sight.disconnect();
    for (const end of this.ends) end();
  }
}
