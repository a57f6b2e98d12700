// Networks come as files, each once: what a page has fetched stays with it, whichever of the app's pages is shown and
// however often the server runs their scripts, and where the address is a secure one the browser keeps it for the
// next visit. The drawing goes from the canvas to whoever follows it.

const KEPT = "cnnviz-networks";
const networks = (globalThis.cnnvizNetworks ??= new Map());

// The bytes of a network, an ArrayBuffer. `digest` names them, `url` is their place on the server, below the app's
// own address.
export function fetchNetwork({ digest, url }) {
  if (!networks.has(digest)) {
    const found = load(digest, new URL(`.${url}`, document.baseURI));
    found.catch(() => networks.delete(digest)); // tried again when it is asked for again
    networks.set(digest, found);
  }
  return networks.get(digest);
}

async function load(digest, url) {
  const cache = await globalThis.caches?.open(KEPT).catch(() => undefined);
  const name = `/${KEPT}/${digest}`;
  const kept = await cache?.match(name);
  if (kept) return kept.arrayBuffer();
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  const bytes = await answer.arrayBuffer();
  await cache?.put(name, new Response(bytes)).catch(() => undefined); // no room
  return bytes;
}

// Tell everybody on the page what is drawn: {image: Uint8Array of 28 x 28, 255 is ink, or null}.
export function announce(drawing) {
  globalThis.cnnvizDrawing = drawing;
  document.dispatchEvent(new CustomEvent("cnnviz-drawing", { detail: drawing }));
}

// `listener` gets what is drawn, now and at every change. Returns the function that ends it.
export function follow(listener) {
  const hear = ({ detail }) => listener(detail);
  document.addEventListener("cnnviz-drawing", hear);
  if (globalThis.cnnvizDrawing) listener(globalThis.cnnvizDrawing);
  return () => document.removeEventListener("cnnviz-drawing", hear);
}
