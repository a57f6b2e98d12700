from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cnnviz.interpret import filter_history, networks
from cnnviz.settings import settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from tests.snapshots import RUN, checkpoint_weights, keep_snapshots, weights_after

RECIPE = Recipe.default("basic-cnn", epochs=1)
EPOCH = EpochMetrics(1, 0.5, 0.8, 0.4, 0.9, 1.0, 6400.0)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


def saved(folder: Path, run_id: str, epochs: int = 1) -> Checkpoint:
    model = checkpoint_weights(RECIPE)  # those after 16 steps
    result = TrainingResult(model, RECIPE, (EPOCH,) * epochs, 16, 0.5, 1.0, stopped=False)
    return checkpoints.save(folder, "basic-cnn-mnist", result, dataset_digest="0" * 64, run_id=run_id)


def test_the_filters_of_the_moments_are_kept(runs: Path, tmp_path: Path) -> None:
    keep_snapshots(runs, RECIPE, (0, 1, 4, 16))
    checkpoint = saved(tmp_path, RUN)
    assert filter_history.read(checkpoint) is None
    kept = filter_history.keep(checkpoint, RUN)
    assert kept == tmp_path / "basic-cnn-mnist.history.safetensors"
    assert kept.stat().st_size < filter_history.MOST_BYTES
    history = filter_history.read(checkpoint)
    assert history is not None
    assert (history.steps, history.epochs) == ((0, 1, 4, 16), (0, 1, 1, 1))
    assert (history.again, history.difference) == (False, 0.0)
    expected = np.stack([weights_after(RECIPE, step)["conv1.weight"].numpy() for step in history.steps])
    assert_allclose(history.filters, expected, rtol=2e-3, atol=1e-6)


def test_another_run_says_how_far_it_ended_from_the_checkpoint(runs: Path, tmp_path: Path) -> None:
    keep_snapshots(runs, RECIPE, (0, 4, 8))
    filter_history.keep(saved(tmp_path, "20250101-other2"), RUN)
    history = filter_history.read(saved(tmp_path, "20250101-other2"))
    assert history is not None
    assert history.again
    end, other = weights_after(RECIPE, 16), weights_after(RECIPE, 8)
    assert history.difference == pytest.approx(max(float((end[n] - other[n]).abs().max()) for n in end))
    filter_history.keep(saved(tmp_path, "20250101-other2", epochs=3), RUN)
    history = filter_history.read(saved(tmp_path, "20250101-other2", epochs=3))
    assert history is not None
    assert history.difference is None  # it ended after one of three epochs


def test_of_many_moments_twelve_are_kept_and_the_ends_among_them(runs: Path, tmp_path: Path) -> None:
    keep_snapshots(runs, RECIPE, (0, *(2**n for n in range(15)), 30_000))
    filter_history.keep(saved(tmp_path, RUN), RUN)
    history = filter_history.read(saved(tmp_path, RUN))
    assert history is not None
    assert len(history.steps) == filter_history.MOST_MOMENTS
    assert (history.steps[0], history.steps[-1]) == (0, 30_000)


def test_a_history_of_other_weights_and_a_damaged_one_are_none(runs: Path, tmp_path: Path) -> None:
    keep_snapshots(runs, RECIPE, (0, 16))
    checkpoint = saved(tmp_path, RUN)
    kept = filter_history.keep(checkpoint, RUN)
    assert kept is not None
    other = dataclasses.replace(checkpoint, sha256="0" * 64)
    assert filter_history.read(other) is None
    kept.write_bytes(kept.read_bytes()[:200])
    assert filter_history.read(checkpoint) is None


def test_one_snapshot_is_no_history(runs: Path, tmp_path: Path) -> None:
    keep_snapshots(runs, RECIPE, (0,))
    assert filter_history.keep(saved(tmp_path, RUN), RUN) is None


def test_every_shipped_network_has_a_small_history_of_its_own() -> None:
    shipped = [
        found for found in checkpoints.available() if found.weights.parent == settings().checkpoints_dir
    ]
    assert len(shipped) >= 9
    for checkpoint in shipped:
        history = filter_history.read(checkpoint)
        assert history is not None, checkpoint.id
        assert history.steps[0] == 0, checkpoint.id
        assert 5 <= len(history.steps) <= filter_history.MOST_MOMENTS
        assert np.isfinite(history.filters).all()
        assert filter_history.path(checkpoint).stat().st_size < 70_000
        start = networks.load(networks.start_of(checkpoint.recipe)).state_dict()
        first = next(tensor for name, tensor in start.items() if name.endswith("weight")).numpy()
        assert_allclose(history.filters[0].ravel(), first.ravel(), rtol=2e-3, atol=1e-6)
