// What a network says: probabilities and their bars.

// Probabilities of scores; of their logarithms they are the same.
export function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

// Probabilities, whatever the network of `plan` ends in.
export function chancesOf(plan, scores) {
  const { kernel, log, negated } = plan.ops[plan.output];
  return kernel === "softmax" && !log && !negated ? Array.from(scores) : softmax(scores);
}

const MOST_BARS = 12;

// A row for each class with its bar, the likeliest marked; of many classes the likeliest. `chances` is null where nothing
// is drawn.
export function showBars(element, classes, chances) {
  const best = chances === null ? -1 : chances.indexOf(Math.max(...chances));
  const places = [...classes.keys()];
  if (places.length > MOST_BARS && chances !== null) places.sort((one, other) => chances[other] - chances[one]);
  element.replaceChildren(
    ...places.slice(0, MOST_BARS).map((index) => {
      const name = classes[index];
      const part = chances === null ? "" : `${(100 * chances[index]).toFixed(1)}%`;
      const row = make("div", { class: index === best ? "best" : "" });
      const track = make("span", { class: "track" });
      track.append(make("span", { style: `width:${part || 0}` }));
      row.append(make("span", {}, name), track, make("span", {}, part));
      return row;
    }),
  );
}
