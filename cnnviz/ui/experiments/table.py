"""The trainings of an experiment in numbers: in what they differ, and what each gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from cnnviz.experiments.experiment import Experiment, Outcome, Outcomes, Setting
from cnnviz.language import translate as _
from cnnviz.shapes.html import numbers, table, words
from cnnviz.training.recipe.differences import differing, flat, label
from cnnviz.training.store.runs import Status, describe
from cnnviz.ui.shared.show import plain
from cnnviz.ui.train.runs import duration, field_text


def compare(
    experiment: Experiment, setting: Setting, outcomes: Outcomes, links: Mapping[str, str] | None = None
) -> None:
    """A row for each training; ``links`` are addresses of pages about them, by their keys."""
    shown = [variant for variant in experiment.of(setting) if variant.key in outcomes]
    recipes = [outcomes[variant.key].recipe for variant in shown]
    names = differing(recipes)
    architectures = {name: _architecture_with(name, recipes) for name in names}
    titles = [(_("Training"), "left"), (_("State"), "left")]
    titles += [(str(label(name, architectures[name])), "left") for name in names]
    titles += [
        (title, "right")
        for title in (
            _("Test accuracy"),
            _("Training accuracy"),
            _("Training loss"),
            _("Parameters"),
            _("Multiply-adds"),
            _("Time"),
        )
    ]
    body = "".join(
        _row(str(variant.title), outcomes[variant.key], names, (links or {}).get(variant.key))
        for variant in shown
    )
    titles = [
        (title.replace(" ", "\u00a0"), side) for title, side in titles
    ]  # one line, however many columns
    st.html(f'<div class="cnnviz-small">{table(titles, body)}</div>')
    for variant in shown:
        reason = outcomes[variant.key].reason
        if reason is not None:
            st.caption(f"**{plain(variant.title)}**: {plain(reason)}")


def _row(title: str, outcome: Outcome, names: Sequence[str], link: str | None) -> str:
    """A training's row; ``names`` are the fields of its recipe that are shown, ``link`` leads to its page."""
    told = escape(title)
    if link is not None:
        told = f'<a href="{escape(link)}" target="_self">{told}</a>'
    fields = [_status(outcome), *(field_text(outcome.recipe, name) for name in names)]
    return f"<tr><td>{told}</td>{words(fields)}{numbers(_reached(outcome))}</tr>"


def _status(outcome: Outcome) -> str:
    return _("refused") if outcome.status == "refused" else str(describe(Status(outcome.status)))


def _reached(outcome: Outcome) -> list[str]:
    test, train, loss = outcome.test_accuracy, outcome.train_accuracy, outcome.loss
    seconds = sum(epoch.seconds for epoch in outcome.epochs)
    return [
        "–" if test is None else f"{test:.2%}",
        "–" if train is None else f"{train:.2%}",
        "–" if loss is None else f"{loss:.4f}",
        f"{outcome.parameters:,}" if outcome.parameters else "–",
        f"{outcome.total_macs:,}" if outcome.macs else "–",
        str(duration(seconds)) if outcome.epochs else "–",
    ]


def _architecture_with(name: str, recipes: list[Mapping[str, object]]) -> str:
    """An architecture among the recipes' that has the field ``name``."""
    return next((str(recipe["architecture"]) for recipe in recipes if name in flat(recipe)), "")
