"""The network that the landing page shows: planned ahead, so that the page waits for no torch, nor NumPy.

``python -m cnnviz.browser.ahead`` writes the file beside this module anew once the checkpoint has changed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cnnviz.settings import settings

CHECKPOINT = "basic-cnn-mnist"
FILE = Path(__file__).with_suffix(".json")


def planned() -> dict[str, Any]:
    """What the file holds: the network's plan, the SHA-256 of the weights that it is for, how its images are made, and
    digits to draw.
    """
    from cnnviz import datasets
    from cnnviz.browser.plan import plan
    from cnnviz.drawing.strokes import example_points
    from cnnviz.tracing.trace import trace
    from cnnviz.training.checkpoints import checkpoints

    checkpoint = checkpoints.get(CHECKPOINT)
    model = checkpoints.load_model(checkpoint)
    preparation = checkpoint.recipe.preparation
    return {
        "checkpoint": checkpoint.id,
        "sha256": checkpoint.sha256,
        "plan": plan(trace(model, checkpoint.recipe.input_shape), model.state_dict()),
        "classes": list(datasets.get(checkpoint.dataset).classes),
        "mean": preparation.mean[0],
        "deviation": preparation.deviation[0],
        "digits": {
            digit: [[list(point) for point in stroke] for stroke in strokes]
            for digit, strokes in example_points().items()
        },
    }


def network() -> dict[str, Any] | None:
    """What :func:`planned` gives, with the ``weights`` in base 64; None where those are missing, or others.

    Imports neither torch nor NumPy.
    """
    try:
        weights = (settings().checkpoints_dir / f"{CHECKPOINT}.safetensors").read_bytes()
    except OSError:
        return None
    known: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    if hashlib.sha256(weights).hexdigest() != known["sha256"]:
        return None
    return {**known, "weights": base64.b64encode(weights).decode()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(planned(), separators=(",", ":")) + "\n", "utf-8")
