"""What is said and drawn of a prediction."""

from __future__ import annotations

import pytest

from cnnviz import experiments
from cnnviz.experiments import results
from cnnviz.experiments.prediction import Comparison, Prediction, compared, comparison, draw, mark, told

RELU = experiments.get("sigmoid-against-relu")


def of(high: float, low: float) -> Comparison:
    sigmoid, relu = compared(RELU)
    return Comparison(relu, sigmoid, high, low)


@pytest.mark.parametrize("experiment", experiments.registered(), ids=lambda experiment: experiment.key)
def test_every_experiment_compares_two_of_its_trainings(experiment: experiments.Experiment) -> None:
    shipped = results.shipped(experiment.key)
    assert shipped is not None
    found = comparison(experiment, shipped.outcomes)
    assert found is not None
    assert {found.better.key, found.worse.key} == set(experiment.compared)
    assert found.high == shipped.outcomes[found.better.key].accuracy > found.low
    assert comparison(experiment, {}) is None


@pytest.mark.parametrize(
    ("more", "points", "sentence"),
    [
        ("relu", 12.0, "That is close: 2.0 points off."),
        ("relu", 30.0, "The right one, by another margin: 20.0 points off."),
        ("sigmoid", 5.0, "It went the other way: 15.0 points off."),
        ("sigmoid", 1.0, "It went the other way: 11.0 points off."),
    ],
)
def test_a_prediction_is_told_beside_the_outcome(more: str, points: float, sentence: str) -> None:
    first, second = told(Prediction(more, points), of(0.9, 0.8))
    assert str(second) == sentence
    assert str(first).endswith('The outcome: "ReLU" reaches 10.0 points more, 90.0% against 80.0%.')


def test_no_difference_is_close_to_a_small_one() -> None:
    assert str(told(Prediction("sigmoid", 0.0), of(0.92, 0.9))[1]) == "That is close: 2.0 points off."


@pytest.mark.parametrize(
    ("more", "points", "place", "height"), [("relu", 5.0, "ReLU", 0.85), ("sigmoid", 30.0, "Sigmoid", 1.0)]
)
def test_the_diamond_stands_above_the_other_by_the_points(
    more: str, points: float, place: str, height: float
) -> None:
    figure = draw(RELU, Prediction(more, points), of(0.9, 0.8), "r")
    outcome, predicted = figure.data
    assert list(outcome.y) == [0.8, 0.9]
    assert (predicted.x[0], predicted.y[0]) == (place, pytest.approx(height))
    assert predicted.name == "your prediction"


@pytest.mark.parametrize(
    ("key", "panel", "place"),
    [
        ("pixels-in-disorder", 0, "MLP"),
        ("batch-normalisation", 0, 0.3),
        ("sigmoid-against-relu", 3, 4),
        ("sigmoid-against-relu", 0, None),  # gradients
        ("too-simple-too-clever", 0, None),  # of widths, and not of cures
    ],
)
def test_the_prediction_stands_in_the_experiments_own_figures(key: str, panel: int, place: object) -> None:
    experiment = experiments.get(key)
    shipped = results.shipped(key)
    assert shipped is not None
    shown = experiment.panels[panel]
    figure = results.draw(shown, experiment, "full", shipped.outcomes, "r")
    traces = len(figure.data)
    made = Prediction(experiment.compared[0], 1.0)
    found = mark(shown, experiment, figure, shipped.outcomes, made)
    assert len(figure.data) == traces  # which all share
    if place is None:
        assert found is figure
    else:
        assert found.data[-1].x[0] == place
        other = shipped.outcomes[experiment.compared[1]].accuracy
        assert found.data[-1].y[0] == pytest.approx(min(1.0, other + 0.01))
