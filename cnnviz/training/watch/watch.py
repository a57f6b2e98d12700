"""``cnnviz.watch``: the curves, gradient norms and filters of anybody's own training, on the Train page beside the others.

Whatever goes wrong here ends no training: it is said once, on standard error, and the training goes on unrecorded. The
model, its gradients and all random generators stay as they are; no hook is set.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.loop.measuring import SECONDS, SHARE, layers_with_parameters, norms_of
from cnnviz.training.records import snapshots
from cnnviz.training.store.runs import Status, Watched
from cnnviz.training.watch.recording import Entry, EpochEnd, Filters, Measured, Recording, tell

SNAPSHOT_STEPS = 500
"""The first layer's filters are kept at steps 0, 1, 2, 4, 8, ..., at every so many steps and at the end of every epoch."""

_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
"""What compiles or distributes a network, and where it has it."""
_CLEARED_SAMPLES = 3


def watch(model: nn.Module, name: str | None = None) -> WatchedRun:
    """Put the training of ``model`` on cnnviz's Train page::

        run = cnnviz.watch(model, name="mine")
        for images, labels in loader:
            ...  # forward, backward, optimizer.step()
            run.log(loss=loss, accuracy=accuracy)

    ``model`` may be of any class; it is not changed. The run goes into the folder ``runs`` of the current directory, or
    into ``CNNVIZ_RUNS_DIR``, where the app that was started with the same folder shows it. It ends with
    :meth:`WatchedRun.finish`, at the end of a ``with`` block, or with the program.

    Nothing is raised: where the run cannot be recorded, standard error says why, and the training goes on.
    """
    return WatchedRun(model, name)


