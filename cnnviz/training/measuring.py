"""Measuring a training from time to time: how large the gradients are, how fast it is, how long it takes still."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor, nn

from cnnviz.training.events import EventFiles
from cnnviz.training.observer import EpochMetrics
from cnnviz.training.samples import FILE_NAME, Sample, SamplesWriter
from cnnviz.training.session import Session

SECONDS = 0.5
_SAMPLES = (
    2_000  # a longer run is measured less often: each doubling of its time adds so many samples or fewer
)
_SHARE = 50  # measuring takes at most one part in so many of the time


class Sampler:
    """Writes samples of a training into its run's folder; ``due`` is when the next one is wanted, by
    ``time.monotonic``. Use it in a ``with`` block, which closes the files.
    """

    def __init__(self, folder: Path, session: Session) -> None:
        self._layers = layers_with_parameters(session.model)
        self._file = SamplesWriter(folder / FILE_NAME, list(self._layers), keep_until=session.step)
        self._events = EventFiles(folder, session.step)
        self._begun = time.monotonic()
        self._last = session.step, session.seconds + session.tally.seconds
        self.due = self._begun

    def sample(self, session: Session) -> None:
        """Measure now, between two steps."""
        begin = time.monotonic()
        step, seconds = session.step, session.seconds + session.tally.seconds
        if step == self._last[0]:  # no gradients yet, or no new ones: those of the next step are wanted
            return
        per_step = (seconds - self._last[1]) / (step - self._last[0])
        self._last = step, seconds
        sample = Sample(
            step=step,
            epoch=session.epoch,
            seconds=seconds,
            learning_rate=session.learning_rate,
            images_per_second=session.recipe.batch_size / max(per_step, 1e-9),
            seconds_left=_seconds_left(session, per_step),
            norms=gradient_norms(self._layers),
        )
        self._file.add(sample)
        self._events.add(step, _curves(sample, session, list(self._layers)))
        now = time.monotonic()
        self.due = now + max(SECONDS, (now - self._begun) / _SAMPLES, (now - begin) * _SHARE)

    def epoch(self, step: int, metrics: EpochMetrics) -> None:
        """Note the figures of an epoch that ended after ``step`` steps."""
        names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
        self._events.add(step, {f"epoch/{name}": getattr(metrics, name) for name in names})

    def flush(self) -> None:
        """Write what is pending, so that readers see it."""
        self._file.flush()

    def close(self) -> None:
        """Write what is pending and close the files."""
        self._file.close()
        self._events.close()


def layers_with_parameters(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The layers with parameters of their own, by name, in the order of the model; shared ones count once."""
    seen: set[nn.Parameter] = set()
    found: dict[str, list[nn.Parameter]] = {}
    for name, module in model.named_modules():
        own = [parameter for parameter in module.parameters(recurse=False) if parameter not in seen]
        seen.update(own)
        if own:
            found[name] = own
    return found


def gradient_norms(layers: dict[str, list[nn.Parameter]]) -> tuple[float, ...]:
    """The Euclidean norm of the gradients of each layer's parameters; 0 where a layer has none."""
    squares: list[Tensor] = []
    for parameters in layers.values():
        norms = [
            torch.linalg.vector_norm(parameter.grad) for parameter in parameters if parameter.grad is not None
        ]
        squares.append(torch.stack(norms).norm() if norms else torch.zeros((), device=parameters[0].device))
    return tuple(torch.stack(squares).tolist())


def _seconds_left(session: Session, per_step: float) -> float:
    tests = session.recipe.epochs - len(session.finished)
    return (session.total_steps - session.step) * per_step + tests * session.test_seconds


def _curves(sample: Sample, session: Session, layers: list[str]) -> dict[str, float]:
    return {
        "batch/loss": session.latest_loss,
        "batch/accuracy": session.latest_accuracy,
        "learning_rate": sample.learning_rate,
        "images_per_second": sample.images_per_second,
        **{f"gradient_norm/{name}": norm for name, norm in zip(layers, sample.norms, strict=True)},
    }
