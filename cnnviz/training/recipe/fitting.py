"""Whether network, data set and sizes of a recipe fit together. Importing this imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from cnnviz import architectures, datasets
from cnnviz.errors import UsageError
from cnnviz.language import Message

if TYPE_CHECKING:
    from torch import nn


def usual_resize(architecture: architectures.Architecture, dataset: datasets.DatasetInfo) -> int | None:
    """The size to which images are resized for an architecture; None if they have it already."""
    wanted = architecture.input_shape[1:]
    return None if wanted == dataset.input_shape[1:] else wanted[0]


def check_fit(
    architecture: architectures.Architecture,
    options: Mapping[str, object],
    dataset: datasets.DatasetInfo,
    shape: tuple[int, int, int],
) -> None:
    """Check that the network takes the data set's images, brought to ``shape`` (C, H, W), and has its classes.

    A size other than the architecture's own is tried out on the meta device, which imports torch.

    Raises:
        UsageError: it does not; the message says why.
    """
    if (architecture.input_shape[0], architecture.classes) != (shape[0], len(dataset.classes)):
        raise UsageError(
            Message(
                "{architecture} expects {takes} images in {classes} classes, but {dataset} has {has} "
                "images in {count}.",
                architecture=architecture.title,
                takes=" x ".join(map(str, architecture.input_shape)),
                classes=architecture.classes or 0,
                dataset=dataset.title,
                has=" x ".join(map(str, dataset.input_shape)),
                count=len(dataset.classes),
            )
        )
    if shape == architecture.input_shape:
        return
    reason = _misfit(architecture.key, json.dumps(dict(options), sort_keys=True), shape)
    if reason is not None:
        raise UsageError(
            Message(
                "{architecture} does not accept {has} images: {reason} Resize them to {size} pixels.",
                architecture=architecture.title,
                has=" x ".join(map(str, shape)),
                reason=reason,
                size=architecture.input_shape[1],
            )
        )


def check_batches(
    architecture: architectures.Architecture, options: Mapping[str, object], batch_size: int, images: int
) -> None:
    """Check that batch normalisation has more than one image to normalise over.

    Raises:
        UsageError: the network normalises over the batch, and there would be one image in each.
    """
    if min(batch_size, images) > 1 or not _normalises(
        architecture.key, json.dumps(dict(options), sort_keys=True)
    ):
        return
    raise UsageError(
        Message(
            "{architecture} has batch normalisation, which needs the mean and standard deviation of a "
            "batch; for a single image, the standard deviation is 0. Use batches of at least 2 images.",
            architecture=architecture.title,
        )
    )


def has_batch_norm(model: nn.Module) -> bool:
    """Whether a layer of ``model`` normalises over the batch while training."""
    from torch.nn.modules.batchnorm import _BatchNorm

    return any(isinstance(module, _BatchNorm) for module in model.modules())


@lru_cache(maxsize=256)
def _misfit(key: str, options: str, shape: tuple[int, int, int]) -> Message | None:
    """Why the network fails on images of ``shape`` (C, H, W); None if it does not."""
    from cnnviz.tracing.trace import trace

    failure = trace(_on_meta(key, options), shape).failure
    return None if failure is None else failure.reason


@lru_cache(maxsize=256)
def _normalises(key: str, options: str) -> bool:
    return has_batch_norm(_on_meta(key, options))


def _on_meta(key: str, options: str) -> nn.Module:
    import torch

    with torch.device("meta"):
        return architectures.get(key).build(**json.loads(options))
