"""Giving a run's checkpoint away under a name that says what it is."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from cnnviz.files import json_bytes, write_together
from cnnviz.language import Message
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint
from cnnviz.training.checkpoints.errors import CheckpointError
from cnnviz.training.recipe.recipe import Recipe


def export_checkpoint(run_id: str, directory: Path) -> Checkpoint:
    """Write a run's checkpoint, weights and JSON, into ``directory`` under a new id.

    The id is ``<architecture>-<dataset>``, by which checkpoints are shipped, where the run followed the
    course's recipe, and nothing else, to its end; otherwise ``<architecture>-<dataset>-<run id>``, which
    replaces nothing: :func:`own_way` says why.

    Returns:
        the checkpoint under its new id.

    Raises:
        UnknownKeyError: the run has no checkpoint.
        CheckpointError: its weights are not those that were saved.
        StorageError: the disk is full or the folder cannot be written.
    """
    source = checkpoints.get(run_id)
    name = f"{source.architecture}-{source.dataset}"
    if own_way(source) is not None:
        name += f"-{source.run_id}"
    try:
        data = source.weights.read_bytes()
    except OSError as error:
        raise CheckpointError(
            run_id, Message("{path} cannot be read ({error})", path=source.weights.name, error=error.strerror)
        ) from error
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise CheckpointError(run_id, Message("the SHA-256 of its weights does not match"))
    weights = directory / f"{name}.safetensors"
    facts = {**source.to_dict(), "id": name}
    write_together({weights: data, weights.with_suffix(".json"): json_bytes(facts)})
    return Checkpoint.from_dict(facts, weights)


def own_way(checkpoint: Checkpoint) -> Message | None:
    """In what its training was other than the course's recipe from beginning to end; None where it was that."""
    course = Recipe.default(checkpoint.architecture, dataset=checkpoint.dataset)
    # What the same recipe may differ in: the draw of the numbers, and the machine.
    free = {field: getattr(checkpoint.recipe, field) for field in ("seed", "threads", "device")}
    if checkpoint.recipe != dataclasses.replace(course, **free):
        return Message("its recipe is not the course's")
    if checkpoint.stopped:
        return Message("it was stopped before the end of its recipe")
    if checkpoint.origin is not None:
        return Message("it went on from a snapshot of the run {id}", id=checkpoint.origin)
    if checkpoint.rate_changes:
        first = checkpoint.rate_changes[0]
        return Message(
            "its learning rate was changed by hand, to {rate:g} after step {step:,}",
            rate=first.learning_rate,
            step=first.step,
        )
    return None
