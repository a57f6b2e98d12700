"""A run that somebody's own program trains, on the Train page."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

import cnnviz
from cnnviz.cli.main import main
from cnnviz.training.store.store import RunStore
from cnnviz.training.watch.watch import WatchedRun
from tests.pages.training_page import PAGE, buttons, charts, mine, status, texts, work

OpenPage = Callable[..., AppTest]


class EdgesOnly(nn.Module):
    """A network that no registry knows."""

    def __init__(self) -> None:
        super().__init__()
        self.edges = nn.Conv2d(3, 4, 3)


def watched(steps: int = 30, accuracy: bool = True) -> WatchedRun:
    model = EdgesOnly()
    run = cnnviz.watch(model, name="mine")
    for step in range(1, steps + 1):
        model.edges(torch.randn(1, 3, 8, 8)).sum().backward()
        run.log(loss=1 / step, **({"accuracy": step / 100} if accuracy else {}))
    run.finish()
    return run


def test_its_curves_are_there_and_what_it_cannot_do_is_not(open_page: OpenPage, store: RunStore) -> None:
    run = watched()
    app = open_page(PAGE)  # without a link: nobody else's run is newer
    assert not app.exception
    assert status(app) == "finished"
    assert app.subheader[0].value == "mine"
    assert charts(app)[:2] == ["loss", "batch-accuracy"]
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Step"] == "30"
    assert "Images per second" not in shown
    assert any("network EdgesOnly · 112 parameters · trained by " in text.value for text in app.caption)
    assert {"pause", "resume", "stop", "branch", "change-rate"}.isdisjoint(buttons(app))
    assert "Filters of edges during training" in [heading.value for heading in app.subheader]
    app.button(key="delete").click().run()
    assert store.get(run.id or "").deleted_at is not None


def test_its_gradients_are_a_curve_and_no_accuracy_is_said(open_page: OpenPage, store: RunStore) -> None:
    run = watched(accuracy=False)
    app = open_page(PAGE, run=run.id, curve="gradients")
    assert charts(app) == ["loss", "gradients"]
    assert any("give `run.log` an accuracy" in text.value for text in app.caption)


def test_while_it_goes_on_the_page_says_where_to_stop_it(open_page: OpenPage, store: RunStore) -> None:
    with cnnviz.watch(EdgesOnly()) as run:
        app = open_page(PAGE, run=run.id)
        assert status(app) == "running"
        assert app.subheader[0].value == "EdgesOnly"
        assert any("recorded by `cnnviz.watch`" in text.value for text in app.caption)
        assert {"pause", "stop", "delete"}.isdisjoint(buttons(app))
        assert not texts(app)


def test_it_is_listed_and_compared_beside_the_others(open_page: OpenPage, store: RunStore) -> None:
    run, trained = watched(), mine(store)
    work(store, trained, steps=20)
    app = open_page(PAGE, view="compare", whose="all", runs=[run.id, trained], figure="batch_accuracy")
    assert not app.exception
    (chart,) = [chart for chart in app.get("plotly_chart") if chart.key.startswith("chart-")]
    assert "Accuracy per batch (smoothed)" in chart.proto.spec
    assert list(app.dataframe[0].value["network"]) == ["Basic CNN", "EdgesOnly"]
    with contextlib.redirect_stdout(io.StringIO()) as listed:
        assert main(["runs"]) == 0
    assert "EdgesOnly" in listed.getvalue()


def test_other_pages_have_no_use_for_it_and_say_so(open_page: OpenPage, store: RunStore) -> None:
    run = watched()
    app = open_page("pages/filters.py", checkpoint=run.id, view="history")
    assert not app.exception
    assert any(str(run.id) in element.value for element in (*app.warning, *app.info, *app.error))


def test_a_mean_of_batches_leaves_out_what_is_no_number() -> None:
    from cnnviz.plots.training import smoothed

    x, y = np.arange(1.0, 6.0), np.array([1.0, np.nan, 3.0, np.inf, 5.0])
    means = smoothed(x, y)
    known = np.isfinite(y)
    assert np.array_equal(np.isfinite(means), known)
    assert means[known].tolist() == smoothed(x[known], y[known]).tolist()
