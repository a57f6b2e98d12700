"""Speed of the browser's engine, in Chromium and, where it is installed, in node.

Usage: python -m benchmarks.engine

A convolution of 64 maps of 28 x 28 by 3 x 3 kernels in multiply-adds a second: with WebAssembly, as the Draw page has
it, in JavaScript alone, and written as plain loops; then the time that each included network takes for an image, and
the seven digit networks for one drawing together.
The fastest of many repetitions, for other programs only slow them down; one thread. Exit status 1 if Chromium misses a
target.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.browser import browser
from cnnviz.browser import script
from cnnviz.browser.packing import packed
from cnnviz.tracing.trace import trace
from cnnviz.training.checkpoints import checkpoints

TARGET_GMACS = 0.9
TARGET_MS = 20.0
"""For the seven digit networks: a drawing's 33 ms have to hold its preparation and painting, too."""
ENGINE = (
    script.joined(("engine", "convolution", "quick")) + "export { Network, quickNetwork, readNetwork };\n"
)
TIMING = Path(__file__).with_name("engine.js")
_IN_CHROMIUM = """async ([engine, timing, networks, together]) => {
  const load = (text) => import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const read = Object.fromEntries(Object.entries(networks).map(([id, text]) => [id, bytes(text)]));
  return (await load(timing)).measure(await load(engine), read, together);
}"""
_IN_NODE = """
import { readFileSync } from "node:fs";
import * as engine from "./engine.mjs";
import { measure } from "./timing.mjs";
const { networks, together } = JSON.parse(readFileSync("told.json", "utf8"));
const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64")).buffer;
const read = Object.fromEntries(Object.entries(networks).map(([id, text]) => [id, bytes(text)]));
console.log(JSON.stringify(measure(engine, read, together)));
"""


def shipped() -> tuple[dict[str, str], list[str]]:
    """The included networks, packed, as base64 by id, and the ids of those that read digits."""
    networks, digits = {}, []
    for checkpoint in checkpoints.available():
        if checkpoint.is_shipped:
            model = checkpoints.load_model(checkpoint)
            traced = trace(model, checkpoint.recipe.input_shape)
            networks[checkpoint.id] = base64.b64encode(
                packed(
                    model, traced, checkpoint.recipe.preparation.mean, checkpoint.recipe.preparation.deviation
                )
            ).decode()
            if checkpoint.dataset == "mnist":
                digits.append(checkpoint.id)
    return networks, digits


def in_chromium(networks: Mapping[str, str], together: list[str]) -> dict[str, Any]:
    """What ``engine.js`` measures in a page of its own."""
    with browser() as chromium:
        page = chromium.new_page()
        texts = [ENGINE, TIMING.read_text("utf-8")]
        found: dict[str, Any] = page.evaluate(_IN_CHROMIUM, [*texts, networks, together])
    return found


def in_node(networks: Mapping[str, str], together: list[str]) -> dict[str, Any] | None:
    """What ``engine.js`` measures in node; None where that is not installed."""
    node = shutil.which("node")
    if node is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "engine.mjs").write_text(ENGINE, "utf-8")
        shutil.copy(TIMING, folder / "timing.mjs")
        (folder / "told.json").write_text(json.dumps({"networks": networks, "together": together}), "utf-8")
        (folder / "main.mjs").write_text(_IN_NODE, "utf-8")
        ran = subprocess.run([node, "main.mjs"], cwd=folder, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def show(where: str, found: Mapping[str, Any]) -> None:
    """Print the figures of one of the two."""
    speeds = found["convolution"]
    print(
        f"{where}: convolution {speeds['quick']:.2f} GMAC/s, JavaScript alone {speeds['blocks']:.2f}, "
        f"plain loops {speeds['naive']:.2f}"
    )
    quick, plain = found["quick"], found["plain"]
    for checkpoint, milliseconds in quick["networks"].items():
        print(f"  {checkpoint:<32} {milliseconds:7.2f} ms   {plain['networks'][checkpoint]:7.2f}")
    print(f"  {'the digit networks together':<32} {quick['together']:7.2f} ms   {plain['together']:7.2f}")


def main() -> int:
    """Measure and print; returns the exit status."""
    networks, digits = shipped()
    found = in_chromium(networks, digits)
    show("Chromium", found)
    beside = in_node(networks, digits)
    if beside is not None:
        show("node", beside)
    fast, soon = found["convolution"]["quick"] >= TARGET_GMACS, found["quick"]["together"] <= TARGET_MS
    print(f"target: at least {TARGET_GMACS} GMAC/s: {'reached' if fast else 'MISSED'}")
    print(f"target: {len(digits)} networks in at most {TARGET_MS:.0f} ms: {'reached' if soon else 'MISSED'}")
    return 0 if fast and soon else 1


if __name__ == "__main__":
    sys.exit(main())
