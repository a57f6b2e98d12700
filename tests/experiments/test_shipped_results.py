"""The claims, checked on the results of the full runs that come along."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from cnnviz import experiments
from cnnviz.errors import CnnvizError
from cnnviz.experiments import results
from cnnviz.experiments.experiment import Experiment
from cnnviz.experiments.results import Results
from cnnviz.training.recipe.recipe import Recipe

ALL = experiments.registered()
each = pytest.mark.parametrize("experiment", ALL, ids=lambda experiment: experiment.key)

OF_THE_MACHINE = ("threads", "device")
MOST_SECONDS = 180
MOST_BYTES = 100_000


def shipped(key: str) -> Results:
    found = results.shipped(key)
    assert found is not None
    return found


def told(recipe: Recipe | dict[str, Any]) -> dict[str, Any]:
    values = recipe.to_dict() if isinstance(recipe, Recipe) else dict(recipe)
    return {name: value for name, value in values.items() if name not in OF_THE_MACHINE}


@each
def test_they_are_those_of_the_experiments_own_recipes(experiment: Experiment) -> None:
    found = shipped(experiment.key)
    recipes = {variant.key: experiment.recipe(variant, "full") for variant in experiment.of("full")}
    assert {key: told(dict(outcome.recipe)) for key, outcome in found.outcomes.items()} == {
        key: told(recipe) for key, recipe in recipes.items()
    }
    assert set(found.versions) == {"cnnviz", "torch", "python"}
    for variant in experiment.of("full"):
        assert found.outcomes[variant.key].status == ("refused" if variant.refused else "finished")


@each
def test_they_are_small_and_the_quick_setting_was_measured(experiment: Experiment) -> None:
    assert (results.FOLDER / f"{experiment.key}.json").stat().st_size < MOST_BYTES
    found = shipped(experiment.key)
    assert 0 < found.seconds["quick"] < MOST_SECONDS
    assert found.seconds["full"] > 0


def test_pixels_in_disorder() -> None:
    found = shipped("pixels-in-disorder").outcomes
    assert abs(found["mlp-natural"].accuracy - found["mlp-permuted"].accuracy) <= 0.02
    assert found["small-cnn-natural"].accuracy - found["small-cnn-permuted"].accuracy >= 0.08
    assert (found["mlp-natural"].parameters, found["small-cnn-natural"].parameters) == (6_442, 6_422)


def test_depth_without_shortcuts() -> None:
    found = shipped("depth-without-shortcuts").outcomes
    assert found["plain-56"].losses[-1] > 1.5
    assert found["residual-56"].losses[-1] < 0.6
    assert found["plain-6"].losses[-1] < 0.6
    assert len(found["plain-56"].first_norms) == 56


def test_the_1x1_convolution() -> None:
    found = shipped("one-by-one-convolution").outcomes
    assert (found["naive"].total_macs, found["reduced"].total_macs) == (17_228_448, 5_696_016)
    assert (found["naive"].milliseconds or 0) > (found["reduced"].milliseconds or 0) > 0


def test_batch_normalisation() -> None:
    found = shipped("batch-normalisation").outcomes
    rates = ("0.01", "0.03", "0.1", "0.3", "1", "3")
    assert all(found[f"with-rate-{rate}"].accuracy > 0.5 for rate in rates)
    learned = [rate for rate in rates if found[f"without-rate-{rate}"].accuracy > 0.5]
    assert 0 < len(learned) < len(rates)
    assert "batches of at least 2 images" in str(found["with-batch-1"].reason)


def test_too_simple_too_clever() -> None:
    found = shipped("too-simple-too-clever").outcomes
    assert (found["width-2"].train_accuracy or 1) < 0.8
    assert (found["images-50"].train_accuracy or 0) > 0.99
    assert found["images-50"].accuracy < 0.9 < found["images-4000"].accuracy
    assert all(
        found[cure].accuracy > found["nothing"].accuracy + 0.005 for cure in ("dropout", "augmentation")
    )
    # weight decay cures the test loss here, not the accuracy; the page says so
    assert found["decay"].accuracy <= found["nothing"].accuracy + 0.005
    assert (found["decay"].test_loss or 1) < 0.8 * (found["nothing"].test_loss or 0)


def test_sigmoid_against_relu() -> None:
    found = shipped("sigmoid-against-relu").outcomes
    assert found["relu"].first_norms[0] > 10 * found["sigmoid"].first_norms[0]
    assert found["relu"].accuracy > found["sigmoid"].accuracy


def test_gallery_of_shortcuts() -> None:
    found = {key: outcome.accuracy for key, outcome in shipped("gallery-of-shortcuts").outcomes.items()}
    assert min(value for key, value in found.items() if key != "none") > found["none"]


HOLD = {
    "pixels-in-disorder": True,
    "depth-without-shortcuts": True,
    "one-by-one-convolution": True,
    "batch-normalisation": True,
    "too-simple-too-clever": False,
    "sigmoid-against-relu": True,
    "gallery-of-shortcuts": True,
}


@each
def test_the_page_says_whether_the_claim_holds(experiment: Experiment) -> None:
    verdict = results.verdict(experiment, shipped(experiment.key).outcomes, full=True)
    assert verdict is not None
    assert verdict.holds == HOLD[experiment.key]


@each
def test_a_claim_that_turned_out_wrong_would_be_said_to_be_wrong(experiment: Experiment) -> None:
    """Every network at 10 %, in no time, with the same gradients: nothing that was claimed is seen in that."""
    found = shipped(experiment.key).outcomes
    guessing = {
        key: dataclasses.replace(
            outcome,
            epochs=tuple(
                dataclasses.replace(epoch, test_accuracy=0.1, train_accuracy=0.1, train_loss=2.3)
                for epoch in outcome.epochs
            ),
            first_norms=tuple(1.0 for _ in outcome.first_norms),
        )
        for key, outcome in found.items()
    }
    verdict = experiment.judge(guessing)
    if experiment.key == "one-by-one-convolution":  # what it claims of accuracy is that little changes
        guessing["reduced"] = dataclasses.replace(guessing["reduced"], macs=guessing["naive"].macs)
        verdict = experiment.judge(guessing)
    assert not verdict.holds
    assert all(str(sentence) for sentence in verdict.seen)


def test_no_verdict_before_all_have_ended() -> None:
    experiment = experiments.get("pixels-in-disorder")
    found = dict(shipped(experiment.key).outcomes)
    found["mlp-natural"] = dataclasses.replace(found["mlp-natural"], status="stopped")
    assert results.verdict(experiment, found, full=True) is None
    del found["mlp-natural"]
    assert results.verdict(experiment, found, full=True) is None


def test_damaged_results_are_explained(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert results.shipped("pixels-in-disorder") is None
    (tmp_path / "pixels-in-disorder.json").write_text('{"outcomes": 3}')
    with pytest.raises(CnnvizError, match=r"Cannot read the results in pixels-in-disorder\.json"):
        results.shipped("pixels-in-disorder")
