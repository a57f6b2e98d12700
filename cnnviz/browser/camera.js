// Pictures for a network: what a camera sees, and image files, as {rgba, width, height} of at most so many pixels a side.

const OF_A_FRAME = 320;
const OF_A_FILE = 1024;

export class Camera {
  static isThere() {
    // A browser gives no camera to a page within a page that has no address of its own, as in a notebook's cell.
    const isHomeless = parent !== globalThis && origin === "null";
    return !isHomeless && navigator.mediaDevices?.getUserMedia !== undefined;
  }

  // A camera that has begun; the browser asks the person for their permission.
  static async begun() {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
    const camera = new Camera(stream);
    try {
      await camera.video.play();
    } catch (error) {
      camera.end();
      throw error;
    }
    return camera;
  }

  constructor(stream) {
    this.stream = stream;
    this.video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
    this.canvas = document.createElement("canvas");
  }

  frame() {
    const { video, canvas } = this;
    return pixelsOf(canvas, video, video.videoWidth, video.videoHeight, OF_A_FRAME);
  }

  end() {
    for (const track of this.stream.getTracks()) track.stop();
  }
}

// The picture in an image file, turned as it was taken. Fails where the file is none.
export async function pictureOf(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const found = pixelsOf(document.createElement("canvas"), bitmap, bitmap.width, bitmap.height, OF_A_FILE);
  bitmap.close();
  return found;
}

function pixelsOf(canvas, source, width, height, most) {
  const factor = Math.min(1, most / Math.max(width, height));
  const [wide, high] = [width, height].map((size) => Math.max(1, Math.round(size * factor)));
  [canvas.width, canvas.height] = [wide, high];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, wide, high);
  return { rgba: context.getImageData(0, 0, wide, high).data, width: wide, height: high };
}
