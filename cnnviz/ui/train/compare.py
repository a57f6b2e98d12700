"""Compare any number of runs: one chart, and a table of how they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st

from cnnviz import datasets
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.plots import training
from cnnviz.plots.training import Curve, smoothed
from cnnviz.shapes.table import numbers, table, words
from cnnviz.training.recipe.differences import differing, flat, label
from cnnviz.training.recipe.image_preparation import resized_shape
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.polled import PolledStore, open_polled
from cnnviz.training.store.runs import Run, describe
from cnnviz.ui.shared import cached, rights
from cnnviz.ui.shared.frame import fragment, is_dark
from cnnviz.ui.shared.link_state import choose_many, choose_segment
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption, marked
from cnnviz.ui.train.curves import LiveFigures, choose_scale, say_above
from cnnviz.ui.train.runs import duration, epochs_text, field_text, short_title

COMPARE_SECONDS = 1.0
_AT_FIRST = 4
_CHOSEN = "runs"

FIGURES: Mapping[str, Message] = MappingProxyType(
    {
        "test_accuracy": Message("Test accuracy"),
        "train_accuracy": Message("Training accuracy"),
        "test_loss": Message("Test loss"),
        "batch_loss": Message("Loss per batch"),
        "batch_accuracy": Message("Accuracy per batch"),
    }
)
AXES: Mapping[str, Message] = MappingProxyType(
    {"progress": Message("epochs or steps"), "seconds": Message("training time in seconds")}
)


def compare(runs: Sequence[Run]) -> None:
    """Choose some of ``runs``, the newest ones, or of those in the link, and compare them."""
    by_id = {run.id: run for run in [*runs, *_linked(runs)]}
    own = [run.id for run in runs if rights.is_own(run.owner)]
    chosen = choose_many(
        _("Runs to compare"),
        list(by_id),
        key=_CHOSEN,
        kind=Message("run"),
        title=lambda run_id: short_title(by_id[run_id]),
        default=(own or list(by_id))[:_AT_FIRST],
        placeholder=_("Choose runs"),
    )
    if not chosen:
        st.info(_("Choose runs to see them in one chart."), icon=":material/info:")
        return
    goes_on = any(by_id[run_id].is_open for run_id in chosen)
    fragment(run_every=COMPARE_SECONDS if goes_on else None)(_compare)(tuple(chosen))


def _linked(runs: Sequence[Run]) -> list[Run]:
    """The runs of the link that are not among ``runs``."""
    store, known, found = open_polled(), {run.id for run in runs}, list[Run]()
    for run_id in dict.fromkeys(query.get_all(_CHOSEN)):
        if run_id not in known:
            with suppress(UnknownKeyError):  # said where one chooses
                found.append(store.get(run_id))
    return [run for run in found if run.deleted_at is None]


def _compare(chosen: tuple[str, ...]) -> None:
    with explained():
        store = open_polled()
        runs = [store.get(run_id) for run_id in chosen]
        with st.container(horizontal=True, gap="medium"):
            figure = _choose(_("Figure"), "figure", FIGURES)
            axis = _choose(_("Horizontal axis"), "axis", AXES)
            scale = choose_scale() if figure.endswith("loss") else "all"
        epochs = {run.id: store.epochs(run.id) for run in runs}
        curves = [_curve(store, run, epochs[run.id], figure, axis) for run in runs]
        live = LiveFigures(f"compare-{figure}-{axis}-{'-'.join(chosen)}")
        live.draw(
            training.comparison_figure(curves, figure, axis, "-".join((figure, axis, *chosen)), scale),
            "chart",
        )
        live.update()
        say_above([curve.y for curve in curves], scale)
        caption(str(training.COMPARISON_MESSAGES[figure]))
        _table(store, runs, epochs)


def _choose(title: str, key: str, options: Mapping[str, Message]) -> str:
    return choose_segment(title, options, key=key, kind=Message("choice"), width="content")


def _curve(store: PolledStore, run: Run, epochs: Sequence[EpochMetrics], figure: str, axis: str) -> Curve:
    """The curve of one run."""
    if figure.startswith("batch_"):
        steps = store.steps(run)
        values = steps[figure.removeprefix("batch_")]
        x = steps["seconds"] if axis == "seconds" else steps["step"]
        return Curve(short_title(run), x, smoothed(steps["step"], values))
    y = np.array([getattr(epoch, figure) for epoch in epochs])
    seconds = np.cumsum([epoch.seconds for epoch in epochs])
    return Curve(short_title(run), seconds if axis == "seconds" else np.arange(1, len(y) + 1), y)


@dataclass(frozen=True)
class Row:
    """One training in a table: ``name`` (HTML), state, recipe, its results, and what the recipe does not say (``beside``)."""

    name: str
    state: str
    recipe: Mapping[str, Any]
    reached: Sequence[str]
    beside: Sequence[str] = ()


def show_table(rows: Sequence[Row], first: str, reached: Sequence[str], beside: Sequence[str] = ()) -> bool:
    """Show a table of trainings with the recipe fields that differ; returns whether any do.

    ``first``, ``reached`` and ``beside`` are the titles of the columns that are not fields of recipes.
    """
    names = differing([row.recipe for row in rows if row.recipe])
    fields = [str(label(name, _architecture_with(name, rows))) for name in names]
    left = [first, _("Status"), *(field[:1].upper() + field[1:] for field in fields), *beside]
    sides = [(title, "left") for title in left] + [(title, "right") for title in reached]
    titles = [(title.replace(" ", "\u00a0"), side) for title, side in sides]  # one line, however many columns
    body = "".join(
        f"<tr><td>{row.name}</td>"
        f"{words([row.state, *(field_text(row.recipe, name) for name in names), *row.beside])}"
        f"{numbers(row.reached)}</tr>"
        for row in rows
    )
    st.html(f'<div class="cnnviz-small">{table(titles, body, marked)}</div>')
    return bool(names)


def _architecture_with(name: str, rows: Sequence[Row]) -> str:
    """An architecture in the table whose recipe has the field ``name``."""
    return next((str(row.recipe["architecture"]) for row in rows if name in flat(row.recipe)), "")


def _table(store: PolledStore, runs: Sequence[Run], epochs: Mapping[str, Sequence[EpochMetrics]]) -> None:
    """Results, the recipe fields that differ, and changes made outside the recipes."""
    beside = _beside_the_recipes(store, runs)
    rows = [
        Row(
            f"{_swatch(number)} <b>{escape(short_title(run))}</b>",
            str(describe(run.status)),
            {} if run.watched is not None else run.recipe,
            _reached(store, run, epochs[run.id]),
            [texts[number] for texts in beside.values()],
        )
        for number, run in enumerate(runs)
    ]
    reached = [_("Best accuracy"), _("Final accuracy"), _("Epochs completed"), _("Time"), _("Parameters")]
    differ = show_table(rows, _("Run"), reached, list(beside))
    if not differ and len(runs) > 1 and not beside and all(row.recipe for row in rows):
        caption(_("The recipes are identical."))


def _beside_the_recipes(store: PolledStore, runs: Sequence[Run]) -> dict[str, list[str]]:
    """Facts that no recipe holds, by column title with one text per run, where ``runs`` differ."""
    columns = {
        _("Continues from"): [_origin(run) for run in runs],
        _("Manual learning rate changes"): [_rate_changes(store, run) for run in runs],
    }
    return {title: texts for title, texts in columns.items() if len(set(texts)) > 1}


def _origin(run: Run) -> str:
    if run.origin is None:
        return "–"
    return _("run {id}, step {step:,}", id=run.origin, step=run.origin_step)


def _rate_changes(store: PolledStore, run: Run) -> str:
    changes = store.rate_changes(run)
    texts = (
        _("{rate:g} after step {step:,}", rate=change.learning_rate, step=change.step) for change in changes
    )
    return " · ".join(texts) or "–"


def _reached(store: PolledStore, run: Run, epochs: Sequence[EpochMetrics]) -> list[str]:
    reached = [epoch.test_accuracy for epoch in epochs]
    if run.test_accuracy is not None:  # a run that was stopped in the middle of an epoch is tested, too
        reached.append(run.test_accuracy)
    best = max(reached, default=None)
    seconds = _seconds(store, run, epochs)
    parameters = _parameters(run)
    return [
        "–" if best is None else f"{best:.2%}",
        "–" if run.test_accuracy is None else f"{run.test_accuracy:.2%}",
        epochs_text(run),
        str(duration(seconds)) if seconds else "–",
        "–" if parameters is None else f"{parameters:,}",
    ]


def _seconds(store: PolledStore, run: Run, epochs: Sequence[EpochMetrics]) -> float:
    """Training time in seconds, up to the last step; uploaded weights come with epochs but no steps."""
    steps = store.steps(run)
    return float(steps[-1]["seconds"]) if len(steps) else sum(epoch.seconds for epoch in epochs)


def _parameters(run: Run) -> int | None:
    """The network's number of parameters; None if this version of cnnviz does not know the network."""
    if run.watched is not None:
        return run.watched.parameters
    try:
        shape = resized_shape(datasets.get(run.dataset).input_shape, run.recipe.get("resize"))
        options = run.recipe.get("options", {}).items()
        edits = tuple((name, json.dumps(value)) for name, value in options)
        return cached.trace(run.architecture, shape, edits).total_params
    except CnnvizError:
        return None


def _swatch(number: int) -> str:
    """A short piece of the run's curve, as in a legend."""
    theme = "dark" if is_dark() else "light"
    colours = st.get_option(f"theme.{theme}.chartCategoricalColors")
    colour = colours[number % len(colours)]
    css = {"solid": "solid", "dash": "dashed", "dot": "dotted", "dashdot": "double"}[training.dash(number)]
    return (
        f'<span class="cnnviz-line" style="--cnnviz-dash:{css};--cnnviz-colour:{escape(str(colour))}"></span>'
    )
