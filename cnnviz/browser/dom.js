// Elements and sentences of a page; whatever comes from a name is text.

export function make(name, attributes = {}, text = "") {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== "") element.textContent = text;
  return element;
}

export function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// What a component of Streamlit gives back, to be called when it goes: it is also called of an update that a newer one
// has overtaken, while the element and all that lives in it stay.
export function whenGone(root, end) {
  return () => setTimeout(() => root.isConnected || end());
}

export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
}
