"""Plain PyTorch that loads a checkpoint, for a person who has no cnnviz."""

from __future__ import annotations

from cnnviz import datasets
from cnnviz.standalone import definition
from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint
from cnnviz.training.recipe.recipe import Recipe

_BODY = '''

def load(path: str = "{file}") -> nn.Module:
    """The trained network with its weights, ready to answer."""
    network = {call}
    network.load_state_dict(load_file(path))
    return network.eval()


def prepare(images: torch.Tensor) -> torch.Tensor:
    """images: (B, {channels}, {height}, {width}), values from 0 to 1 -> what the network was trained on."""
{steps}    mean = torch.tensor({mean}).view(1, -1, 1, 1)
    deviation = torch.tensor({deviation}).view(1, -1, 1, 1)
    return (images - mean) / deviation


if __name__ == "__main__":
    network = load()
    images = torch.rand(1, {channels}, {height}, {width})  # put your own in its place
    with torch.no_grad():
        scores = network(prepare(images))
    classes = {classes}
    for name, probability in zip(classes, scores.softmax(1)[0].tolist()):
        print(f"{{name}}: {{probability:.1%}}")
'''
_PERMUTE = """    order = torch.randperm({pixels}, generator=torch.Generator().manual_seed({seed}))
    images = images.flatten(2)[:, :, order].view(images.shape)
"""
_RESIZE = """    images = nn.functional.interpolate(
        images, ({side}, {side}), mode="bilinear", align_corners=False, antialias={smaller}
    )
"""


def loading_script(checkpoint: Checkpoint, file: str) -> str:
    """A file of Python that needs torch and safetensors alone: run beside the weights, which are called
    ``file``, it loads the network, prepares images as the recipe says, and prints the classes' probabilities.
    """
    recipe = checkpoint.recipe
    info = datasets.get(recipe.dataset)
    channels, height, width = info.input_shape
    load_file = ("safetensors.torch", "load_file", None)
    head, call = definition(recipe.architecture, recipe.options, imports=[load_file])
    body = _BODY.format(
        file=file,
        call=call,
        channels=channels,
        height=height,
        width=width,
        steps=_steps(recipe),
        mean=list(recipe.preparation.mean),
        deviation=list(recipe.preparation.deviation),
        classes=list(info.classes),
    )
    return head + body


def _steps(recipe: Recipe) -> str:
    """Lines for what is done to images before they are normalised, in the order in which training did it."""
    info = datasets.get(recipe.dataset)
    _, height, width = info.input_shape
    lines = ""
    if recipe.preparation.permutation_seed is not None:
        lines += _PERMUTE.format(pixels=height * width, seed=recipe.preparation.permutation_seed)
    if recipe.input_shape != info.input_shape:
        lines += _RESIZE.format(
            side=recipe.preparation.resize, smaller=(recipe.preparation.resize or height) < max(height, width)
        )
    return lines
