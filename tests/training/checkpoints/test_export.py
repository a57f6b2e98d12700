from __future__ import annotations

from pathlib import Path

import pytest

from cnnviz import architectures
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import departure, export_checkpoint
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import RateChange

RUN = "20260101-abc"


def exported(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    stopped: bool = False,
    steered: tuple[RateChange, ...] = (),
    origin: str | None = None,
    **changes: object,
) -> str:
    """The id under which a run of the course's recipe, but for ``changes``, is exported."""
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(folder / "runs"))
    recipe = Recipe.default("basic-cnn", **changes)
    model = architectures.get("basic-cnn").build_seeded(recipe.seed)
    result = TrainingResult(model, recipe, (), 100, 0.9, 0.3, stopped=stopped, rate_changes=steered)
    checkpoints.save(folder / "runs" / RUN, RUN, result, dataset_digest="d" * 64, run_id=RUN, origin=origin)
    copy = export_checkpoint(RUN, folder / "ship")
    checkpoints.load_model(copy)
    assert {path.name for path in (folder / "ship").iterdir()} == {
        f"{copy.id}.json",
        f"{copy.id}.safetensors",
    }
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder / "ship"))
    assert checkpoints.get(copy.id) == copy
    return copy.id


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "basic-cnn-mnist"),
        ({"dataset": "mnist-sample"}, "basic-cnn-mnist-sample"),
        ({"seed": 7, "threads": 1, "workers": 4, "device": "cpu"}, "basic-cnn-mnist"),
    ],
)
def test_the_courses_recipe_gets_the_name_that_is_shipped(
    changes: dict[str, object], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exported(tmp_path, monkeypatch, **changes) == name


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 1}, {"learning_rate": 0.02}, {"momentum": 0.0}, {"batch_size": 32}, {"mean": (0.5,)}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_recipe_takes_no_shipped_checkpoints_place(
    changes: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exported(tmp_path, monkeypatch, **changes) == f"basic-cnn-mnist-{RUN}"


def test_a_run_that_was_stopped_takes_no_shipped_checkpoints_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exported(tmp_path, monkeypatch, stopped=True) == f"basic-cnn-mnist-{RUN}"


@pytest.mark.parametrize(
    ("done", "why"),
    [
        ({"steered": (RateChange(1200, 0.05), RateChange(1300, 0.01))}, "to 0.05 after step 1,200"),
        ({"origin": "20260101-xyz"}, "a snapshot of run 20260101-xyz"),
        ({"stopped": True}, "stopped"),
        ({"momentum": 0.0}, "its recipe is not the course's"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_a_person_did_beside_the_recipe_takes_no_shipped_checkpoints_place_and_is_said(
    done: dict[str, object], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = exported(tmp_path, monkeypatch, **done)
    assert name == f"basic-cnn-mnist-{RUN}"
    assert why in str(departure(checkpoints.get(name)))
