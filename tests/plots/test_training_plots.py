from __future__ import annotations

import tomllib

import numpy as np
import pytest

from cnnviz.plots.training import accuracy_figure, loss_figure, smoothed
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.records.metrics import STEP


def steps(losses: list[float]) -> np.ndarray:
    records = np.zeros(len(losses), STEP)
    records["step"] = np.arange(1, len(losses) + 1)
    records["loss"] = losses
    return records


def test_loss_is_shown_raw_and_smoothed() -> None:
    noisy = [2.0 + (-1) ** n for n in range(400)]
    figure = loss_figure(steps(noisy), revision="run")
    by_name = {trace.name: np.asarray(trace.y) for trace in figure.data}
    np.testing.assert_allclose(by_name["single batch"], noisy)
    assert np.ptp(by_name["mean of the last batches"][200:]) < 0.3
    assert figure.layout.xaxis.title.text
    assert figure.layout.yaxis.title.text
    assert figure.layout.title.text == "Loss per batch"


def test_a_run_without_steps_has_empty_figures() -> None:
    for figure in (loss_figure(steps([]), "run"), accuracy_figure([], [], 10, "run")):
        assert figure.data
        assert all(len(trace.y) == 0 for trace in figure.data)


def test_growing_keeps_the_zoom_and_another_run_resets_it() -> None:
    revisions = [
        loss_figure(steps([1.0] * count), run).layout.uirevision
        for count, run in ((5, "a"), (50, "a"), (50, "b"))
    ]
    assert revisions == ["a", "a", "b"]


def test_accuracies_are_told_apart_without_colour() -> None:
    figure = accuracy_figure([0.5, 0.8], [0.6, 0.7], 10, "run")
    assert [list(trace.x) for trace in figure.data] == [[1, 2], [1, 2]]
    assert {trace.name: list(trace.y) for trace in figure.data} == {
        "training images": [0.5, 0.8],
        "test images": [0.6, 0.7],
    }
    assert len({(trace.marker.symbol, trace.line.dash) for trace in figure.data}) == 2


@pytest.mark.parametrize("values", [[], [0.1]])
def test_accuracy_axis_stays_between_none_and_all(values: list[float]) -> None:
    options = accuracy_figure(values, values, 10, "run").layout.yaxis.autorangeoptions
    assert (options.clipmin, options.clipmax) == (0, 1)


def test_smoothing_starts_at_the_data_and_forgets() -> None:
    x = np.arange(1, 200)
    np.testing.assert_allclose(smoothed(x, np.full(199, 3.0)), 3.0)
    jump = smoothed(x, np.where(x < 100, 0.0, 1.0))
    assert jump[98] == 0
    assert jump[98 + 5] == pytest.approx(1 - np.exp(-1), abs=0.1)
    assert jump[-1] == pytest.approx(1, abs=1e-3)


def test_smoothing_does_not_depend_on_how_thinned_out_the_points_are() -> None:
    x = np.arange(1, 2001)
    y = np.exp(-x / 500)
    np.testing.assert_allclose(smoothed(x[::8], y[::8])[-1], smoothed(x, y)[-1], rtol=0.05)


def test_later_points_leave_the_smoothed_curve_as_it_is() -> None:
    x = np.arange(1, 500)
    y = np.random.default_rng(1).random(499)
    np.testing.assert_array_equal(smoothed(x[:100], y[:100]), smoothed(x, y)[:100])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_has_the_ten_colours_that_streamlit_gives_to_plotly(theme: str) -> None:
    configuration = tomllib.loads((PROJECT_DIRECTORY / ".streamlit" / "config.toml").read_text())
    assert len(set(configuration["theme"][theme]["chartCategoricalColors"])) == 10
