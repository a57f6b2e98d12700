from __future__ import annotations

import copy as copying
import errno
import gc
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import cnnviz
from cnnviz.language import Message
from cnnviz.settings import PROJECT_DIRECTORY, Settings
from cnnviz.training.records import snapshots
from cnnviz.training.records.metrics import SAMPLES_FILE, STEPS_FILE, MetricsWriter, read_samples, read_steps
from cnnviz.training.store.database import StoreError
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore
from cnnviz.training.watch.watch import WatchedRun
from tests.training.watching import until


class Scribble(nn.Module):
    """A network that no registry knows."""

    def __init__(self) -> None:
        super().__init__()
        self.eyes = nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(4 * 6 * 6, 3)
        self.unused: nn.Module | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(functional.dropout(torch.relu(self.eyes(x)).flatten(1), 0.1))  # type: ignore[no-any-return]


def trained(steps: int, run_of: Any = None) -> tuple[Scribble, list[float], WatchedRun | None]:
    """A network after some steps, the loss of each, and what has watched it."""
    torch.manual_seed(3)
    model = Scribble()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    run = run_of(model) if run_of else None
    losses = []
    for _step in range(steps):
        images, labels = torch.randn(8, 1, 8, 8), torch.randint(3, (8,))
        loss = functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
        if run is not None:
            run.log(loss=loss, accuracy=loss.detach().new_tensor(0.25), learning_rate=0.1)
    return model, losses, run


def test_two_lines_record_a_training_and_change_nothing_in_it(store: RunStore) -> None:
    plain, losses, _ = trained(40)
    state = torch.get_rng_state()
    model, same_losses, run = trained(40, lambda model: cnnviz.watch(model, name="mine"))
    assert run is not None
    assert run.id is not None
    run.end_epoch(test_loss=torch.tensor(0.5), test_accuracy=0.75)
    run.finish()

    assert same_losses == losses
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), model.parameters(), strict=True))
    assert all(
        not module._forward_hooks and not module._backward_hooks and module.training
        for module in model.modules()
    )
    recorded = store.get(run.id)
    assert (recorded.name, recorded.status, recorded.epoch, recorded.step) == (
        "mine",
        Status.FINISHED,
        1,
        40,
    )
    assert recorded.watched is not None
    assert recorded.watched.network == "Scribble"
    assert recorded.watched.parameters == sum(one.numel() for one in model.parameters())
    folder = store.folder(run.id)
    steps = read_steps(folder / STEPS_FILE)
    assert steps["step"].tolist() == list(range(1, 41))
    assert steps["loss"].tolist() == pytest.approx(losses)
    assert set(steps["accuracy"].tolist()) == {0.25}
    (epoch,) = store.epochs(run.id)
    assert (epoch.train_loss, epoch.train_accuracy) == (pytest.approx(sum(losses) / 40), 0.25)
    assert (epoch.test_loss, epoch.test_accuracy, recorded.test_accuracy) == (0.5, 0.75, 0.75)


def test_norms_and_filters_are_those_of_the_network(store: RunStore) -> None:
    first, _, _ = trained(1)
    norms = [
        torch.cat(
            [parameter.grad.flatten() for parameter in layer.parameters() if parameter.grad is not None]
        )
        .norm()
        .item()
        for layer in (first.eyes, first.head)
    ]
    _model, _, run = trained(20, cnnviz.watch)
    assert run is not None
    assert run.id is not None
    run.finish()
    samples = read_samples(store.folder(run.id) / SAMPLES_FILE)
    assert samples.layers == ("eyes", "head")
    assert samples.records[0]["step"] == 1
    assert samples.records[0]["norms"].tolist() == pytest.approx(norms, rel=1e-5)
    assert samples.records[0]["learning_rate"] == 0.1
    assert snapshots.available(run.id) == [(0, 0), (1, 1), (2, 1), (4, 1), (8, 1), (16, 1)]
    torch.manual_seed(3)
    before = Scribble()
    assert torch.equal(snapshots.load(run.id, 0)["eyes.weight"], before.eyes.weight)
    assert torch.equal(snapshots.load(run.id, 1)["eyes.weight"], first.eyes.weight)


