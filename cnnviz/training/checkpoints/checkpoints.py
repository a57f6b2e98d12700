"""Trained weights, with the facts needed to trust them: ``<id>.safetensors`` and ``<id>.json`` beside it.

Shipped checkpoints lie in ``CNNVIZ_CHECKPOINTS_DIR``; a run's own one, named like the run, in its folder.
Importing this and listing them imports no torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import os
import platform
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import MappingProxyType, NoneType
from typing import TYPE_CHECKING, Any

from cnnviz import architectures, datasets, seals
from cnnviz.errors import CnnvizError, UnknownKeyError, UsageError
from cnnviz.files import write_together
from cnnviz.language import Message
from cnnviz.own.architecture import OwnArchitecture
from cnnviz.own.definition import PREFIX
from cnnviz.randomness import untouched_generator
from cnnviz.settings import settings
from cnnviz.storage.opening import storage
from cnnviz.storage.storage import SilentError
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics, RateChange
from cnnviz.version import __version__

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cnnviz.training.loop.evaluate import Evaluation
    from cnnviz.training.loop.loop import TrainingResult


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(
        ("id", "architecture", "dataset", "dataset_digest", "sha256", "created_at", "run_id"), str
    ),
    **dict.fromkeys(("options", "versions", "recipe"), dict),
    "stopped": bool,
    **dict.fromkeys(("epochs", "rate_changes"), list),
    "origin": (str, NoneType),
}
_ADDED: Mapping[str, object] = MappingProxyType({"rate_changes": [], "origin": None})
"""What the facts of earlier versions, which lack these, meant by their silence."""


class CheckpointError(CnnvizError):
    """A checkpoint cannot be trusted or does not fit; the others go on working."""

    def __init__(self, checkpoint_id: str, reason: Message) -> None:
        super().__init__(
            Message("Checkpoint {id} cannot be used: {reason}.", id=checkpoint_id, reason=reason)
        )
        self.id = checkpoint_id


@dataclass(frozen=True)
class Checkpoint:
    """The facts about one set of weights.

    ``test_accuracy`` (0..1) and ``test_loss`` belong to exactly these weights, on the test images of
    ``dataset``; ``best_test_accuracy`` is that of the best epoch on the way. ``rate_changes`` are where people
    changed the learning rate while it trained; ``origin`` is the run from one of whose snapshots the training
    went on: with either, the recipe does not say all that was done. ``dataset_digest`` and
    ``sha256`` are hex: of the data, and of the bytes of the safetensors file at ``weights``.
    ``created_at`` is ISO 8601 in UTC.
    """

    id: str
    architecture: str
    options: Mapping[str, object]
    dataset: str
    recipe: Recipe
    test_accuracy: float
    test_loss: float
    best_test_accuracy: float
    stopped: bool
    epochs: tuple[EpochMetrics, ...]
    rate_changes: tuple[RateChange, ...]
    origin: str | None
    dataset_digest: str
    versions: Mapping[str, str]
    sha256: str
    created_at: str
    run_id: str
    weights: Path = field(compare=False)

    def __hash__(self) -> int:
        return hash((self.id, self.sha256))

    @property
    def is_shipped(self) -> bool:
        """Whether the checkpoint is included in cnnviz."""
        return self.weights.parent == settings().checkpoints_dir

    @property
    def can_be_run(self) -> bool:
        """Whether its network and its data set are known; a run may come from another version of cnnviz."""
        return self.dataset in datasets.keys() and architectures.is_known(self.architecture)  # noqa: SIM118

    def file(self) -> Path:
        """The safetensors file, on this machine; where it is missing there is none at this path.

        Raises:
            CnnvizError: where it is kept does not answer.
        """
        return self.weights if self.is_shipped else storage().at_hand(self.weights)

    def weight_bytes(self) -> int:
        """The bytes of the safetensors file.

        Raises:
            CheckpointError: the file is missing.
            CnnvizError: where it is kept does not answer.
        """
        try:
            return self.file().stat().st_size
        except OSError as error:
            raise _unreadable(self.weights, error) from error

    def read_weights(self) -> bytes:
        """The bytes of the safetensors file, if their SHA-256 is :attr:`sha256`.

        Raises:
            CheckpointError: the file is missing, or another one.
        """
        try:
            data = self.file().read_bytes()
        except OSError as error:
            raise _unreadable(self.weights, error) from error
        found = hashlib.sha256(data).hexdigest()
        if found != self.sha256:
            reason = Message(
                "the SHA-256 of {path} is {found}..., but its JSON file says {expected}...; get both "
                "files again",
                path=self.weights.name,
                found=found[:12],
                expected=self.sha256[:12],
            )
            raise CheckpointError(self.id, reason)
        return data

    def to_dict(self) -> dict[str, Any]:
        """The facts as plain JSON values, as they stand in the file."""
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        del values["weights"]
        return {
            **values,
            "options": dict(self.options),
            "versions": dict(self.versions),
            "recipe": self.recipe.to_dict(),
            "epochs": [dataclasses.asdict(epoch) for epoch in self.epochs],
            "rate_changes": [dataclasses.asdict(change) for change in self.rate_changes],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], weights: Path) -> Checkpoint:
        """The facts that :meth:`to_dict` wrote, of the safetensors file ``weights``.

        Raises:
            TypeError, KeyError, ValueError, UsageError: something is missing, unknown, of another kind,
                out of its range, or contradicts the recipe.
        """
        values = {**_ADDED, **values}
        for name, kind in _KINDS.items():
            if not isinstance(values[name], kind):
                raise TypeError(f"{name} is {values[name]!r}")
        _check_figures({name: values[name] for name in ("test_accuracy", "test_loss", "best_test_accuracy")})
        for figures in (*values["epochs"], *values["rate_changes"]):
            _check_figures(figures)
        recipe = Recipe.from_dict(values["recipe"])
        recipe.validate()
        for name in ("architecture", "dataset", "options"):
            if values[name] != getattr(recipe, name):
                raise ValueError(f"{name} is {values[name]!r}, and {getattr(recipe, name)!r} in the recipe")
        epochs = tuple(EpochMetrics(**epoch) for epoch in values["epochs"])
        changes = tuple(RateChange(**change) for change in values["rate_changes"])
        return cls(
            **{**values, "recipe": recipe, "epochs": epochs, "rate_changes": changes, "weights": weights}
        )


def _check_figures(figures: Mapping[str, Any]) -> None:
    """Check that all are numbers from 0, accuracies up to 1."""
    for name, value in figures.items():
        high = 1 if name.endswith("accuracy") else math.inf
        if isinstance(value, bool) or not (0 <= value <= high and value < math.inf):
            raise ValueError(f"{name} is {value!r}")


# -- keeping and finding them ----------------------------------------------------------------------


@dataclass(frozen=True)
class Listing:
    """All checkpoints, shipped ones first, then those of runs, newest first; and what is wrong with damaged ones; ``silence``
    is why those of runs are missing, where they are.
    """

    checkpoints: tuple[Checkpoint, ...]
    problems: tuple[CheckpointError, ...]
    silence: SilentError | None = None


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
    path = directory / f"{checkpoint_id}.safetensors"
    data = _to_bytes(result.model)
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
    write_together({path: data, path.with_suffix(".json"): seals.sealed_json(checkpoint.to_dict())})
    with contextlib.suppress(OSError):  # of somebody else, and on some systems only they may
        os.utime(directory.parent)  # whoever lists the runs' checkpoints looks again
    return checkpoint


MOST_LISTED = 200
"""Of the runs' checkpoints, so many are offered for a choice."""


