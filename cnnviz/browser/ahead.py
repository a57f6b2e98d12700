"""The network that the landing page shows, packed ahead, so that the page waits for no torch, nor NumPy.

``python -m cnnviz.browser.ahead`` writes the file beside this module anew once the checkpoint has changed.
"""

from __future__ import annotations

from pathlib import Path

CHECKPOINT = "basic-cnn-mnist"
FILE = Path(__file__).with_suffix(".safetensors")


def packed_now() -> bytes:
    """What the file holds: the network with its ``checkpoint``'s id, the names of its ``classes``, and ``digits`` to draw:
    strokes by name, points from 0 to 1.
    """
    from cnnviz import datasets
    from cnnviz.browser.packing import packed
    from cnnviz.drawing.strokes import example_points
    from cnnviz.tracing.trace import trace
    from cnnviz.training.checkpoints import checkpoints

    checkpoint = checkpoints.get(CHECKPOINT)
    model = checkpoints.load_model(checkpoint)
    preparation = checkpoint.recipe.preparation
    return packed(
        model,
        trace(model, checkpoint.recipe.input_shape),
        preparation.mean,
        preparation.deviation,
        checkpoint=checkpoint.id,
        classes=list(datasets.get(checkpoint.dataset).classes),
        digits=example_points(),
    )


if __name__ == "__main__":
    FILE.write_bytes(packed_now())