def test_gradients_that_are_cleared_too_early_are_told_of_once(
    store: RunStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnviz.training.watch.watch.SECONDS", 0.0)
    monkeypatch.setattr("cnnviz.training.watch.watch.SHARE", 0)
    model = Scribble()
    run = cnnviz.watch(model)
    for _step in range(9):
        run.log(loss=1.0)
    run.finish()
    assert run.id is not None
    assert capsys.readouterr().err.count("call it between loss.backward() and optimizer.zero_grad()") == 1
    assert not read_samples(store.folder(run.id) / SAMPLES_FILE).layers


def test_what_is_no_number_is_left_out_with_a_sentence(
    store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    run = cnnviz.watch("no network")  # type: ignore[arg-type]
    given: list[Any] = [1.5, "0.5", torch.ones(3), float("nan"), None, object(), torch.tensor([2.5])]
    for value in given:
        run.log(loss=value, f1=1)
    run.end_epoch(test_loss=0.1, test_accuracy=0.9)
    run.finish()
    run.log(loss=1.0)  # over, and nothing happens
    assert run.id is not None
    loss = read_steps(store.folder(run.id) / STEPS_FILE)["loss"].tolist()
    assert [value for value in loss if value == value] == [1.5, 2.5]
    assert len(loss) == len(given)
    told = capsys.readouterr().err
    assert told.count("str is not a torch.nn.Module") == 1
    assert told.count("must be one number; got '0.5'") == 1
    assert told.count("left out: f1") == 1
    assert told.count("Epoch 1 has no point") == 1
    assert store.epochs(run.id) == []
    recorded = store.get(run.id)
    assert recorded.watched is not None
    assert recorded.watched.network == "str"
    assert recorded.status == Status.FINISHED


def test_a_layer_that_learns_its_size_with_the_first_batch_is_recorded(store: RunStore) -> None:
    model = nn.Sequential(nn.LazyConv2d(2, 3), nn.Flatten(), nn.LazyLinear(3))
    run = cnnviz.watch(model)
    for _step in range(2):
        loss = model(torch.randn(2, 1, 8, 8)).sum()
        loss.backward()
        run.log(loss=loss)
    run.finish()
    assert run.id is not None
    assert read_samples(store.folder(run.id) / SAMPLES_FILE).layers == ("0", "2")
    assert store.get(run.id).status == Status.FINISHED
    assert [step for step, _ in snapshots.available(run.id)] == [1, 2]


def test_what_distributes_a_network_does_not_show(store: RunStore) -> None:
    class Holder(Scribble):
        def __init__(self) -> None:
            super().__init__()
            self.module = nn.Linear(3, 3)  # this name is the network's own

    model = nn.DataParallel(Holder())
    run = cnnviz.watch(model)
    model.module.module(model.module(torch.randn(2, 1, 8, 8))).sum().backward()
    run.log(loss=1.0)
    run.finish()
    assert run.id is not None
    assert read_samples(store.folder(run.id) / SAMPLES_FILE).layers == ("eyes", "head", "module")
    watched = store.get(run.id).watched
    assert watched is not None
    assert watched.network == "Holder"


def test_a_model_that_holds_its_run_can_be_copied_and_saved(store: RunStore) -> None:
    model = Scribble()
    with cnnviz.watch(model) as run:
        model.__dict__["run"] = run
        for copy in (copying.deepcopy(model), pickle.loads(pickle.dumps(model))):
            copied = copy.__dict__["run"]
            copied.log(loss=1.0)
            copied.finish()
            assert copied.id == run.id
        assert store.get(run.id or "").status == Status.RUNNING
        run.log(loss=2.0)
    assert read_steps(store.folder(run.id or "") / STEPS_FILE)["loss"].tolist() == [2.0]


def test_a_place_that_cannot_be_written_stops_no_training(
    tmp_path: Path,
    configuration: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "file" / "runs"))
    _, losses, run = trained(3, cnnviz.watch)
    assert run is not None
    run.end_epoch(1.0, 1.0)
    run.finish()
    assert run.id is None
    assert len(losses) == 3
    assert capsys.readouterr().err.count("This training is not recorded: ") == 1


def test_a_full_disk_ends_the_recording_and_not_the_training(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: MetricsWriter) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "steps.bin")

    monkeypatch.setattr(MetricsWriter, "flush", full)
    _, losses, run = trained(5, cnnviz.watch)
    assert run is not None
    assert run.id is not None
    until(lambda: store.get(run.id or "").status == Status.FAILED)
    run.log(loss=1.0)
    run.finish()
    assert len(losses) == 5
    assert "The disk is full" in str(store.get(run.id).reason)
    assert capsys.readouterr().err.count("no longer recorded: The disk is full") == 1


