"""How a network developed: its weights and its answers at the snapshots of its training."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnviz.settings import settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots

if TYPE_CHECKING:
    from torch import Tensor

    from cnnviz.tracing.trace import Trace

MOST_FILTERS = 32
"""The most filters of a layer that are followed."""

_NEAR = 16


@dataclass(frozen=True)
class Moment:
    """A snapshot: after ``step`` steps, in ``epoch``; ``stamp`` distinguishes it from another snapshot of the same
    step.
    """

    run_id: str
    step: int
    epoch: int
    stamp: str

    def key(self, recipe: Recipe) -> tuple[str, ...]:
        """The key by which :func:`cnnviz.interpret.networks.load` finds the network; ``recipe`` is the run's."""
        text = json.dumps(recipe.to_dict(), sort_keys=True)
        return "snapshot", self.run_id, str(self.step), self.stamp, text


def moments(run_id: str) -> tuple[Moment, ...]:
    """All snapshots of a run in ascending order; none if there is no such run."""
    folder = settings().runs_dir / run_id
    if folder.parent != settings().runs_dir:  # an id must not be a path
        return ()
    found = []
    for step, epoch in snapshots.available(run_id):
        try:
            changed = snapshots.path(folder, step, epoch).stat().st_mtime_ns
        except OSError:  # deleted at this very moment
            continue
        found.append(Moment(run_id, step, epoch, str(changed)))
    return tuple(found)


def told_apart(found: Sequence[Moment]) -> tuple[Moment, ...]:
    """``found`` without the powers of two that lie within a sixteenth of their step from the end of an epoch.

    The weights hardly differ there, and the end of an epoch is the more meaningful of the two.
    """
    ends = [one.step for one, after in pairwise(found) if one.epoch < after.epoch]
    if found and not _is_power_of_two(found[-1].step):
        ends.append(found[-1].step)

    def repeats(moment: Moment) -> bool:
        step = moment.step
        return _is_power_of_two(step) and any(0 < abs(step - end) <= step // _NEAR for end in ends)

    return tuple(moment for moment in found if moment.step in ends or not repeats(moment))


def _is_power_of_two(step: int) -> bool:
    return step & (step - 1) == 0


def with_snapshots() -> list[str]:
    """The ids of all runs with a folder for snapshots."""
    try:
        folders = list(settings().runs_dir.iterdir())
    except OSError:  # there are no runs, or none that can be read
        return []
    return sorted(folder.name for folder in folders if snapshots.path(folder, 0, 0).parent.is_dir())


@dataclass(frozen=True, eq=False)
class History:
    """Arrays with one row for each of S moments.

    ``filters``: (S, N, in, h, w) float32, the first layer's, at most :data:`MOST_FILTERS`. ``probabilities``:
    (S, classes) from 0 to 1, the network's answer for one image.
    """

    filters: NDArray[np.float32]
    probabilities: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.filters.nbytes + self.probabilities.nbytes


def history(
    keys: Sequence[tuple[str, ...]],
    trace: Trace,
    x: Tensor,
    classes: int,
    progress: Callable[[float], None] | None = None,
) -> History:
    """Load the networks of all keys, one after the other, and let each classify ``x``.

    Args:
        keys: of networks of the same architecture, as :meth:`Moment.key` gives them.
        trace: the architecture's.
        x: (1, *trace.input_shape) float32, normalised.
        classes: how many scores the network gives.
        progress: called with 0..1 after each network; an exception that it raises ends the work.

    Raises:
        CnnvizError: a snapshot is damaged, or the network does not end in one score for each class.
    """
    import torch

    from cnnviz.interpret.activations import FeatureMaps
    from cnnviz.interpret.answers import probabilities
    from cnnviz.interpret.filters import layer_weights
    from cnnviz.interpret.networks import load

    filters, said = [], []
    for number, key in enumerate(keys, start=1):
        network = load(key)
        filters.append(layer_weights(network, trace)[0].values[:MOST_FILTERS].copy())
        with torch.inference_mode():
            output = network(x.clone())[0].numpy()
        said.append(probabilities(FeatureMaps(trace.ops[-1], output), classes))
        if progress is not None:
            progress(number / len(keys))
    return History(np.stack(filters), np.stack(said))