def scan(most: int | None = None, named: Collection[str] = ()) -> Listing:
    """Find all checkpoints; only changed JSON files are read again.

    With ``most`` only so many of the runs', the newest, and those that are ``named``.
    """
    checkpoints: list[Checkpoint] = []
    problems: list[CheckpointError] = []
    of_runs: Mapping[str, Path] = {}
    silence: SilentError | None = None
    try:
        of_runs = _of_stored_runs(named) if storage().is_shared_by_address else _of_runs()
    except SilentError as error:
        silence = error
    newest = set(islice(of_runs, most))
    chosen = newest.union(name for name in named if name in of_runs)
    for path in [*_shipped(), *(path for name, path in of_runs.items() if name in chosen)]:
        try:
            checkpoints.append(_read_now(path))
        except CheckpointError as error:
            problems.append(error)
        except FileNotFoundError:  # deleted since the folder was listed, or a link that leads nowhere
            continue
        except OSError as error:
            problems.append(_unreadable(path, error))
    return Listing(tuple(checkpoints), tuple(problems), silence)


def available() -> list[Checkpoint]:
    """All readable checkpoints: shipped ones first, then those of runs, the newest first."""
    return list(scan().checkpoints)


def get(checkpoint_id: str) -> Checkpoint:
    """The checkpoint with this id.

    Raises:
        CheckpointError: it is there, but its JSON is damaged.
        UnknownKeyError: there is none; the message names the closest one.
    """
    if checkpoint_id and Path(checkpoint_id).name == checkpoint_id != "..":  # not a path to somewhere else
        name = f"{checkpoint_id}.json"
        with contextlib.suppress(OSError, ValueError):  # ValueError: no name of a file
            return _read_now(settings().checkpoints_dir / name)
        with contextlib.suppress(OSError, ValueError):
            if (path := _of_run(checkpoint_id)) is not None:
                return _read_now(path)
    listing = scan()
    for problem in listing.problems:
        if problem.id == checkpoint_id:
            raise problem
    known = [checkpoint.id for checkpoint in listing.checkpoints]
    raise UnknownKeyError(Message("checkpoint"), checkpoint_id, known)


