"""``python -m cnnviz.experiments``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from cnnviz import experiments
from cnnviz.experiments import __main__ as terminal
from cnnviz.experiments import catalogue, results
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker

TINY = {"dataset": "mnist-sample", "train_images": 64, "batch_size": 32, "epochs": 1}


@pytest.fixture
def tiny(store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> experiments.Experiment:
    """An experiment of a second, whose workers are in this process and whose results go elsewhere."""

    def work(*_arguments: object, **_options: object) -> Sequence[str]:
        while (run_id := store.take_next(1)) is not None:
            worker.main(run_id)
        return []

    monkeypatch.setattr(worker, "start_queued", lambda *_arguments, **_options: [])
    monkeypatch.setattr(terminal, "start_queued", work)
    monkeypatch.setattr(results, "FOLDER", tmp_path / "results")
    known = experiments.get("pixels-in-disorder")
    experiment = dataclasses.replace(known, quick=TINY, full=TINY)
    monkeypatch.setattr(catalogue, "get", lambda _key: experiment)
    return experiment


def test_full_results_are_written_and_the_quick_setting_is_timed(
    tiny: experiments.Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.main([tiny.key, "--full", "--write"]) == 0
    assert "The claim does not hold. The MLP reaches" in capsys.readouterr().out
    full = results.shipped(tiny.key)
    assert full is not None
    assert list(full.seconds) == ["full"]
    assert [outcome.status for outcome in full.outcomes.values()] == ["finished"] * 4
    assert terminal.main([tiny.key, "--write"]) == 0
    both = results.shipped(tiny.key)
    assert both is not None
    assert (both.outcomes, both.created_at) == (full.outcomes, full.created_at)
    assert set(both.seconds) == {"full", "quick"}


def test_without_write_nothing_is_written(tiny: experiments.Experiment, store: RunStore) -> None:
    assert terminal.main([tiny.key]) == 0
    assert results.shipped(tiny.key) is None
    assert len(store.list()) == 4


def test_a_time_without_results_has_no_place(
    tiny: experiments.Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert terminal.main([tiny.key, "--write"]) == 2
    assert "run with --full --write first" in capsys.readouterr().err


def test_control_c_stops_all_runs(
    tiny: experiments.Experiment, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object, **_options: object) -> Sequence[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "start_queued", interrupted)
    assert terminal.main([tiny.key]) == 1
    assert {str(run.status) for run in store.list()} == {"stopped"}


def test_an_unknown_key_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.main(["pixel-disorder"]) == 2
    assert "did you mean 'pixels-in-disorder'" in capsys.readouterr().err


def test_without_a_key_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.main([]) == 0
    printed = capsys.readouterr().out
    assert all(f"{known.key}: " in printed for known in experiments.registered())
