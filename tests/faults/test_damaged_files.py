"""Bytes at random places of the files of a run are damaged: none is taken as it is, and what was before it is used.

``CNNVIZ_LONG_FAULTS=1`` damages each kind of file 200 times and more.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.numpy
import torch

from cnnviz.errors import CnnvizError
from cnnviz.settings import settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.loop.optimisation import initial_network
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import RATES_FILE, RateChange, read_rate_changes, write_rate_changes
from cnnviz.training.records.snapshots import PREVIOUS_STATE_NAME, STATE_NAME, State
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker.resuming import start_of
from cnnviz.training.worker.steering import BackgroundWriter, keep_previous

ROUNDS = 2000 if os.environ.get("CNNVIZ_LONG_FAULTS") else 200
RUN = "20260101-abcdef"
RECIPE = Recipe.default("basic-cnn", dataset="mnist-sample")


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    (tmp_path / RUN).mkdir()
    return tmp_path / RUN


def state(step: int) -> State:
    facts = {
        "epoch": 1, "batch": step, "step": step, "seconds": 1.5, "base_rate": 0.01, "base_epoch": 1,
        "recipe": RECIPE.to_dict(), "tally": {}, "rate_changes": [], "finished": [],
    }  # fmt: skip
    weights = initial_network(RECIPE).state_dict()
    momentum = {
        f"{number}.momentum_buffer": torch.ones_like(one) for number, one in enumerate(weights.values())
    }
    return State(facts, weights, momentum, {"cpu": torch.get_rng_state()})


def damaged(data: bytes, chance: random.Random) -> bytes:
    """``data`` with one to eight other bytes somewhere, a hole of zeros, or an end that is missing."""
    spoiled = bytearray(data)
    kind = chance.randrange(4)
    # Half of the time at the beginning: there stand the names and the facts, among a lot of weights.
    place = chance.randrange(min(len(data), 4096) if chance.random() < 0.5 else len(data))
    if kind == 0:
        del spoiled[place:]
    elif kind == 1:
        spoiled[place : place + 512] = bytes(len(spoiled[place : place + 512]))
    else:
        for _ in range(kind == 2 or chance.randrange(2, 9)):
            spoiled[place] ^= 1 << chance.randrange(8)
            place = chance.randrange(len(data))
    return bytes(spoiled)


def refused(path: Path, read: Callable[[], object]) -> int:
    """How many of all rounds end in a sentence, each of which damages the file at ``path`` otherwise."""
    read()
    whole, chance, count = path.read_bytes(), random.Random(18), 0
    for _ in range(ROUNDS):
        spoiled = damaged(whole, chance)
        path.write_bytes(spoiled)
        try:
            read()
        except CnnvizError:
            count += 1
        else:
            count += spoiled == whole  # zeros where there were zeros
    path.write_bytes(whole)
    read()
    return count


def test_a_damaged_snapshot_is_refused(runs_folder: Path) -> None:
    path = snapshots.path(runs_folder, 4, 1)
    path.parent.mkdir()
    path.write_bytes(state(4).to_bytes())
    assert refused(path, lambda: snapshots.load(RUN, 4)) == ROUNDS


def test_a_damaged_checkpoint_is_refused(runs_folder: Path) -> None:
    result = TrainingResult(initial_network(RECIPE), RECIPE, (), 1, 0.9, 0.3, stopped=False)
    checkpoints.save(runs_folder, RUN, result, dataset_digest="0", run_id=RUN)
    facts = runs_folder / f"{RUN}.json"

    def load() -> None:
        checkpoints._read.cache_clear()  # it tells changed files by their times, and these change faster
        checkpoints.load_model(checkpoints.get(RUN))

    assert refused(facts, load) == ROUNDS
    assert refused(facts.with_suffix(".safetensors"), load) == ROUNDS


def test_damaged_learning_rates_are_refused(runs_folder: Path) -> None:
    write_rate_changes(runs_folder, [RateChange(step, step / 1000) for step in range(1, 30)])
    assert refused(runs_folder / RATES_FILE, lambda: read_rate_changes(runs_folder)) == ROUNDS


def test_a_run_goes_on_from_the_last_whole_state(
    runs_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = RunStore(settings()).create(RECIPE)
    run, folder = RunStore(settings()).get(run_id), runs_folder.parent / run_id
    assert start_of(run, folder, RECIPE) is None

    def goes_on_from() -> int | None:
        found = start_of(run, folder, RECIPE)
        return found and found.step

    snapshot = snapshots.path(folder, 4, 1)
    for path, step in ((snapshot, 4), (folder / PREVIOUS_STATE_NAME, 8), (folder / STATE_NAME, 12)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(state(step).to_bytes())
    snapshots.path(folder, 6, 1).write_bytes(damaged(snapshot.read_bytes(), random.Random(3)))
    assert goes_on_from() == 12
    assert capsys.readouterr().err == ""
    whole, chance = (folder / STATE_NAME).read_bytes(), random.Random(7)
    for _ in range(20):
        (folder / STATE_NAME).write_bytes(damaged(whole, chance))
        assert goes_on_from() == 8
        assert "Training resumes from step 8." in capsys.readouterr().err
    (folder / PREVIOUS_STATE_NAME).write_bytes(damaged(whole, chance))
    assert goes_on_from() == 4
    snapshot.unlink()
    with pytest.raises(CnnvizError, match="cannot be used"):
        goes_on_from()


def test_the_state_before_the_latest_is_kept(runs_folder: Path) -> None:
    writer = BackgroundWriter()
    for step in (4, 8, 12):
        writer.write(runs_folder / STATE_NAME, state(step), before=lambda: keep_previous(runs_folder))
    writer.close()
    kept = [State.from_bytes((runs_folder / name).read_bytes()) for name in (STATE_NAME, PREVIOUS_STATE_NAME)]
    assert [found.step for found in kept] == [12, 8]


def test_files_of_earlier_versions_have_no_seal_and_are_read(runs_folder: Path) -> None:
    old = safetensors.numpy.save({}, {"cnnviz": json.dumps(dict(state(4).facts))})
    assert State.from_bytes(old).step == 4
    (runs_folder / RATES_FILE).write_text('[{"step": 4, "learning_rate": 0.5}]')
    assert read_rate_changes(runs_folder) == (RateChange(4, 0.5),)
