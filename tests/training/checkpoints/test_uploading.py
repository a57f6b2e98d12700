from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from cnnviz.errors import CnnvizError
from cnnviz.settings import PROJECT_DIRECTORY, settings
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import evaluate_checkpoint
from cnnviz.training.checkpoints.uploading import keep_upload, read_upload
from cnnviz.training.loop.optimisation import initial_network
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import RATES_FILE, RateChange, read_rate_changes
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore

RECIPE = Recipe.default("small-cnn", dataset="mnist-sample")
SHIPPED = PROJECT_DIRECTORY / "checkpoints" / "small-cnn-mnist.safetensors"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    opened = RunStore(settings())
    yield opened
    opened.close()


def weights(**changes: torch.Tensor) -> bytes:
    return safetensors.torch.save({**initial_network(RECIPE).state_dict(), **changes})


def test_weights_become_a_finished_run_with_a_measured_accuracy(store: RunStore) -> None:
    told: list[float] = []
    upload = read_upload("mine.safetensors", SHIPPED.read_bytes(), None, RECIPE)
    run = store.get(keep_upload(store, upload, "me", told.append))
    assert (run.status, run.owner, run.name) == (Status.FINISHED, "me", "mine.safetensors")
    assert told[-1] == 1
    checkpoint = checkpoints.get(run.id)
    assert checkpoint.recipe == RECIPE
    measured = evaluate_checkpoint(checkpoint, "mnist-sample")
    assert run.test_accuracy == checkpoint.test_accuracy == measured.accuracy
    assert checkpoint.test_accuracy > 0.9


def test_what_was_downloaded_comes_back_with_its_curve(store: RunStore) -> None:
    facts = json.loads(SHIPPED.with_suffix(".json").read_text())
    facts["recipe"]["dataset"] = facts["dataset"] = "mnist-sample"
    upload = read_upload("mine", SHIPPED.read_bytes(), json.dumps(facts).encode(), None)
    assert upload.recipe == dataclasses.replace(
        checkpoints.get("small-cnn-mnist").recipe, dataset="mnist-sample"
    )
    run_id = keep_upload(store, upload, None)
    assert [epoch.epoch for epoch in store.epochs(run_id)] == [epoch["epoch"] for epoch in facts["epochs"]]


def test_what_was_done_beside_the_recipe_comes_back_too(store: RunStore) -> None:
    facts = json.loads(SHIPPED.with_suffix(".json").read_text())
    facts["recipe"]["dataset"] = facts["dataset"] = "mnist-sample"
    facts |= {"rate_changes": [{"step": 5, "learning_rate": 0.5}], "origin": "20260101-abc"}
    upload = read_upload("mine", SHIPPED.read_bytes(), json.dumps(facts).encode(), None)
    run_id = keep_upload(store, upload, None)
    kept = checkpoints.get(run_id)
    assert kept.rate_changes == read_rate_changes(store.folder(run_id) / RATES_FILE) == (RateChange(5, 0.5),)
    assert kept.origin == "20260101-abc"


def test_a_recipe_alone_says_which_network_it_is() -> None:
    upload = read_upload("mine", weights(), json.dumps(RECIPE.to_dict()).encode(), None)
    assert upload.recipe == RECIPE
    assert upload.epochs == ()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"no safetensors at all", "mine cannot be used: it is not a safetensors file"),
        (b"", "not a safetensors file"),
        (weights(extra=torch.zeros(2)), "extra is not part of the network"),
        (weights(**{"conv1.weight": torch.zeros(1, 2)}), "conv1.weight is torch.float32 1 x 2 instead of"),
        (
            weights(**{"conv1.bias": torch.tensor(float("nan")).expand(4).clone()}),
            "infinite or NaN|instead of",
        ),
    ],
    ids=["text", "empty", "extra", "shape", "nan"],
)
def test_weights_that_do_not_fit_are_explained(data: bytes, sentence: str) -> None:
    with pytest.raises(CnnvizError, match=sentence):
        read_upload("mine", data, None, RECIPE)


def test_nobody_guesses_which_network_it_is() -> None:
    with pytest.raises(CnnvizError, match="Choose in the form"):
        read_upload("mine", weights(), None, None)


def test_the_json_of_other_weights_is_refused() -> None:
    facts = SHIPPED.with_suffix(".json").read_bytes()
    with pytest.raises(CnnvizError, match="The JSON file belongs to other weights"):
        read_upload("mine", weights(), facts, None)


def test_figures_that_make_no_sense_are_refused() -> None:
    facts = json.loads(SHIPPED.with_suffix(".json").read_text())
    facts["epochs"] = [{**facts["epochs"][0], "epoch": 3}]
    with pytest.raises(CnnvizError, match="Cannot read the figures in the JSON file"):
        read_upload("mine", SHIPPED.read_bytes(), json.dumps(facts).encode(), None)
    facts["epochs"] = "many"
    with pytest.raises(CnnvizError, match="Cannot read the figures in the JSON file"):
        read_upload("mine", SHIPPED.read_bytes(), json.dumps(facts).encode(), None)
