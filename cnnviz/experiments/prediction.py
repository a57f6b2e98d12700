"""What a person expects of an experiment before its results are shown, and what came of it. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnviz.experiments import results
from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant
from cnnviz.language import Message
from cnnviz.plots import experiments as plots

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_POINTS = 100
_CLOSE = 5.0
"""Points by which a prediction may be off and is still close."""


@dataclass(frozen=True)
class Prediction:
    """Of the two variants that an experiment compares, the one with the key ``more`` reaches ``points`` per cent more."""

    more: str
    points: float


@dataclass(frozen=True)
class Comparison:
    """The variant with the higher test accuracy, the other one, and both accuracies (0..1)."""

    better: Variant
    worse: Variant
    high: float
    low: float

    @property
    def points(self) -> float:
        """By how many percentage points they differ."""
        return 100 * (self.high - self.low)


def compared(experiment: Experiment) -> tuple[Variant, Variant]:
    """The two variants that a prediction is about."""
    by_key = {variant.key: variant for variant in experiment.variants}
    first, second = experiment.compared
    return by_key[first], by_key[second]


def comparison(experiment: Experiment, outcomes: Outcomes) -> Comparison | None:
    """How the two variants compare; None where one of them gave no accuracy."""
    found = [(variant, outcomes.get(variant.key)) for variant in compared(experiment)]
    reached = [(variant, outcome.test_accuracy) for variant, outcome in found if outcome is not None]
    known = [(variant, accuracy) for variant, accuracy in reached if accuracy is not None]
    if len(known) != len(found):
        return None
    (worse, low), (better, high) = sorted(known, key=lambda pair: pair[1])
    return Comparison(better, worse, high, low)


def told(made: Prediction, found: Comparison) -> tuple[Message, Message]:
    """What was predicted beside what came out, and how good the prediction is."""
    right = made.more == found.better.key
    off = abs((made.points if right else -made.points) - found.points)
    said = found.better if right else found.worse
    first = Message(
        'Your prediction: "{said}" reaches {points:g} points more. The outcome: "{better}" reaches {difference:.1f} points '
        "more, {high:.1%} against {low:.1%}.",
        said=said.title,
        points=made.points,
        better=found.better.title,
        high=found.high,
        low=found.low,
        difference=found.points,
    )
    if off <= _CLOSE and (right or not made.points):
        return first, Message("That is close: {off:.1f} points off.", off=off)
    if right:
        return first, Message("The right one, by another margin: {off:.1f} points off.", off=off)
    return first, Message("It went the other way: {off:.1f} points off.", off=off)


def draw(experiment: Experiment, made: Prediction, found: Comparison, revision: str) -> go.Figure:
    """The two accuracies with the prediction: how high the one would be above the other."""
    reached = {found.better.key: found.high, found.worse.key: found.low}
    first, second = compared(experiment)
    return plots.prediction(
        str(Message("Your prediction beside the outcome")),
        [str(first.title), str(second.title)],
        [reached[first.key], reached[second.key]],
        place=0 if made.more == first.key else 1,
        predicted=_predicted(made, found),
        revision=revision,
    )


def mark(
    panel: Panel, experiment: Experiment, figure: go.Figure, outcomes: Outcomes, made: Prediction
) -> go.Figure:
    """The ``figure`` of a panel with the prediction in it; as it is where it shows no such accuracy."""
    found = comparison(experiment, outcomes)
    variant = next(each for each in compared(experiment) if each.key == made.more)
    place = results.place_of(panel, experiment, variant, outcomes)
    if found is None or place is None:
        return figure
    return plots.marked(figure, place, _predicted(made, found))


def _predicted(made: Prediction, found: Comparison) -> float:
    """The accuracy (0..1) of the one that was predicted to reach more, above what the other one reached."""
    other = found.low if made.more == found.better.key else found.high
    return min(1.0, other + made.points / 100)
