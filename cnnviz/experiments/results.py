"""The results of full runs that come along: ``results/<key>.json``, with recipes and versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.experiments.experiment import Experiment, Outcome, Verdict
from cnnviz.files import write_whole
from cnnviz.language import Message

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
