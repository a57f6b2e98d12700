/* Two workers where there are two processor cores, each with some of the networks: a drawing is read before the next
   frame is due. To whoever asks they are one worker. */

const MOST_WORKERS = 2;

class Crew {
  constructor() {
    const code = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
    const count = Math.min(navigator.hardwareConcurrency || 1, MOST_WORKERS);
    this.members = Array.from({ length: count }, () => ({ worker: new Worker(code), networks: new Map() }));
    for (const { worker } of this.members) worker.onmessage = ({ data }) => this.hear(data);
  }

  // `work`: how long a network takes, beside the others.
  load(id, bytes, work) {
    this.drop(id);
    const busy = ({ networks }) => [...networks.values()].reduce((sum, one) => sum + one, 0);
    const member = this.members.reduce((best, one) => (busy(one) < busy(best) ? one : best));
    member.networks.set(id, work);
    member.worker.postMessage({ kind: "load", id, bytes });
  }

  drop(id) {
    for (const { worker, networks } of this.members) {
      if (networks.delete(id)) worker.postMessage({ kind: "drop", id });
    }
  }

  colours(scale) {
    for (const { worker } of this.members) worker.postMessage({ kind: "colours", scale });
  }

  // A question for all that have a network; the first one prepares the image in any case.
  postMessage(question) {
    const asked = this.members.filter(({ networks }, index) => index === 0 || networks.size);
    Object.assign(this, { parts: [], expected: asked.length });
    for (const { worker } of asked) worker.postMessage(question);
  }

  hear(part) {
    this.parts.push(part);
    if (this.parts.length < this.expected) return;
    this.onmessage({ data: { ...part, answers: this.parts.flatMap(({ answers }) => answers) } });
  }

  terminate() {
    for (const { worker } of this.members) worker.terminate();
  }
}
