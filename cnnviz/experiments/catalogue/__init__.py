"""All experiments, one file for each. A new file is a new experiment: it is found by itself (see docs/adding.md)."""

from __future__ import annotations

import importlib
import pkgutil

from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.experiments.experiment import Experiment
from cnnviz.language import Message


def registered() -> tuple[Experiment, ...]:
    """All experiments, in the order of the course.

    Raises:
        CnnvizError: a file in the catalogue is no experiment; the message names it.
    """
    found = [_read(module.name) for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda experiment: (experiment.order, experiment.key)))


def _read(name: str) -> Experiment:
    try:
        experiment = importlib.import_module(f"{__name__}.{name}").EXPERIMENT
        if not isinstance(experiment, Experiment):
            raise TypeError(f"EXPERIMENT is of type {type(experiment).__name__}")
    except Exception as error:  # a teacher's own code may raise anything
        raise CnnvizError(
            Message("{file} in the catalogue is not an experiment: {error}.", file=f"{name}.py", error=error)
        ) from error
    return experiment


def keys() -> tuple[str, ...]:
    """The keys of all experiments, in the same order."""
    return tuple(experiment.key for experiment in registered())


def get(key: str) -> Experiment:
    """The experiment with this key.

    Raises:
        UnknownKeyError: there is none; the message names the closest.
    """
    by_key = {experiment.key: experiment for experiment in registered()}
    if key not in by_key:
        raise UnknownKeyError(Message("experiment"), key, by_key)
    return by_key[key]
