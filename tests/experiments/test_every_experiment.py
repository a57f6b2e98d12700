"""What must hold for each experiment, those included that are added later."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from cnnviz import experiments
from cnnviz.errors import UnknownKeyError
from cnnviz.experiments import results, running
from cnnviz.experiments.experiment import Experiment, Outcome, Setting
from cnnviz.plots.experiments import MEASURES
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore

ALL = experiments.registered()
each = pytest.mark.parametrize("experiment", ALL, ids=lambda experiment: experiment.key)


def test_the_course_has_seven() -> None:
    assert [experiment.key for experiment in ALL] == [
        "pixels-in-disorder",
        "depth-without-shortcuts",
        "one-by-one-convolution",
        "batch-normalisation",
        "too-simple-too-clever",
        "sigmoid-against-relu",
        "gallery-of-shortcuts",
    ]


def test_an_unknown_key_names_the_closest() -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'batch-normalisation'"):
        experiments.get("batch-normalization")


@each
def test_the_quick_setting_needs_no_download(experiment: Experiment) -> None:
    assert {recipe.dataset for recipe in experiment.recipes("quick").values()} == {"mnist-sample"}


@each
def test_panels_draw_what_is_there(experiment: Experiment) -> None:
    keys = [variant.key for variant in experiment.variants]
    assert len(set(keys)) == len(keys)
    for panel in experiment.panels:
        assert set(panel.variants) <= set(keys)
        assert set(panel.y) <= set(MEASURES)


@pytest.mark.slow
@each
def test_it_runs_at_its_smallest_setting(
    experiment: Experiment, carry_out: Callable[..., running.Group], store: RunStore
) -> None:
    group = carry_out(experiment, "smallest")
    assert {run.status for run in group.runs} == {Status.FINISHED}
    outcomes = running.outcomes(store, experiment, group)
    assert list(outcomes) == [variant.key for variant in experiment.of("smallest")]
    for variant in experiment.of("smallest"):
        outcome = outcomes[variant.key]
        if variant.refused:
            assert outcome.status == "refused"
            assert "batch normalisation" in str(outcome.reason)
            continue
        assert len(outcome.losses) > 0
        assert len(outcome.first_norms) == len(outcome.layers) > 0
        assert min(outcome.first_norms) > 0
        assert outcome.total_macs > 0
        assert outcome.milliseconds
        assert Outcome.from_dict(outcome.to_dict()).layers == outcome.layers
    verdict = results.verdict(experiment, outcomes, full=False)
    assert verdict is not None
    for sentence in verdict.seen:
        assert any(sign.isdigit() for sign in str(sentence))
    for panel in experiment.panels:
        figure = results.draw(panel, experiment, "smallest", outcomes, "")
        assert figure.layout.title.text == str(panel.title)
        assert figure.layout.yaxis.title.text
        drawn = [value for trace in figure.data for value in trace.y if value is not None]
        assert len(drawn) > 0


@each
@pytest.mark.parametrize("setting", get_args(Setting))
def test_a_figure_of_nothing_can_be_drawn(experiment: Experiment, setting: Setting) -> None:
    empty = [results.draw(panel, experiment, setting, {}, "") for panel in experiment.panels]
    assert empty
    assert all(figure.layout.title.text for figure in empty)


@each
def test_the_full_setting_compares_at_least_as_much(experiment: Experiment) -> None:
    assert set(experiment.recipes("quick")) <= set(experiment.recipes("full"))
