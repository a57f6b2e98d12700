"""Weights that a person uploads: checked like any others, evaluated, and kept as a finished run."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from cnnviz import datasets, seals
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint, CheckpointError
from cnnviz.training.loop.evaluate import evaluate, test_batches
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.loop.optimisation import loss_function
from cnnviz.training.recipe.recipe import Recipe, read_recipe
from cnnviz.training.records.figures import EpochMetrics, RateChange, write_rate_changes
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore

_PATIENCE_SECONDS = 10.0  # somebody waits for it


@dataclass(frozen=True, eq=False)
class Upload:
    """Weights that fit: the network in eval mode on the CPU, and what is known of how it was trained.

    ``known`` is what the checkpoint's own JSON tells; None where there was none.
    """

    file: str
    model: nn.Module
    recipe: Recipe
    known: Checkpoint | None

    @property
    def epochs(self) -> tuple[EpochMetrics, ...]:
        """The figures of the epochs, as far as they are known."""
        return self.known.epochs if self.known else ()

    @property
    def rate_changes(self) -> tuple[RateChange, ...]:
        """Where people changed the learning rate, as far as it is known."""
        return self.known.rate_changes if self.known else ()


def read_upload(file: str, data: bytes, facts: bytes | None, recipe: Recipe | None) -> Upload:
    """Check the safetensors file ``data``, which a person calls ``file``.

    ``facts`` is the JSON that belongs to it, whose recipe says which network it is; without it that of
    ``recipe`` is meant.

    Raises:
        CnnvizError: the file is damaged, or it is not the one that the JSON is about; it does not fit the
            architecture; values are not finite; or nothing says which network it is.
    """
    known: Checkpoint | None = None
    if facts is not None:
        recipe = read_recipe(facts)
        known = _checkpoint(facts, data)
    if recipe is None:
        raise CnnvizError(
            Message(
                "Choose in the form which network these weights belong to, or add the checkpoint's JSON file."
            )
        )
    tensors = _tensors(file, data)
    return Upload(file, checkpoints.network(file, recipe, tensors), recipe, known)


def keep_upload(
    store: RunStore, upload: Upload, owner: str | None, progress: Callable[[float], None] | None = None
) -> str:
    """Measure the network on the test images, and keep it as a finished run; returns the run's id.

    ``progress`` is called with 0..1.

    Raises:
        CnnvizError: the data set is missing or damaged, or the checkpoint cannot be written.
    """
    recipe = upload.recipe
    dataset = datasets.load(recipe.dataset)
    batches = test_batches(recipe, dataset.test_images, dataset.test_labels)
    tested = evaluate(upload.model, batches, progress, loss_function(recipe))
    result = TrainingResult(
        model=upload.model,
        recipe=recipe,
        epochs=upload.epochs,
        steps=0,
        test_accuracy=tested.accuracy,
        test_loss=tested.loss,
        stopped=False,
        rate_changes=upload.rate_changes,
    )
    worker = f"upload-{secrets.token_hex(8)}"
    run_id = store.create(recipe, worker, owner=owner, name=upload.file)
    store.begin(run_id, worker, 0, upload.epochs)
    folder, origin = store.folder(run_id), upload.known.origin if upload.known else None
    try:
        with store.storage.sending(run_id) as sending:
            write_rate_changes(folder, upload.rate_changes)
            checkpoints.save(
                folder, run_id, result, dataset_digest=dataset.digest, run_id=run_id, origin=origin
            )
            sending.settle(_PATIENCE_SECONDS)
    except CnnvizError as error:
        store.finish(run_id, worker, Status.FAILED, error.message)
        raise
    reason = Message("These weights were uploaded; their accuracy was measured here.")
    known = {"test_accuracy": tested.accuracy, "checkpoint": run_id}
    store.finish(run_id, worker, Status.FINISHED, reason, **known)
    return run_id


def _tensors(file: str, data: bytes) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a type that torch does not have
        raise CheckpointError(file, Message("it is not a safetensors file ({error})", error=error)) from error


def _checkpoint(facts: bytes, data: bytes) -> Checkpoint | None:
    """What the JSON of a checkpoint tells of the weights ``data``; None where it is the JSON of a recipe."""
    try:
        values = seals.read_json(facts)
    except seals.SealError as error:
        raise CnnvizError(
            Message("Cannot read the figures in the JSON file: {reason}.", reason=error)
        ) from error
    if "sha256" not in values:
        return None
    found = hashlib.sha256(data).hexdigest()
    if values["sha256"] != found:
        raise CnnvizError(
            Message(
                "The JSON file belongs to other weights: it expects SHA-256 {expected}..., but the file "
                "has {found}...",
                expected=str(values["sha256"])[:12],
                found=found[:12],
            )
        )
    try:
        checkpoint = Checkpoint.from_dict(values, Path("weights.safetensors"))
        if [epoch.epoch for epoch in checkpoint.epochs] != list(range(1, len(checkpoint.epochs) + 1)):
            raise ValueError("the epochs are not 1, 2, 3, ...")
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise CnnvizError(
            Message("Cannot read the figures in the JSON file: {reason}.", reason=error)
        ) from error
    return checkpoint
