"""The saved states of a run: the latest, from which it resumes, and snapshots, to replay how it learned.

Snapshots are kept at steps 0, 1, 2, 4, 8, ... and after each epoch, in ``snapshots`` in the run's folder, one
safetensors file each. Importing this imports no torch.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError

from cnnviz import architectures, seals
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.files import remove_unfinished
from cnnviz.language import Message
from cnnviz.models import traced
from cnnviz.own.definition import PREFIX
from cnnviz.settings import settings
from cnnviz.storage.opening import storage
from cnnviz.storage.storage import Edition
from cnnviz.training.records.figures import EpochMetrics, RateChange

if TYPE_CHECKING:
    from torch import Tensor

    from cnnviz.training.recipe.recipe import Recipe


STATE_NAME = "state.safetensors"
PREVIOUS_STATE_NAME = "state.previous.safetensors"
"""The state before it, should the latest be damaged."""
_FACTS = "cnnviz"
_PARTS = ("weights", "optimizer", "generators")


class StateError(CnnvizError):
    """A saved state is damaged, or belongs to another network."""

    def __init__(self, reason: object) -> None:
        super().__init__(Message("The saved training state cannot be used: {reason}.", reason=reason))


@dataclass(frozen=True, eq=False)
class State:
    """``facts`` are plain JSON values: position and figures so far.

    ``weights`` is the network's ``state_dict``; ``optimizer`` holds the optimizer's tensors as
    ``<number of the parameter>.<name>``; ``generators`` the states of the random generators. Where the last
    two are empty, only weights were kept.
    """

    facts: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor] = field(default_factory=dict)
    generators: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self.facts["step"])

    @property
    def finished(self) -> list[EpochMetrics]:
        """The figures of the epochs that are complete."""
        return [EpochMetrics(**metrics) for metrics in self.facts["finished"]]

    @property
    def rate_changes(self) -> tuple[RateChange, ...]:
        """Where the learning rate was changed by hand; states of earlier versions do not record it."""
        return tuple(RateChange(**change) for change in self.facts.get("rate_changes", ()))

    @property
    def nbytes(self) -> int:
        """The total size of the tensors in bytes."""
        parts = (self.weights, self.optimizer, self.generators)
        return sum(tensor.nbytes for part in parts for tensor in part.values())

    def weights_only(self) -> Self:
        """The same without optimizer and generators."""
        return type(self)(self.facts, self.weights)

    def to_bytes(self) -> bytes:
        """The state as a safetensors file, with the facts and a seal in its metadata."""
        import safetensors.numpy

        # By way of NumPy, which takes a third of the time from the training that goes on meanwhile.
        arrays = {
            f"{part}/{name}": tensor.contiguous().numpy()
            for part in _PARTS
            for name, tensor in getattr(self, part).items()
        }
        facts = {_FACTS: json.dumps(dict(self.facts)), seals.NAME: seals.UNSEALED}
        return seals.sealed(safetensors.numpy.save(arrays, facts))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The state that :meth:`to_bytes` wrote.

        Raises:
            StateError: the data are damaged, or none of cnnviz's.
        """
        import safetensors.torch

        parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
        try:
            texts = metadata(data)
            if texts.keys() != {
                _FACTS
            }:  # that of an earlier version has no seal, and nothing else beside its facts
                seals.check(data, texts.get(seals.NAME))
            for name, tensor in safetensors.torch.load(data).items():
                part, _, inner = name.partition("/")
                parts[part][inner] = tensor
            state = cls(facts=json.loads(texts[_FACTS]), **parts)
            _ = (state.step, state.finished, state.rate_changes, int(state.facts["epoch"]))
            return state
        except seals.SealError as error:
            raise StateError(error.message) from error
        except (SafetensorError, LookupError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise StateError(str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def metadata(data: bytes) -> dict[str, str]:
    """The texts that a safetensors file holds beside its tensors; the file begins with its header's size.

    Raises:
        ValueError: the header is damaged.
    """
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    found = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(found, dict):
        raise ValueError("its header is no table")
    return {str(name): str(text) for name, text in found.items()}


# -- snapshots -------------------------------------------------------------------------------------


ENOUGH = 16
"""This many snapshots show how a network learned; a limit that leaves room for fewer deserves a sentence."""

_MEGABYTE = 2**20
_BESIDE = 1.01  # a file is larger than its weights: it names them, and holds the figures so far
_BYTES_OF_A_WEIGHT = 4
_FOLDER = "snapshots"
_NAME = re.compile(r"(\d+)-(\d+)\.safetensors")


@dataclass(frozen=True, order=True)
class Kept:
    """A snapshot: weights after ``step`` steps, in ``epoch``, in a file of this name and of so many bytes; ``version``
    distinguishes it from another snapshot of the same step.
    """

    step: int
    epoch: int
    name: str
    size: int
    version: str


def available(run_id: str) -> list[tuple[int, int]]:
    """The steps at which weights of the run were kept, rising, each with the epoch that it belongs to.

    The initial weights are (0, 0); those after the last step of epoch e belong to e.
    """
    return [(one.step, one.epoch) for one in kept(run_id)]


def kept(run_id: str, edition: Edition | None = None) -> list[Kept]:
    """The snapshots of the run, by rising steps."""
    found = storage().entries(run_id, _FOLDER, edition)
    return sorted(
        Kept(int(match[1]), int(match[2]), name, entry.size, entry.version)
        for name, entry in found.items()
        if (match := _NAME.fullmatch(name))
    )


def load(run_id: str, step: int) -> dict[str, Tensor]:
    """The network's ``state_dict`` after ``step`` steps, on the CPU.

    It fits ``cnnviz.training.loop.optimisation.initial_network(recipe)``.

    Raises:
        UnknownKeyError: no weights were kept there.
        CnnvizError: the file is damaged.
    """
    return dict(read(run_id, step).weights)


def read(run_id: str, step: int) -> State:
    """All that was kept after ``step`` steps: weights and, for small networks, optimizer and generators.

    Raises:
        UnknownKeyError: no weights were kept there.
        CnnvizError: the file is damaged.
    """
    find(run_id, step)
    names = {one.step: one.name for one in kept(run_id)}
    try:
        return State.from_bytes(storage().file(run_id, f"{_FOLDER}/{names[step]}").read_bytes())
    except (KeyError, OSError) as error:  # thinned out at this very moment, say
        raise CnnvizError(Message("Cannot read the snapshot of step {step:,}.", step=step)) from error


def find(run_id: str, step: int) -> int:
    """``step``, if weights of the run were kept after so many steps.

    Raises:
        UnknownKeyError: none were; the message names the closest.
    """
    steps = [found for found, _ in available(run_id)]
    if step not in steps:
        raise UnknownKeyError(Message("snapshot step"), str(step), map(str, steps))
    return step


def newest_whole(run_id: str) -> State | None:
    """The latest snapshot of the run that is not damaged."""
    for step, _ in reversed(available(run_id)):
        with contextlib.suppress(CnnvizError):
            return read(run_id, step)
    return None


def path(folder: Path, step: int, epoch: int) -> Path:
    """Where the weights after ``step`` steps belong in a run's ``folder``."""
    return folder / _FOLDER / f"{step:09d}-{epoch:04d}.safetensors"


def shortage(run_id: str, recipe: Recipe) -> Message | None:
    """Why a run by ``recipe`` has so few snapshots, and how to have more; None where the limit is not why.

    What one takes is read from the files. Where there are none, the network is built on the meta device, which
    imports torch.

    Raises:
        UnknownKeyError: there is no such architecture.
    """
    configuration = settings()
    sizes = [one.size for one in kept(run_id)]
    options = json.dumps(dict(recipe.options), sort_keys=True)
    each = max(sizes, default=0) or _weight_bytes(recipe.architecture, options)
    fits = int(configuration.snapshot_mb * _MEGABYTE) // each
    if fits >= ENOUGH or len(sizes) < fits:
        return None
    return Message(
        "One snapshot of this network takes {each:,.1f} MB, and the limit for all snapshots of a run is "
        "{limit:,g} MB, so {kept}. Start cnnviz with CNNVIZ_SNAPSHOT_MB={more} to keep {count} per run.",
        each=each / _MEGABYTE,
        limit=configuration.snapshot_mb,
        kept=_kept(fits),
        more=math.ceil(ENOUGH * each * _BESIDE / _MEGABYTE),
        count=ENOUGH,
    )


def thin_out(folder: Path, limit_bytes: int) -> None:
    """Remove snapshots of a run until they take at most ``limit_bytes``.

    The one whose neighbours are closest on a logarithmic scale of steps goes first; the first and the last
    stay the longest.
    """
    files = [(step, found, found.stat().st_size) for step, _, found in _files(folder)]
    while files and sum(size for _, _, size in files) > limit_bytes:
        _, unwanted, _ = files.pop(least_missed([step for step, _, _ in files]))
        unwanted.unlink(missing_ok=True)


def forget_after(folder: Path, step: int) -> None:
    """Remove the snapshots of a run after ``step``, from where it is trained again, and what a worker that was
    killed left half written in the run's ``folder``. For the worker that has claimed the run alone.
    """
    remove_unfinished(folder)
    remove_unfinished(folder / _FOLDER)
    for found, _, unwanted in _files(folder):
        if found > step:
            unwanted.unlink(missing_ok=True)


def next_step(step: int) -> int:
    """The first step after ``step`` at which weights are kept: 0 (after -1), 1, 2, 4, 8, ..."""
    return 1 << step.bit_length() if step > 0 else step + 1


def _kept(fits: int) -> Message:
    if fits == 0:
        return Message("none is kept")
    if fits == 1:
        return Message("only the latest is kept")
    return Message("at most {fits} are kept", fits=fits)


@lru_cache(maxsize=64)
def _weight_bytes(architecture: str, options: str) -> int:
    if architecture.startswith(
        PREFIX
    ):  # a server does not evaluate its text; buffers are small beside weights
        return _BYTES_OF_A_WEIGHT * traced(architecture, {}).total_params
    import torch

    with torch.device("meta"):
        model = architectures.get(architecture).build(**json.loads(options))
    return sum(tensor.nbytes for tensor in model.state_dict().values())


def least_missed(steps: Sequence[int]) -> int:
    """The index of the one of rising ``steps`` that leaves the smallest hole on a logarithmic scale; not the ends."""
    if len(steps) <= 2:
        return 0
    scale = [math.log2(1 + step) for step in steps]
    return min(range(1, len(steps) - 1), key=lambda index: scale[index + 1] - scale[index - 1])


def _files(folder: Path) -> list[tuple[int, int, Path]]:
    found: list[tuple[int, int, Path]] = []
    with contextlib.suppress(OSError):  # there are none yet
        for entry in (folder / _FOLDER).iterdir():
            if match := _NAME.fullmatch(entry.name):
                found.append((int(match[1]), int(match[2]), entry))
    return sorted(found)