def find(name: str) -> Checkpoint:
    """The checkpoint that ``name`` means: an id, or an architecture's key for that of the course's recipe; the key of
    a person's own network means its newest checkpoint.

    Raises:
        CheckpointError: it is there, but its JSON is damaged.
        UnknownKeyError: there is none; the message names the closest one.
    """
    if name.startswith(PREFIX) and architectures.is_known(name):
        return _newest(name)
    if name in architectures.keys():  # noqa: SIM118  a function, not a mapping's keys
        return get(f"{name}-{architectures.get(name).dataset}")
    return get(name)


def _newest(own: str) -> Checkpoint:
    for checkpoint in scan().checkpoints:  # those of runs, the newest first
        if checkpoint.architecture == own and not checkpoint.is_shipped:
            return checkpoint
    raise UsageError(
        Message(
            "{title} has not been trained yet: cnnviz train {key}.",
            title=architectures.get(own).title,
            key=own,
        )
    )


def load_model(checkpoint: Checkpoint) -> nn.Module:
    """The trained network, in eval mode and without gradients, on the CPU. Everything is checked first.

    Raises:
        CheckpointError: the file is missing, is not the one that was saved, does not fit the
            architecture, or holds numbers that are not finite.
    """
    import safetensors.torch
    from safetensors import SafetensorError

    try:
        weights = safetensors.torch.load(checkpoint.read_weights())
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a type that torch does not have
        reason = Message(
            "{path} is not a safetensors file ({error})", path=checkpoint.weights.name, error=error
        )
        raise CheckpointError(checkpoint.id, reason) from error
    return network(checkpoint.id, checkpoint.recipe, weights)


def evaluate_checkpoint(
    checkpoint: Checkpoint, dataset: str, progress: Callable[[float], None] | None = None
) -> Evaluation:
    """The figures of a checkpoint on the test images of a data set, prepared as its recipe says.

    Raises:
        CnnvizError: the network has seen these images in training; or the checkpoint or the data set is
            missing or damaged.
    """
    from cnnviz.training.loop.batches import memory_order
    from cnnviz.training.loop.evaluate import evaluate, test_batches
    from cnnviz.training.loop.optimisation import loss_function

    seen = datasets.overlap(checkpoint.dataset, dataset)
    if seen is not None:
        raise CnnvizError(seen)
    data = datasets.load(dataset)
    recipe = checkpoint.recipe
    model = load_model(checkpoint).to(memory_format=memory_order(recipe))
    batches = test_batches(recipe, data.test_images, data.test_labels)
    return evaluate(model, batches, progress, loss_function(recipe))


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
    write_together({weights: data, weights.with_suffix(".json"): seals.sealed_json(facts)})
    return Checkpoint.from_dict(facts, weights)


def departure(checkpoint: Checkpoint) -> Message | None:
    """How its training departed from the course's recipe; None where it followed it from beginning to end."""
    if checkpoint.recipe.own is not None:
        return Message("its network is not one of the course's")
    course = Recipe.default(checkpoint.architecture, dataset=checkpoint.dataset)
    # What the same recipe may differ in: the draw of the numbers, and the machine.
    free = {field: getattr(checkpoint.recipe, field) for field in ("seed", "threads", "workers", "device")}
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

    return {"cnnviz": __version__, "torch": torch.__version__, "python": platform.python_version()}


def _shipped() -> list[Path]:
    return sorted(settings().checkpoints_dir.glob("*.json"), key=lambda path: path.stem)


_SETTLED_SECONDS = 2.0
"""A folder that changed less long ago may have changed again at what its clock calls the same moment."""


def _of_runs() -> Mapping[str, Path]:
    """The files of the runs' checkpoints by id, the newest first.

    The folders of all runs are looked at only when the one around them has changed: a folder comes or goes, or
    :func:`save` says so.
    """
    around = settings().runs_dir
    try:
        changed = around.stat().st_mtime_ns
    except OSError:  # there are no runs, or none that may be read
        return {}
    settled = time.time_ns() - changed > _SETTLED_SECONDS * 1e9
    return _found(around, changed) if settled else _found.__wrapped__(around, changed)


