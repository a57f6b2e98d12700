"""Collects what questions about figures show: ``python -m cnnviz.lessons.exercises.collecting`` writes ``gallery.json``.

Loss curves are those of the included experiments, filters those of the included checkpoints. Confusion matrices are of
the sample's test images: of included checkpoints, and of small trainings that are made here, in which something is
different from usual.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures, datasets
from cnnviz.experiments import results
from cnnviz.experiments.experiment import Outcome
from cnnviz.files import write_whole
from cnnviz.lessons.exercises.gallery import PATH
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe

CURVES: Mapping[str, tuple[str, str, str]] = {
    "two-neurons": ("too-simple-too-clever", "width-2", "epochs"),
    "four-neurons": ("too-simple-too-clever", "width-4", "epochs"),
    "wide": ("too-simple-too-clever", "width-128", "epochs"),
    "augmented": ("too-simple-too-clever", "augmentation", "epochs"),
    "50-images": ("too-simple-too-clever", "images-50", "epochs"),
    "1000-images": ("too-simple-too-clever", "images-1000", "epochs"),
    "4000-images": ("too-simple-too-clever", "images-4000", "epochs"),
    "relu": ("sigmoid-against-relu", "relu", "steps"),
    "sigmoid": ("sigmoid-against-relu", "sigmoid", "steps"),
    "with-bn": ("batch-normalisation", "with-rate-0.3", "steps"),
    "without-bn": ("batch-normalisation", "without-rate-0.3", "steps"),
    "tiny-rate": ("batch-normalisation", "without-rate-0.01", "steps"),
    "plain-14": ("depth-without-shortcuts", "plain-14", "steps"),
    "plain-32": ("depth-without-shortcuts", "plain-32", "steps"),
    "plain-56": ("depth-without-shortcuts", "plain-56", "steps"),
    "residual-32": ("depth-without-shortcuts", "residual-32", "steps"),
    "residual-56": ("depth-without-shortcuts", "residual-56", "steps"),
}
"""Of which experiment and variant a curve is, and whether it is the loss of training and test at each epoch's end or that
of the steps.
"""

FILTERS: Mapping[str, tuple[str, str]] = {
    "mlp-fc1": ("mlp-mnist", "fc1"),
    "lenet5-conv1": ("lenet5-mnist", "conv1"),
    "basic-cnn-conv1": ("basic-cnn-mnist", "conv1"),
    "resnet-mini-conv1": ("resnet-mini-mnist", "conv1"),
    "resnet-mini-rblock1.conv1": ("resnet-mini-mnist", "rblock1.conv1"),
    "basic-cnn-conv2": ("basic-cnn-mnist", "conv2"),
    "lenet5-conv2": ("lenet5-mnist", "conv2"),
}
"""The checkpoint and the layer; of a layer that is not the first, the slices of its first filter are shown."""

_SCALE = 99
SHIPPED = ("mlp-mnist", "small-cnn-mnist", "resnet-mini-mnist", "basic-cnn-mnist")
_TRAINED = "basic-cnn"
_EPOCHS, _RATE, _MOMENTUM, _BATCH, _SEED = 5, 0.05, 0.5, 32, 1

Relabel = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def without(digit: int) -> Relabel:
    """The training set has no images of ``digit``."""
    return lambda images, labels: (images[labels != digit], labels[labels != digit])


def swapped(one: int, other: int) -> Relabel:
    """In the training set the labels of two digits are exchanged."""

    def relabel(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        changed = torch.where(labels == one, other, torch.where(labels == other, one, labels))
        return images, changed

    return relabel


TRAININGS: Mapping[str, Relabel] = {
    "usual": lambda images, labels: (images, labels),
    **{f"without-{digit}": without(digit) for digit in (0, 4, 7)},
    **{f"swapped-{one}-{other}": swapped(one, other) for one, other in ((4, 9), (3, 8), (1, 6))},
}


def collect() -> dict[str, Any]:
    """Everything that is shown, as plain JSON values."""
    return {
        "curves": {key: curve_of(*place) for key, place in CURVES.items()},
        "filters": {key: filters_of(*place) for key, place in FILTERS.items()},
        "matrices": _matrices(),
    }


def curve_of(experiment: str, variant: str, kind: str) -> dict[str, list[float]]:
    """The losses of a variant of an included experiment."""
    found = results.shipped(experiment)
    assert found is not None
    outcome: Outcome = found.outcomes[variant]
    if kind == "steps":
        return {"train": list(outcome.losses)}
    return {
        "train": [epoch.train_loss for epoch in outcome.epochs],
        "test": [epoch.test_loss for epoch in outcome.epochs],
    }


def filters_of(checkpoint: str, layer: str) -> dict[str, Any]:
    """The filters of a checkpoint's layer, as whole numbers."""
    model = checkpoints.load_model(checkpoints.get(checkpoint))
    weight = model.get_parameter(f"{layer}.weight").detach().numpy()
    pictures = weight.reshape(len(weight), 28, 28) if weight.ndim == 2 else weight[:, 0]
    if weight.ndim == 4 and weight.shape[1] > 1:
        pictures = weight[0]
    whole = np.rint(pictures / np.abs(pictures).max() * _SCALE).astype(int)
    return {"shape": list(whole.shape), "values": whole.reshape(-1).tolist()}


def _matrices() -> dict[str, list[list[int]]]:
    data = datasets.load("mnist-sample")
    train, test = prepared(data.train_images), prepared(data.test_images)
    models = {key: checkpoints.load_model(checkpoints.get(key)) for key in SHIPPED}
    models["untrained"] = architectures.get(_TRAINED).build_seeded(_SEED).eval()
    models |= {key: _trained(*relabel(train, data.train_labels)) for key, relabel in TRAININGS.items()}
    return {key: matrix_of(model, test, data.test_labels) for key, model in models.items()}


def prepared(images: Tensor) -> Tensor:
    """Digits (N, 1, 28, 28) uint8 as the course's networks get them."""
    preparation = Recipe.default(_TRAINED).preparation
    return (images.float() / 255 - preparation.mean[0]) / preparation.deviation[0]


def _trained(images: Tensor, labels: Tensor) -> nn.Module:
    """The network after plain gradient descent: the same seed gives the same weights on one machine."""
    model = architectures.get(_TRAINED).build_seeded(_SEED).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=_RATE, momentum=_MOMENTUM)
    generator = torch.Generator().manual_seed(_SEED)
    for _epoch in range(_EPOCHS):
        for chosen in torch.split(torch.randperm(len(images), generator=generator), _BATCH):
            optimizer.zero_grad()
            F.cross_entropy(model(images[chosen]), labels[chosen]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return model.eval()


def matrix_of(model: nn.Module, images: Tensor, labels: Tensor) -> list[list[int]]:
    """What a network says to prepared images: rows are labels, columns what it says."""
    with torch.inference_mode():
        said = model(images).argmax(dim=1)
    counts: list[list[int]] = (
        np.bincount((labels * 10 + said).numpy(), minlength=100).reshape(10, 10).tolist()
    )
    return counts


def main(_arguments: Sequence[str] = ()) -> None:
    """Write the gallery."""
    found = collect()
    parts = [
        f" {json.dumps(kind)}: {{\n"
        + ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}"
            for key, value in entries.items()
        )
        + "\n }"
        for kind, entries in found.items()
    ]
    write_whole(PATH, ("{\n" + ",\n".join(parts) + "\n}\n").encode())


if __name__ == "__main__":
    main()
