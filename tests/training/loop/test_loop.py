import dataclasses
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnviz import architectures, datasets
from cnnviz.datasets import Dataset
from cnnviz.errors import UsageError
from cnnviz.training.loop.batches import Batches
from cnnviz.training.loop.loop import TrainingDivergedError, TrainingResult, train
from cnnviz.training.loop.session import Session
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.transforms.batch_preparer import Normaliser
from tests.networks import MNIST


class Watcher:
    """Writes down everything that it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, float, float, float]] = []
        self.epochs: list[EpochMetrics] = []
        self.steps_per_epoch = 0
        self.first: dict[str, torch.Tensor] = {}

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.first = {name: value.clone() for name, value in model.state_dict().items()}

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        self.steps.append((step, epoch, loss, accuracy, seconds))

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        self.epochs.append(metrics)


class Stopping:
    """Ends a training as soon as a condition holds."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self.condition = condition

    def before_step(self, session: Session) -> bool:
        return not self.condition()

    def after_epoch(self, session: Session) -> None:
        pass


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """300 digits to train on, 100 to test: 30 and 10 of each class."""
    data = datasets.load("mnist-sample")
    return dataclasses.replace(
        data,
        train_images=data.train_images[::13][:300],
        train_labels=data.train_labels[::13][:300],
        test_images=data.test_images[::10],
        test_labels=data.test_labels[::10],
    )


def small(key: str = "basic-cnn", **changes: object) -> Recipe:
    values = {"epochs": 2, "threads": 1, "device": "cpu", **changes}
    return Recipe.default(key, dataset="mnist-sample", **values)


@pytest.mark.parametrize("key", [known.key for known in MNIST])
def test_same_seed_and_threads_give_the_same_losses_to_the_last_digit(key: str, digits: Dataset) -> None:
    first, second = Watcher(), Watcher()
    results = [train(small(key, epochs=1, threads=2), digits, watcher) for watcher in (first, second)]
    assert [step[2] for step in first.steps] == [step[2] for step in second.steps]
    weights, again = (result.model.state_dict() for result in results)
    assert all(weights[name].equal(again[name]) for name in weights)


def test_another_seed_gives_other_losses(digits: Dataset) -> None:
    first, second = Watcher(), Watcher()
    train(small(), digits, first)
    train(small(seed=2), digits, second)
    assert first.steps[0][2] != second.steps[0][2]


