"""What an experiment claims and what its included full run showed: verdict, figures, and a table of all trainings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import plotly.graph_objects as go
import streamlit as st

from cnnviz import datasets, experiments
from cnnviz.bounded import kept
from cnnviz.experiments import results
from cnnviz.experiments.experiment import Experiment, Outcome, Outcomes, Panel, Setting, Verdict
from cnnviz.experiments.results import Results
from cnnviz.language import Message, language, sentences
from cnnviz.language import translate as _
from cnnviz.plots import experiments as plots
from cnnviz.training.store.runs import Status, describe
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.link_state import choose_one, choose_segment
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption
from cnnviz.ui.train.compare import Row, show_table
from cnnviz.ui.train.runs import duration

FIGURE = "figure"
"""The link's parameter with the number of a figure, where one is shown alone."""

_SHUFFLED_WITH = 1  # the seed of the permutation that the experiment's recipes have


def choose_experiment() -> Experiment:
    """The experiment that the link names."""
    known = {experiment.key: experiment for experiment in experiments.registered()}
    chosen = choose_segment(
        _("Experiment"),
        list(known),
        key="experiment",
        kind=Message("experiment"),
        title=lambda key: str(known[key].title),
        label_visibility="collapsed",
        forget=("group", "setting", FIGURE),
    )
    return known[chosen]


Mark = Callable[[Panel, go.Figure, Outcomes], go.Figure]
"""Makes of a panel's figure another one, in which something is marked."""


def show_shipped(experiment: Experiment, mark: Mark | None = None) -> Results | None:
    """Claim, verdict and figures of the included full run, with marks in them; returns its results, if there are any."""
    shipped = results.shipped(experiment.key)
    verdict = None if shipped is None else results.verdict(experiment, shipped.outcomes, full=True)
    show_claim(experiment, verdict)
    if shipped is None:
        st.info(_("No full run of this experiment is included yet: run it here."), icon=":material/info:")
        return None
    shown = _shipped_figures(experiment.key, shipped.created_at, language())
    if mark is not None:
        pairs = zip(experiment.panels, shown, strict=True)
        shown = [mark(panel, figure, shipped.outcomes) for panel, figure in pairs]
    panels(experiment, shown, lambda figure, name: chart(figure, f"shipped-{name}"))
    caption(_about(experiment, shipped))
    with st.expander(_("All runs in numbers"), icon=":material/table_chart:"):
        compare(experiment, "full", shipped.outcomes)
    return shipped


def show_claim(experiment: Experiment, verdict: Verdict | None = None) -> None:
    """The claim, with its ``verdict`` where that may be seen, and a picture of the data if there is one."""
    with st.container(border=True, key="together-claim"):
        st.subheader(_("Claim"), anchor=False)
        st.write(str(experiment.claim))
        say(verdict, "seen-shipped")
    _picture(experiment)


def show_figure(experiment: Experiment) -> None:
    """One figure of the included full run, which is counted from 1 and chosen in the link."""
    shipped = results.shipped(experiment.key)
    if shipped is None:
        st.info(_("No full run of this experiment is included yet."), icon=":material/info:")
        return
    number = choose_one(
        _("Figure"),
        {str(place): panel.title for place, panel in enumerate(experiment.panels, 1)},
        key=FIGURE,
        kind=Message("figure"),
    )
    place = int(number) - 1
    chart(
        _shipped_figures(experiment.key, shipped.created_at, language())[place],
        f"shipped-{experiment.key}-{place}",
    )
    caption(str(experiment.panels[place].note))


def say(verdict: Verdict | None, key: str) -> None:
    """Whether the claim holds, and what was observed; nothing while there is no verdict."""
    if verdict is None:
        return
    with st.container(key=key):
        if verdict.holds:
            st.badge(_("The claim holds"), icon=":material/check:", color="green")
        else:
            st.badge(_("Not confirmed on this data"), icon=":material/close:", color="orange")
        st.write(sentences(plain(sentence) for sentence in verdict.seen))


@kept
def _shipped_figures(key: str, created_at: str, code: str) -> list[go.Figure]:
    """The figures of the included results, in the language ``code``; shared and read only."""
    shipped = results.shipped(key)
    return [] if shipped is None else drawn(experiments.get(key), "full", shipped.outcomes)


def drawn(experiment: Experiment, setting: Setting, outcomes: Outcomes) -> list[go.Figure]:
    """One figure per panel of the experiment."""
    revision = f"{experiment.key}-{setting}"
    return [results.draw(panel, experiment, setting, outcomes, revision) for panel in experiment.panels]


def panels(
    experiment: Experiment, shown: Sequence[go.Figure], draw: Callable[[go.Figure, str], None]
) -> None:
    """All panels, two in a row, each with its caption; ``draw`` is called with figure and name."""
    for number, (panel, figure) in enumerate(zip(experiment.panels, shown, strict=True)):
        if number % 2 == 0:
            columns = st.columns(2)  # row by row, so that a phone has them in their order
        with columns[number % 2]:
            draw(figure, f"{experiment.key}-{number}")
            caption(str(panel.note))


def _picture(experiment: Experiment) -> None:
    """A picture of the data, for experiments that ask for one."""
    if experiment.picture == "permuted-digits":
        figure = plots.digits(cached.sample_digits(), cached.permuted_digits(_SHUFFLED_WITH))
        chart(figure, "picture")
        caption(
            _(
                "One random order of the 784 pixels, the same for every image: each digit keeps all its "
                "pixels but has no strokes. People can no longer read it. Can a network?"
            )
        )


def _about(experiment: Experiment, shipped: Results) -> str:
    """Where the included results come from."""
    recipe = experiment.recipe(experiment.variants[0], "full")
    return _(
        "Results of the included full run: {count} training runs on {data}, with {cores} cores, cnnviz "
        "{cnnviz} and PyTorch {torch}, {date}.",
        count=len([outcome for outcome in shipped.outcomes.values() if outcome.status != "refused"]),
        data=datasets.get(recipe.dataset).title,
        cores=shipped.cores,
        cnnviz=shipped.versions.get("cnnviz", "–"),
        torch=shipped.versions.get("torch", "–"),
        date=shipped.created_at[:10],
    )


def compare(
    experiment: Experiment, setting: Setting, outcomes: Outcomes, links: Mapping[str, str] | None = None
) -> None:
    """A table with one row per training; ``links`` are the addresses of their runs, by key."""
    shown = [variant for variant in experiment.of(setting) if variant.key in outcomes]
    rows = [
        _row(str(variant.title), outcomes[variant.key], (links or {}).get(variant.key)) for variant in shown
    ]
    reached = [
        _("Test accuracy"),
        _("Training accuracy"),
        _("Training loss"),
        _("Parameters"),
        _("Multiply-adds"),
        _("Time"),
    ]
    show_table(rows, _("Training"), reached)
    for variant in shown:
        reason = outcomes[variant.key].reason
        if reason is not None:
            caption(f"**{plain(variant.title)}**: {plain(reason)}")


def _row(title: str, outcome: Outcome, link: str | None) -> Row:
    """A training's row; ``link`` leads to its page."""
    name = escape(title)
    if link is not None:
        name = f'<a href="{escape(link)}" target="_self">{name}</a>'
    state = _("not possible") if outcome.status == "refused" else str(describe(Status(outcome.status)))
    return Row(name, state, outcome.recipe, _reached(outcome))


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