def test_a_store_that_refuses_for_a_while_loses_no_epoch(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_epoch, refused = RunStore.add_epoch, []

    def busy(self: RunStore, *values: Any) -> bool:
        if not refused:
            refused.append(values)
            raise StoreError(Message("The database is locked."))
        return add_epoch(self, *values)

    monkeypatch.setattr(RunStore, "add_epoch", busy)
    with cnnviz.watch(Scribble()) as run:
        run.log(loss=1.0, accuracy=0.5)
        run.end_epoch(0.5, 0.75)
    assert refused
    assert [epoch.test_accuracy for epoch in store.epochs(run.id or "")] == [0.75]
    assert store.get(run.id or "").status == Status.FINISHED
    assert "no longer recorded" not in capsys.readouterr().err


def test_a_learning_rate_that_is_no_number_is_left_out(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cnnviz.training.watch.watch.SECONDS", 0.0)
    monkeypatch.setattr("cnnviz.training.watch.watch.SHARE", 0)
    with cnnviz.watch(Scribble()) as run:
        given: list[Any] = [[0.1], torch.tensor(0.2), 0.3]  # a scheduler's get_last_lr() is a list
        for rate in given:
            run.log(loss=1.0, learning_rate=rate)
    assert store.get(run.id or "").status == Status.FINISHED
    rates = read_samples(store.folder(run.id or "") / SAMPLES_FILE).records["learning_rate"].tolist()
    assert rates == [pytest.approx(float("nan"), nan_ok=True), pytest.approx(0.2), 0.3]
    assert capsys.readouterr().err.count("a learning rate must be one number; got [0.1]") == 1


def test_the_learning_rate_goes_on_where_layers_come_and_gradients_fail(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnviz.training.watch.watch.SECONDS", 0.0)
    monkeypatch.setattr("cnnviz.training.watch.watch.SHARE", 0)
    model = Scribble()
    model.eyes(torch.randn(1, 1, 8, 8)).sum().backward()
    with cnnviz.watch(model) as run:
        run.log(loss=1.0, learning_rate=0.1)
        model.unused = nn.Linear(2, 2)
        run.log(loss=1.0, learning_rate=0.2)
        monkeypatch.setattr("cnnviz.training.watch.watch.norms_of", lambda layers: 1 / 0)
        run.log(loss=1.0, learning_rate=0.3)
        run.log(loss=1.0, learning_rate=0.4)
    samples = read_samples(store.folder(run.id or "") / SAMPLES_FILE)
    assert samples.layers == ("eyes", "head")
    assert samples.records["learning_rate"].tolist() == [0.1, 0.2, 0.3, 0.4]
    norms = samples.records["norms"]
    assert (norms[:2, 0] > 0).all()
    assert norms[0].tolist() == norms[1].tolist()
    assert np.isnan(norms[2:]).all()


def test_an_error_in_the_block_is_the_runs_reason(store: RunStore) -> None:
    run = cnnviz.watch(Scribble())
    with pytest.raises(ZeroDivisionError), run:
        run.log(loss=1 / 0)
    assert run.id is not None
    ended = store.get(run.id)
    assert ended.status == Status.FAILED
    assert str(ended.reason) == "The training ended with an error: ZeroDivisionError: division by zero"
    with pytest.raises(KeyboardInterrupt), cnnviz.watch(Scribble()) as other:
        raise KeyboardInterrupt
    assert store.get(other.id or "").status == Status.STOPPED


def test_at_a_prompt_an_earlier_error_is_not_the_runs(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    monkeypatch.setattr(sys, "last_value", NameError("a slip of the pen"), raising=False)
    run_id = cnnviz.watch(Scribble()).id
    gc.collect()
    assert store.get(run_id or "").status == Status.FINISHED


def test_a_run_that_nobody_keeps_ends(store: RunStore) -> None:
    run_id = cnnviz.watch(Scribble()).id
    gc.collect()
    assert store.get(run_id or "").status == Status.FINISHED


PROGRAM = """
    import os, sys, time, torch
    import cnnviz
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.LazyLinear(3))
    run = cnnviz.watch(model, name="mine")
    for step in range(100):
        loss = model(torch.randn(4, 1, 8, 8)).square().mean()
        loss.backward()
        run.log(loss=loss)
    if os.fork() == 0:  # a copy, as a DataLoader's workers are
        run.log(loss=7.0)
        run.finish()
        sys.exit()
    os.wait()
"""


def program(end: str, runs: Path) -> subprocess.Popen[str]:
    text = dedent(PROGRAM) + end
    environment = {**os.environ, "CNNVIZ_RUNS_DIR": str(runs), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", text],
        cwd=PROJECT_DIRECTORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_program_that_is_killed_leaves_an_interrupted_run_with_its_curve(store: RunStore) -> None:
    with program("print('ready', flush=True); time.sleep(600)", store.settings.runs_dir) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (run,) = store.list()
        assert run.status == Status.RUNNING
        assert run.pid == process.pid
        assert store.reap() == []
        until(lambda: len(read_steps(store.folder(run.id) / STEPS_FILE)) == 100)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert store.reap() == [run.id]
    run = store.get(run.id)
    assert run.status == Status.INTERRUPTED
    assert "ended without run.finish()" in str(run.reason)
    steps = read_steps(store.folder(run.id) / STEPS_FILE)
    assert steps["step"].tolist() == list(range(1, 101))
    assert 7.0 not in steps["loss"]
    store.delete(run.id)


def test_a_program_that_ends_by_an_error_says_which(store: RunStore) -> None:
    with program("raise ValueError('no more data')", store.settings.runs_dir) as process:
        _, told = process.communicate()
    assert process.returncode == 1
    assert told.count("cnnviz:") == 1  # where the run is
    (run,) = store.list()
    assert run.status == Status.FAILED
    assert str(run.reason) == "The training ended with an error: ValueError: no more data"
    assert len(read_steps(store.folder(run.id) / STEPS_FILE)) == 100
