"""How the first layer of a checkpoint formed: its filters at a few moments, in one small file beside the weights.

A run keeps all its weights at many moments, and they stay with it. A checkpoint that is exported, as the shipped ones
were, leaves its run behind; ``<id>.history.safetensors`` is what it takes along.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from cnnviz import datasets
from cnnviz.files import write_whole
from cnnviz.interpret.filters import layer_weights
from cnnviz.interpret.networks import MOST_FILTERS, Moment, load, moments, told_apart
from cnnviz.tracing.trace import Trace, trace
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.training.recipe.image_preparation import resized_shape
from cnnviz.training.records.snapshots import least_missed, metadata

MOST_MOMENTS = 12
MOST_BYTES = 64 * 1024
_ENDING = ".history.safetensors"
_FILTERS, _FACTS = "filters", "cnnviz"

Filters = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FilterHistory:
    """``filters`` (S, N, in, h, w) float32, at most ``MOST_FILTERS`` of the first layer, after ``steps`` in ``epochs``.

    ``again`` says that another run was watched than the one that made the checkpoint, by the same recipe with the same
    seed. ``difference`` is how far the weights at its end are from the checkpoint's (the largest absolute difference),
    None where it ended earlier.
    """

    filters: Filters
    steps: tuple[int, ...]
    epochs: tuple[int, ...]
    again: bool
    difference: float | None

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.filters.nbytes


def path(checkpoint: Checkpoint) -> Path:
    """Where the history of a checkpoint is kept."""
    return checkpoint.weights.with_suffix(_ENDING)


def keep(checkpoint: Checkpoint, run_id: str) -> Path | None:
    """Write the history of ``checkpoint`` from the snapshots of a run by the same recipe; None if it has too few.

    Raises:
        CnnvizError: a snapshot is damaged, or the file cannot be written.
    """
    found = told_apart(moments(run_id))
    if len(found) < 2:
        return None
    traced = _trace(checkpoint)
    filters = [_filters(moment.key(checkpoint.recipe), traced) for moment in found]
    chosen = _fewer([moment.step for moment in found], filters[0].size * np.dtype(np.float16).itemsize)
    facts = {
        "sha256": checkpoint.sha256,
        "run_id": run_id,
        "steps": [found[index].step for index in chosen],
        "epochs": [found[index].epoch for index in chosen],
        "difference": _difference(checkpoint, found[-1]),
    }
    data = safetensors.numpy.save(
        {_FILTERS: np.stack([filters[index] for index in chosen]).astype(np.float16)},
        {_FACTS: json.dumps(facts)},
    )
    write_whole(path(checkpoint), data)
    return path(checkpoint)


def read(checkpoint: Checkpoint) -> FilterHistory | None:
    """The history that was kept of ``checkpoint``; None if there is none, or one of other weights."""
    try:
        data = path(checkpoint).read_bytes()
        facts = json.loads(metadata(data)[_FACTS])
        if facts["sha256"] != checkpoint.sha256:
            return None
        return FilterHistory(
            filters=safetensors.numpy.load(data)[_FILTERS].astype(np.float32),
            steps=tuple(facts["steps"]),
            epochs=tuple(facts["epochs"]),
            again=facts["run_id"] != checkpoint.run_id,
            difference=facts["difference"],
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def _trace(checkpoint: Checkpoint) -> Trace:
    shape = resized_shape(datasets.get(checkpoint.dataset).input_shape, checkpoint.recipe.preparation.resize)
    return trace(checkpoints.load_model(checkpoint), shape)


def _filters(key: tuple[str, ...], traced: Trace) -> Filters:
    network = load(key)
    return layer_weights(network, traced)[0].values[:MOST_FILTERS].copy()


def _fewer(steps: Sequence[int], each: int) -> list[int]:
    """Which of the moments after ``steps`` are kept, of ``each`` bytes: as many as are allowed, spread evenly."""
    chosen = list(range(len(steps)))
    while len(chosen) > max(2, min(MOST_MOMENTS, MOST_BYTES // each)):
        del chosen[least_missed([steps[index] for index in chosen])]
    return chosen


def _difference(checkpoint: Checkpoint, last: Moment) -> float | None:
    """How far the weights of ``last`` are from the checkpoint's, if that run went on as long."""
    if last.epoch != len(checkpoint.epochs):
        return None
    ours = checkpoints.load_model(checkpoint).state_dict()
    theirs = load(last.key(checkpoint.recipe)).state_dict()
    return max(float((ours[name].double() - theirs[name].double()).abs().max()) for name in ours)
