"""A process that waits for work: it measures, and a run begins sooner in it."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.settings import PROJECT_DIRECTORY, Settings, settings
from cnnviz.training.loop import estimating, loop, memory
from cnnviz.training.loop.estimating import Estimate, measure
from cnnviz.training.parallel import exchange
from cnnviz.training.parallel.exchange import Exchange
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import processes, worker
from cnnviz.training.worker.dispatching import start_queued
from cnnviz.training.worker.processes import LOG_NAME, estimate
from tests.training.watching import until

pytestmark = pytest.mark.slow


@pytest.fixture
def waiting(configuration: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[processes.StandbyWorker]:
    """The process that waits for the runs of these settings."""
    monkeypatch.setenv("CNNVIZ_SPARE_WORKERS", "1")
    monkeypatch.setattr(processes, "_taken_at", -processes._REST_SECONDS)
    processes.keep_standby()
    yield processes._kept[settings()]
    processes.end_standby()


def test_it_measures_until_a_run_cuts_that_short_which_the_next_one_measures_again(
    waiting: processes.StandbyWorker, store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = estimate(recipe)
    assert found.fits
    assert found.device == "cpu"
    assert found.seconds == pytest.approx(found.epoch_seconds + found.test_seconds)
    assert found.images_per_second > 10
    with pytest.raises(CnnvizError, match="missing fields"):
        processes.ask(settings(), {"estimate": {"architecture": "mlp"}})
    assert waiting.is_alive

    monkeypatch.setattr(processes, "_REST_SECONDS", 0.1)
    long = Recipe.default("basic-cnn", batch_size=4096, device="cpu", threads=1)
    with ThreadPoolExecutor() as pool:
        again = pool.submit(estimate, long)
        until(waiting._asking.locked)
        run_id = store.create(recipe)
        assert start_queued() == [run_id]
        until(lambda: not store.get(run_id).is_open)
        assert again.result(timeout=240).seconds > 0
    run = store.get(run_id)
    assert run.status == Status.FINISHED
    assert run.pid == waiting._process.pid
    assert (store.folder(run_id) / LOG_NAME).read_text() == ""
    waiting._process.wait(timeout=60)

    following = processes._kept[settings()]
    assert following.is_alive
    if sys.platform == "linux":
        assert os.getsid(following._process.pid) == following._process.pid  # a run in it goes on by itself
    following.end()  # as when its parent does
    assert not following.is_alive
    assert processes.run_in_standby(settings(), "some-run") is None


SERVER = """
import sys
from cnnviz.training.worker import processes
from cnnviz.training.worker.dispatching import start_queued

