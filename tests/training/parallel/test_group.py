"""Several processes train as one does: the same losses, but for rounding."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cnnviz import datasets
from cnnviz.errors import UsageError
from cnnviz.own import kept
from cnnviz.own.definition import Definition
from cnnviz.own.reading import read
from cnnviz.training.loop import evaluate as evaluation
from cnnviz.training.loop import loop
from cnnviz.training.loop.loop import Supervisor, TrainingResult, check_devices, train
from cnnviz.training.loop.session import Session
from cnnviz.training.parallel import group as groups
from cnnviz.training.parallel.group import Group, break_off, meet, part_company
from cnnviz.training.parallel.part import Part
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.snapshots import State
from cnnviz.training.worker.together import is_of_the_connection
from tests.training.parallel.crew import Crew

CLOSE = {"rel": 1e-4, "abs": 1e-6}


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    crew = Crew(tmp_path_factory.mktemp("crew"))
    yield crew
    crew.leave()


class Watcher:
    def __init__(self) -> None:
        self.steps: list[tuple[float, float]] = []
        self.epochs: list[EpochMetrics] = []

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        pass

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        self.steps.append((loss, accuracy))

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        self.epochs.append(metrics)


class Steered:
    """Changes the learning rate after 3 steps, keeps the state after 9, and stops after 14."""

    state: State | None = None

    def before_step(self, session: Session) -> bool:
        if session.step == 3:
            session.change_learning_rate(0.0037)
        if session.step == 9:
            self.state = session.state()
        return session.step < 14

    def after_epoch(self, session: Session) -> None:
        pass


def trained(
    crew: Crew, recipe: Recipe, workers: int, steering: Supervisor | None = None, start: State | None = None
) -> tuple[Watcher, TrainingResult]:
    watcher = Watcher()
    recipe = dataclasses.replace(recipe, workers=workers)
    with crew.together(recipe, start) as group:
        return watcher, train(recipe, datasets.load(recipe.dataset), watcher, steering, start, group)


def assert_alike(one: tuple[Watcher, TrainingResult], several: tuple[Watcher, TrainingResult]) -> None:
    (watched, result), (also_watched, other) = one, several
    losses, also_losses = ([loss for loss, _ in each.steps] for each in (watched, also_watched))
    assert also_losses == pytest.approx(losses, **CLOSE)
    assert [right for _, right in also_watched.steps] == [right for _, right in watched.steps]
    for epoch, also_epoch in zip(watched.epochs, also_watched.epochs, strict=True):
        for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
            assert getattr(also_epoch, name) == pytest.approx(getattr(epoch, name), **CLOSE)
    weights, also_weights = result.model.state_dict(), other.model.state_dict()
    for name in weights:  # the running mean and variance of batch normalisation among them
        torch.testing.assert_close(also_weights[name], weights[name], rtol=1e-3, atol=1e-4)


def small(key: str, **changes: object) -> Recipe:
    fixed = {"dataset": "mnist-sample", "threads": 1, "device": "cpu", "epochs": 2}
    return Recipe.default(key, **{**fixed, **changes})


@pytest.mark.parametrize(
    "recipe",
    [
        small("lenet-bn", train_images=410, batch_size=41),
        small("lenet-bn", train_images=223, batch_size=20, train_accuracy="second-pass", schedule="step"),
        small("inception-mini", train_images=33, batch_size=8, optimizer="adamw", weight_decay=0.01),
        small(
            "mlp", train_images=150, batch_size=15, loss="mse", optimizer="adam", augmentation={"shift": 0.1}
        ),
    ],
    ids=["batch-norm", "second-pass", "last-batch-of-one", "augmentation"],
)
def test_losses_and_weights_are_those_of_one_process(crew: Crew, recipe: Recipe) -> None:
    one = trained(crew, recipe, 1)
    for workers in (2, 4):
        assert_alike(one, trained(crew, recipe, workers))


def test_all_follow_a_changed_learning_rate_and_a_stop_and_resume_with_another_number(crew: Crew) -> None:
    recipe = small("basic-cnn", train_images=200, batch_size=20)
    steering = Steered()
    one = trained(crew, recipe, 1, Steered())
    assert_alike(one, trained(crew, recipe, 2, steering))
    assert one[1].stopped
    assert len(one[0].steps) == 14
    whole = trained(crew, recipe, 1, Steered(), steering.state)
    assert whole[0].steps[0] == pytest.approx(one[0].steps[9], **CLOSE)
    assert_alike(whole, trained(crew, recipe, 4, Steered(), steering.state))


def test_dropout_is_each_process_s_own_and_the_same_after_a_run_is_resumed() -> None:
    def drawn(number: int, step: int) -> float:
        group = SimpleNamespace(part=Part(number, 4))
        session = SimpleNamespace(recipe=small("mlp"), step=step, group=group)
        assert loop._OwnChance().before_step(session)  # type: ignore[arg-type]
        return float(torch.rand(()))

    with torch.random.fork_rng():
        draws = [drawn(number, step) for number in (1, 2, 3) for step in (0, 1, 2)]
        assert len(set(draws)) == len(draws)
        assert drawn(2, 1) == draws[4]


OWN_FIGURES = """import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.InstanceNorm2d(1, track_running_stats=True)
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc(self.norm(x).flatten(1))
"""


def test_all_test_with_the_running_figures_of_the_leader_whose_weights_are_kept(crew: Crew) -> None:
    definition = Definition(OWN_FIGURES, input_shape=(1, 28, 28))
    recipe = small(kept.keep(definition, read(definition)).key, epochs=1, train_images=60, batch_size=20)
    watcher, result = trained(crew, recipe, 3)
    data = datasets.load(recipe.dataset)
    tested = evaluation.evaluate(
        result.model, evaluation.test_batches(recipe, data.test_images, data.test_labels)
    )
    assert watcher.epochs[0].test_loss == pytest.approx(tested.loss, rel=1e-5)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Group]:
    """A group of one process, whose gradients are its own."""
    yield meet(tmp_path, Part(), "cpu")
    part_company()


def test_a_layer_that_no_process_uses_has_no_gradient_and_does_not_decay(alone: Group) -> None:
    used, idle = nn.Linear(2, 1), nn.Linear(2, 1)
    alone.adopt(nn.ModuleList([used, idle]))
    loss = used(torch.full((3, 2), 2.0)).mean()
    told = alone.backward(loss, torch.tensor(2), share=1.0, rate=0.1)
    assert told == (pytest.approx(loss.item()), 2, 0.1)
    assert used.weight.grad is not None
    assert used.weight.grad.tolist() == [[2.0, 2.0]]
    assert idle.weight.grad is None


def test_parameters_that_lie_in_memory_in_any_way_get_their_own_gradients(alone: Group) -> None:
    with_gaps, turned = torch.ones(3, 4)[:, :2], torch.ones(3, 2).T
    weights = nn.ParameterList(
        [with_gaps, turned, torch.ones(2, 3, 2, 2).to(memory_format=torch.channels_last)]
    )
    alone.adopt(weights)
    factors = [torch.arange(float(weight.numel())).view(weight.shape) for weight in weights]
    loss = torch.stack(
        [(weight * factor).sum() for weight, factor in zip(weights, factors, strict=True)]
    ).sum()
    alone.backward(loss, torch.tensor(0), share=1.0, rate=0.1)
    for weight, factor in zip(weights, factors, strict=True):
        torch.testing.assert_close(weight.grad, factor)


def test_a_leader_to_whom_nobody_comes_hears_of_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "_MEETING", timedelta(seconds=0.2))
    with pytest.raises(RuntimeError) as missed:
        meet(tmp_path, Part(0, 2), "cpu")
    assert is_of_the_connection(missed.value)


def test_what_was_broken_off_is_no_sum(alone: Group) -> None:
    assert alone.summed([2.0]) == [2.0]
    groups._broken_off.set()  # as the sum is on its way
    with pytest.raises(RuntimeError) as lost:
        alone.summed([2.0])
    assert is_of_the_connection(lost.value)
    break_off()
    with pytest.raises(ValueError, match="process group") as gone:
        alone.summed([2.0])
    assert is_of_the_connection(gone.value)


def test_each_process_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_devices(small("mlp", workers=2, device="cuda"))
    check_devices(small("mlp", workers=4))
    with pytest.raises(UsageError, match="4 processes on GPUs, one each, but PyTorch finds 2 here"):
        check_devices(small("mlp", workers=4, device="cuda"))
