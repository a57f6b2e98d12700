// What a page that stands alone shows its network besides drawings: an image file that is chosen, dropped or pasted, or
// what the camera sees. It stands behind camera.js and photo.js.

class Sight {
  // `shape`: of what the network takes. `changed()`: there is another picture, or none any more.
  constructor(shape, changed) {
    Object.assign(this, { shape, changed, photo: null, prepared: null, camera: null, number: 0 });
    this.canvas = document.querySelector("canvas[data-photo]");
    this.file = document.querySelector("#file");
    this.button = document.querySelector("#camera");
    this.said = document.querySelector("#problem");
    this.button.hidden = !Camera.isThere();
    this.listen();
  }

  listen() {
    this.file.addEventListener("change", () => {
      this.read(this.file.files);
      this.file.value = ""; // the same file may be chosen again
    });
    this.button.addEventListener("click", () => (this.camera === null ? this.film() : this.still()));
    const { body } = document;
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      body.classList.add("dropping");
    });
    document.addEventListener("dragleave", () => body.classList.remove("dropping"));
    document.addEventListener("drop", (event) => {
      event.preventDefault(); // otherwise the browser would open the file in the place of this page
      body.classList.remove("dropping");
      this.read(event.dataTransfer.files);
    });
    document.addEventListener("paste", ({ clipboardData }) => this.read(clipboardData.files));
  }

  speak(words) {
    this.words = words;
    this.canvas.setAttribute("aria-label", words.photo);
    this.said.textContent = "";
    this.tellCamera();
  }

  tellCamera() {
    this.button.textContent = this.camera === null ? this.words.camera : this.words.stopCamera;
  }

  async read([file]) {
    if (file === undefined) return;
    this.said.textContent = "";
    try {
      this.take(await pictureOf(file));
    } catch {
      this.said.textContent = fill(this.words.unreadable, { name: file.name });
    }
  }

  take(photo) {
    this.still();
    this.show(photo);
    this.changed();
  }

  async film() {
    this.said.textContent = "";
    this.button.disabled = true;
    try {
      this.camera = await Camera.begun();
      this.changed();
    } catch ({ message }) {
      this.said.textContent = fill(this.words.noCamera, { reason: message });
    }
    this.button.disabled = false;
    this.tellCamera();
  }

  // The last frame stays.
  still() {
    this.camera?.end();
    this.camera = null;
    this.tellCamera();
  }

  // Nothing is shown any more.
  forget() {
    this.still();
    this.photo = null;
  }

  get isEmpty() {
    return this.photo === null && this.camera === null;
  }

  // What the worker is asked about.
  picture() {
    if (this.camera !== null) this.show(this.camera.frame());
    return this.prepared === null ? this.photo : { image: this.prepared };
  }

  // The image that the worker made of the picture of this number: it need not be made again.
  heard({ number, image }) {
    if (this.camera === null && number === this.number) this.prepared = image;
  }

  show(photo) {
    Object.assign(this, { photo, prepared: null });
    this.number += 1;
    const { rgba, width, height } = photo;
    [this.canvas.width, this.canvas.height] = [width, height];
    const context = this.canvas.getContext("2d");
    context.putImageData(new ImageData(rgba, width, height), 0, 0);
    if (CONTENT.reads !== "pictures") return;
    // The network gets the middle.
    const [, high, wide] = this.shape;
    const { top, left, rows, columns } = middlePart(width, height, wide, high);
    context.fillStyle = "rgba(0, 0, 0, 0.6)";
    context.beginPath();
    context.rect(0, 0, width, height);
    context.rect(left, top, columns, rows);
    context.fill("evenodd");
  }
}

const OF_A_SCENE = 256; // pixels

// A picture of coloured shapes: [[colour, [[x, y], ...]], ...], corners from 0 to 1.
function painted(shapes) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [OF_A_SCENE, OF_A_SCENE];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (const [colour, corners] of shapes) {
    context.fillStyle = colour;
    context.beginPath();
    for (const [x, y] of corners) context.lineTo(x * OF_A_SCENE, y * OF_A_SCENE);
    context.fill();
  }
  return { rgba: context.getImageData(0, 0, OF_A_SCENE, OF_A_SCENE).data, width: OF_A_SCENE, height: OF_A_SCENE };
}
