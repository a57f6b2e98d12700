"""Giving a run's checkpoint away under a name that says what it is."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from cnnviz.files import write_json, write_whole
from cnnviz.language import Message
from cnnviz.training import checkpoints
from cnnviz.training.checkpoints import Checkpoint
from cnnviz.training.errors import CheckpointError
from cnnviz.training.recipe import Recipe


def export_checkpoint(run_id: str, directory: Path) -> Checkpoint:
    """Write a run's checkpoint, weights and JSON, into ``directory`` under a new id.

    The id is ``<architecture>-<dataset>``, by which checkpoints are shipped, where the run followed the
    course's recipe to its end; otherwise ``<architecture>-<dataset>-<run id>``, which replaces nothing.

    Returns:
        the checkpoint under its new id.

    Raises:
        UnknownKeyError: the run has no checkpoint.
        CheckpointError: its weights are not those that were saved.
        StorageError: the disk is full or the folder cannot be written.
    """
    source = checkpoints.get(run_id)
    name = _name(source)
    try:
        data = source.weights.read_bytes()
    except OSError as error:
        raise CheckpointError(
            run_id, Message("{path} cannot be read ({error})", path=source.weights.name, error=error.strerror)
        ) from error
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise CheckpointError(run_id, Message("the SHA-256 of its weights does not match"))
    weights = directory / f"{name}.safetensors"
    write_whole(weights, data)
    facts = {**source.to_dict(), "id": name}
    write_json(weights.with_suffix(".json"), facts)
    return Checkpoint.from_dict(facts, weights)


def _name(source: Checkpoint) -> str:
    name = f"{source.architecture}-{source.dataset}"
    course = Recipe.default(source.architecture, dataset=source.dataset)
    # What the same recipe may differ in: the draw of the numbers, and the machine.
    free = {field: getattr(source.recipe, field) for field in ("seed", "threads", "device")}
    if source.stopped or source.recipe != dataclasses.replace(course, **free):
        return f"{name}-{source.run_id}"
    return name
