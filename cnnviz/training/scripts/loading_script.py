"""Plain PyTorch that loads a checkpoint, for a person who has no cnnviz."""

from __future__ import annotations

from cnnviz import architectures, datasets
from cnnviz.standalone import excerpt, render
from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint


def loading_script(checkpoint: Checkpoint, file: str) -> str:
    """A Python file that needs only torch and safetensors.

    Run beside the weights, which are called ``file``, it loads the network, prepares images as the recipe says, and
    prints the probability of each class.
    """
    recipe = checkpoint.recipe
    load_file = ("safetensors.torch", "load_file", None)
    return render(
        "training/scripts/loading_script.py.jinja",
        known=architectures.get(recipe.architecture),
        network=excerpt(recipe.architecture, recipe.options, imports=[load_file]),
        file=file,
        info=datasets.get(recipe.dataset),
        preparation=recipe.preparation,
    )
