"""A training that is interrupted between two steps and goes on from its saved state."""

from __future__ import annotations

import dataclasses
import time

import pytest
import torch
from torch import nn

from cnnviz import datasets
from cnnviz.datasets import Dataset
from cnnviz.training.loop import session as session_module
from cnnviz.training.loop.loop import train
from cnnviz.training.loop.session import Session
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import RateChange
from cnnviz.training.records.snapshots import State, StateError
from tests.training.watching import Capturing, Losses, Supervising


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """100 digits to train on, in 5 batches an epoch, 20 to test."""
    data = datasets.load("mnist-sample")
    return dataclasses.replace(
        data,
        train_images=data.train_images[::40],
        train_labels=data.train_labels[::40],
        test_images=data.test_images[::50],
        test_labels=data.test_labels[::50],
    )


def small(key: str = "mlp", **changes: object) -> Recipe:
    fixed = {"dataset": "mnist-sample", "threads": 1, "device": "cpu", "batch_size": 20, "epochs": 3}
    return Recipe.default(key, **{**fixed, **changes})


def with_dropout(_: Recipe) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 10))


CHANGES = {
    "momentum": {},
    "adam": {"optimizer": "adam", "learning_rate": 0.003},
    "adamw": {"optimizer": "adamw", "learning_rate": 0.003, "weight_decay": 0.1},
    "plain": {"momentum": 0.0},
    "augmentation": {"augmentation": {"shift": 0.1, "rotation": 10.0}},
    "schedule": {"schedule": "cosine"},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("step", [0, 3, 5, 7, 14])
def test_it_goes_on_as_if_nothing_had_happened(
    changes: dict[str, object], step: int, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "initial_network", with_dropout)
    whole, rest, capturing = Losses(), Losses(), Capturing(step)
    expected = train(small(**changes), digits, whole, capturing)
    saved = State.from_bytes(capturing.states[step].to_bytes())
    found = train(small(**changes), digits, rest, start=saved)
    assert rest.steps == whole.steps[step:]
    assert rest.numbers == whole.numbers[step:]
    weights = found.model.state_dict()
    assert all(weights[name].equal(value) for name, value in expected.model.state_dict().items())
    for mine, theirs in zip(found.epochs, expected.epochs, strict=True):
        names = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy")
        assert [getattr(mine, name) for name in names] == [getattr(theirs, name) for name in names]


def test_batch_statistics_and_memory_layout_come_back(digits: Dataset) -> None:
    recipe = small("lenet-bn", optimizer="adam", learning_rate=0.003, momentum=0.0)
    whole, rest, capturing = Losses(), Losses(), Capturing(6)
    train(recipe, digits, whole, capturing)
    layouts: list[tuple[bool, bool]] = []

    def look(session: Session) -> None:
        for parameter, values in session.optimizer.state.items():
            layouts.append((parameter.stride() == values["exp_avg"].stride(), parameter.dim() == 4))

    train(recipe, digits, rest, Supervising(look), State.from_bytes(capturing.states[6].to_bytes()))
    assert rest.steps == whole.steps[6:]
    assert all(same for same, _ in layouts)
    assert any(is_kernel for _, is_kernel in layouts)


def test_the_state_after_the_last_step_leaves_nothing_to_do(digits: Dataset) -> None:
    result = train(small(epochs=1), digits, Losses())
    states: list[State] = []

    class Last(Supervising):
        def after_epoch(self, session: Session) -> None:
            states.append(session.state())

    train(small(epochs=1), digits, Losses(), Last(lambda _: True))
    watcher = Losses()
    again = train(small(epochs=1), digits, watcher, start=states[0])
    assert watcher.steps == []
    assert not again.stopped
    assert (again.test_accuracy, again.steps) == (result.test_accuracy, result.steps)


def test_weights_alone_are_enough_to_go_on_with(digits: Dataset) -> None:
    whole, rest, capturing = Losses(), Losses(), Capturing(5)
    train(small(momentum=0.0), digits, whole, capturing)
    train(small(momentum=0.0), digits, rest, start=capturing.states[5].weights_only())
    assert rest.steps == whole.steps[5:]  # plain SGD has no memory, and the order of epoch 2 is known
    fresh = Losses()
    train(small(momentum=0.9), digits, fresh, start=capturing.states[5].weights_only())
    assert fresh.steps[0] == whole.steps[5]
    assert len(fresh.steps) == 10


def test_a_learning_rate_that_is_changed_on_the_way_follows_the_schedule(digits: Dataset) -> None:
    rates: list[float] = []

    def change(session: Session) -> None:
        if session.step == 7:
            session.change_learning_rate(0.5)
        rates.append(session.optimizer.param_groups[0]["lr"])

    train(small(schedule="step", step_factor=0.1, learning_rate=0.01), digits, Losses(), Supervising(change))
    assert rates == pytest.approx([0.01] * 5 + [0.001] * 2 + [0.5] * 3 + [0.05] * 5)


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_a_learning_rate_can_be_changed_when_the_schedule_has_brought_it_to_nothing(
    schedule: str, digits: Dataset
) -> None:
    recipe = small(schedule=schedule, step_factor=0.1, epochs=1000)
    session = session_module.new_session(recipe, digits, torch.device("cpu"))
    session.epoch = 999 if schedule == "cosine" else 400
    session.change_learning_rate(0.5)
    assert session.optimizer.param_groups[0]["lr"] == 0.5
    session.epoch += 1
    assert session.learning_rate == pytest.approx(0.125 if schedule == "cosine" else 0.05, rel=1e-4)


def test_changes_of_the_learning_rate_are_noted_and_come_back(digits: Dataset) -> None:
    recipe = small(schedule="step", learning_rate=0.01)

    def change(session: Session) -> None:
        if session.step in (0, 7):
            session.change_learning_rate(session.learning_rate)  # is none
        if session.step == 7:
            session.change_learning_rate(9.0)
            session.change_learning_rate(0.5)
        if session.step == 11:
            states.append(State.from_bytes(session.state().to_bytes()))
        rates.append(session.optimizer.param_groups[0]["lr"])

    states: list[State] = []
    rates: list[float] = []
    assert train(recipe, digits, Losses(), Supervising(change)).rate_changes == (RateChange(7, 0.5),)
    whole, rates = rates, []
    again = train(recipe, digits, Losses(), Supervising(change), states[0])
    assert again.rate_changes == (RateChange(7, 0.5),)
    assert rates == whole[11:]


def test_states_of_earlier_versions_know_of_no_changes(digits: Dataset) -> None:
    capturing = Capturing(7)
    recipe = small(schedule="step", learning_rate=0.01)
    train(recipe, digits, Losses(), capturing)
    old = {
        name: fact
        for name, fact in capturing.states[7].facts.items()
        if name not in ("base_epoch", "rate_changes")
    }
    rates: list[float] = []
    state = dataclasses.replace(capturing.states[7], facts={**old, "base_rate": 0.02})
    result = train(recipe, digits, Losses(), Supervising(lambda s: rates.append(s.learning_rate)), state)
    assert rates == pytest.approx([0.002] * 3 + [0.0002] * 5)
    assert result.rate_changes == ()


def test_the_state_of_another_network_is_refused(digits: Dataset) -> None:
    capturing = Capturing(3)
    train(small(), digits, Losses(), capturing)
    with pytest.raises(StateError, match="used: Error"):
        train(small("basic-cnn"), digits, Losses(), start=capturing.states[3])


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"\x08\0\0\0\0\0\0\0[1, 2] "])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    with pytest.raises(StateError, match="cannot be used"):
        State.from_bytes(data)


def test_a_pause_takes_no_time_of_the_training(digits: Dataset) -> None:
    def wait(session: Session) -> None:
        if session.step == 3:
            with session.watch.standing():
                time.sleep(1.5)

    begin = time.perf_counter()
    result = train(small(epochs=1), digits, Losses(), Supervising(wait))
    assert result.epochs[0].seconds < time.perf_counter() - begin - 1.5
