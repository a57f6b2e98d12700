"""Pictures: images of a data set with their captions, and tiles of which a person points at one.

Tiles are buttons; a click comes back as the tile's number. They are a component of their own, as Streamlit
has no pictures that can be clicked.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

_RIGHT = '<span class="cnnviz-right">✓ </span>'
_WRONG = '<span class="cnnviz-wrong">✗ </span>'


@dataclass(frozen=True)
class Picture:
    """One image with its lines: ``title`` in full strength, ``notes`` smaller; ``right`` puts a mark before.

    ``pixels`` is (C, H, W) uint8, grey or RGB; ``description`` says what it is to those who do not see it.
    """

    pixels: NDArray[np.uint8]
    title: str
    notes: tuple[str, ...]
    description: str
    right: bool | None = None


def gallery(pictures: Sequence[Picture]) -> None:
    """All ``pictures``, as many in a row as there is room for."""
    st.html(f'<div class="cnnviz-gallery">{"".join(map(_figure, pictures))}</div>')


def image_address(pixels: NDArray[np.uint8]) -> str:
    """An image (C, H, W) uint8, grey or RGB, as an address that an ``<img>`` takes."""
    from PIL import Image

    rows = pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rows)).save(file, "PNG", compress_level=1)
    return png_address(file.getvalue())


def png_address(png: bytes) -> str:
    """A PNG file as an address that an ``<img>`` takes."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def pixelated(source: str, description: str) -> str:
    """A picture with square pixels, as wide as its place."""
    text = escape(description)
    return f'<img src="{source}" alt="{text}" title="{text}" class="cnnviz-pixels">'


def frame(part: tuple[int, int, int, int], size: tuple[int, int]) -> str:
    """A frame around a ``part`` (top, left, height, width) of a picture of ``size`` (height, width), as HTML.

    It lies upon what is in the element around it, whose class is ``cnnviz-framed``.
    """
    top, left, height, width = part
    places = {
        "top": top / size[0],
        "left": left / size[1],
        "height": height / size[0],
        "width": width / size[1],
    }
    style = ";".join(f"--cnnviz-{name}:{place:.2%}" for name, place in places.items())
    return f'<div class="cnnviz-frame" style="{style}"></div>'


def _figure(picture: Picture) -> str:
    mark = "" if picture.right is None else _RIGHT if picture.right else _WRONG
    notes = "".join(f"<div>{escape(line)}</div>" for line in picture.notes)
    return (
        f'<figure class="cnnviz-figure"><img class="cnnviz-photo" src="{image_address(picture.pixels)}" '
        f'alt="{escape(picture.description)}">'
        f'<figcaption><div class="cnnviz-title">{mark}{escape(picture.title)}</div>{notes}</figcaption></figure>'
    )


@dataclass(frozen=True)
class Tile:
    """One picture: ``number`` is what a click gives back, ``png`` the file.

    ``title`` stands below it, ``note`` comes up on hover; ``dead`` marks it as empty.
    """

    number: int
    png: bytes
    title: str
    note: str
    dead: bool = False


_CSS = """
.tiles { display: grid; gap: .45rem; grid-template-columns: repeat(auto-fill, minmax(var(--side), 1fr)); }
.tiles button {
  all: unset; box-sizing: border-box; cursor: pointer; padding: 3px; border-radius: .4rem;
  border: 2px solid transparent; font: inherit; min-width: 0;
}
.tiles button:hover { border-color: var(--st-border-color); }
.tiles button:focus-visible { outline: 2px solid var(--st-primary-color); }
.tiles button.chosen { border-color: var(--st-primary-color); }
.tiles img { display: block; width: 100%; image-rendering: pixelated; border-radius: 2px;
  border: 1px solid color-mix(in srgb, var(--st-text-color) 12%, transparent); box-sizing: border-box; }
.tiles .dead img { border-style: dashed; opacity: .45;
  border-color: color-mix(in srgb, var(--st-text-color) 55%, transparent); }
.tiles span { display: block; font-size: .72rem; line-height: 1.3; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis; font-variant-numeric: tabular-nums; color: var(--st-text-color); opacity: .8; }
"""

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tiles");
  root.style.setProperty("--side", data.side + "px");
  const described = JSON.stringify(data.tiles);
  if (root.described !== described) {
    root.described = described;
    root.replaceChildren(...data.tiles.map(button));
  }
  for (const child of root.children) {
    const chosen = Number(child.dataset.number) === data.chosen;
    child.classList.toggle("chosen", chosen);
    child.setAttribute("aria-pressed", chosen);
    child.onclick = () => setTriggerValue("picked", Number(child.dataset.number));
  }
}

function button(tile) {
  const found = document.createElement("button");
  found.dataset.number = tile.number;
  found.title = tile.note;
  found.className = tile.dead ? "dead" : "";
  const picture = document.createElement("img");
  picture.src = "data:image/png;base64," + tile.png;
  picture.alt = tile.note;
  const title = document.createElement("span");
  title.textContent = tile.title;
  found.append(picture, title);
  return found;
}
"""

_component = st.components.v2.component("cnnviz_tiles", html='<div class="tiles"></div>\n', css=_CSS, js=_JS)


def tiles(
    shown: Sequence[Tile], *, key: str, chosen: int | None, on_pick: Callable[[int], None], side: int = 64
) -> None:
    """All tiles of ``shown``, as many in a row as there is room for at ``side`` pixels each.

    ``chosen`` is the number of the one that is marked; ``on_pick`` is called with the number of another
    one that a person clicks, before the page runs again.
    """

    def picked() -> None:
        number = st.session_state[key].get("picked")
        if number is not None:
            on_pick(int(number))

    _component(
        data={
            "side": side,
            "chosen": chosen,
            "tiles": [
                {
                    "number": tile.number,
                    "png": base64.b64encode(tile.png).decode(),
                    "title": tile.title,
                    "note": tile.note,
                    "dead": tile.dead,
                }
                for tile in shown
            ],
        },
        key=key,
        on_picked_change=picked,
    )