def _of_stored_runs(named: Collection[str]) -> Mapping[str, Path]:
    """The same where runs are in an object store: the database tells which there are."""
    from cnnviz.training.store.polled import open_polled
    from cnnviz.training.store.reading import edition

    runs = open_polled().with_checkpoint(MOST_LISTED, tuple(sorted(named)))
    return storage().files({run.id: (f"{run.id}.json", edition(run)) for run in runs})


def _of_run(run_id: str) -> Path | None:
    """The JSON file of a run's checkpoint; where there is none, None, or there is no file at this path.

    Raises:
        CnnvizError: where it is kept does not answer.
    """
    if not storage().is_shared_by_address:
        return storage().file(run_id, f"{run_id}.json")
    from cnnviz.training.store.polled import open_polled

    polled = open_polled()  # as pages do: whoever is told there of a checkpoint finds it here
    with contextlib.suppress(UnknownKeyError):
        run = polled.get(run_id)
        if run.checkpoint is not None and run.deleted_at is None:
            return polled.store.file(run, f"{run_id}.json")
    return None


@lru_cache(maxsize=1)
def _found(around: Path, changed: int) -> Mapping[str, Path]:
    """What :func:`_of_runs` gives; that ``around`` has ``changed`` makes it another entry of the cache."""
    try:
        folders = list(around.iterdir())
    except OSError:
        return {}
    found: list[tuple[int, Path]] = []
    for folder in folders:
        path = folder / f"{folder.name}.json"
        with contextlib.suppress(OSError):  # still training, deleted at this moment, or not ours to read
            found.append((path.stat().st_mtime_ns, path))
    return {path.stem: path for _, path in sorted(found, reverse=True)}


def _read_now(path: Path) -> Checkpoint:
    """The facts in ``path``, read again where the file has changed."""
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _read(path: Path, changed: int, size: int) -> Checkpoint:
    """The facts in ``path``; the other arguments make a changed file another entry of the cache."""
    if not path.is_file():  # a pipe, say, could be waited for without an end
        raise CheckpointError(path.stem, Message("{path} is not a file", path=path.name))
    try:
        values = seals.read_json(path.read_bytes())
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


# -- weights, checked before anybody uses them -----------------------------------------------------


def _to_bytes(model: nn.Module) -> bytes:
    """All weights and buffers of ``model`` as a safetensors file; tied ones are written once a name."""
    import safetensors.torch
    import torch

    return safetensors.torch.save(
        {
            name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, tensor in model.state_dict().items()
        }
    )


def network(checkpoint_id: str, recipe: Recipe, weights: Mapping[str, Tensor]) -> nn.Module:
    """The trained network of ``recipe`` with these ``weights``, in eval mode and without gradients, on the CPU.

    Raises:
        CheckpointError: the weights do not fit the architecture, or hold numbers that are not finite.
        CnnvizError: it is an own network beyond the limits of this server.
    """
    import torch

    from cnnviz.tracing.inputs import give_sizes

    known = architectures.get(recipe.architecture)
    if isinstance(known, OwnArchitecture):  # it may hold tensors that are no weights, and must keep to limits
        with untouched_generator(recipe.seed):
            model = known.build(**recipe.options)
            give_sizes(model, recipe.input_shape)
    else:
        with torch.device("meta"):  # costs no time, and takes nothing from the global generator
            model = known.build(**recipe.options)
    check_fit(checkpoint_id, recipe.architecture, weights, model.state_dict())
    model.load_state_dict(weights, assign=True)
    return model.requires_grad_(False).eval()


def check_fit(
    checkpoint_id: str, architecture: str, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> None:
    """Check that names, shapes and types are those of the network's ``state_dict``, and all values finite.

    Raises:
        CheckpointError: one is not; the message names it.
    """
    for name in sorted(weights.keys() | expected.keys()):
        reason = _misfit(name, weights.get(name), expected.get(name))
        if reason is not None:
            raise CheckpointError(
                checkpoint_id,
                Message(
                    "it does not match the architecture {architecture}: {reason}",
                    architecture=architecture,
                    reason=reason,
                ),
            )


def _misfit(name: str, found: Tensor | None, expected: Tensor | None) -> Message | None:
    if found is None:
        return Message("{name} is missing", name=name)
    if expected is None:
        return Message("{name} is not part of the network", name=name)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return Message(
            "{name} is {found} instead of {expected}",
            name=name,
            found=f"{found.dtype} {' x '.join(map(str, found.shape))}",
            expected=f"{expected.dtype} {' x '.join(map(str, expected.shape))}",
        )
    if not bool(found.isfinite().all()):
        return Message("{name} contains infinite or NaN values", name=name)
    return None
