"""Runs: start one, find the one to show, keep the queue moving, and describe them in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.classroom.controls import Control
from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.settings import settings
from cnnviz.training import admission
from cnnviz.training.recipe.differences import differing, flat, label
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import RateChange
from cnnviz.training.records.metrics import Steps
from cnnviz.training.store.polled import open_polled
from cnnviz.training.store.runs import Run, Status, describe
from cnnviz.training.store.store import Admit, open_store
from cnnviz.training.worker.dispatching import executor_of, start_queued
from cnnviz.training.worker.processes import keep_standby
from cnnviz.ui.shared import controls, rights
from cnnviz.ui.shared.background import ask_cluster
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import link_problem
from cnnviz.ui.shared.query import query
from cnnviz.ui.train.choices import VALUES

PARAMETER = "run"
"""The link's parameter with the id of the run that is shown."""

Colour = Literal["gray", "blue", "green", "orange", "red"]
_COLOURS: Mapping[Status, Colour] = {
    Status.QUEUED: "gray",
    Status.STARTING: "blue",
    Status.RUNNING: "blue",
    Status.PAUSED: "orange",
    Status.FINISHED: "green",
    Status.STOPPED: "orange",
    Status.INTERRUPTED: "orange",
    Status.FAILED: "red",
}
_SPEED_STEPS = 50
_RECENT = 20
_ALWAYS = ("epochs", "batch_size", "optimizer", "learning_rate", "momentum", "seed")
_IN_THE_TITLE = ("architecture", "dataset")


def start(recipe: Recipe, origin: tuple[str, int] | None = None) -> None:
    """Queue a run of ``recipe`` and show it; ``origin`` is the snapshot it continues from.

    Raises:
        LimitError: the class does not allow it.
    """
    controls.need(Control.TRAINING)
    store = open_store()
    check([recipe])
    run_id = store.create(recipe, owner=owner(), origin=origin, admit=admit())
    show(run_id)
    move_queue()


def check(recipes: Iterable[Recipe]) -> None:
    """Check that this person may ask for runs of these ``recipes``, and that there is room for them on the disk.

    Raises:
        LimitError: the class does not allow it.
    """
    for recipe in recipes:
        if not rights.may_do_anything():
            admission.check_recipe(recipe)
        admission.check_memory(recipe)
    if rights.may_do_anything():
        admission.make_room(open_store())
    else:
        admission.check_room(open_store())


def admit() -> Admit | None:
    """What limits the number of this person's runs; the teacher may start any number."""
    return None if rights.may_do_anything() else admission.check_number


def expect() -> None:
    """Keep a worker process ready, with everything slow already imported, so that the next run starts quickly."""
    keep_standby()


def show(run_id: str) -> None:
    """Put the run into the link, where the page reads it."""
    query.change({PARAMETER: run_id}, forget=["view"])


def move_queue() -> None:
    """Notice dead workers and start waiting runs.

    Raises:
        CnnvizError: the store cannot be used, or the cluster cannot be asked.
    """
    if settings().cluster is None:
        start_queued()
    else:
        executor_of(settings())
        ask_cluster()


def look_after_queue(moves: bool) -> None:
    """:func:`move_queue` as somebody looks, once a second for all who do, where the store has said that the queue ``moves``.

    Raises:
        CnnvizError: as there.
    """
    if moves:
        open_polled().once_a_second("queue", move_queue)


def shown_run() -> Run | None:
    """The run in the link; else this person's newest open run, else their newest run.

    Where nobody shares the server, runs that were begun in a terminal or recorded by ``cnnviz.watch`` are theirs, too.
    """
    named = query.get(PARAMETER)
    if named is not None:
        try:
            run = open_polled().get(named)
            if run.deleted_at is None:
                return run
            link_problem(Message("Run {id} was deleted.", id=run.id))
        except UnknownKeyError as error:
            link_problem(error.message)
    store, person = open_polled(), owner()
    for only_open in (True, False):
        found = list(store.list(1, owner=person, only_open=only_open))
        if rights.may_do_anything():
            found += [run for run in store.list(_RECENT, only_open=only_open) if run.owner is None]
        if found:
            return max(found, key=lambda run: run.number)
    return None


def badge(run: Run) -> None:
    """The run's status."""
    st.badge(str(describe(run.status)), color=_COLOURS[run.status])


def run_title(run: Run) -> str:
    """The run's title: its name, else network and data set."""
    if run.name or run.watched is not None:
        return run.name or network_title(run)
    return _("{network} on {data}", network=network_title(run), data=data_title(run))


def short_title(run: Run) -> str:
    """:func:`run_title` plus the end of the run's id, to tell runs of one network apart."""
    return f"{run.name or network_title(run)} · {run.id.rpartition('-')[2]}"


def network_title(run: Run) -> str:
    """The title of the run's network; its class's name where somebody's own program trains it."""
    if run.watched is not None:
        return run.watched.network
    return _network_of(run.recipe, run.architecture)


