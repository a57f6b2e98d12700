/* Sends what is pasted or typed into a text area at once. Streamlit itself waits until the person leaves the field. */

const PASTED_MS = 0, TYPED_MS = 700;

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".decoding");
  if (root.stop) return root.stop;
  let waiting = 0;

  function listen(event) {
    const area = event.target;
    if (area.tagName !== "TEXTAREA" || !area.closest(data.place)) return;
    clearTimeout(waiting);
    // Several characters at once are a paste, whichever way they came: by keys, a menu, or dropped.
    const pasted = event.inputType ? event.inputType !== "insertText" && !event.inputType.startsWith("delete") : true;
    waiting = setTimeout(() => send(area), pasted ? PASTED_MS : TYPED_MS);
  }

  function send(area) {
    // The key that the field itself sends with: it keeps the focus, and what is typed meanwhile.
    area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true }));
  }

  document.addEventListener("input", listen);
  root.stop = () => {
    clearTimeout(waiting);
    document.removeEventListener("input", listen);
  };
  return root.stop;
}
