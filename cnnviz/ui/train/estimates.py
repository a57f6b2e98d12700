"""How much time and memory a training will need on this machine, estimated before it starts."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.interpret.jobs import Job, Jobs, UnwatchedError
from cnnviz.language import translate as _
from cnnviz.training.loop import memory
from cnnviz.training.loop.estimating import Estimate
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.worker.processes import estimate
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import put_in_link
from cnnviz.ui.shared.problems import plain, run_again
from cnnviz.ui.shared.words import caption
from cnnviz.ui.train.runs import duration

LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 3.0
_FRESH_SECONDS = 600  # a machine may be busy now, and not later
_LONG_SECONDS = 30 * 60
_SHORT_SECONDS = 5 * 60
_LEAST_BATCHES = 10  # of an epoch
_CLEARLY = 1.1
_HELD = "_estimate"  # the session's measurement: one that failed is known nowhere else
_MEGABYTE, _GIGABYTE = 1e6, 1e9


@dataclass(frozen=True)
class Measured:
    """An estimate for one epoch, as :class:`cnnviz.interpret.jobs.Jobs` keeps it."""

    estimate: Estimate
    nbytes: int = 1_000


class _RefusedError(Exception):
    """Not enough memory. Raised because failures are not cached: once another run ends, it may fit."""

    def __init__(self, estimate: Estimate) -> None:
        super().__init__()
        self.estimate = estimate


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Measured]:
    return Jobs(at_once=1)


def show(recipe: Recipe) -> bool:
    """Say what training with ``recipe`` will cost, now or in a moment; returns whether it may start."""
    key = _key(recipe)
    held = st.session_state.get(_HELD)
    if held is None or held[0] != key or _was_left(held[1]):
        held = st.session_state[_HELD] = (key, _job(key))
    job: Job[Measured] = held[1]
    if not job.wait(0.02):
        fragment(run_every=LOOK_SECONDS)(_wait)(job)
        return True
    answer = _answer(job)
    if isinstance(answer, CnnvizError):
        st.caption(":material/timer_off: " + plain(answer))
        return True
    found = _as_of_now(answer) if answer.fits else answer
    if not found.fits:
        fragment(run_every=_AGAIN_SECONDS)(_look_again)(key, found)
    _say(found, recipe)
    return found.fits


def _wait(job: Job[Measured]) -> None:
    """Wait for the measurement, then rerun the page to show it."""
    if job.wait(0.02):
        run_again()
    st.caption(":material/timer: " + _("Timing a few batches to estimate the training time ..."))


def _look_again(key: str, found: Estimate) -> None:
    """Check again whether the training fits by now, as another run may have ended; rerun the page if so."""
    if found.device == "cpu" and not _as_of_now(found).fits:
        return
    job = _job(key)
    if job.wait(0.02) and not _is_refused(job):
        st.session_state[_HELD] = (key, job)
        run_again()


def _as_of_now(found: Estimate) -> Estimate:
    """With the memory that is free at this moment; a GPU's only the training process may ask for, as whoever asks
    takes some of it.
    """
    return dataclasses.replace(found, available=memory.available()) if found.device == "cpu" else found


def _key(recipe: Recipe) -> str:
    """Everything that time and memory of one epoch depend on, and roughly when it was asked."""
    one = dataclasses.replace(recipe, epochs=1, learning_rate=0.01, seed=1, schedule="none")
    return json.dumps([int(time.time() // _FRESH_SECONDS), one.to_dict()], sort_keys=True)


def _job(key: str) -> Job[Measured]:
    recipe = Recipe.from_dict(json.loads(key)[1])
    return _jobs().get(key, lambda _progress: _measured(recipe))


def _measured(recipe: Recipe) -> Measured:
    found = estimate(recipe)
    if not found.fits:
        raise _RefusedError(found)
    return Measured(found)


def _was_left(job: Job[Measured]) -> bool:
    return job.wait(0.0) and isinstance(_answer(job), UnwatchedError)


def _is_refused(job: Job[Measured]) -> bool:
    answer = _answer(job)
    return isinstance(answer, Estimate) and not answer.fits


def _answer(job: Job[Measured]) -> Estimate | CnnvizError:
    try:
        return job.result().estimate
    except _RefusedError as refusal:
        return refusal.estimate
    except CnnvizError as error:
        return error


def _say(found: Estimate, recipe: Recipe) -> None:
    """The estimate in one line; a way to shorten a long run; or why it does not fit."""
    memory = _("about {needed} of memory", needed=_bytes(found.memory))
    if found.available is not None:
        memory += " " + _("({available} available)", available=_bytes(found.available))
    if found.gpu is not None:
        memory += " " + _("on {gpu}", gpu=found.gpu)
    if not found.fits:
        told = _(
            "This would not fit: {memory}. Use a smaller batch size or smaller images.", memory=plain(memory)
        )
        if recipe.workers > 1 and found.gpu is None:
            told += " " + _("Each of the {count} processes takes memory of its own.", count=recipe.workers)
        st.error(told, icon=":material/memory:")
        return
    st.caption(":material/timer: " + _time_text(found, recipe, plain(memory)))
    if found.alone is not None and found.alone > _CLEARLY * found.images_per_second:
        caption(
            _(
                "One process alone would be faster on this machine: about {speed:,.0f} images per second. The processes "
                "wait for each other once a step, and twice at each batch normalisation.",
                speed=found.alone,
            )
        )
    if found.seconds * recipe.epochs > _LONG_SECONDS:
        _offer_fewer(found, recipe)


def _time_text(found: Estimate, recipe: Recipe, memory: str) -> str:
    whole = found.seconds * recipe.epochs
    speed = f"{found.images_per_second:,.{0 if found.images_per_second >= 10 else 1}f}"
    if whole < 1:
        return _(
            "**Less than 1 s** on this machine: {speed} images per second; {memory}.",
            speed=speed,
            memory=memory,
        )
    if recipe.epochs == 1:
        return _(
            "About **{whole}** on this machine: {speed} images per second; {memory}.",
            whole=duration(whole),
            speed=speed,
            memory=memory,
        )
    return _(
        "About **{whole}** on this machine: {epoch} per epoch, {speed} images per second; {memory}.",
        whole=duration(whole),
        epoch=duration(found.seconds),
        speed=speed,
        memory=memory,
    )


def _offer_fewer(found: Estimate, recipe: Recipe) -> None:
    """Offer fewer training images, where that turns a long run into a short one."""
    images = found.epoch_seconds * found.images_per_second
    left = _SHORT_SECONDS / recipe.epochs - found.test_seconds
    passes = found.seconds - found.test_seconds  # over the training images, a second one included
    fewer = int(left * images / passes) // 100 * 100
    if not _LEAST_BATCHES * recipe.batch_size <= fewer < images:
        caption(_("Fewer epochs, smaller images or a smaller network would be faster."))
        return
    st.button(
        _("Train on {count:,} images: about {duration}", count=fewer, duration=duration(_SHORT_SECONDS)),
        key="fewer-images",
        icon=":material/bolt:",
        on_click=put_in_link,
        args=("train_images", fewer, 0),
        width="stretch",
    )


def _bytes(count: float) -> str:
    if count < _GIGABYTE:
        return _("{megabytes:,.0f} MB", megabytes=count / _MEGABYTE)
    return _("{gigabytes:.1f} GB", gigabytes=count / _GIGABYTE)
