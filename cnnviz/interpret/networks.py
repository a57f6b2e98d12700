"""The networks that can be inspected, each identified by plain strings, and how one developed during its training."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnviz import architectures
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.interpret import pretrained
from cnnviz.language import Message
from cnnviz.randomness import untouched_generator
from cnnviz.settings import settings
from cnnviz.storage.opening import storage
from cnnviz.storage.storage import Edition
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnnviz.tracing.trace import Trace


OWN = "own"
"""Begins the key of an own network for which there is no data set, and so no recipe."""


class NetworkTooLargeError(CnnvizError):
    """The weights of a network would not fit into memory."""

    def __init__(self, needed: int, free: int) -> None:
        super().__init__(
            Message(
                "The weights of this network need about {needed:,.0f} MB of memory, but only {free:,.0f} MB are free. "
                "Choose a smaller network, or try again later.",
                needed=needed / 1e6,
                free=free / 1e6,
            )
        )


LARGE = 50_000_000
"""Bytes of weights from which on loading takes long enough to be announced."""

_one_large_at_a_time = threading.Lock()


def load(key: tuple[str, ...]) -> nn.Module:
    """The network that ``key`` names, as :func:`_load` does; large ones one at a time, and only where they fit.

    Raises:
        NetworkTooLargeError: it would not fit into memory.
        CnnvizError: it is missing or damaged.
    """
    needed = weight_bytes(key)
    if needed < LARGE:
        return _load(key)
    with _one_large_at_a_time:
        from cnnviz.training.loop.memory import available

        free = available()
        # while it is made, or read from a file, there are some of its weights twice
        if free is not None and 2 * needed > free:
            raise NetworkTooLargeError(2 * needed, free)
        return _load(key)


def weight_bytes(key: tuple[str, ...]) -> int:
    """About how many bytes the weights of the network that ``key`` names take; nothing is loaded.

    Raises:
        CnnvizError: there is no such network, or its weights are missing.
    """
    kind, *rest = key
    if kind in ("pretrained", "random"):
        return round(pretrained.get(rest[0]).megabytes * 2**20)
    if kind == "checkpoint":
        return checkpoints.get(rest[0]).weight_bytes()
    if kind == "untrained":
        import torch

        with torch.device("meta"):
            return nbytes(architectures.get(rest[0]).build(**json.loads(rest[1])))
    return 0  # a person's own network and a run's have limits of their own


def _load(key: tuple[str, ...]) -> nn.Module:
    """The network that ``key`` names, in eval mode and without gradients, on the CPU.

    Args:
        key: ``("checkpoint", id, sha256)``; ``("untrained", architecture, options as JSON, seed,
            initialisation)`` for the weights that training starts from; ``("pretrained", name)`` for a model of
            torchvision with its ImageNet weights, ``("random", name, seed)`` without them; ``("own", key, seed)``
            for a person's own network that no recipe trains; ``("snapshot", run, step, stamp, recipe as JSON)``
            for a run in progress.

    Raises:
        CnnvizError: it is missing or damaged.
    """
    kind, *rest = key
    if kind == "checkpoint":
        return checkpoints.load_model(checkpoints.get(rest[0]))
    if kind == "pretrained":
        return pretrained.load(rest[0])
    if kind == "snapshot":
        return _snapshot(*rest)
    if kind == "random":
        return pretrained.untrained(rest[0], int(rest[1]))
    if kind == OWN:
        return _own(rest[0], int(rest[1]))
    return _untrained(*rest)


def start_of(recipe: Recipe) -> tuple[str, ...]:
    """The key of the initial weights of a training by ``recipe``."""
    options = json.dumps(dict(recipe.options), sort_keys=True)
    return "untrained", recipe.architecture, options, str(recipe.seed), recipe.initialisation


def nbytes(network: nn.Module) -> int:
    """Bytes of the network's weights and buffers, each counted once."""
    return sum(tensor.nbytes for tensor in {*network.parameters(), *network.buffers()})


def _untrained(architecture: str, options: str, seed: str, initialisation: str) -> nn.Module:
    from cnnviz.training.loop.optimisation import initial_network

    recipe = Recipe.default(
        architecture, options=json.loads(options), seed=int(seed), initialisation=initialisation
    )
    return initial_network(recipe).requires_grad_(False).eval()


def _own(architecture: str, seed: int) -> nn.Module:
    with untouched_generator(seed):
        return architectures.get(architecture).build().requires_grad_(False).eval()


def _snapshot(run_id: str, step: str, _stamp: str, recipe: str) -> nn.Module:
    known = Recipe.from_dict(json.loads(recipe))
    return checkpoints.network(run_id, known, snapshots.load(run_id, int(step)))


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
        """The key by which :func:`load` finds the network; ``recipe`` is the run's."""
        text = json.dumps(recipe.to_dict(), sort_keys=True)
        return "snapshot", self.run_id, str(self.step), self.stamp, text


def moments(run_id: str) -> tuple[Moment, ...]:
    """All snapshots of a run in ascending order; none if there is no such run."""
    with contextlib.suppress(UnknownKeyError):
        found = snapshots.kept(run_id, _edition(run_id))
        return tuple(Moment(run_id, one.step, one.epoch, one.version) for one in found)
    return ()


def has_files(run_id: str) -> bool:
    """Whether the files of a run are there, if only some."""
    with contextlib.suppress(UnknownKeyError):
        return _edition(run_id) is not None or (settings().runs_dir / run_id).is_dir()
    return False


def _edition(run_id: str) -> Edition | None:
    """What the database knows of a run's files; None where they are in a folder, which tells by itself.

    Raises:
        UnknownKeyError: there is no such run, or it is deleted.
    """
    if not storage().is_shared_by_address:
        if (settings().runs_dir / run_id).parent != settings().runs_dir:  # an id must not be a path
            raise UnknownKeyError(Message("run"), run_id, ())
        return None
    from cnnviz.training.store.polled import open_polled
    from cnnviz.training.store.reading import edition

    run = open_polled().get(run_id)
    if run.deleted_at is not None:
        raise UnknownKeyError(Message("run"), run_id, ())
    return edition(run)


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


_MOST_UNFINISHED = 20


def with_snapshots() -> list[str]:
    """The ids of all runs with a folder for snapshots; of those in an object store, of the newest that may have one and have
    no checkpoint.
    """
    if storage().is_shared_by_address:
        from cnnviz.training.store.store import open_store

        return list(open_store().unfinished(_MOST_UNFINISHED))
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
    from cnnviz.tracing.inputs import as_taken

    filters, said = [], []
    for number, key in enumerate(keys, start=1):
        network = load(key)
        filters.append(layer_weights(network, trace)[0].values[:MOST_FILTERS].copy())
        with torch.inference_mode():
            output = network(as_taken(network, x).clone())[0].float().numpy()
        said.append(probabilities(FeatureMaps(trace.output or trace.ops[-1], output), classes))
        if progress is not None:
            progress(number / len(keys))
    return History(np.stack(filters), np.stack(said))
