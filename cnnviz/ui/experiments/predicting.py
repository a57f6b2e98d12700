"""Before the included results of an experiment a person may predict them; the prediction is then drawn beside them."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from cnnviz.experiments import prediction, results
from cnnviz.experiments.experiment import Experiment, Outcomes, Panel
from cnnviz.experiments.prediction import MOST_POINTS, Comparison, Prediction
from cnnviz.experiments.results import Results
from cnnviz.language import sentences
from cnnviz.language import translate as _
from cnnviz.ui.experiments import results as shown
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption

_MADE = "_predictions"
"""In the session: what was predicted of each experiment by its key, None where that was skipped."""
_USUAL = 5
_WIDTH = 520  # pixels


def show(experiment: Experiment) -> Results | None:
    """Ask first, and then show the results beside the prediction; returns the results, if there are any."""
    shipped = results.shipped(experiment.key)
    found = None if shipped is None else prediction.comparison(experiment, shipped.outcomes)
    made = _made()
    if found is None:
        return shown.show_shipped(experiment)
    if experiment.key not in made:
        _ask(experiment)
        return shipped
    predicted = made[experiment.key]
    if predicted is None:
        return shown.show_shipped(experiment)
    _tell(experiment, predicted, found)

    def mark(panel: Panel, figure: go.Figure, outcomes: Outcomes) -> go.Figure:
        return prediction.mark(panel, experiment, figure, outcomes, predicted)

    return shown.show_shipped(experiment, mark)


def _made() -> dict[str, Prediction | None]:
    made: dict[str, Prediction | None] = st.session_state.setdefault(_MADE, {})
    return made


def _ask(experiment: Experiment) -> None:
    """The claim without its verdict, and the question."""
    shown.show_claim(experiment)
    titles = {variant.key: str(variant.title) for variant in prediction.compared(experiment)}
    with st.container(border=True, key="prediction"):
        st.subheader(_("What do you expect?"), anchor=False)
        st.radio(
            _("Which will reach the higher test accuracy?"),
            list(titles),
            key=f"more-{experiment.key}",
            format_func=lambda key: plain(titles[key]),
        )
        st.number_input(
            _("By how many percentage points?"),
            min_value=0.0,
            max_value=float(MOST_POINTS),
            value=float(_USUAL),
            step=1.0,
            format="%g",
            key=f"points-{experiment.key}",
            width=240,
        )
        with st.container(horizontal=True):
            st.button(
                _("Predict"),
                key="predict",
                type="primary",
                icon=":material/visibility:",
                on_click=_predict,
                args=(experiment,),
            )
            st.button(
                _("Show the results without a prediction"), key="skip", on_click=_skip, args=(experiment,)
            )


def _predict(experiment: Experiment) -> None:
    more = st.session_state.get(f"more-{experiment.key}")
    points = st.session_state.get(f"points-{experiment.key}")
    if more in experiment.compared and points is not None:
        _made()[experiment.key] = Prediction(more, points)


def _skip(experiment: Experiment) -> None:
    _made()[experiment.key] = None


def _tell(experiment: Experiment, made: Prediction, found: Comparison) -> None:
    with st.container(border=True, key="prediction"):
        st.subheader(_("Your prediction"), anchor=False)
        st.write(sentences(plain(sentence) for sentence in prediction.told(made, found)))
        revision = f"prediction-{experiment.key}"
        figure = prediction.draw(experiment, made, found, revision)
        chart(figure, revision, width=_WIDTH)
        caption(_("The diamond is where the network would be if your prediction had come true."))
        st.button(_("Predict again"), key="again", on_click=_forget, args=(experiment,))


def _forget(experiment: Experiment) -> None:
    _made().pop(experiment.key, None)