processes.keep_standby()
print(processes._kept[processes.settings()].ask({"estimate": {}}) is not None, flush=True)  # it is ready
sys.stdin.readline()
print(*start_queued(), flush=True)
sys.stdin.readline()
"""


def test_a_run_in_it_outlives_a_server_that_is_killed(
    configuration: Settings, store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_SPARE_WORKERS", "1")
    pipe = subprocess.PIPE
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=pipe, stdout=pipe, text=True, cwd=PROJECT_DIRECTORY
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        assert server.stdout.readline() == "True\n"
        run_id = store.create(dataclasses.replace(recipe, epochs=500))
        server.stdin.write("start\n")
        server.stdin.flush()
        assert server.stdout.readline().strip() == run_id
        until(lambda: store.get(run_id).step > 0)
        server.kill()
    step = store.get(run_id).step
    until(lambda: store.get(run_id).step > step)
    store.request_stop(run_id)
    until(lambda: not store.get(run_id).is_open)
    assert store.get(run_id).status == Status.STOPPED


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Settings]]:
    """The settings of the processes that would have been started, which are only pretended."""
    started: list[Settings] = []

    class Pretended:
        is_alive = True

        def __init__(self, chosen: Settings) -> None:
            started.append(chosen)

        def run(self, run_id: str) -> str:
            return run_id

        def end(self) -> None:
            pass

    monkeypatch.setattr(processes, "StandbyWorker", Pretended)
    monkeypatch.setattr(processes, "_taken_at", -processes._REST_SECONDS)
    yield started
    processes.end_standby()


def test_another_one_waits_only_after_a_rest(
    configuration: Settings, started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    processes.keep_standby()
    assert started == []  # switched off
    wanted = dataclasses.replace(configuration, standby_workers=1)
    processes.keep_standby(wanted)
    processes.keep_standby(wanted)
    assert started == [wanted]
    assert (
        processes.run_in_standby(configuration, "r1") is None
    )  # those of other settings are none of its business
    assert processes.run_in_standby(wanted, "r1") == "r1"
    processes.keep_standby(wanted)
    assert started == [wanted]
    monkeypatch.setattr(processes, "_taken_at", time.monotonic() - processes._REST_SECONDS)
    processes.keep_standby(wanted)
    assert started == [wanted, wanted]


def test_after_a_rest_another_one_waits_without_being_asked_for(
    configuration: Settings, started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_REST_SECONDS", 0.2)
    wanted = dataclasses.replace(configuration, standby_workers=1)
    processes.keep_standby(wanted)
    processes.run_in_standby(wanted, "r1")
    assert started == [wanted]
    until(lambda: started == [wanted, wanted])


def test_a_process_that_cannot_be_started_is_explained(
    configuration: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(processes, "start_detached", refuse)
    processes.keep_standby(
        dataclasses.replace(configuration, standby_workers=1)
    )  # nobody is told: it is a convenience
    with pytest.raises(CnnvizError, match="Resource temporarily unavailable"):
        estimate(Recipe.default("mlp"))


def test_a_measurement_leaves_the_process_as_it_was() -> None:
    import torch

    torch.manual_seed(3)
    before = torch.get_rng_state(), torch.get_num_threads()
    found = measure(
        Recipe.default("mlp", epochs=3, train_images=600, train_accuracy="second-pass", threads=1)
    )
    assert torch.get_rng_state().equal(before[0])
    assert torch.get_num_threads() == before[1]
    assert found.seconds > 3 * (found.epoch_seconds + found.test_seconds)
    assert found.epoch_seconds == pytest.approx(600 / found.images_per_second)


def test_of_several_processes_one_is_measured_with_its_part_of_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    session = estimating._tiny_session(Recipe.default("mlp", workers=4), torch.device("cpu"))
    assert session.train.images == 16
    crowd = Recipe.default("mlp", workers=16, threads=256)
    assert estimating._at_once(crowd, "cpu") == 1  # who lacks a core waits for one
    assert estimating._at_once(crowd, "cuda") == 16
    monkeypatch.setattr(exchange, "measured", lambda: Exchange(call_seconds=0.001, bytes_a_second=1e12))
    for workers, rounds in ((2, 1), (4, 2), (5, 3)):
        plain, normalised = (
            estimating._exchange_seconds(Recipe.default(key, workers=workers))
            for key in ("lenet5", "lenet-bn")
        )
        assert plain == pytest.approx(0.001 * rounds, rel=0.01)
        assert normalised == pytest.approx(9 * plain, rel=0.01)  # four batch normalisations, there and back


def test_what_processes_tell_each_other_is_measured_and_makes_many_small_steps_slower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = exchange.measured()
    assert 0 < found.call_seconds < math.inf
    assert 0 < found.bytes_a_second < math.inf
    monkeypatch.setattr(exchange, "measured", lambda: Exchange(call_seconds=1.0, bytes_a_second=1e9))
    recipe = Recipe.default("lenet-bn", dataset="mnist-sample", threads=1, batch_size=8, workers=2)
    several = measure(recipe)
    assert several.alone is not None
    assert several.images_per_second < several.alone
    assert measure(dataclasses.replace(recipe, workers=1)).alone is None


def test_a_large_network_is_measured_with_part_of_its_batch() -> None:
    import torch

    session = estimating._tiny_session(Recipe.default("resnet18"), torch.device("cpu"))
    assert 2 <= session.train.images < 256
    session = estimating._tiny_session(Recipe.default("mlp"), torch.device("cpu"))
    assert (session.train.images, session.test.images) == (64, 256)


@pytest.mark.parametrize(("key", "images"), [("mlp", 1), ("resnet18", 2)])
def test_batches_are_measured_as_small_as_they_are(key: str, images: int) -> None:
    import torch

    recipe = Recipe.default(key, batch_size=images)
    session = estimating._tiny_session(recipe, torch.device("cpu"))
    assert len(session.train.take(session.next_order(), 0)[1]) == images
    assert session.train.images == images
    assert session.test.images > images  # tests are in batches of their own


def test_the_gpu_is_given_back_after_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    given_back: list[bool] = []
    monkeypatch.setattr(loop, "device_of", lambda name: torch.device("cuda"))
    monkeypatch.setattr(estimating, "_seconds_per_image", lambda *_: (0.5, 0.1))
    monkeypatch.setattr(memory, "available", lambda device: 10**12)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append(True))
    found = measure(Recipe.default("mlp", device="cuda", train_images=100))
    assert (found.device, found.gpu, found.epoch_seconds) == ("cuda", "NVIDIA H100", 50)
    assert given_back == [True]


def test_what_does_not_fit_is_not_measured_but_refused(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda *_: 10**9)
    recipe = Recipe.default("alexnet", dataset="mnist-sample", batch_size=512, device="cpu")
    found = measure(recipe)
    assert (found.fits, found.seconds, found.available) == (False, 0.0, 10**9)
    with pytest.raises(
        UsageError, match=r"needs about \d+\.\d GB of memory, but only 1\.0 GB are free.*below 512"
    ):
        memory.check(recipe)
    with pytest.raises(UsageError, match="GB of memory"):
        worker.run_in_foreground(recipe)
    assert store.list() == []
    run_id = store.create(recipe)
    assert worker.main(run_id) == 1
    assert "GB of memory" in str(store.get(run_id).reason)
    monkeypatch.setattr(memory, "available", lambda *_: None)
    memory.check(recipe)


def test_memory_grows_with_what_takes_it() -> None:
    def needed(key: str = "basic-cnn", **changes: object) -> int:
        return memory.needed(Recipe.default(key, **changes))

    small = needed(batch_size=64)
    maps = 10 * 24 * 24 + 10 * 12 * 12 + 20 * 8 * 8 + 20 * 4 * 4  # of both convolutions and poolings
    assert needed(batch_size=1064) - small > 1000 * 4 * maps
    adam, plain = (needed("vgg16", optimizer=name, momentum=0.0) for name in ("adam", "sgd"))
    assert adam - plain == 6 * 4 * 134_301_514  # two momenta, and copies of them for saved states
    assert needed("mlp", dataset="fashion-mnist") > needed("mlp", dataset="mnist-sample") + 60_000 * 784
    assert (memory.available() or 1) > 0


def test_an_estimate_tells_whether_it_fits() -> None:
    found = Estimate(1.0, 1.0, 0.0, 10.0, memory=100, available=99, device="cpu")
    assert not found.fits
    assert dataclasses.replace(found, available=None).fits
