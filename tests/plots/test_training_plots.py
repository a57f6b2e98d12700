from __future__ import annotations

import tomllib

import numpy as np
import pytest

from cnnviz.plots.training import (
    LOSS_SCALES,
    Curve,
    RateMark,
    above,
    accuracy_figure,
    comparison_figure,
    dash,
    gradient_figure,
    loss_figure,
    rate_figure,
    smoothed,
    speed_figure,
    typical_limit,
)
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


def test_an_axis_of_losses_leaves_outliers_out_and_says_so() -> None:
    losses = [2.3, 1.0, *[0.5] * 20, 900.0, 70_000.0, *[0.4] * 20]
    whole, typical = (loss_figure(steps(losses), "run", scale=scale) for scale in ("all", "typical"))
    assert whole.layout.yaxis.range is None
    assert typical.layout.yaxis.range == pytest.approx((0, 1.05 * 2.3))
    assert above([np.array(losses)], "all") is None
    assert str(above([np.array(losses)], "typical")) == (
        "2 of 44 values lie above this axis, the highest at 7e+04."
    )
    assert typical_limit([np.array([2.3, 1.2, 0.8, 0.6])]) is None  # nothing out of the ordinary
    assert typical_limit([np.array([])]) is None


def test_one_enormous_batch_does_not_bend_the_trend_of_another_scale() -> None:
    losses = [1.0] * 50 + [1e6] + [1.0] * 50
    highest = {scale: max(loss_figure(steps(losses), "run", scale=scale).data[0].y) for scale in LOSS_SCALES}
    assert highest["all"] > 1e5
    assert highest["typical"] == pytest.approx(1.0)
    assert 1 < highest["log"] < 100


def test_a_logarithmic_axis_of_losses() -> None:
    for losses, ticks in (([2.0, 0.5, 0.0], "D2"), ([2.0, 9e6, 1e-3], None), ([], None)):
        axis = loss_figure(steps(losses), "run", scale="log").layout.yaxis
        assert (axis.type, axis.dtick) == ("log", ticks)


def test_another_scale_resets_the_zoom() -> None:
    revisions = {loss_figure(steps([1.0]), "run", scale=scale).layout.uirevision for scale in LOSS_SCALES}
    assert len(revisions) == len(LOSS_SCALES)


def test_a_changed_learning_rate_is_marked_on_the_loss() -> None:
    figure = loss_figure(steps([1.0] * 9), "run", marks=[RateMark(3, 0.1), RateMark(6, 1e-4)])
    assert [line.x0 for line in figure.layout.shapes] == [3, 6]
    assert [(text.x, text.text) for text in figure.layout.annotations] == [
        (3, "learning rate 0.1"),
        (6, "learning rate 0.0001"),
    ]


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


def samples(count: int, layers: int) -> np.ndarray:
    dtype = [("step", "<u4"), ("seconds", "<f8"), ("learning_rate", "<f8"), ("images_per_second", "<f4")]
    records = np.zeros(count, [*dtype, ("norms", "<f4", (layers,))])
    records["step"] = 10 * np.arange(1, count + 1)
    records["seconds"] = np.arange(1, count + 1)
    records["learning_rate"] = 0.1
    records["images_per_second"] = 5000
    records["norms"] = 10.0 ** -np.arange(layers)
    return records


def test_learning_rate_and_speed_are_curves_with_named_axes() -> None:
    records = samples(5, 2)
    rate, speed = rate_figure(records, "run"), speed_figure(records, "run")
    np.testing.assert_allclose(rate.data[0].y, 0.1)
    np.testing.assert_array_equal(rate.data[0].x, records["step"])
    for line in speed.data:  # smoothed, and as measured
        np.testing.assert_array_equal(line.x, records["seconds"])
        np.testing.assert_allclose(line.y, 5000)
    for chart in (rate, speed):
        assert chart.layout.xaxis.title.text
        assert chart.layout.yaxis.title.text
        assert chart.layout.uirevision == "run"


def test_few_layers_are_lines_on_a_logarithmic_scale() -> None:
    chart = gradient_figure(samples(5, 3), ("conv1", "conv2", "fc"), "run")
    assert [line.name for line in chart.data] == ["conv1", "conv2", "fc"]
    assert [line.y[0] for line in chart.data] == pytest.approx([1, 0.1, 0.01])
    assert chart.layout.yaxis.type == "log"
    assert len({line.line.dash for line in chart.data}) == 3  # told apart without colour


def test_norms_that_jump_from_batch_to_batch_are_smoothed_by_their_factors() -> None:
    records = samples(400, 1)
    records["norms"][::2] = 0.01
    (line,) = gradient_figure(records, ("conv1",), "run").data
    assert line.y[-1] == pytest.approx(0.1, rel=0.3)  # the geometric mean of 1 and 0.01


def test_a_scale_of_few_decades_has_ticks_between_them() -> None:
    assert gradient_figure(samples(5, 2), ("a", "b"), "run").layout.yaxis.dtick == "D2"
    assert gradient_figure(samples(5, 6), list("abcdef"), "run").layout.yaxis.dtick is None
    assert gradient_figure(samples(0, 2), ("a", "b"), "run").layout.yaxis.type == "log"


def test_many_layers_are_a_map_that_stays_small() -> None:
    names = [f"layer{number}" for number in range(60)]
    chart = gradient_figure(samples(2_000, 60), names, "run")
    (heat,) = chart.data
    assert heat.z.shape[0] == 60
    assert heat.z.shape[1] <= 240
    assert list(heat.y) == names
    assert heat.z[3, 0] == pytest.approx(-3)
    assert chart.layout.yaxis.autorange == "reversed"  # the first layer on top, as in tables


def test_a_gradient_of_nothing_has_a_place_on_the_scale() -> None:
    records = samples(3, 2)
    records["norms"] = 0
    lines = gradient_figure(records, ("a", "b"), "run").data
    assert len(lines) == 2
    assert all(len(line.y) and np.all(np.asarray(line.y) > 0) for line in lines)
    assert np.isfinite(gradient_figure(samples(3, 20), [str(n) for n in range(20)], "run").data[0].z).all()


def test_runs_are_told_apart_beyond_the_theme_s_ten_colours() -> None:
    curve = Curve("run", np.arange(3), np.array([0.1, 0.5, 0.6]))
    chart = comparison_figure([curve] * 12, "test_accuracy", "progress", "r")
    assert [line.line.dash for line in chart.data] == ["solid"] * 10 + ["dash"] * 2
    assert dash(45) == "solid"
    assert chart.layout.yaxis.title.text == "accuracy"
    assert chart.layout.showlegend


@pytest.mark.parametrize(
    ("axis", "what", "title"),
    [
        ("progress", "test_loss", "epoch"),
        ("progress", "batch_loss", "step (one batch)"),
        ("seconds", "batch_loss", "training time in seconds"),
    ],
)
def test_the_axis_says_what_it_counts(axis: str, what: str, title: str) -> None:
    chart = comparison_figure([Curve("run", np.arange(3), np.ones(3))], what, axis, "r")
    assert chart.layout.xaxis.title.text == title
