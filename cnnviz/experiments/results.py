"""What experiments gave: the included results of full runs (``results/<key>.json``), the verdict, and the figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from cnnviz.errors import CnnvizError
from cnnviz.experiments.experiment import Experiment, Outcome, Outcomes, Panel, Setting, Variant, Verdict
from cnnviz.files import write_whole
from cnnviz.language import Message
from cnnviz.plots import experiments as plots
from cnnviz.training.recipe.differences import flat, label

if TYPE_CHECKING:
    import plotly.graph_objects as go

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Results:
    """What a full run gave: ``outcomes`` by the variants' keys.

    ``seconds`` are how long the settings took from start to end on ``cores`` cores; ``versions`` are those
    of cnnviz, torch and Python, ``created_at`` is ISO 8601 in UTC.
    """

    experiment: str
    outcomes: Mapping[str, Outcome]
    seconds: Mapping[str, float]
    cores: int
    versions: Mapping[str, str]
    created_at: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, as they stand in the file."""
        return {
            "experiment": self.experiment,
            "created_at": self.created_at,
            "versions": dict(self.versions),
            "cores": self.cores,
            "seconds": dict(self.seconds),
            "outcomes": {key: outcome.to_dict() for key, outcome in self.outcomes.items()},
        }


def shipped(key: str) -> Results | None:
    """The results of the experiment ``key``; None where none were written yet.

    Raises:
        CnnvizError: the file is there and cannot be understood.
    """
    path = FOLDER / f"{key}.json"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return None


def save(results: Results) -> Path:
    """Write the results to their place, a line for each training; raises StorageError where that fails."""
    path = FOLDER / f"{results.experiment}.json"
    values = results.to_dict()
    outcomes = values.pop("outcomes").items()
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(outcome)}" for key, outcome in outcomes)
    facts = json.dumps(values, indent=1).removesuffix("\n}")
    write_whole(path, f'{facts},\n "outcomes": {{\n{lines}\n }}\n}}\n'.encode())
    return path


def verdict(experiment: Experiment, outcomes: Mapping[str, Outcome], full: bool) -> Verdict | None:
    """What the outcomes say of the claim; None while a variant is missing, goes on, or was stopped."""
    wanted = experiment.of("full" if full else "quick")
    if any(variant.key not in outcomes or not outcomes[variant.key].ended for variant in wanted):
        return None
    return experiment.judge(outcomes)


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Results:
    """The results in ``path``; the other argument makes a changed file another entry of the cache."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        outcomes = {key: Outcome.from_dict(outcome) for key, outcome in values["outcomes"].items()}
        return Results(**{**values, "outcomes": outcomes})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CnnvizError(
            Message("Cannot read the results in {path} ({error}).", path=path.name, error=error)
        ) from error


_NOTHING = Outcome("queued", {})


def draw(
    panel: Panel, experiment: Experiment, setting: Setting, outcomes: Outcomes, revision: str
) -> go.Figure:
    """One panel of the experiment's figure; what is not in ``outcomes`` yet is left empty.

    While ``revision`` stays the same, a person's zoom stays too.
    """
    variants = [v for v in experiment.of(setting) if not panel.variants or v.key in panel.variants]
    title = str(panel.title)
    if panel.kind == "curves":
        lines = {str(v.title): _curve(outcomes.get(v.key, _NOTHING), panel.y[0]) for v in variants}
        return plots.curves(title, lines, panel.y[0], revision)
    if panel.kind == "layers":
        norms = {str(v.title): getattr(outcomes.get(v.key, _NOTHING), panel.y[0]) for v in variants}
        return plots.layers(title, norms, revision)
    if panel.kind == "sweep":
        return _sweep(panel, experiment, setting, variants, outcomes, revision)
    if panel.kind == "stack":
        return _stack(title, variants, outcomes, revision)
    places, series = _bars(panel, variants, outcomes)
    return plots.bars(title, places, series, _measure(panel), revision)


def place_of(
    panel: Panel, experiment: Experiment, variant: Variant, outcomes: Outcomes
) -> str | float | None:
    """Where along the axis of a panel of a full run the test accuracy of a ``variant`` stands; None where it does not."""
    if "test_accuracy" not in panel.y or (panel.variants and variant.key not in panel.variants):
        return None
    if panel.kind == "bars":
        return str(variant.place or variant.title)
    if panel.kind == "sweep":
        return _number(experiment, variant, "full", panel.x)
    return outcomes[variant.key].epochs[-1].epoch


def _curve(outcome: Outcome, y: str) -> tuple[plots.Numbers, plots.Numbers]:
    if y == "loss":
        return np.array(outcome.progress), np.array(outcome.losses)
    numbers = np.array([epoch.epoch for epoch in outcome.epochs])
    return numbers, np.array([getattr(epoch, y) for epoch in outcome.epochs])


def _stack(title: str, variants: Sequence[Variant], outcomes: Outcomes, revision: str) -> go.Figure:
    shown = [outcomes.get(v.key, _NOTHING).macs for v in variants]
    kernels = sorted({kernel for macs in shown for kernel in macs})
    parts = {kernel: [macs.get(kernel, 0) for macs in shown] for kernel in kernels}
    return plots.stack(title, [str(v.title) for v in variants], parts, revision)


def _bars(panel: Panel, variants: Sequence[Variant], outcomes: Outcomes) -> tuple[list[str], plots.Series]:
    """The places along the axis, and the height of each series at each of them."""
    places = list(dict.fromkeys(str(v.place or v.title) for v in variants))
    series: dict[str, list[float | None]] = {}
    for v in variants:
        for y in panel.y:
            name = str(v.series) if v.series else str(plots.MEASURES[y].title)
            values = series.setdefault(name, [None] * len(places))
            values[places.index(str(v.place or v.title))] = _value(outcomes, v, y)
    return places, series


def _sweep(
    panel: Panel,
    experiment: Experiment,
    setting: Setting,
    variants: Sequence[Variant],
    outcomes: Outcomes,
    revision: str,
) -> go.Figure:
    at = {v.key: _number(experiment, v, setting, panel.x) for v in variants}
    x = sorted(set(at.values()))
    series: dict[str, list[float | None]] = {}
    for v in variants:
        for y in panel.y:
            measure = str(plots.MEASURES[y].title)
            name = measure if v.series is None else str(v.series)
            if v.series is not None and len(panel.y) > 1:
                name = f"{v.series}, {measure}"
            series.setdefault(name, [None] * len(x))[x.index(at[v.key])] = _value(outcomes, v, y)
    architecture = experiment.recipe(variants[0], setting).architecture
    x_title = str(label(panel.x, architecture))
    refused = [at[v.key] for v in variants if outcomes.get(v.key, _NOTHING).status == "refused"]
    return plots.sweep(
        str(panel.title), x, x_title, series, _measure(panel), revision, log_x=panel.log_x, refused=refused
    )


def _measure(panel: Panel) -> str:
    """What the vertical axis shows; several of the same kind share one."""
    return "accuracy" if set(panel.y) == {"train_accuracy", "test_accuracy"} else panel.y[0]


def _value(outcomes: Outcomes, variant: Variant, y: str) -> float | None:
    return cast("float | None", getattr(outcomes.get(variant.key, _NOTHING), y))


def _number(experiment: Experiment, variant: Variant, setting: Setting, name: str) -> float:
    return float(flat(experiment.recipe(variant, setting).to_dict())[name])
