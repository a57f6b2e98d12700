// A piece of clothing in a picture as Fashion-MNIST shows it, step by step as cnnviz/drawing/pictures.py does it: bright
// on black, cropped to the piece where the ground is even, otherwise to the middle. It stands beside photo.js.

const FAINT_CLOTH = FAINT * 255;

function garmentOf(photo) {
  const { width, height } = photo;
  const grey = mapped(Float32Array, greyOf(photo), (value) => value / 255);
  const ground = median(outline(width, height).map((at) => grey[at]));
  const isTurned = ground > meanWithin(grey, width, height);
  const range = isTurned ? ground : Math.max(1 - ground, 1 / 255);
  const bright = mapped(Uint8Array, grey, (value) => {
    const above = ((isTurned ? ground - value : value - ground) / range) * 255;
    return roundHalfEven(Math.min(Math.max(above, 0), 255));
  });
  const ink = mapped(Float32Array, bright, (value) => (value > FAINT_CLOTH ? value : 0));
  const isSmall = width === FIELD && height === FIELD;
  const isCut = !isSmall && hasEvenGround(photo) && ink.some((value) => value > 0);
  return isCut ? centred(bright, width, boundingBox(ink, width, height)) : middle(bright, width, height, FIELD, FIELD);
}

// Of the middle third in height and width.
function meanWithin(grey, width, height) {
  const [down, across] = [Math.floor(height / 3), Math.floor(width / 3)];
  let [sum, count] = [0, 0];
  for (let y = down; y < height - down; y++) {
    for (let x = across; x < width - across; x++, count++) sum += grey[y * width + x];
  }
  return sum / count;
}

function centred(bright, width, box) {
  const [, , rows, columns] = box;
  const factor = FIELD / Math.max(rows, columns);
  const [high, wide] = [rows, columns].map((size) => Math.max(1, roundHalfEven(size * factor)));
  const piece = resized(part(bright, width, box), columns, rows, wide, high);
  const [down, across] = [high, wide].map((size) => Math.floor((FIELD - size) / 2));
  const image = new Uint8Array(FIELD * FIELD);
  for (let row = 0; row < high; row++) {
    image.set(piece.subarray(row * wide, (row + 1) * wide), (down + row) * FIELD + across);
  }
  return image;
}
