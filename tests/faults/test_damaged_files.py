"""Bytes at random places of the files of a run are damaged: none is taken as it is, and what was before it is used.

``CNNVIZ_LONG_FAULTS=1`` damages each kind of file 200 times and more.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
import safetensors.numpy

from cnnviz.errors import CnnvizError
from cnnviz.settings import settings
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import RATES_FILE, RateChange, read_rate_changes
from cnnviz.training.records.snapshots import PREVIOUS_STATE_NAME, STATE_NAME, State
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker.resuming import start_of
from cnnviz.training.worker.steering import BackgroundWriter, keep_previous
from tests.faults.damage import RECIPE, RUN, damaged, of_a_run, refused, state

ROUNDS = 2000 if os.environ.get("CNNVIZ_LONG_FAULTS") else 200


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    (tmp_path / RUN).mkdir()
    return tmp_path / RUN


def test_damaged_files_are_refused(runs_folder: Path) -> None:
    counts = {kind.title: refused(kind, ROUNDS) for kind in of_a_run(runs_folder)}
    assert counts == dict.fromkeys(counts, ROUNDS)
    assert len(counts) == 5


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
    assert read_rate_changes(runs_folder / RATES_FILE) == (RateChange(4, 0.5),)
