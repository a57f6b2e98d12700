"""Running an experiment: its variants as ordinary runs of one group, and what they have given so far."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from cnnviz import architectures, datasets
from cnnviz.experiments import catalogue
from cnnviz.experiments.experiment import Experiment, Outcome, Setting
from cnnviz.language import Message
from cnnviz.training.recipe.image_preparation import resized_shape
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import SAMPLES_FILE, STEPS_FILE, read_samples, read_steps
from cnnviz.training.store.runs import Member, Run, Status
from cnnviz.training.store.store import Admit, RunStore

if TYPE_CHECKING:
    from cnnviz.operations.op import Op


_EXPERIMENT, _SETTING, _VARIANT = "experiment", "setting", "variant"


@dataclass(frozen=True)
class Group:
    """The runs of one execution of an experiment, in order; ``setting`` is the one that was asked for."""

    id: str
    experiment: str
    setting: Setting
    runs: tuple[Run, ...]

    @property
    def is_open(self) -> bool:
        """Whether one of the runs waits or goes on."""
        return any(run.is_open for run in self.runs)

    @property
    def can_resume(self) -> bool:
        """Whether one of the runs was stopped or cut off, and none goes on."""
        return not self.is_open and any(run.status in _CUT for run in self.runs)

    @property
    def owner(self) -> str | None:
        """Who asked for it."""
        return self.runs[0].owner


_CUT = (Status.STOPPED, Status.INTERRUPTED)


def start(
    store: RunStore,
    experiment: Experiment,
    setting: Setting,
    owner: str | None = None,
    admit: Admit | None = None,
) -> str:
    """Put a run for each variant into the queue; then call :func:`cnnviz.training.worker.dispatching.start_queued`.

    ``admit`` may refuse them all.

    Returns:
        the id of their group.

    Raises:
        UsageError: a recipe is not valid.
    """
    recipes = experiment.recipes(setting)
    members = [
        Member(
            recipe=recipes[variant.key],
            name=str(Message("{title}: {variant}", title=experiment.title, variant=variant.title)),
            role={_EXPERIMENT: experiment.key, _SETTING: setting, _VARIANT: variant.key},
        )
        for variant in experiment.of(setting)
        if variant.key in recipes
    ]
    return store.create_group(members, owner=owner, admit=admit)


def resume(store: RunStore, group: Group, admit: Admit | None = None) -> None:
    """Let the runs of a group that were stopped or cut off go on, unless ``admit`` refuses; then call
    ``start_queued``.
    """
    store.resume(*[run.id for run in group.runs if run.status in _CUT], admit=admit)


MOST_GROUPS = 50
"""So many of an experiment's executions are offered; a link to an older one still leads there."""


def groups(store: RunStore, experiment: str, *, deleted: bool = False) -> list[Group]:
    """The newest groups of an experiment, the newest first; with ``deleted`` those that can be restored."""
    found: dict[str, list[Run]] = {}
    for run in store.grouped((_EXPERIMENT, experiment), MOST_GROUPS, deleted=deleted):
        if run.group_id is not None:
            found.setdefault(run.group_id, []).append(run)
    return [_as_group(members[::-1]) for members in found.values()]


def group_of(store: RunStore, group_id: str) -> Group | None:
    """The group of this id; None where there is none, or where it was deleted."""
    members = store.group(group_id)
    return _as_group(members) if members and _EXPERIMENT in (members[0].role or {}) else None


def experiment_of(group: Group) -> Experiment:
    """The experiment of which the group is an execution.

    Raises:
        UnknownKeyError: this cnnviz does not know it.
    """
    return catalogue.get(group.experiment)


def outcomes(store: RunStore, experiment: Experiment, group: Group) -> dict[str, Outcome]:
    """What the variants have given so far; those that the lab refuses are among them, with its reason."""
    runs = {run.role[_VARIANT]: run for run in group.runs if run.role}
    epochs = store.epochs_of([run.id for run in group.runs if run.is_open])
    found: dict[str, Outcome] = {}
    for variant in experiment.of(group.setting):
        if variant.key in runs:
            run = runs[variant.key]
            found[variant.key] = (
                _read(store, run, epochs[run.id]) if run.is_open else _of_ended(store, run.id, run.ended_at)
            )
        elif variant.refused:
            recipe = experiment.recipe(variant, group.setting).to_dict()
            found[variant.key] = Outcome("refused", recipe, experiment.refusal(variant, group.setting))
    return found


@lru_cache(maxsize=512)
def _of_ended(store: RunStore, run_id: str, _ended_at: float | None) -> Outcome:
    """A run that is over is read once; one that was resumed ends at another time."""
    return _read(store, store.get(run_id), store.epochs(run_id))


def _read(store: RunStore, run: Run, epochs: Sequence[EpochMetrics]) -> Outcome:
    options = json.dumps(run.recipe.get("options", {}), sort_keys=True)
    known = facts(run.architecture, options, run.dataset, run.recipe.get("resize"))
    progress, means = losses(store.file(run, STEPS_FILE), run.total_steps, run.epochs)
    first, later = gradients(store.file(run, SAMPLES_FILE), known.layers)
    return Outcome(
        status=str(run.status),
        recipe=run.recipe,
        reason=run.reason,
        epochs=tuple(epochs),
        progress=progress,
        losses=means,
        layers=known.layers if first else (),
        first_norms=first,
        later_norms=later,
        parameters=known.parameters,
        macs=known.macs,
    )


def part_done(group: Group, seconds: Sequence[float]) -> float:
    """How much of a group is done, 0..1; ``seconds`` is how long each of its runs takes, in any unit."""
    whole = sum(seconds) or 1.0
    return sum(share * _done(run) for run, share in zip(group.runs, seconds, strict=True)) / whole


def _done(run: Run) -> float:
    if not run.is_open and run.status not in _CUT:
        return 1.0
    return min(1.0, run.step / run.total_steps) if run.total_steps else 0.0


def _as_group(members: Sequence[Run]) -> Group:
    role = members[0].role or {}
    setting: Setting = "full" if role.get(_SETTING) == "full" else "quick"
    return Group(members[0].group_id or "", role[_EXPERIMENT], setting, tuple(members))


BLOCKS = 60
"""Points of a curve of the loss."""

_ALL = 10**9
_WITH_WEIGHTS = ("convolution", "linear")


@dataclass(frozen=True)
class Facts:
    """What is known of a network before it is trained; see :class:`cnnviz.experiments.experiment.Outcome`."""

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
    traced = trace(model, resized_shape(datasets.get(dataset).input_shape, resize))
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


def losses(path: Path, total_steps: int, epochs: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean loss of each of at most :data:`BLOCKS` blocks of the steps in the file at ``path``, and where each ends,
    in epochs: the latter first.
    """
    steps = read_steps(path, _ALL)
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


def gradients(path: Path, layers: Sequence[str]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The gradient norms of the ``layers`` at the first sample in the file at ``path``, and their medians over the later
    half.
    """
    samples = read_samples(path)
    if not len(samples.records):
        return (), ()
    columns = [samples.layers.index(layer) for layer in layers if layer in samples.layers]
    norms = samples.records["norms"][:, columns]
    later = np.median(norms[len(norms) // 2 :], axis=0)
    return tuple(norms[0].tolist()), tuple(later.tolist())