class WatchedRun:
    """A training that is being recorded; ``id`` is the run's, None where it cannot be recorded."""

    def __init__(self, model: object, name: str | None, *, begins: bool = True) -> None:
        self.id: str | None = None
        self._recording: Recording | None = None
        self._process = os.getpid()
        self._told: set[str] = set()
        self._steps = itertools.count(1)
        self._step, self._epoch = 0, 1
        self._due, self._snapshot_step = 0.0, 1
        self._cleared = 0
        self._model: weakref.ref[nn.Module] | None = None
        try:
            if begins:
                self._begin(model, name)
        except Exception as problem:
            self._say(Message("This training is not recorded: {problem}", problem=_in_a_line(problem)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    def __reduce__(self) -> tuple[Any, ...]:
        # Whoever saves or copies a model that holds its run gets a copy that records nothing.
        return _copied, (self.id,)

    def __repr__(self) -> str:
        return f"<cnnviz run {self.id}>"

    def log(
        self,
        loss: Any = None,
        accuracy: Any = None,
        *,
        learning_rate: float | None = None,
        **others: object,
    ) -> None:
        """Note one step, after its backward pass and before the gradients are cleared.

        Args:
            loss: the batch's mean loss: a number, or a tensor of one element on any device, for which nobody waits.
            accuracy: the batch's accuracy, from 0 to 1, likewise.
            learning_rate: the present one, to see its curve.
            others: are not recorded, which is said once.
        """
        recording = self._present()
        if recording is None:
            return
        try:
            now = time.perf_counter()
            self._step = step = next(self._steps)
            recording.put(Entry(step, self._epoch, self._plain(loss), self._plain(accuracy), now))
            if now >= self._due:
                self._sample(recording, step, now, learning_rate)
            if step >= self._snapshot_step:
                self._snapshot(recording, step)
            if others:
                self._say_left_out(others)
        except Exception as problem:
            self._say(Message("A step could not be recorded: {problem}", problem=_in_a_line(problem)), "step")

    def end_epoch(self, test_loss: Any, test_accuracy: Any) -> None:
        """Note that an epoch ends, with the loss and the accuracy (0 to 1) on the test images. Its training figures are
        the means of what :meth:`log` was given since the epoch before.
        """
        recording = self._present()
        if recording is None:
            return
        try:
            now = time.perf_counter()
            recording.put(
                EpochEnd(self._step, self._epoch, self._plain(test_loss), self._plain(test_accuracy), now)
            )
            self._snapshot(recording, self._step)
            self._epoch += 1
        except Exception as problem:
            self._say(Message("A step could not be recorded: {problem}", problem=_in_a_line(problem)), "step")

    def finish(self) -> None:
        """The training is over; what is called afterwards does nothing."""
        self._end(None)

    def _present(self) -> Recording | None:
        """What records this run; None in a copy of the process, such as a DataLoader's worker, and once it is over."""
        recording = self._recording
        if recording is None or recording.is_over or os.getpid() != self._process:
            return None
        return recording

    def _begin(self, model: object, name: str | None) -> None:
        module = model if isinstance(model, nn.Module) else None
        watched = Watched(
            network=type(model if module is None else _unwrapped(module)[0]).__name__,
            parameters=None if module is None else _parameters(module),
            program=_program(),
        )
        recording = Recording(watched, None if name is None else str(name))
        self.id = recording.run_id
        if module is not None:
            self._model = weakref.ref(module)
            self._snapshot(recording, 0)
        else:
            self._say(
                Message(
                    "{type} is not a torch.nn.Module: the curves are recorded, without gradients and filters.",
                    type=type(model).__name__,
                )
            )
        self._recording = recording
        # Also where nobody keeps the run any more, as when a notebook's cell is run again; and at the program's end.
        weakref.finalize(self, _finalize, recording, self._process)
        tell(_where(recording.run_id))

    def _end(self, error: BaseException | None) -> None:
        recording, self._recording = self._recording, None
        if recording is not None and os.getpid() == self._process:
            recording.end(*how_it_ended(error))

    # -- from time to time, in the training's own thread -----------------------------------------------

    def _sample(self, recording: Recording, step: int, now: float, learning_rate: float | None) -> None:
        """The gradients' norms and the learning rate; takes at most one part in :data:`SHARE` of the time."""
        self._due = now + SECONDS
        model = self._model() if self._model is not None else None
        names: tuple[str, ...] = ()
        norms: Tensor | None = None
        if model is not None and "gradients" not in self._told:
            try:
                layers, prefix = layers_with_parameters(model), _unwrapped(model)[1]
                names = tuple(name.removeprefix(prefix) for name in layers)
                if layers and self._has_gradients(layers):
                    with torch.no_grad():
                        norms = norms_of(layers)
            except Exception as problem:
                norms = None
                self._say(
                    Message("The gradients are not recorded: {problem}", problem=_in_a_line(problem)),
                    "gradients",
                )
        if norms is not None or learning_rate is not None:
            recording.put(Measured(step, self._epoch, now, self._plain(learning_rate), names, norms))
        self._due = now + max(SECONDS, (time.perf_counter() - now) * SHARE)

    def _has_gradients(self, layers: dict[str, list[nn.Parameter]]) -> bool:
        trained = [one for some in layers.values() for one in some if one.requires_grad]
        if any(one.grad is not None for one in trained):
            self._cleared = 0
            return True
        self._cleared += bool(trained)
        if self._cleared == _CLEARED_SAMPLES:
            self._say(
                Message(
                    "There are no gradients when run.log() is called, so their norms are not recorded: call it "
                    "between loss.backward() and optimizer.zero_grad()."
                )
            )
        return False

    def _snapshot(self, recording: Recording, step: int) -> None:
        self._snapshot_step = min(snapshots.next_step(step), step - step % SNAPSHOT_STEPS + SNAPSHOT_STEPS)
        model = self._model() if self._model is not None else None
        found = _first_convolution(model) if model is not None else None
        if found is not None:
            name, weight = found
            recording.put(Filters(step, self._epoch if step else 0, name, weight.detach().clone()))

    # -- what is said ----------------------------------------------------------------------------------

    def _plain(self, value: Any) -> float | Tensor:
        """A number at once; of a tensor on another device a copy, for which the recording waits, not the training."""
        if value is None:
            return float("nan")
        try:
            if isinstance(value, Tensor):
                if value.device.type == "cpu":
                    return float(value.item())
                return value.detach().reshape(()).clone()
            if isinstance(value, str):
                raise TypeError(value)
            return float(value)
        except (TypeError, ValueError, RuntimeError):
            self._say(
                Message(
                    "A loss, an accuracy or a learning rate must be one number; got {value}. It is left out.",
                    value=_shown(value),
                ),
                "value",
            )
            return float("nan")

    def _say_left_out(self, others: dict[str, object]) -> None:
        self._say(
            Message(
                "run.log() records {known}; left out: {names}.",
                known="loss, accuracy, learning_rate",
                names=", ".join(sorted(others)),
            ),
            "others",
        )

    def _say(self, sentence: Message, about: str = "") -> None:
        """Say it on standard error; about one thing once."""
        if about and about in self._told:
            return
        self._told.add(about)
        tell(sentence)


def _copied(run_id: str | None) -> WatchedRun:
    """A run that is no more than its id."""
    run = WatchedRun(None, None, begins=False)
    run.id = run_id
    return run


def how_it_ended(error: BaseException | None) -> tuple[Status, Message | None]:
    """The status of a training that was left with ``error``, and its reason."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return Status.FINISHED, None
    if isinstance(error, KeyboardInterrupt):
        return Status.STOPPED, Message("The training was stopped with Control-C.")
    return Status.FAILED, Message("The training ended with an error: {error}", error=_in_a_line(error))


def _finalize(recording: Recording, process: int) -> None:
    if os.getpid() != process:
        return
    # Where somebody types, in a notebook or at a prompt, the last error is that of anything.
    error = None if "ipykernel" in sys.modules or hasattr(sys, "ps1") else getattr(sys, "last_value", None)
    recording.end(*how_it_ended(error))


def _where(run_id: str) -> Message:
    return Message(
        "run {id} is recorded in {folder}. The Train page of an app that keeps its runs there shows it.",
        id=run_id,
        folder=settings().runs_url or settings().runs_dir,
    )


def _unwrapped(model: nn.Module) -> tuple[nn.Module, str]:
    """The network itself, without what compiles or distributes it, and what that puts before the names of its layers."""
    prefix = ""
    while (inner := _WRAPPERS.get(type(model).__name__)) is not None and hasattr(model, inner):
        model, prefix = getattr(model, inner), f"{prefix}{inner}."
    return model, prefix


def _parameters(model: nn.Module) -> int | None:
    try:
        return sum(parameter.numel() for parameter in model.parameters())
    except ValueError:  # of a layer that learns its size with the first batch
        return None


def _first_convolution(model: nn.Module) -> tuple[str, Tensor] | None:
    """The first layer with filters over images, and its filters (N, in, h, w); None where there is none."""
    for name, module in _unwrapped(model)[0].named_modules():
        if isinstance(module, nn.Conv2d):
            weight = module.weight
            return None if isinstance(weight, nn.parameter.UninitializedParameter) else (name, weight)
    return None


def _program() -> str:
    """The file name of the program that trains; "notebook" in a notebook."""
    if "ipykernel" in sys.modules:
        return "notebook"
    return Path(sys.argv[0] if sys.argv else "").name or "python"


def _in_a_line(problem: BaseException) -> str:
    told = str(problem).strip().splitlines()
    text = told[0] if told else ""
    return (
        text
        if type(problem).__module__.startswith("cnnviz") and text
        else f"{type(problem).__name__}: {text}"
    )


def _shown(value: object) -> str:
    if isinstance(value, Tensor):
        return f"tensor{tuple(value.shape)}"
    return f"{value!r:.40}"
