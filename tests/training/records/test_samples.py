"""What is measured from time to time while a run trains."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tensorboardX.proto.event_pb2 import Event, SessionLog
from torch import nn

from cnnviz import datasets
from cnnviz.errors import CnnvizError
from cnnviz.training.loop.loop import step as train_step
from cnnviz.training.loop.measuring import EventFiles, Sampler, gradient_norms, layers_with_parameters
from cnnviz.training.loop.session import Session, new_session
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import SAMPLES_FILE, Sample, SamplesWriter, read_samples
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from tests.training.watching import Losses

STEPS = 16  # 4,000 images in batches of 250


def test_samples_tell_gradients_speed_and_time_left(store: RunStore, recipe: Recipe) -> None:
    watcher = Losses(at=STEPS + 4, act=lambda: time.sleep(0.3))  # until a sample is due again
    run = worker.run_in_foreground(dataclasses.replace(recipe, epochs=2), watcher)
    samples = read_samples(store.folder(run.id) / SAMPLES_FILE)
    assert samples.layers == ("conv1", "conv2", "fc")
    assert len(samples.records) >= 2
    assert (samples.records["norms"] > 0).all()
    assert (samples.records["images_per_second"] > 0).all()
    last = samples.records[-1]
    steps_left = 2 * STEPS - int(last["step"])
    assert last["seconds_left"] >= steps_left * 250 / last["images_per_second"] * 0.99


def tiny_session(**changes: object) -> Session:
    """A training on 40 images in batches of 8, which is tested on 30; nothing has been trained yet."""
    info = datasets.get("mnist-sample")
    images = torch.randint(0, 256, (40, *info.input_shape), dtype=torch.uint8)
    labels = torch.arange(40) % 10
    data = datasets.Dataset(info.key, info.classes, images, labels, images[:30], labels[:30], digest="")
    recipe = Recipe.default("mlp", batch_size=8, **{"epochs": 3, **changes})
    return new_session(recipe, data, torch.device("cpu"))


def step_on(session: Session, seconds: float) -> None:
    """Train one step that is said to have taken ``seconds``."""
    train_step(session, *session.train.take(torch.arange(40), session.batch))
    session.step, session.batch = session.step + 1, session.batch + 1
    session.tally.seconds += seconds


def seconds_left(folder: Path, session: Session) -> float:
    """What is noted after one step of 0.24 s, which is 0.03 s an image."""
    with contextlib.closing(Sampler(folder, session)) as sampler:
        step_on(session, 0.24)
        sampler.sample(session)
    return float(read_samples(folder / SAMPLES_FILE).records[-1]["seconds_left"])


@pytest.mark.parametrize(("how", "images"), [("running", 30), ("second-pass", 30 + 40)])
def test_the_time_left_counts_tests_and_second_passes_from_the_start(
    tmp_path: Path, how: str, images: int
) -> None:
    steps = (3 * 5 - 1) * 0.24
    session = tiny_session(train_accuracy=how)
    assert seconds_left(tmp_path / "a", session) == pytest.approx(steps + 3 * images * 0.01)
    tested = tiny_session(train_accuracy=how)
    tested.test_seconds = 6.0
    assert seconds_left(tmp_path / "b", tested) == pytest.approx(steps + 3 * images * 0.2)


class Clock:
    """Stands still until it is moved; each measurement takes ``slowness`` seconds by it."""

    def __init__(self, slowness: float = 0.0) -> None:
        self.now, self.slowness = 0.0, slowness

    def __call__(self) -> float:
        self.now += self.slowness
        return self.now


@pytest.mark.parametrize(
    ("hours", "slowness", "seconds"),
    [(0, 0.0, 0.5), (0.4, 0.0, 0.72), (2, 0.0, 1.0), (100, 0.0, 1.0), (100, 0.03, 1.5)],
)
def test_a_sample_is_wanted_once_a_second_unless_it_is_slow(
    tmp_path: Path, hours: float, slowness: float, seconds: float
) -> None:
    session, clock = tiny_session(), Clock(slowness)
    with contextlib.closing(Sampler(tmp_path, session, clock)) as sampler:
        step_on(session, 0.1)
        clock.now += hours * 3600
        sampler.sample(session)
        assert sampler.due - clock.now == pytest.approx(seconds, abs=0.01)


def test_tensorboards_file_stays_small_in_a_long_run(tmp_path: Path) -> None:
    session, clock = tiny_session(epochs=100), Clock()
    with contextlib.closing(Sampler(tmp_path, session, clock)) as sampler:
        for _ in range(30):
            step_on(session, 0.1)
            session.batch %= 5
            clock.now += 10 * 3600 if clock.now == 0 else 1
            sampler.sample(session)
    points = [event for event in events(tmp_path) if event.summary.value]
    assert len(read_samples(tmp_path / SAMPLES_FILE).records) == 30
    assert [event.step for event in points] == [1, 19]  # after 10 hours one each 18 s


def events(folder: Path) -> Iterator[Event]:
    """What the only event file in ``folder`` holds, read as the format has it: length, checksum, event, checksum."""
    (file,) = folder.glob("events.out.tfevents.*")
    data = file.read_bytes()
    while data:
        size = int.from_bytes(data[:8], "little")
        yield Event.FromString(data[12 : 12 + size])
        data = data[12 + size + 4 :]


def test_tensorboard_finds_the_curves(store: RunStore, recipe: Recipe) -> None:
    run = worker.run_in_foreground(dataclasses.replace(recipe, epochs=2), Losses(9, lambda: time.sleep(0.3)))
    values: dict[str, list[float]] = {}
    for event in events(store.folder(run.id)):
        for value in event.summary.value:
            values.setdefault(value.tag, []).append(value.simple_value)
    assert values["epoch/test_accuracy"] == pytest.approx(
        [metrics.test_accuracy for metrics in store.epochs(run.id)]
    )
    assert {"batch/loss", "learning_rate", "images_per_second", "gradient_norm/conv1"} <= set(values)


def test_tensorboard_forgets_what_came_after_the_state_that_a_run_goes_on_from(tmp_path: Path) -> None:
    files = EventFiles(tmp_path, 5)
    files.add(7, {"batch/loss": 0.5})
    files.close()
    _version, restart, point = events(tmp_path)
    assert (restart.step, restart.session_log.status) == (6, SessionLog.START)
    assert (point.step, point.summary.value[0].simple_value) == (7, 0.5)


def test_a_point_can_be_read_before_the_training_is_over(tmp_path: Path) -> None:
    files = EventFiles(tmp_path, 0)
    files.add(1, {"batch/loss": 0.5})
    deadline = time.monotonic() + 30
    while len(found := list(events(tmp_path)) if list(tmp_path.iterdir()) else []) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    files.close()
    assert found[1].step == 1


def write(
    path: Path, *steps: int, keep_until: int | None = None, layers: tuple[str, ...] = ("a", "b.c")
) -> None:
    with SamplesWriter(path, layers, keep_until) as writer:
        for step in steps:
            writer.add(Sample(step, 1, step / 10, 0.5, 1000.0, 60.0, (float(step), 2.0)))


def test_samples_come_back_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "samples", *range(10))
    samples = read_samples(tmp_path / "samples")
    assert samples.layers == ("a", "b.c")
    assert samples.records["step"].tolist() == list(range(10))
    assert samples.records["norms"].tolist() == [[float(step), 2.0] for step in range(10)]
    assert samples.records["learning_rate"].tolist() == [0.5] * 10


def test_a_long_run_is_read_at_any_stride(tmp_path: Path) -> None:
    write(tmp_path / "samples", *range(5000))
    records = read_samples(tmp_path / "samples", max_points=1000).records
    assert 500 <= len(records) <= 1001
    assert records["step"][-1] == 4999


def test_a_run_that_goes_on_forgets_what_came_after(tmp_path: Path) -> None:
    write(tmp_path / "samples", 2, 4, 6, 8)
    write(tmp_path / "samples", 7, keep_until=6)
    assert read_samples(tmp_path / "samples").records["step"].tolist() == [2, 4, 6, 7]
    write(tmp_path / "samples", keep_until=1)
    assert len(read_samples(tmp_path / "samples").records) == 0


def test_other_files_are_none(tmp_path: Path) -> None:
    assert len(read_samples(tmp_path / "samples").records) == 0
    for content in (b"somebody's notes\n" * 9, b"cnnviz samples 1\n{", b"cnnviz samples 1\n"):
        (tmp_path / "samples").write_bytes(content)
        with pytest.raises(CnnvizError, match="no metrics that this version"):
            read_samples(tmp_path / "samples")


def test_a_layers_norm_is_that_of_all_its_gradients() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 3)
            self.second = nn.Linear(3, 3)
            self.second.weight = self.first.weight
            self.unused = nn.Linear(2, 2, bias=False)
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x)) * self.scale

    model = Tied()
    layers = layers_with_parameters(model)
    assert list(layers) == ["", "first", "second", "unused"]
    model(torch.randn(4, 3)).sum().backward()
    norms = dict(zip(layers, gradient_norms(layers), strict=True))
    both = torch.cat([model.first.weight.grad.flatten(), model.first.bias.grad])
    assert norms["first"] == pytest.approx(both.norm().item())
    assert norms["second"] == pytest.approx(model.second.bias.grad.norm().item())
    assert norms[""] == pytest.approx(model.scale.grad.norm().item())
    assert norms["unused"] == 0
