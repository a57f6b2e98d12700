"""How long a training will take on this machine and how much memory, said before it starts."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass

import streamlit as st

from cnnviz.errors import CnnvizError
from cnnviz.interpret.jobs import Job, Jobs
from cnnviz.language import translate as _
from cnnviz.training.estimating import Estimate, estimate
from cnnviz.training.recipe import Recipe
from cnnviz.ui.frame import fragment
from cnnviz.ui.number import put_number
from cnnviz.ui.run_words import duration
from cnnviz.ui.show import plain

LOOK_SECONDS = 0.5
_FRESH_SECONDS = 600  # a machine may be busy now, and not later
_MOST_BYTES = 1_000_000
_LONG_SECONDS = 30 * 60
_SHORT_SECONDS = 5 * 60
_LEAST_BATCHES = 10  # of an epoch
_ANSWER = "_estimate"
_MEGABYTE, _GIGABYTE = 1e6, 1e9


@dataclass(frozen=True)
class Measured:
    """An estimate for one epoch, as :class:`cnnviz.interpret.jobs.Jobs` keeps it."""

    estimate: Estimate
    nbytes: int = 1_000


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs[Measured]:
    return Jobs(_MOST_BYTES, at_once=1)


def show(recipe: Recipe) -> bool:
    """Say what a training by ``recipe`` will take, now or in a moment; whether it may be started."""
    key = _key(recipe)
    told = st.session_state.get(_ANSWER)
    if told is None or told[0] != key:
        if not _job(key).wait(0.02):
            fragment(run_every=LOOK_SECONDS)(_wait)(key)
            return True
        told = st.session_state[_ANSWER] = (key, _answer(_job(key)))
    answer: Estimate | CnnvizError = told[1]
    if isinstance(answer, CnnvizError):
        st.caption(":material/timer_off: " + plain(answer))
        return True
    _say(answer, recipe)
    return answer.fits


def _wait(key: str) -> None:
    """Wait for the measurement, and let the page say what came out."""
    job = _job(key)
    if job.wait(0.02):
        st.session_state[_ANSWER] = (key, _answer(job))
        st.rerun()
    st.caption(":material/timer: " + _("A few batches are measured: how long it will take here ..."))


def _key(recipe: Recipe) -> str:
    """All that time and memory depend on, for one epoch, and when it was asked for."""
    one = dataclasses.replace(recipe, epochs=1, learning_rate=0.01, seed=1, schedule="none")
    return json.dumps([int(time.time() // _FRESH_SECONDS), one.to_dict()], sort_keys=True)


def _job(key: str) -> Job[Measured]:
    recipe = Recipe.from_dict(json.loads(key)[1])
    return _jobs().get(key, lambda _progress: Measured(estimate(recipe)))


def _answer(job: Job[Measured]) -> Estimate | CnnvizError:
    try:
        return job.result().estimate
    except CnnvizError as error:
        return error


def _say(found: Estimate, recipe: Recipe) -> None:
    """The numbers in a line; where the run is long, a way to shorten it; where it does not fit, why."""
    memory = _("memory about {needed}", needed=_bytes(found.memory))
    if found.available is not None:
        memory += " " + _("of {available} free", available=_bytes(found.available))
    if found.gpu is not None:
        memory += " " + _("on {gpu}", gpu=found.gpu)
    if not found.fits:
        st.error(
            _("This would not fit: {memory}. Take a smaller batch, or smaller images.", memory=plain(memory)),
            icon=":material/memory:",
        )
        return
    st.caption(":material/timer: " + _time_text(found, recipe, plain(memory)))
    if found.seconds * recipe.epochs > _LONG_SECONDS:
        _offer_fewer(found, recipe)


def _time_text(found: Estimate, recipe: Recipe, memory: str) -> str:
    whole = found.seconds * recipe.epochs
    speed = f"{found.images_per_second:,.{0 if found.images_per_second >= 10 else 1}f}"
    if whole < 1:
        return _("**Less than 1 s** here: {speed} images a second; {memory}.", speed=speed, memory=memory)
    if recipe.epochs == 1:
        return _(
            "About **{whole}** here: {speed} images a second; {memory}.",
            whole=duration(whole),
            speed=speed,
            memory=memory,
        )
    return _(
        "About **{whole}** here: {epoch} an epoch, {speed} images a second; {memory}.",
        whole=duration(whole),
        epoch=duration(found.seconds),
        speed=speed,
        memory=memory,
    )


def _offer_fewer(found: Estimate, recipe: Recipe) -> None:
    """A number of training images with which a long run becomes a short one, where there is one."""
    images = found.epoch_seconds * found.images_per_second
    left = _SHORT_SECONDS / recipe.epochs - found.test_seconds
    fewer = int(left * found.images_per_second) // 100 * 100
    if not _LEAST_BATCHES * recipe.batch_size <= fewer < images:
        st.caption(_("Fewer epochs, smaller images or a smaller network would make it shorter."))
        return
    st.button(
        _("Train on {count:,} images: about {duration}", count=fewer, duration=duration(_SHORT_SECONDS)),
        key="fewer-images",
        icon=":material/bolt:",
        on_click=put_number,
        args=("train_images", fewer, 0),
        width="stretch",
    )


def _bytes(count: float) -> str:
    if count < _GIGABYTE:
        return _("{megabytes:,.0f} MB", megabytes=count / _MEGABYTE)
    return _("{gigabytes:.1f} GB", gigabytes=count / _GIGABYTE)