def _network_of(recipe: Mapping[str, Any], key: str) -> str:
    """The title of a recipe's network; a person's own is called as its class where it is not kept any more."""
    own = recipe.get("own")
    return _title_of(architectures.get, key, own.get("name") if isinstance(own, Mapping) else None)


def data_title(run: Run) -> str:
    """The title of the run's data set; nothing is known of it where somebody's own program trains."""
    if run.watched is not None:
        return "–"
    return _title_of(datasets.get, run.dataset)


def summary(run: Run, changes: Sequence[RateChange] = ()) -> str:
    """The recipe in one line: the main fields, and those that differ from the course's recipe.

    ``changes`` are where its learning rate was changed by hand; they stand beside the recipe's own.
    """
    fields = flat(run.recipe)
    shown = dict.fromkeys(name for name in _ALWAYS if name in fields)
    if fields.get("optimizer") != "sgd":
        shown.pop("momentum", None)
    shown |= dict.fromkeys(name for name in _unusual(run) if name not in _IN_THE_TITLE)
    texts = {name: f"{label(name, run.architecture)} {value_text(fields[name])}" for name in shown}
    if changes:
        texts["learning_rate"] = _changed_rate(run, changes)
    facts = list(texts.values())
    if run.origin is not None:
        facts.append(_("continues from run {id}, step {step:,}", id=run.origin, step=run.origin_step))
    return " · ".join([*facts, _("run {id}", id=run.id)])


def _changed_rate(run: Run, changes: Sequence[RateChange]) -> str:
    """The recipe's learning rate, and what was made of it while the run trained."""
    last = changes[-1]
    values = {
        "recipe": value_text(run.recipe.get("learning_rate")),
        "rate": last.learning_rate,
        "step": last.step + 1,
        "epoch": last.step * run.epochs // run.total_steps + 1 if run.total_steps else 1,
    }
    if len(changes) == 1:
        return _(
            "learning rate {recipe}, changed by hand to {rate:g} from step {step:,} (epoch {epoch:,})",
            **values,
        )
    return _(
        "learning rate {recipe}, changed by hand {count:,} times, to {rate:g} from step {step:,} "
        "(epoch {epoch:,})",
        count=len(changes),
        **values,
    )


def field_text(recipe: Mapping[str, Any], name: str) -> str:
    """The value of the field ``name`` (as :func:`cnnviz.training.recipe.differences.flat` has it) of a run's recipe."""
    fields = flat(recipe)
    if name not in fields:
        return "–"
    value = fields[name]
    if name == "architecture":
        return _network_of(recipe, str(value))
    if name == "dataset":
        return _title_of(datasets.get, str(value))
    if name.startswith("options.") and isinstance(value, str):  # "none" is no schedule here
        return value
    return value_text(value)


def value_text(value: Any) -> str:
    """The value of a recipe's field as text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("on") if value else _("off")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_text, value))
    return str(VALUES.get(value, value))


def epochs_text(run: Run) -> str:
    """The current epoch of a run; once it is over, how many it completed."""
    if run.watched is not None:
        return f"{run.epoch:,}"
    epoch = run.epoch
    if not run.is_open and run.total_steps:
        epoch = run.step * run.epochs // run.total_steps
    return f"{epoch:,} / {run.epochs:,}"


def duration(seconds: float) -> Message:
    """A span of time in the two largest units that fit: days, hours, minutes, seconds."""
    if 0 < seconds < 1:
        return Message("less than 1 s")
    whole = max(0, round(seconds))
    if whole < 60:
        return Message("{seconds} s", seconds=whole)
    if whole < 3600:
        return Message("{minutes} min {seconds} s", minutes=whole // 60, seconds=whole % 60)
    if whole < 48 * 3600:
        return Message("{hours:,} h {minutes} min", hours=whole // 3600, minutes=whole % 3600 // 60)
    return Message("{days:,} d {hours} h", days=whole // 86400, hours=whole % 86400 // 3600)


def images_per_second(steps: Steps, batch_size: int) -> float | None:
    """Training speed over the latest steps; None before there are two."""
    if len(steps) < 2:
        return None
    first, last = steps[max(0, len(steps) - _SPEED_STEPS)], steps[-1]
    seconds = float(last["seconds"] - first["seconds"])
    return (int(last["step"]) - int(first["step"])) * batch_size / seconds if seconds > 0 else None


def _unusual(run: Run) -> Sequence[str]:
    """The fields in which the run's recipe differs from the course's."""
    try:
        usual = Recipe.default(run.architecture, dataset=run.dataset).to_dict()
    except UnknownKeyError:  # of another cnnviz
        return ()
    return [name for name in differing([usual, run.recipe]) if name in flat(run.recipe)]


def _title_of(get: Callable[[str], Any], key: str, name: str | None = None) -> str:
    """The title registered for ``key``; a ``name`` or the key itself if it is not known here (any more)."""
    try:
        return str(get(key).title)
    except UnknownKeyError:
        return name or key
