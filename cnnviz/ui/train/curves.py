"""The curves of one run, and how figures change while a person looks at them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.bounded import kept
from cnnviz.language import Message, language
from cnnviz.language import translate as _
from cnnviz.plots import training as plots
from cnnviz.plots.told import Told
from cnnviz.settings import settings
from cnnviz.training.records import snapshots
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import STEP, Records, Samples, Steps
from cnnviz.training.store.polled import PolledStore
from cnnviz.training.store.runs import Run, Status
from cnnviz.ui.shared import background
from cnnviz.ui.shared.charts import table_of
from cnnviz.ui.shared.link_state import choose_segment
from cnnviz.ui.shared.words import caption
from cnnviz.ui.train import watched
from cnnviz.ui.train.runs import value_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

MORE: Mapping[str, Message] = MappingProxyType(
    {
        "loss": Message("Loss per epoch"),
        "rate": Message("Learning rate"),
        "gradients": Message("Gradients"),
        "speed": Message("Images per second"),
        "filters": Message("Filters"),
    }
)
"""Further figures, one at a time, below the two that are always shown."""

_NO_EPOCH = Message("The run ended within its first epoch, so there is nothing to show per epoch.")


_UPDATE = """
const LOOK_MS = 200;
const shown = new Map(); // key -> the figure that its chart is to show, and its words, of all subjects on the page
let timer = null;

function look() {
  for (const [key, { figure, words }] of shown) {
    const place = document.querySelector(`.st-key-${CSS.escape(key)} [data-testid="stPlotlyChart"]`);
    if (place && place.ariaLabel !== words) place.ariaLabel = words;
    const plot = place?.querySelector(".js-plotly-plot");
    // Plotly may still be loading; and whenever Streamlit draws a chart anew, it shows its first figure again
    if (!window.Plotly || !plot?._fullLayout || plot.data === figure.data) continue;
    // Streamlit has put the theme's colours and the size of the place into the layout
    const { template, width, height } = plot.layout;
    window.Plotly.react(plot, figure.data, { ...figure.layout, template, width, height });
  }
}

