"""What the Train page shows of a run that somebody's own program trains, and no recipe describes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz.errors import CnnvizError
from cnnviz.interpret.networks import MOST_FILTERS
from cnnviz.language import translate as _
from cnnviz.training.records import snapshots
from cnnviz.training.records.metrics import Steps
from cnnviz.training.records.snapshots import least_missed
from cnnviz.training.store.runs import Run, Watched
from cnnviz.ui.inside.filter_moments import show_moments, when
from cnnviz.ui.shared.words import caption, metric

_MOMENTS = 12


def summary(run: Run, watched: Watched) -> str:
    """The run in one line."""
    facts = [_("network {name}", name=watched.network)]
    if watched.parameters is not None:
        facts.append(_("{count:,} parameters", count=watched.parameters))
    facts += [_("trained by {program}", program=watched.program), _("run {id}", id=run.id)]
    return " · ".join(facts)


def say_who_trains(run: Run) -> None:
    """While it goes on: why there are no buttons to pause or stop it."""
    if run.is_open:
        st.caption(
            ":material/code: "
            + _("This run is recorded by `cnnviz.watch` in a program of its own: pause or stop it there.")
        )


def metrics(run: Run, steps: Steps, time: str) -> None:
    """The latest figures in numbers; ``time`` is the training time in words."""
    with st.container(horizontal=True, gap="medium"):
        if run.test_accuracy is not None:
            metric(_("Test accuracy"), f"{run.test_accuracy:.2%}", width="content")
        metric(_("Step"), f"{run.step:,}", width="content")
        speed = _steps_per_second(steps)
        metric(_("Steps per second"), "–" if speed is None else f"{speed:,.1f}", width="content")
        metric(_("Time"), time, width="content")


def show_filters(run: Run) -> None:
    """The first layer's filters from before the first step up to now."""
    found: list[tuple[int, int, NDArray[np.float32]]] = []
    layer = ""
    for step, epoch in _chosen(snapshots.available(run.id)):
        try:
            kept = snapshots.read(run.id, step).weights
        except CnnvizError:  # damaged, or thinned out at this very moment
            continue
        for name, weight in kept.items():
            layer = name.removesuffix(".weight")
            found.append((step, epoch, weight.numpy()))
    if not found:
        caption(_("This network has no 2D convolution, so there are no filters to show."))
        return
    show_moments(
        layer,
        len(found[0][2]),
        (run.id, tuple(step for step, _epoch, _weights in found)),
        [when(step, epoch) for step, epoch, _weights in found],
        [weights[:MOST_FILTERS] for _step, _epoch, weights in found],
    )


def _chosen(moments: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """At most :data:`_MOMENTS` of them, evenly spread on a logarithmic scale; the first and the last are among them."""
    chosen = list(moments)
    while len(chosen) > _MOMENTS:
        del chosen[least_missed([step for step, _epoch in chosen])]
    return chosen


def _steps_per_second(steps: Steps) -> float | None:
    """Over the latest of the ``steps``; None before there are two."""
    latest = steps[-_MOMENTS:]
    spans = [
        float(b["seconds"] - a["seconds"]) / max(1, int(b["step"]) - int(a["step"]))
        for a, b in pairwise(latest)
    ]
    each = float(np.median(spans)) if spans else 0.0
    return 1 / each if each > 0 else None
