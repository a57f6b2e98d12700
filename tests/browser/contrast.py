"""The contrast of the words on a page, computed from their colours: axe leaves out what it cannot place."""

from __future__ import annotations

from playwright.sync_api import Page

_TOO_PALE = """([within, least]) => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (front, back, alpha) => front.slice(0, 3).map((part, place) => part * alpha + back[place] * (1 - alpha));
  const parent = (element) => element.parentElement ?? element.getRootNode().host ?? null;
  const behind = (element) => { // the colour on which an element stands
    if (element === null) return [255, 255, 255];
    const found = rgba(getComputedStyle(element).backgroundColor);
    return found[3] === 1 ? found.slice(0, 3) : over(found, behind(parent(element)), found[3]);
  };
  const opacity = (element) => (element === null ? 1 : getComputedStyle(element).opacity * opacity(parent(element)));
  const light = (colour) => {
    const [red, green, blue] = colour.map((part) => part / 255).map((part) => (part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4));
    return .2126 * red + .7152 * green + .0722 * blue;
  };
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) look(element.shadowRoot);
      const words = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(" ").trim();
      const style = getComputedStyle(element);
      const hidden = !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || style.clip === "rect(0px, 0px, 0px, 0px)";
      if (!words || hidden || element.closest("svg, style, :disabled, [aria-hidden=true]")) continue;
      const back = behind(element), front = rgba(style.color);
      const [bright, dark] = [light(over(front, back, front[3] * opacity(element))), light(back)].sort((a, b) => b - a);
      const contrast = (bright + .05) / (dark + .05);
      if (contrast < least) found.push(`${contrast.toFixed(2)}: ${words.slice(0, 60)}`);
    }
  };
  look(document.querySelector(within));
  return found;
}"""


def too_pale(page: Page, within: str, least: float) -> list[str]:
    """The words in what the selector ``within`` finds that have a contrast below ``least``, each after its contrast."""
    found: list[str] = page.evaluate(_TOO_PALE, [within, least])
    return found
