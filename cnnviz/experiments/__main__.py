"""Run experiments in the terminal, as ordinary runs of the store: ``python -m cnnviz.experiments KEY``.

- ``python -m cnnviz.experiments`` lists all experiments and what their shipped results say;
- ``python -m cnnviz.experiments KEY...`` runs the quick setting, ``--full`` the full one;
- ``--write`` writes what ``--full`` gave to ``cnnviz/experiments/results/KEY.json``; without ``--full`` it only
  notes there how long the quick setting took.

Control-C stops all runs of the experiment. Exit status 0: done; 1: a run failed or was stopped; 2: wrong usage.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from cnnviz import datasets
from cnnviz.cli.terminal import never_fail_for_an_encoding, progress_bar
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.experiments import catalogue, results, running
from cnnviz.experiments.experiment import Experiment, Outcome, Setting
from cnnviz.language import Message
from cnnviz.training.checkpoints.checkpoints import versions
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.dispatching import start_queued

_LOOK_SECONDS = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command; see the module."""
    parser = argparse.ArgumentParser(prog="python -m cnnviz.experiments")
    parser.add_argument("keys", nargs="*", metavar="KEY")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    never_fail_for_an_encoding()
    try:
        chosen = [catalogue.get(key) for key in options.keys]
        if not chosen:
            for experiment in catalogue.registered():
                _tell_shipped(experiment)
        done = [
            _carry_out(experiment, "full" if options.full else "quick", options.write)
            for experiment in chosen
        ]
    except CnnvizError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0 if all(done) else 1


def _tell_shipped(experiment: Experiment) -> None:
    known = results.shipped(experiment.key)
    verdict = known and results.verdict(experiment, known.outcomes, full=True)
    print(f"{experiment.key}: {experiment.claim}")
    if verdict:
        print(f"  {_mark(verdict.holds)} {verdict.seen[0]} {verdict.seen[1]}")


def _mark(holds: bool) -> Message:
    return Message("The claim holds.") if holds else Message("The claim does not hold.")


def _carry_out(experiment: Experiment, setting: Setting, write: bool) -> bool:
    """Run one experiment and tell what came out; whether all of it is there."""
    for recipe in experiment.recipes(setting).values():
        datasets.load(recipe.dataset)  # what is missing or damaged is said before there is a run
    store = open_store()
    begin = time.monotonic()
    group_id = running.start(store, experiment, setting)
    try:
        group = _wait(store, experiment, group_id)
    except KeyboardInterrupt:
        store.stop_group(group_id)
        return False
    seconds = time.monotonic() - begin
    outcomes = running.outcomes(store, experiment, group)
    for key, outcome in outcomes.items():
        accuracy = "-" if outcome.test_accuracy is None else f"{outcome.test_accuracy:.2%}"
        print(f"{key:32} {outcome.status:10} {accuracy:>8}  {outcome.reason or ''}")
    verdict = results.verdict(experiment, outcomes, full=setting == "full")
    if verdict is None:
        return False
    print(f"{experiment.key}: {_mark(verdict.holds)} {verdict.seen[0]} {verdict.seen[1]} ({seconds:,.0f} s)")
    if write:
        _write(experiment, setting, outcomes, seconds)
    return True


def _wait(store: RunStore, experiment: Experiment, group_id: str) -> running.Group:
    with progress_bar(str(experiment.title)) as show:
        while True:
            # Whoever starts this in a terminal decides how nice it is.
            start_queued(store.settings, step_back=0)
            group = running.group_of(store, group_id)
            if group is None:
                raise CnnvizError(Message("The runs of {title} were deleted.", title=experiment.title))
            show(running.part_done(group, [1.0] * len(group.runs)))
            if not group.is_open:
                return group
            time.sleep(_LOOK_SECONDS)  # the runs are in processes of their own, which tell the store alone


def _write(experiment: Experiment, setting: Setting, outcomes: dict[str, Outcome], seconds: float) -> None:
    known = results.shipped(experiment.key)
    times = {**(known.seconds if known else {}), setting: round(seconds, 1)}
    if setting == "full":
        now = datetime.now(UTC).isoformat(timespec="seconds")
        cores = os.cpu_count() or 1
        known = results.Results(experiment.key, outcomes, times, cores, versions(), now)
    elif known is None:
        raise UsageError(Message("No results yet: run with --full --write first."))
    print(results.save(dataclasses.replace(known, seconds=times)))


if __name__ == "__main__":
    sys.exit(main())
