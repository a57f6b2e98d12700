/* What the server shows of the drawing follows it when the pen rests: as soon as somebody can see it. */

// Streamlit takes what several parts of a page send at one moment for one part's: so each waits for its turn.
const TURN = 40; // milliseconds
// On a busy server what was sent while a page was still being built may be lost, and nobody says so: what has not been
// shown after this time is sent again, each time after twice as long.
const PATIENCE = 4000; // milliseconds
const MOST_PATIENCE = 60_000;

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".following");
  root.following ??= new Following(root);
  root.following.show(data, setStateValue);
  return whenGone(root, () => root.following.close());
}

class Following {
  constructor(root) {
    this.root = root;
    this.patience = PATIENCE;
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
    if (shown === this.reported) this.patience = PATIENCE;
    this.root.removeAttribute("data-stale");
    if (labels) tell("served", { number: shown, labels });
    this.look();
  }

  look() {
    if (!this.isBehind() || this.asked === this.reported) return;
    this.asked = this.reported;
    const now = performance.now();
    globalThis.cnnvizTurn = Math.max(globalThis.cnnvizTurn ?? 0, now) + TURN;
    setTimeout(() => this.send("wanted", { number: this.asked, patience: this.patience }), globalThis.cnnvizTurn - now);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.askAgain(), this.patience);
  }

  isBehind() {
    return this.send && this.inSight && this.reported !== undefined && this.reported !== this.shown;
  }

  // The canvas sends the drawing again and says so, and this asks again.
  askAgain() {
    if (!this.isBehind()) return;
    this.patience = Math.min(2 * this.patience, MOST_PATIENCE);
    this.asked = undefined;
    tell("unheard", this.reported);
  }

  close() {
    clearTimeout(this.timer);
    this.sight.disconnect();
    for (const end of this.ends) end();
  }
}
