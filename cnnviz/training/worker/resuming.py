"""Where a run resumes: from its own saved state, or from a snapshot of another run. Importing this imports no torch."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import metrics, snapshots
from cnnviz.training.records.snapshots import STATE_NAME, State, StateError
from cnnviz.training.store.runs import Run

if TYPE_CHECKING:
    from cnnviz.training.records.snapshots import State


_SAME = ("architecture", "options", "dataset", "train_images", "batch_size")


def check_branch(recipe: Recipe, origin: Run, step: int) -> None:
    """Check that a new run of ``recipe`` can start from the snapshot of ``origin`` after ``step`` steps.

    Network, data and batch size must stay: weights and the position within an epoch depend on them. Everything
    else may change.

    Raises:
        UsageError: it cannot; the message says why.
        UnknownKeyError: no weights were kept there.
    """
    old, new = Recipe.from_dict(origin.recipe).to_dict(), recipe.to_dict()
    changed = [name for name in _SAME if old[name] != new[name]]
    if changed:
        raise UsageError(
            Message(
                "A run that continues from a snapshot must keep its network, images and batch size; "
                "changed: {fields}.",
                fields=", ".join(changed),
            )
        )
    position = snapshots.find(origin.id, step)
    if position >= recipe.epochs * max(1, origin.total_steps // origin.epochs):
        raise UsageError(
            Message(
                "The snapshot after step {step:,} is already the end of the {epochs:,} epochs: set more "
                "epochs.",
                step=step,
                epochs=recipe.epochs,
            )
        )


def start_of(run: Run, folder: Path, recipe: Recipe) -> State | None:
    """The state from which ``run`` resumes; None if it begins with the seed's initial weights.

    Raises:
        CnnvizError: the state is damaged, or the snapshot of the other run is gone.
    """
    path = folder / STATE_NAME
    if path.exists():
        try:
            return State.from_bytes(path.read_bytes())
        except OSError as error:
            raise StateError(error.strerror) from error
    if run.origin is None:
        return None
    state = snapshots.read(run.origin, run.origin_step or 0)
    for name in (metrics.STEPS_FILE, metrics.SAMPLES_FILE):  # the new run's curves begin like the old one's
        source = settings().runs_dir / run.origin / name
        if source.exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    return _branched(state, recipe)


def _branched(state: State, recipe: Recipe) -> State:
    """``state`` as the beginning of another recipe's run."""
    old = Recipe.from_dict(state.facts["recipe"])
    return dataclasses.replace(
        state,
        facts={**state.facts, "base_rate": recipe.learning_rate, "base_epoch": 1},
        optimizer=state.optimizer if recipe.optimizer == old.optimizer else {},
        generators=state.generators if recipe.seed == old.seed else {},
    )
