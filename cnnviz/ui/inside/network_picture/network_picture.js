// The living picture on a page of the app. The files of cnnviz.browser.script.PICTURE stand before this one in the same
// module; `WORKER` is the worker's text, `STYLE` the picture's style sheet.

const RECENT = 1500; // milliseconds: a drawing this young is newer than what the server sends

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".network_picture");
  root.living ??= new Living(root);
  root.living.update(data);
  return whenGone(root, () => root.living.rest());
}

class Living {
  constructor(root) {
    const style = make("style", {}, STYLE);
    this.root = root;
    this.time = make("div", { class: "time", hidden: "" });
    this.film = make("div", { class: "time", hidden: "" });
    this.stage = make("div");
    root.replaceChildren(style, this.time, this.film, this.stage);
    this.known = null;
    this.image = null;
    this.drawn = -Infinity;
  }

  async update(data) {
    this.data = data;
    this.unfollow?.();
    this.unfollow = data.follows ? this.follow() : undefined;
    const image = new Uint8Array(bytesOf(data.image));
    const isOlder = data.follows && performance.now() - this.drawn < RECENT;
    if (!isOlder) this.image = image;
    const known = `${data.network.digest} ${data.words.picture} ${data.isDark}`;
    if (known !== this.known) {
      this.known = known;
      await this.load(data, known).catch((error) => this.fail(error));
    } else this.ask();
  }

  // What is drawn from now on; what was drawn before the server knows better.
  follow() {
    let isNew = false;
    const end = follow(({ image }) => {
      if (!isNew || image === undefined) return;
      this.drawn = performance.now();
      this.image = image;
      this.ask();
    });
    isNew = true;
    return end;
  }

  async load(data, known) {
    this.stage.replaceChildren(make("p", { class: "wait" }, data.words.loading));
    const [bytes, digits] = await Promise.all([fetchNetwork(data.network), data.digits && fetchNetwork(data.digits)]);
    if (known !== this.known || !this.root.isConnected) return; // another network was chosen meanwhile, or none
    this.leave();
    const { plan, tensors } = readNetwork(bytes);
    this.worker = new Worker(URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" })));
    this.worker.onmessage = ({ data: answer }) => this.heard(answer);
    this.worker.postMessage({ kind: "load", bytes, reads: data.reads, digits });
    this.busy = false;
    const { classes, kinds, isDark, scale, words } = data;
    const place = make("div");
    this.stage.replaceChildren(place);
    const isScored = plan.ops[plan.output].shape[0] === classes.length;
    this.picture = new Picture(place, {
      plan,
      tensors,
      classes: isScored ? classes : [],
      kinds,
      isDark,
      scale,
      words,
      digits: data.digits?.count ?? 0,
      tell: (message, transfer = []) => {
        this.worker.postMessage(message, transfer);
        if (message.kind !== "accuracy") this.ask();
      },
    });
    this.ask();
    this.offerCamera(data);
    await this.remember(data, known).catch(() => (this.time.hidden = true)); // the picture goes on without them
  }

  offerCamera({ filmed, words }) {
    this.film.hidden = !filmed || !Camera.isThere();
    const button = make("button", { type: "button" }, words.camera);
    const said = make("span", { role: "status" });
    const tell = () => {
      button.textContent = this.camera === undefined ? words.camera : words.stopCamera;
      this.film.replaceChildren(button, said, ...(this.camera === undefined ? [] : [this.camera.video]));
    };
    button.addEventListener("click", async () => {
      said.textContent = "";
      button.disabled = true;
      if (this.camera === undefined) {
        await this.startCamera().catch(({ message }) => (said.textContent = fill(words.noCamera, { reason: message })));
      } else this.stopCamera();
      button.disabled = false;
      tell();
    });
    tell();
  }

  // From now on the network gets what the camera sees.
  async startCamera() {
    const { worker } = this;
    const camera = await Camera.begun();
    // Somebody may have gone on while the browser asked for their permission.
    if (this.worker !== worker || !this.root.isConnected) camera.end();
    else this.camera = camera;
    this.ask();
  }

  stopCamera() {
    this.camera?.end();
    this.camera = undefined;
    this.ask();
  }

  // The moments of a training: all are fetched now, so that the slider asks nobody.
  async remember({ moments, words }, known) {
    this.time.hidden = moments.length === 0;
    if (moments.length === 0) return;
    this.time.replaceChildren(make("span", { class: "soft" }, words.loadingMoments));
    const fetched = await Promise.all(moments.map((moment) => fetchNetwork(moment)));
    if (known !== this.known) return;
    const last = moments.length - 1;
    const now = moments.findIndex(({ digest }) => digest === this.data.network.digest);
    const range = { type: "range", min: "0", max: String(last), value: String(now < 0 ? last : now) };
    const slider = make("input", { ...range, "aria-label": words.moment });
    const said = make("output", {}, moments[now < 0 ? last : now].title);
    const show = () => {
      const at = Number(slider.value);
      said.textContent = moments[at].title;
      slider.setAttribute("aria-valuetext", moments[at].title);
      this.worker.postMessage({ kind: "moment", weights: fetched[at] });
      this.picture.become(readSafetensors(fetched[at]));
      this.ask();
    };
    slider.addEventListener("input", show);
    const play = make("button", { type: "button" }, words.play);
    play.addEventListener("click", () => this.play(slider, moments.length, show));
    this.time.replaceChildren(play, slider, said);
  }

  // From the first moment to the last.
  play(slider, count, show) {
    clearInterval(this.playing);
    slider.value = "0";
    show();
    this.playing = setInterval(() => {
      if (Number(slider.value) >= count - 1) return clearInterval(this.playing);
      slider.value = String(Number(slider.value) + 1);
      return show();
    }, 600);
  }

  // One question at a time: while the worker computes, only the newest image waits.
  ask() {
    if (this.worker === undefined) return;
    this.waiting = this.busy;
    if (this.busy) return;
    if (this.camera === undefined && this.image === null) {
      this.picture.update(null, null);
      return;
    }
    this.busy = true;
    this.worker.postMessage(this.camera === undefined ? { image: this.image } : this.camera.frame());
  }

  // `image` is null where the camera sees no digit.
  heard({ image, input, outputs }) {
    this.busy = false;
    if (image === null) this.picture.update(null, null);
    else if (this.camera !== undefined || this.image !== null) this.picture.update(input, outputs);
    if (this.camera !== undefined) requestAnimationFrame(() => this.ask());
    else if (this.waiting) this.ask();
  }

  fail(error) {
    this.known = null;
    this.stage.replaceChildren(make("p", { role: "alert" }, fill(this.data.words.failed, { reason: error.message })));
  }

  // Nothing goes on any more.
  rest() {
    this.unfollow?.();
    this.leave();
  }

  // Another network comes.
  leave() {
    clearInterval(this.playing);
    if (this.camera !== undefined) this.stopCamera();
    this.worker?.terminate();
    this.worker = undefined;
  }
}
