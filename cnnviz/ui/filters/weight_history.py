"""How a network developed: its first-layer filters and its prediction for an image, at every snapshot."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from cnnviz.interpret.networks import MOST_FILTERS, Moment, has_files
from cnnviz.language import translate as _
from cnnviz.plots import weights as plots
from cnnviz.training.records import snapshots
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.filter_moments import show_moments, when
from cnnviz.ui.inside.weights import Weights, moments_of
from cnnviz.ui.shared import background
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.frame import TRAIN, link
from cnnviz.ui.shared.problems import plain
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnviz.interpret.filter_history import FilterHistory
    from cnnviz.interpret.networks import History
    from cnnviz.training.checkpoints.checkpoints import Checkpoint

_WIDTH = 760


def show(weights: Weights, example: Example) -> None:
    """Every snapshot of the training behind ``weights``."""
    found = moments_of(weights)
    if not found or weights.recipe is None:
        from cnnviz.interpret import filter_history

        kept = weights.checkpoint and filter_history.read(weights.checkpoint)
        if weights.checkpoint is not None and kept:
            _kept(weights, weights.checkpoint, kept)
        else:
            _say_why_there_are_none(weights)
        return
    told = _history(weights, found, example)
    _predictions(weights, found, example, told)
    if weights.run_id is not None and (reason := snapshots.shortage(weights.run_id, weights.recipe)):
        caption(plain(reason))
    stamps = tuple((moment.run_id, moment.step, moment.stamp) for moment in found)
    _filters(weights, stamps, [when(moment.step, moment.epoch) for moment in found], told.filters)


def _kept(weights: Weights, checkpoint: Checkpoint, kept: FilterHistory) -> None:
    """What a checkpoint has brought along without its run: its first layer's filters at a few moments."""
    steps, filters = list(zip(kept.steps, kept.epochs, strict=True)), kept.filters
    if kept.difference is not None:  # its end is the checkpoint itself
        steps, filters = steps[:-1], filters[:-1]
    captions = [*(when(step, epoch) for step, epoch in steps), _("Trained")]
    final = weights.layers[0].values[:MOST_FILTERS]
    _filters(weights, (checkpoint.id, checkpoint.sha256), captions, np.concatenate([filters, final[None]]))
    caption(
        _origin(kept)
        + " "
        + _(
            "How the predictions developed is shown for your own runs: while they train, all their weights "
            "are saved."
        )
    )
    link(TRAIN, _("Train one"))


def _origin(kept: FilterHistory) -> str:
    """From which training the moments are."""
    if not kept.again:
        return _("Saved while this network was trained.")
    if kept.difference is None:
        return _(
            "From a second training with the same recipe and seed, up to step {step:,}; the last picture "
            "shows the included weights.",
            step=kept.steps[-1],
        )
    return _(
        "From a second training with the same recipe and seed, whose final weights differ from the "
        "included ones by at most {difference:.1g}; the last picture shows the included ones.",
        difference=kept.difference,
    )


def _say_why_there_are_none(weights: Weights) -> None:
    run_id, recipe = weights.run_id, weights.recipe
    if run_id is not None and recipe is not None and has_files(run_id):
        text = snapshots.shortage(run_id, recipe) or _(
            "This training has fewer than two snapshots. While a run trains, its weights are saved at "
            "steps 0, 1, 2, 4, 8, ... and after every epoch."
        )
        st.info(plain(text), icon=":material/movie:")
        return
    st.info(
        _(
            "This training has no snapshots. Choose one of your own runs: while it trains, its weights "
            "are saved at steps 0, 1, 2, 4, 8, ... and after every epoch."
        ),
        icon=":material/movie:",
    )
    link(TRAIN, _("Train one"))


def _history(weights: Weights, found: Sequence[Moment], example: Example) -> History:
    from cnnviz.interpret.networks import history

    assert weights.recipe is not None
    image = weights.image_key(example.pixels)
    keys = [moment.key(weights.recipe) for moment in found]
    start = weights.trace
    key = "history", tuple((moment.run_id, moment.step, moment.stamp) for moment in found), image.digest
    return background.result(
        key,
        lambda progress: history(keys, start, image.tensor(), len(weights.classes), progress),
        _("{count} snapshots", count=len(found)),
    )


def _predictions(weights: Weights, found: Sequence[Moment], example: Example, told: History) -> None:
    figure = plots.predictions_figure(
        [moment.step for moment in found],
        told.probabilities,
        weights.classes,
        _("The network's predictions for this image"),
        example.label_for(weights),
    )
    chart(figure, key="predictions", width=_WIDTH)
    caption(
        _(
            "At first all classes are about equally likely; then the network decides, and sometimes "
            "changes its mind. Snapshots are saved at steps 0, 1, 2, 4, 8, ... and at the end of every "
            "epoch (where two nearly coincide, the end of the epoch is shown). They are evenly spaced "
            "here, however many steps lie between them."
        )
    )


def _filters(weights: Weights, of: Hashable, captions: Sequence[str], filters: NDArray[np.float32]) -> None:
    layer = weights.layers[0]
    show_moments(layer.name, layer.shape[0], of, captions, list(filters))
