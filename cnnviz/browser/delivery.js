// Networks come as files, each once: what a page has fetched stays with it, whichever of the app's pages is shown and
// however often the server runs their scripts, and where the address is a secure one the browser keeps it for the
// next visit. What one component of a page knows, such as the drawing, it tells the others.

const KEPT = "cnnviz-networks";
const MOST_KEPT = 40;
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
  await keep(cache, name, bytes).catch(() => undefined); // no room
  return bytes;
}

async function keep(cache, name, bytes) {
  await cache?.put(name, new Response(bytes));
  const all = (await cache?.keys()) ?? [];
  await Promise.all(all.slice(0, -MOST_KEPT).map((old) => cache.delete(old)));
}

// What the components of a page tell each other, by name: "drawing" is {number, image}, the image a Uint8Array of
// 28 x 28 values (255 is ink), or null where nothing is drawn; it changes with every move of the pen.
const told = (globalThis.cnnvizTold ??= {});

export function tell(name, value) {
  told[name] = value;
  document.dispatchEvent(new CustomEvent(`cnnviz-${name}`, { detail: value }));
}

// `listener` gets what is told under `name`, now and at every change. Returns the function that ends it.
export function follow(listener, name = "drawing") {
  const hear = ({ detail }) => listener(detail);
  document.addEventListener(`cnnviz-${name}`, hear);
  if (name in told) listener(told[name]);
  return () => document.removeEventListener(`cnnviz-${name}`, hear);
}
