"""Observers and supervisors for tests of training, and waiting for other processes."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import nn

from cnnviz.training.loop.session import Session
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.snapshots import State


def until(condition: Callable[[], object], seconds: float = 240) -> None:
    """Wait until another process has brought something about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


class Losses:
    """Keeps the loss of every step, and the network; may do something after a step."""

    def __init__(self, at: int = 0, act: Callable[[], object] = lambda: None) -> None:
        self.at, self.act = at, act
        self.steps: list[float] = []
        self.numbers: list[int] = []
        self.epochs: list[EpochMetrics] = []

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        self.model, self.steps_per_epoch = model, steps_per_epoch

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        self.steps.append(loss)
        self.numbers.append(step)
        if step == self.at:
            self.act()

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        self.epochs.append(metrics)


class Supervising:
    """Does something with the session before every step; a result that is false ends the training."""

    def __init__(self, before_step: Callable[[Session], object]) -> None:
        self._before_step = before_step

    def before_step(self, session: Session) -> bool:
        return self._before_step(session) is not False

    def after_epoch(self, session: Session) -> None:
        pass


class Capturing(Supervising):
    """Keeps the states before the steps that are asked for."""

    def __init__(self, *steps: int) -> None:
        self.states: dict[int, State] = {}

        def capture(session: Session) -> None:
            if session.step in steps:
                self.states[session.step] = session.state()

        super().__init__(capture)
