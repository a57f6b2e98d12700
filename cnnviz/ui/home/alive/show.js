// Example digits that draw themselves, one after the other, stroke by stroke.

const SPEED = 1.5; // widths of the canvas in a second
const LIFT = 0.15; // seconds from one stroke to the next
const REST = 1.8; // seconds that a digit stands before the next one begins
const LONGEST_FRAME = 0.05; // seconds: a page that was asleep goes on where it stopped

export class Show {
  // `digits`: lists of strokes, each a list of points from 0 to 1.
  constructor(board, digits) {
    Object.assign(this, { board });
    this.digits = digits.map(timed);
    this.number = -1;
    this.frame = null;
    this.next();
  }

  next() {
    this.number = (this.number + 1) % this.digits.length;
    [this.time, this.drawn] = [0, 0];
  }

  get running() {
    return this.frame !== null;
  }

  start() {
    if (this.running) return;
    let before = null;
    const step = (now) => {
      this.frame = requestAnimationFrame(step);
      this.draw(before === null ? 0 : Math.min((now - before) / 1000, LONGEST_FRAME));
      before = now;
    };
    this.frame = requestAnimationFrame(step);
  }

  // With the first `seconds` drawn already.
  begin(seconds) {
    this.start();
    this.draw(seconds);
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
  }

  // The whole digit at once.
  still() {
    this.drawn = 0;
    this.draw(Infinity);
  }

  draw(seconds) {
    const points = this.digits[this.number];
    this.time += seconds;
    if (this.running && this.time > points.at(-1).time + REST) {
      this.next();
      this.board.wipe();
      return;
    }
    if (this.drawn === 0) this.board.wipe();
    for (; this.drawn < points.length && points[this.drawn].time <= this.time; this.drawn++) {
      const { place, isFirst } = points[this.drawn];
      const at = place.map((part) => part * this.board.size);
      if (isFirst) this.board.down(at);
      else this.board.move([at]);
    }
  }
}

// The points of all strokes with the second at which the pen is there.
function timed(strokes) {
  const points = [];
  let time = 0;
  for (const stroke of strokes) {
    stroke.forEach((place, index) => {
      if (index > 0) time += Math.hypot(place[0] - stroke[index - 1][0], place[1] - stroke[index - 1][1]) / SPEED;
      points.push({ place, time, isFirst: index === 0 });
    });
    time += LIFT;
  }
  return points;
}
