"""Where a run resumes: from its own saved state, or from a snapshot of another run. Importing this imports no torch."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.storage.opening import storage
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import metrics, snapshots
from cnnviz.training.records.snapshots import PREVIOUS_STATE_NAME, STATE_NAME, State, StateError
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
    """The state from which ``run`` resumes; None if it begins with the seed's initial weights. Where its latest state is
    damaged, that is the one before it, or its latest snapshot; the worker's log says so.

    Raises:
        CnnvizError: all of its states are damaged, or the snapshot of the other run is gone.
    """
    own = _own_state(run, folder)
    if own is not None or run.origin is None:
        return own
    state = snapshots.read(run.origin, run.origin_step or 0)
    for name in (metrics.STEPS_FILE, metrics.SAMPLES_FILE):  # the new run's curves begin like the old one's
        source = storage().file(run.origin, name)
        if source.exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / name)
    return _branched(state, recipe)


def _own_state(run: Run, folder: Path) -> State | None:
    """The last whole state that the run itself left; None where it left none."""
    damage: StateError | None = None
    for name in (STATE_NAME, PREVIOUS_STATE_NAME):
        try:
            state = State.from_bytes((folder / name).read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            damage = damage or StateError(error.strerror)
        except StateError as error:
            damage = damage or error
        else:
            return _instead(state, damage)
    if damage is None:
        return None
    snapshot = snapshots.newest_whole(run.id)
    if snapshot is None:
        raise damage
    return _instead(snapshot, damage)


def _instead(state: State, damage: StateError | None) -> State:
    if damage is not None:
        told = Message(
            "{problem} Training resumes from step {step:,}.", problem=damage.message, step=state.step
        )
        print(told, file=sys.stderr)
    return state


def _branched(state: State, recipe: Recipe) -> State:
    """``state`` as the beginning of another recipe's run."""
    old = Recipe.from_dict(state.facts["recipe"])
    return dataclasses.replace(
        state,
        facts={**state.facts, "base_rate": recipe.learning_rate, "base_epoch": 1},
        optimizer=state.optimizer if recipe.optimizer == old.optimizer else {},
        generators=state.generators if recipe.seed == old.seed else {},
    )
