"""Trained weights, with the facts needed to trust them: ``<id>.safetensors`` and ``<id>.json`` beside it.

Shipped checkpoints lie in ``CNNVIZ_CHECKPOINTS_DIR``; a run's own one, named like the run, in its folder.
Listing them reads only the JSON files and imports no torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cnnviz
from cnnviz import architectures
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.files import json_bytes, write_together
from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint, CheckpointError
from cnnviz.training.recipe.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

    from cnnviz.training.loop.loop import TrainingResult


@dataclass(frozen=True)
class Listing:
    """All checkpoints, shipped ones first, then those of runs, newest first; and what is wrong with damaged ones."""

    checkpoints: tuple[Checkpoint, ...]
    problems: tuple[CheckpointError, ...]


def save(
    directory: Path,
    checkpoint_id: str,
    result: TrainingResult,
    *,
    dataset_digest: str,
    run_id: str,
    origin: str | None = None,
) -> Checkpoint:
    """Write ``<id>.safetensors`` and ``<id>.json`` into ``directory``: both are on the disk before
    the first takes its name.

    Raises:
        StorageError: the disk is full or the folder cannot be written; a checkpoint that was there stays.
        ValueError: a figure is not finite; a checkpoint that was there stays.
    """
    from cnnviz.training.checkpoints.weights import to_bytes

    path = directory / f"{checkpoint_id}.safetensors"
    data = to_bytes(result.model)
    recipe = result.recipe
    checkpoint = Checkpoint(
        id=checkpoint_id,
        architecture=recipe.architecture,
        options=dict(recipe.options),
        dataset=recipe.dataset,
        recipe=recipe,
        test_accuracy=result.test_accuracy,
        test_loss=result.test_loss,
        best_test_accuracy=max([result.test_accuracy, *(epoch.test_accuracy for epoch in result.epochs)]),
        stopped=result.stopped,
        epochs=result.epochs,
        rate_changes=result.rate_changes,
        origin=origin,
        dataset_digest=dataset_digest,
        versions=versions(),
        sha256=hashlib.sha256(data).hexdigest(),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=run_id,
        weights=path,
    )
    write_together({path: data, path.with_suffix(".json"): json_bytes(checkpoint.to_dict())})
    return checkpoint


def scan() -> Listing:
    """Find all checkpoints; only changed JSON files are read again."""
    checkpoints: list[Checkpoint] = []
    problems: list[CheckpointError] = []
    for path in [*_shipped(), *_of_runs()]:
        try:
            status = path.stat()
            checkpoints.append(_read(path, status.st_mtime_ns, status.st_size))
        except CheckpointError as error:
            problems.append(error)
        except FileNotFoundError:  # deleted since the folder was listed, or a link that leads nowhere
            continue
        except OSError as error:
            problems.append(_unreadable(path, error))
    return Listing(tuple(checkpoints), tuple(problems))


def available() -> list[Checkpoint]:
    """All readable checkpoints: shipped ones first, then those of runs, the newest first."""
    return list(scan().checkpoints)


def get(checkpoint_id: str) -> Checkpoint:
    """The checkpoint with this id.

    Raises:
        CheckpointError: it is there, but its JSON is damaged.
        UnknownKeyError: there is none; the message names the closest one.
    """
    listing = scan()
    for checkpoint in listing.checkpoints:
        if checkpoint.id == checkpoint_id:
            return checkpoint
    for problem in listing.problems:
        if problem.id == checkpoint_id:
            raise problem
    known = [checkpoint.id for checkpoint in listing.checkpoints]
    raise UnknownKeyError(Message("checkpoint"), checkpoint_id, known)


def find(name: str) -> Checkpoint:
    """The checkpoint that ``name`` means: an id, or an architecture's key for that of the course's recipe.

    Raises:
        CheckpointError: it is there, but its JSON is damaged.
        UnknownKeyError: there is none; the message names the closest one.
    """
    if name in architectures.keys():  # noqa: SIM118  a function, not a mapping's keys
        return get(f"{name}-{architectures.get(name).dataset}")
    return get(name)


def load_model(checkpoint: Checkpoint) -> nn.Module:
    """The trained network, in eval mode and without gradients, on the CPU. Everything is checked first.

    Raises:
        CheckpointError: the file is missing, is not the one that was saved, does not fit the
            architecture, or holds numbers that are not finite.
    """
    from cnnviz.training.checkpoints import weights

    tensors = weights.read(checkpoint)
    return weights.network(checkpoint.id, checkpoint.architecture, checkpoint.options, tensors)


def export_checkpoint(run_id: str, directory: Path) -> Checkpoint:
    """Write a run's checkpoint, weights and JSON, into ``directory`` under a new id.

    The id is ``<architecture>-<dataset>``, by which checkpoints are shipped, where the run followed the
    course's recipe, and nothing else, to its end; otherwise ``<architecture>-<dataset>-<run id>``, which
    replaces nothing: :func:`departure` says why.

    Returns:
        the checkpoint under its new id.

    Raises:
        UnknownKeyError: the run has no checkpoint.
        CheckpointError: its weights are missing, or not those that were saved.
        StorageError: the disk is full or the folder cannot be written.
    """
    source = get(run_id)
    name = f"{source.architecture}-{source.dataset}"
    if departure(source) is not None:
        name += f"-{source.run_id}"
    data = source.read_weights()
    weights = directory / f"{name}.safetensors"
    facts = {**source.to_dict(), "id": name}
    write_together({weights: data, weights.with_suffix(".json"): json_bytes(facts)})
    return Checkpoint.from_dict(facts, weights)


def departure(checkpoint: Checkpoint) -> Message | None:
    """How its training departed from the course's recipe; None where it followed it from beginning to end."""
    course = Recipe.default(checkpoint.architecture, dataset=checkpoint.dataset)
    # What the same recipe may differ in: the draw of the numbers, and the machine.
    free = {field: getattr(checkpoint.recipe, field) for field in ("seed", "threads", "device")}
    if checkpoint.recipe != dataclasses.replace(course, **free):
        return Message("its recipe is not the course's")
    if checkpoint.stopped:
        return Message("it was stopped before training was complete")
    if checkpoint.origin is not None:
        return Message("it continues from a snapshot of run {id}", id=checkpoint.origin)
    if checkpoint.rate_changes:
        first = checkpoint.rate_changes[0]
        return Message(
            "its learning rate was changed by hand, to {rate:g} after step {step:,}",
            rate=first.learning_rate,
            step=first.step,
        )
    return None