export default function ({ data }) {
  const own = Object.entries(data).map(([key, [figure, words]]) => [key, { figure: JSON.parse(figure), words }]);
  for (const [key, told] of own) shown.set(key, told);
  timer ??= setInterval(look, LOOK_MS);
  look();
  return () => {
    for (const [key, told] of own) if (shown.get(key) === told) shown.delete(key);
    if (!shown.size) { clearInterval(timer); timer = null; }
  };
}
"""

_updater = st.components.v2.component("cnnviz_live_figures", js=_UPDATE)


@dataclass(frozen=True)
class Drawn:
    """A figure as it goes to browsers: itself, as JSON, and in words."""

    figure: go.Figure
    json: str
    told: Told

    @classmethod
    def of(cls, figure: go.Figure) -> Drawn:
        """What goes to browsers of ``figure``."""
        return cls(figure, str(figure.to_json()), Told.of(figure))


class LiveFigures:
    """The figures of one subject, such as a run; draw each in its place, and :meth:`update` at the end.

    Streamlit (1.67) takes a plotly chart away and puts a new one in its place whenever its data change: it flickers,
    and the person's zoom is lost. So a live chart keeps the figure that it was first drawn with, and what has changed
    since is given to the plotly that Streamlit has loaded in the browser.
    """

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._figures: dict[str, tuple[str, str]] = {}

    def draw(self, figure: go.Figure, name: str) -> None:
        """Draw ``figure`` here; in later reruns for the same subject, make what is here look like it."""
        self.show(Drawn.of(figure), name)

    def show(self, drawn: Drawn, name: str) -> None:
        """:meth:`draw` what was made ready before."""
        key = f"{name}-{self._subject}"
        first, words = self._first(key, drawn.figure, drawn.told.words)
        st.plotly_chart(first, key=key, alt=words)
        table_of(drawn.told, key)
        self._figures[key] = drawn.json, drawn.told.words

    def update(self) -> None:
        """Bring the figures that were drawn to their present state."""
        _updater(data=self._figures, key=f"live-{self._subject}")

    def _first(self, key: str, figure: go.Figure, words: str) -> tuple[go.Figure, str]:
        first: Mapping[str, tuple[go.Figure, str]] = st.session_state.get("_first_figures", {})
        kept = {name: drawn for name, drawn in first.items() if name.endswith(f"-{self._subject}")}
        st.session_state["_first_figures"] = kept = {key: (figure, words), **kept}
        return kept[key]


def show(store: PolledStore, run: Run, steps: Steps) -> None:
    """The figures of ``run``, which are empty while its worker starts: so the browser has loaded what draws them
    when the first point comes. Nothing while it waits in the queue, or where it ended before its first step.
    """
    if not len(steps) and run.status not in (Status.STARTING, Status.RUNNING):
        return
    epochs = store.epochs(run.id)
    live = LiveFigures(run.id)
    if epochs or run.is_open or run.watched is not None:
        left, right = st.columns(2)
        with right:
            _accuracy(live, run, epochs, steps)
    else:
        left = st.container()
    with left:
        place = st.container()
        scale = choose_scale()
        with place:
            _batch_loss(live, store, run, steps, scale)
    _more(live, store, run, epochs, scale)
    live.update()
    if (
        run.watched is not None or store.store.storage.is_shared_by_address
    ):  # there is no folder for TensorBoard
        return
    st.caption(
        ":material/terminal: "
        + _(
            "You can also view these curves in TensorBoard: `pip install tensorboard`, then `{command}` "
            "on the machine that trains.",
            command=_tensorboard(settings().runs_dir),
        )
    )


def choose_scale() -> str:
    """What the vertical axis of a loss shows: a key of ``LOSS_SCALES``, which the link keeps."""
    return choose_segment(
        _("Loss axis"),
        plots.LOSS_SCALES,
        key="loss-axis",
        kind=Message("loss axis"),
        width="content",
    )


def _batch_loss(live: LiveFigures, store: PolledStore, run: Run, steps: Steps, scale: str) -> None:
    marks = [plots.RateMark(change.step, change.learning_rate) for change in store.rate_changes(run)]
    state = f"{scale}-{marks}"
    _draw(
        live,
        run,
        "loss",
        steps,
        lambda: plots.loss_figure(steps, run.id, _loss_name(run), scale, marks),
        state,
    )
    say_above([steps["loss"]], scale)
    caption(str(plots.LOSS_MESSAGE))


def say_above(values: Sequence[NDArray[Any]], scale: str) -> None:
    """Say how many of the ``values`` an axis on this ``scale`` leaves out, if it does."""
    if (left_out := plots.above(values, scale)) is not None:
        st.caption(":material/vertical_align_top: " + str(left_out))


def before_the_first(epochs: int) -> None:
    """Empty curves where those of a first run of so many ``epochs`` will be.

    Not before plotly is there, which a first page should not wait for.
    """
    if not background.wait(0):
        return
    left, right = st.columns(2)
    none = np.empty(0, STEP)
    for place, name, build in (
        (left, "loss", lambda: plots.loss_figure(none, "")),
        (right, "accuracy", lambda: plots.accuracy_figure([], [], epochs, "")),
    ):
        drawn = _drawn("", name, epochs, "", "", True, language(), build)
        place.plotly_chart(drawn.figure, alt=drawn.told.words)


def _tensorboard(folder: Path) -> str:
    """The command that opens all runs in TensorBoard."""
    here = Path.cwd()
    return shlex.join(
        ["tensorboard", "--logdir", str(folder.relative_to(here) if folder.is_relative_to(here) else folder)]
    )


def _loss_name(run: Run) -> str:
    return "" if run.watched is not None else value_text(run.recipe.get("loss", "cross-entropy"))


def _accuracy(live: LiveFigures, run: Run, epochs: Sequence[EpochMetrics], steps: Steps) -> None:
    if run.watched is not None and not epochs:
        _batch_accuracy(live, run, steps)
        return
    train = [epoch.train_accuracy for epoch in epochs]
    test = [epoch.test_accuracy for epoch in epochs]
    shown = _shown_epochs(run, epochs)
    _draw(live, run, "accuracy", epochs, lambda: plots.accuracy_figure(train, test, shown, run.id))
    second_pass = run.recipe.get("train_accuracy") == "second-pass"
    caption(str(plots.SECOND_PASS_MESSAGE if second_pass else plots.ACCURACY_MESSAGE))


def _batch_accuracy(live: LiveFigures, run: Run, steps: Steps) -> None:
    """The accuracy of each batch, which is all that a run without test images tells."""
    known = steps[np.isfinite(steps["accuracy"])]
    if not len(known):
        caption(_("To see its curve here, give `run.log` an accuracy from 0 to 1, too."))
        return
    _draw(live, run, "batch-accuracy", known, lambda: plots.batch_accuracy_figure(known, run.id))
    caption(str(plots.BATCH_ACCURACY_MESSAGE))


def _shown_epochs(run: Run, epochs: Sequence[EpochMetrics]) -> int:
    return run.epochs if run.is_open and run.watched is None else len(epochs)


def _more(
    live: LiveFigures, store: PolledStore, run: Run, epochs: Sequence[EpochMetrics], scale: str
) -> None:
    samples = store.samples(run)
    offered = _offered(run, epochs, samples)
    if not offered:
        return
    chosen = choose_segment(_("More curves"), offered, key="curve", kind=Message("curve"))
    if chosen == "loss":
        _epoch_loss(live, run, epochs, scale)
        return
    if chosen == "filters":
        watched.show_filters(run)
        return
    if not len(samples.records):
        caption(_("Measured a few times per second during the run; no data yet."))
        return
    _sampled(live, run, samples, chosen)


def _offered(run: Run, epochs: Sequence[EpochMetrics], samples: Samples) -> Mapping[str, Message]:
    """The keys of :data:`MORE` that there is something to show for: all of a recipe's run but the filters, which have a
    page of their own.
    """
    if run.watched is None:
        return {key: title for key, title in MORE.items() if key != "filters"}
    there = {
        "filters": bool(snapshots.available(run.id)),
        "gradients": bool(samples.layers) and bool(np.isfinite(samples.records["norms"]).any()),
        "rate": bool(np.isfinite(samples.records["learning_rate"]).any()),
        "loss": bool(epochs),
    }
    return {key: MORE[key] for key, shown in there.items() if shown}


def _epoch_loss(live: LiveFigures, run: Run, epochs: Sequence[EpochMetrics], scale: str) -> None:
    if not epochs and not run.is_open:
        caption(str(_NO_EPOCH))
        return
    train = [epoch.train_loss for epoch in epochs]
    test = [epoch.test_loss for epoch in epochs]
    shown, loss = _shown_epochs(run, epochs), _loss_name(run)
    _draw(
        live,
        run,
        "epoch-loss",
        epochs,
        lambda: plots.epoch_loss_figure(train, test, shown, run.id, loss, scale),
        scale,
    )
    say_above([np.array(train), np.array(test)], scale)
    caption(str(plots.EPOCH_LOSS_MESSAGE))


def _sampled(live: LiveFigures, run: Run, samples: Samples, chosen: str) -> None:
    records, layers = samples.records, samples.layers
    if chosen == "rate":
        _draw(live, run, "rate", records, lambda: plots.rate_figure(records, run.id))
        caption(str(plots.RATE_MESSAGE))
    elif chosen == "gradients":
        _draw(live, run, "gradients", records, lambda: plots.gradient_figure(records, layers, run.id))
        caption(str(plots.GRADIENT_MESSAGE))
    else:
        _draw(live, run, "speed", records, lambda: plots.speed_figure(records, run.id))
        caption(str(plots.SPEED_MESSAGE))


def _draw(
    live: LiveFigures,
    run: Run,
    name: str,
    data: Sequence[Any] | Records,
    build: Callable[[], go.Figure],
    look: str = "",
) -> None:
    """Draw the figure of all ``data`` so far; ``look`` is whatever else its picture depends on."""
    latest = repr(data[-1]) if len(data) else ""
    live.show(_drawn(run.id, name, len(data), latest, look, run.is_open, language(), build), name)


@kept
def _drawn(
    run_id: str,
    name: str,
    count: int,
    latest: str,
    look: str,
    is_open: bool,
    spoken: str,
    _build: Callable[[], go.Figure],
) -> Drawn:
    """The current figure, built once and shared by everybody who watches the run; read only."""
    return Drawn.of(_build())