def test_is_the_course_s_loop(digits: Dataset) -> None:
    """The same images in the same order through plain PyTorch: the same losses but for rounding."""
    watcher = Watcher()
    train(small(), digits, watcher)
    torch.manual_seed(1)
    model = architectures.get("basic-cnn").build()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    generator = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(2):
        for chosen in torch.randperm(300, generator=generator).split(64):
            x = (digits.train_images[chosen].float() / 255 - 0.1307) / 0.3081
            loss = F.cross_entropy(model(x), digits.train_labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert [step[2] for step in watcher.steps] == pytest.approx(losses, rel=1e-4)


def test_every_image_is_seen_once_an_epoch(digits: Dataset) -> None:
    normalise = Normaliser([0.0], [1.0], torch.device("cpu"))
    batches = Batches(digits.train_images, torch.arange(300), normalise, 64)
    generator = torch.Generator().manual_seed(3)
    for _ in range(2):
        order = batches.order(generator)
        passed = [batches.take(order, number) for number in range(len(batches))]
        assert len(passed) == 5
        seen = torch.cat([labels for _, labels in passed])
        assert seen.sort().values.tolist() == list(range(300))
        assert seen.tolist() != list(range(300))
        x = torch.cat([x for x, _ in passed])
        assert x.mul(255).round().to(torch.uint8).equal(digits.train_images[seen])


def test_observer_hears_every_step_and_epoch(digits: Dataset) -> None:
    watcher = Watcher()
    result = train(small(), digits, watcher)
    assert watcher.steps_per_epoch == 5
    assert [step[:2] for step in watcher.steps] == [(n, 1 + (n - 1) // 5) for n in range(1, 11)]
    seconds = [step[4] for step in watcher.steps]
    assert seconds == sorted(seconds)
    assert tuple(watcher.epochs) == result.epochs
    for metrics in watcher.epochs:
        of_epoch = [step for step in watcher.steps if step[1] == metrics.epoch]
        sizes = [64, 64, 64, 64, 44]
        losses = sum(step[2] * size for step, size in zip(of_epoch, sizes, strict=True)) / 300
        right = sum(step[3] * size for step, size in zip(of_epoch, sizes, strict=True)) / 300
        assert metrics.train_loss == pytest.approx(losses)
        assert metrics.train_accuracy == pytest.approx(right)
        assert metrics.images_per_second == pytest.approx(300 / metrics.seconds)
    assert seconds[-1] == pytest.approx(sum(metrics.seconds for metrics in watcher.epochs))


def test_it_learns(digits: Dataset) -> None:
    result = train(small(epochs=12, learning_rate=0.05), digits, Watcher())
    assert result.epochs[-1].train_loss < result.epochs[0].train_loss / 2
    assert result.epochs[-1].test_accuracy > 0.6


def test_result_belongs_to_its_weights(digits: Dataset) -> None:
    result = train(small(), digits, Watcher())
    assert not result.model.training
    assert not result.stopped
    assert result.steps == 10
    assert result.recipe.device == "cpu"
    _check_figures(result, digits)
    assert result.test_accuracy == result.epochs[-1].test_accuracy


def _check_figures(result: TrainingResult, digits: Dataset) -> None:
    with torch.no_grad():
        scores = result.model((digits.test_images / 255 - 0.1307) / 0.3081)
    right = (scores.argmax(1) == digits.test_labels).float().mean().item()
    assert result.test_accuracy == pytest.approx(right)
    assert result.test_loss == pytest.approx(F.cross_entropy(scores, digits.test_labels).item(), rel=1e-4)


@pytest.mark.parametrize("steps", [0, 3, 5, 7])
def test_stop_ends_the_run_at_once_with_honest_figures(digits: Dataset, steps: int) -> None:
    watcher = Watcher()
    result = train(small(epochs=3), digits, watcher, Stopping(lambda: len(watcher.steps) >= steps))
    assert result.stopped
    assert result.steps == len(watcher.steps) == steps
    assert len(result.epochs) == steps // 5
    assert not result.model.training
    _check_figures(result, digits)


def test_a_loss_that_is_no_number_names_the_step_and_a_cure(digits: Dataset) -> None:
    watcher = Watcher()
    with pytest.raises(TrainingDivergedError, match=r"step \d+ .*1 instead of 10") as caught:
        train(small("resnet-mini", epochs=5, learning_rate=10.0), digits, watcher)
    assert caught.value.step == len(watcher.steps) + 1
    assert f"step {caught.value.step}" in str(caught.value)


def test_an_invalid_recipe_is_refused_before_anything_happens(digits: Dataset) -> None:
    watcher = Watcher()
    with pytest.raises(UsageError, match=r"epochs must be .*; got 0"):
        train(small(epochs=0), digits, watcher)
    assert watcher.first == {}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_explained(digits: Dataset) -> None:
    with pytest.raises(UsageError, match="no GPU"):
        train(small(device="cuda"), digits, Watcher())


@pytest.fixture
def surroundings() -> Iterator[None]:
    torch.manual_seed(5)
    before = torch.get_rng_state(), torch.get_num_threads()
    yield
    assert torch.get_rng_state().equal(before[0])
    assert torch.get_num_threads() == before[1]


@pytest.mark.usefixtures("surroundings")
def test_generator_and_threads_of_the_process_are_left_alone(digits: Dataset) -> None:
    train(small(threads=1), digits, Watcher())
    with pytest.raises(TrainingDivergedError):
        train(small("resnet-mini", learning_rate=10.0, epochs=5), digits, Watcher())


def test_training_starts_from_the_seed_s_weights(digits: Dataset) -> None:
    watcher = Watcher()
    train(small(seed=7), digits, watcher)
    expected = architectures.get("basic-cnn").build_seeded(7).state_dict()
    assert all(watcher.first[name].equal(expected[name]) for name in expected)


def test_the_data_is_not_changed(digits: Dataset) -> None:
    before = digits.train_images.clone()
    train(small(epochs=1), digits, Watcher())
    assert digits.train_images.equal(before)
