"""What an experiment reads from the files of a run, and from the network's trace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cnnviz import architectures, datasets
from cnnviz.training.recipe.fitting import image_shape
from cnnviz.training.records.metrics import FILE_NAME as STEPS_NAME
from cnnviz.training.records.metrics import read_steps
from cnnviz.training.records.samples import FILE_NAME as SAMPLES_NAME
from cnnviz.training.records.samples import read_samples

if TYPE_CHECKING:
    from cnnviz.operations.op import Op

BLOCKS = 60
"""Points of a curve of the loss."""

_ALL = 10**9
_WITH_WEIGHTS = ("convolution", "linear")


@dataclass(frozen=True)
class Facts:
    """What is known of a network before it is trained; see :class:`cnnviz.experiments.outcome.Outcome`."""

    parameters: int
    macs: Mapping[str, int]
    layers: tuple[str, ...]


@lru_cache(maxsize=256)
def facts(architecture: str, options: str, dataset: str, resize: int | None) -> Facts:
    """The facts about a network with these ``options`` (JSON) for the images of ``dataset``.

    Raises:
        UsageError: this cnnviz does not know them.
    """
    import torch

    from cnnviz.tracing.trace import trace

    with torch.device("meta"):
        model = architectures.get(architecture).build(**json.loads(options))
    traced = trace(model, image_shape(datasets.get(dataset), resize))
    macs: dict[str, int] = {}
    for op in traced.ops:
        if op.macs:
            macs[_kernel(op)] = macs.get(_kernel(op), 0) + op.macs
    layers = tuple(op.name for op in traced.ops if op.kind in _WITH_WEIGHTS and op.params)
    return Facts(traced.total_params, dict(sorted(macs.items())), layers)


def _kernel(op: Op) -> str:
    """What an op is counted under: the size of its kernel, or its type where it has none."""
    kernel = cast("Sequence[int] | None", op.arguments.get("kernel_size"))
    return "x".join(map(str, kernel)) if kernel else op.type


def losses(folder: Path, total_steps: int, epochs: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean loss of each of at most :data:`BLOCKS` blocks of steps that are done, and where each ends, in
    epochs: the latter first.
    """
    steps = read_steps(folder / STEPS_NAME, _ALL)
    if not len(steps) or not total_steps:
        return (), ()
    blocks = min(BLOCKS, total_steps)
    block = (steps["step"].astype(np.int64) - 1) * blocks // total_steps
    complete = int(steps["step"][-1]) * blocks // total_steps
    kept = block < complete
    if not kept.any():
        return (), ()
    counts = np.bincount(block[kept], minlength=complete)
    sums = np.bincount(block[kept], weights=steps["loss"][kept], minlength=complete)
    there = counts > 0
    ends = (np.arange(complete) + 1) * epochs / blocks
    return tuple(ends[there].tolist()), tuple((sums[there] / counts[there]).tolist())


def gradients(folder: Path, layers: Sequence[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The gradient norms of the ``layers`` at the first sample, and their medians over the later half."""
    samples = read_samples(folder / SAMPLES_NAME)
    if not len(samples.records):
        return (), ()
    columns = [samples.layers.index(layer) for layer in layers if layer in samples.layers]
    norms = samples.records["norms"][:, columns]
    later = np.median(norms[len(norms) // 2 :], axis=0)
    return tuple(norms[0].tolist()), tuple(later.tolist())