def versions() -> dict[str, str]:
    """The versions of what made a checkpoint or a result."""
    import torch

    return {"cnnviz": cnnviz.__version__, "torch": torch.__version__, "python": platform.python_version()}


def _shipped() -> list[Path]:
    return sorted(settings().checkpoints_dir.glob("*.json"), key=lambda path: path.stem)


def _of_runs() -> list[Path]:
    try:
        folders = list(settings().runs_dir.iterdir())
    except OSError:  # there are no runs, or none that may be read
        return []
    found: list[tuple[int, Path]] = []
    for folder in folders:
        path = folder / f"{folder.name}.json"
        with contextlib.suppress(OSError):  # still training, deleted at this moment, or not ours to read
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found, reverse=True)]


@lru_cache(maxsize=4096)
def _read(path: Path, changed: int, size: int) -> Checkpoint:
    """The facts in ``path``; the other arguments make a changed file another entry of the cache."""
    if not path.is_file():  # a pipe, say, could be waited for without an end
        raise CheckpointError(path.stem, Message("{path} is not a file", path=path.name))
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        checkpoint = Checkpoint.from_dict(values, path.with_suffix(".safetensors"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, CnnvizError) as error:
        reason = Message("{path} cannot be parsed ({error})", path=path.name, error=error)
        raise CheckpointError(path.stem, reason) from error
    if checkpoint.id != path.stem:
        reason = Message(
            "{path} describes a different checkpoint, {other}", path=path.name, other=checkpoint.id
        )
        raise CheckpointError(path.stem, reason)
    return checkpoint


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    reason = Message("{path} cannot be read ({error})", path=path.name, error=error.strerror or error)
    return CheckpointError(path.stem, reason)
