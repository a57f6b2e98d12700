"""The weights that a run leaves on its way."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.settings import Settings, settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records import snapshots
from cnnviz.training.store.runs import Run
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker


def run_with_few_megabytes(store: RunStore, configuration: Settings, recipe: Recipe, limit: float) -> Run:
    return worker.run_in_foreground(
        recipe, configuration=dataclasses.replace(configuration, snapshot_mb=limit)
    )


def test_weights_are_kept_at_the_steps_where_much_happens(store: RunStore, recipe: Recipe) -> None:
    run = worker.run_in_foreground(dataclasses.replace(recipe, epochs=3))
    expected = [(0, 0), (1, 1), (2, 1), (4, 1), (8, 1), (16, 1), (32, 2), (48, 3)]
    assert snapshots.available(run.id) == expected
    final = checkpoints.load_model(checkpoints.get(run.id)).state_dict()
    last = snapshots.load(run.id, 48)
    assert all(last[name].equal(weight) for name, weight in final.items())
    assert not snapshots.load(run.id, 0)["fc.weight"].equal(last["fc.weight"])


def test_snapshots_keep_within_their_limit(store: RunStore, configuration: Settings, recipe: Recipe) -> None:
    # basic-cnn's weights are 34 kB: optimizer and generators do not fit beside them
    run = run_with_few_megabytes(store, configuration, dataclasses.replace(recipe, epochs=3), 0.15)
    kept = [step for step, _ in snapshots.available(run.id)]
    assert kept[0] == 0
    assert kept[-1] == 48
    assert len(kept) == 4
    assert sum(file.stat().st_size for file in (store.folder(run.id) / "snapshots").iterdir()) <= 0.15 * 2**20
    assert snapshots.read(run.id, 48).optimizer == {}
    none = run_with_few_megabytes(store, configuration, recipe, 0.01)
    assert snapshots.available(none.id) == []


def test_steps_are_doubled() -> None:
    steps = [-1]
    while steps[-1] < 100:
        steps.append(snapshots.next_step(steps[-1]))
    assert steps[1:] == [0, 1, 2, 4, 8, 16, 32, 64, 128]
    assert snapshots.next_step(100) == 128


def files(folder: Path, *steps: int) -> None:
    for step in steps:
        path = snapshots.path(folder, step, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(100))


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (900, [0, 1, 2, 4, 8, 16, 900, 1000, 1100]),
        (800, [0, 1, 2, 4, 8, 16, 900, 1100]),
        (700, [0, 1, 4, 8, 16, 900, 1100]),
        (200, [0, 1100]),
        (199, [1100]),
        (99, []),
    ],
)
def test_those_that_are_near_to_each_other_go_first(tmp_path: Path, limit: int, left: list[int]) -> None:
    files(tmp_path, 0, 1, 2, 4, 8, 16, 900, 1000, 1100)
    snapshots.thin_out(tmp_path, limit)
    kept = sorted(int(path.name.split("-")[0]) for path in (tmp_path / "snapshots").iterdir())
    assert kept == left


def test_what_is_trained_again_is_forgotten(tmp_path: Path) -> None:
    files(tmp_path, 0, 8, 16)
    snapshots.forget_after(tmp_path, 8)
    assert len(list((tmp_path / "snapshots").iterdir())) == 2
    snapshots.forget_after(tmp_path / "nowhere", 0)


def test_a_network_that_is_too_large_for_a_snapshot_is_told_so_with_numbers(store: RunStore) -> None:
    said = str(snapshots.shortage("20260101-abc", Recipe.default("vgg11")))
    assert "takes 164.4 MB, and the limit for all snapshots of a run is 64 MB, so none is kept" in said
    assert snapshots.shortage("20260101-abc", Recipe.default("vgg-cifar")) is None  # one of 35 MB has room


@pytest.mark.slow
def test_with_the_limit_that_is_named_so_many_are_kept(
    store: RunStore, configuration: Settings, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(
        recipe, architecture="mlp", options={"width": 300}, epochs=20, train_images=250
    )
    monkeypatch.setenv("CNNVIZ_SNAPSHOT_MB", "3")
    few = worker.run_in_foreground(recipe, configuration=settings())
    assert [step for step, _ in snapshots.available(few.id)] == [0, 20]
    said = snapshots.shortage(few.id, recipe)
    assert said is not None
    assert "takes 1.3 MB" in str(said)
    assert "at most 2 are kept" in str(said)
    monkeypatch.setenv("CNNVIZ_SNAPSHOT_MB", str(said.values["more"]))
    many = worker.run_in_foreground(recipe, configuration=settings())
    assert len(snapshots.available(many.id)) == snapshots.ENOUGH
    assert snapshots.shortage(many.id, recipe) is None


def test_few_snapshots_of_a_run_that_has_just_begun_are_not_put_down_to_the_limit(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_SNAPSHOT_MB", "0.0005")  # room for five of the test's files
    files(store.folder("20260101-abc"), 0, 1, 2)
    assert snapshots.shortage("20260101-abc", recipe) is None
    files(store.folder("20260101-abc"), 0, 1, 2, 4, 8)
    assert "at most 5 are kept" in str(snapshots.shortage("20260101-abc", recipe))


def test_the_next_worker_of_a_run_removes_what_a_killed_one_left(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    folder = store.folder(run_id)
    files(folder, 4)
    (folder / "reserve").write_bytes(b"1")
    left = (folder / ".state.safetensors.0123456789ab.part", folder / "snapshots" / ".4.ba9876543210.part")
    for file in left:
        file.write_bytes(b"1")
    assert worker.main(run_id) == 0
    assert not [file for file in (*left, folder / "reserve") if file.exists()]


def test_damaged_and_missing_ones_are_explained(store: RunStore) -> None:
    assert snapshots.available("20260101-abc") == []
    files(store.folder("20260101-abc"), 4)
    (store.folder("20260101-abc") / "snapshots" / "notes.txt").write_text("mine")
    assert snapshots.available("20260101-abc") == [(4, 1)]
    with pytest.raises(CnnvizError, match="cannot be used"):
        snapshots.load("20260101-abc", 4)
    with pytest.raises(UnknownKeyError, match="Unknown snapshot step '5'"):
        snapshots.load("20260101-abc", 5)
