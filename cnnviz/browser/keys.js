// The pen for people without a mouse or a finger: the arrow keys move it, the space bar puts it down and lifts it.

const STEP = 0.03; // of the canvas
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Keys {
  // `ring` is an element over the canvas that shows where the pen is.
  constructor(board, ring) {
    Object.assign(this, { board, ring });
    this.at = [0.5, 0.3];
    board.canvas.addEventListener("keydown", (event) => this.press(event));
    board.canvas.addEventListener("blur", () => this.leave());
    board.canvas.addEventListener("pointerdown", () => (ring.hidden = true));
  }

  press(event) {
    const way = ARROWS[event.key];
    if ((!way && event.key !== " ") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (way) this.move(way, event.shiftKey ? 3 : 1);
    else if (this.board.isDown) this.board.up();
    else this.board.down(this.place());
    this.showRing();
  }

  move(way, times) {
    this.at = this.at.map((part, axis) => Math.min(Math.max(part + way[axis] * STEP * times, 0), 1));
    if (this.board.isDown) this.board.move([this.place()]);
  }

  place() {
    return this.at.map((part) => part * this.board.size);
  }

  showRing() {
    this.ring.hidden = false;
    this.ring.classList.toggle("down", this.board.isDown);
    [this.ring.style.left, this.ring.style.top] = this.at.map((part) => `${100 * part}%`);
  }

  leave() {
    this.ring.hidden = true;
    if (this.board.isDown) this.board.up();
  }
}
