"""The Train page says before a start how long a training will take, and whether the memory is enough."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.errors import CnnvizError
from cnnviz.interpret.jobs import UnwatchedError
from cnnviz.language import Message
from cnnviz.training.loop import memory
from cnnviz.training.loop.estimating import Estimate
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import RunStore
from cnnviz.ui.train import estimates
from tests.pages.training_page import PAGE, SECONDS, texts

OpenPage = Callable[..., AppTest]


def said(app: AppTest) -> str:
    """The captions of the page, once the measurement is there."""
    for _ in range(50):
        captions = "\n".join(caption.value for caption in app.caption)
        if "Timing a few batches" not in captions:
            return captions
        app.run()
    raise AssertionError("the measurement does not end")


def test_the_page_says_how_long_it_will_take_before_a_start(open_page: OpenPage, store: RunStore) -> None:
    app = open_page(PAGE, model="lenet5", epochs="5")
    assert "About **1 min 0 s** on this machine: 12 s per epoch, 400 images per second" in said(app)
    assert "about 800 MB of memory (4.0 GB available)" in said(app)
    app.number_input(key="epochs").set_value(100).run()
    assert "About **20 min 0 s** on this machine" in said(app)
    assert not app.button(key="start").disabled
    app.number_input(key="epochs").set_value(1).run()
    assert "About **12 s** on this machine: 400 images per second" in said(app)


def test_less_than_a_second_is_not_called_none(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = dataclasses.replace(SECONDS, seconds=0.3, epoch_seconds=0.2, test_seconds=0.1)
    monkeypatch.setattr(estimates, "estimate", lambda recipe: quick)
    app = open_page(PAGE, model="mlp")
    assert "**Less than 1 s** on this machine: 400 images per second" in said(app)
    app.number_input(key="epochs").set_value(4).run()
    assert "About **1 s** on this machine: less than 1 s per epoch" in said(app)


def test_who_asks_for_processes_that_would_be_slower_than_one_is_told(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    slower = dataclasses.replace(SECONDS, alone=1_000.0)
    monkeypatch.setattr(estimates, "estimate", lambda recipe: slower)
    app = open_page(PAGE, model="lenet-bn", workers="2")
    assert "One process alone would be faster on this machine: about 1,000 images per second" in said(app)
    faster = dataclasses.replace(SECONDS, alone=300.0)
    monkeypatch.setattr(estimates, "estimate", lambda recipe: faster)
    app = open_page(PAGE, model="lenet-bn", workers="2", batch_size="32")
    assert "One process alone" not in said(app)


def test_a_long_training_can_be_made_short(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = dataclasses.replace(
        SECONDS, seconds=605.0, epoch_seconds=600.0, test_seconds=5.0, images_per_second=20.0
    )
    monkeypatch.setattr(estimates, "estimate", lambda recipe: slow)
    app = open_page(PAGE, model="lenet5", dataset="mnist-sample", epochs="5")
    said(app)
    app.button(key="fewer-images").click().run()
    assert app.query_params["train_images"] == "1100"  # (300 s / 5 - 5 s) * 20 images a second
    twice = dataclasses.replace(slow, seconds=1205.0)  # a second pass takes as long as the first
    monkeypatch.setattr(estimates, "estimate", lambda recipe: twice)
    query = {"epochs": "5", "batch_size": "16", "train_accuracy": "second-pass"}
    app = open_page(PAGE, model="lenet5", dataset="mnist-sample", **query)
    said(app)
    app.button(key="fewer-images").click().run()
    assert app.query_params["train_images"] == "500"
    monkeypatch.setattr(estimates, "estimate", lambda recipe: slow)
    app = open_page(PAGE, model="lenet5", dataset="mnist-sample", epochs="200")
    assert "Fewer epochs" in said(app)  # the tests alone take longer


def test_a_training_that_would_not_fit_is_refused_with_the_numbers(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = dataclasses.replace(SECONDS, memory=9_000_000_000)
    monkeypatch.setattr(estimates, "estimate", lambda recipe: large)
    app = open_page(PAGE, model="vgg11", dataset="mnist-sample")
    said(app)
    assert "would not fit: about 9.0 GB of memory (4.0 GB available)" in texts(app)
    assert app.button(key="start").disabled


def test_a_refusal_ends_with_the_run_that_took_the_memory(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 300_000_000
    monkeypatch.setattr(memory, "available", lambda *_: free)
    refused = dataclasses.replace(SECONDS, seconds=0.0, images_per_second=0.0, available=free)
    monkeypatch.setattr(estimates, "estimate", lambda recipe: SECONDS if free >= SECONDS.memory else refused)
    app = open_page(PAGE, model="vgg11", dataset="mnist-sample", epochs="5")
    said(app)
    assert "would not fit: about 800 MB of memory (300 MB available)" in texts(app)
    assert app.button(key="start").disabled
    free = 2_000_000_000  # the other run has ended
    for _ in range(50):
        app.run()
        if not app.error:
            break
    assert "About **1 min 0 s** on this machine" in said(app)
    assert "about 800 MB of memory (2.0 GB available)" in said(app)
    assert not app.button(key="start").disabled
    free = 400_000_000  # and another one has begun
    app.run()
    assert "would not fit: about 800 MB of memory (400 MB available)" in texts(app)
    assert app.button(key="start").disabled


def test_what_a_graphics_card_has_free_is_said_and_asked_for_again(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = dataclasses.replace(SECONDS, device="cuda", gpu="NVIDIA H100", available=16_000_000_000)
    answers = [dataclasses.replace(card, available=500_000_000), card]
    monkeypatch.setattr(estimates, "estimate", lambda recipe: answers.pop(0) if answers else card)
    monkeypatch.setattr(memory, "available", lambda *_: 100)  # the processor's does not matter
    app = open_page(PAGE, model="lenet5", epochs="5")
    said(app)
    for _ in range(50):
        if not app.error:
            break
        assert "about 800 MB of memory (500 MB available) on NVIDIA H100" in texts(app)
        assert app.button(key="start").disabled
        app.run()
    assert "about 800 MB of memory (16.0 GB available) on NVIDIA H100" in said(app)
    assert not app.button(key="start").disabled


def test_a_slow_measurement_that_fails_is_made_once(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, asked = threading.Event(), list[Recipe]()

    def fail(recipe: Recipe) -> Estimate:
        asked.append(recipe)
        go_on.wait(60)
        raise CnnvizError(Message("The measurement went wrong."))

    monkeypatch.setattr(estimates, "estimate", fail)
    app = open_page(PAGE, model="lenet5")
    assert "Timing a few batches" in "\n".join(caption.value for caption in app.caption)
    go_on.set()
    assert "The measurement went wrong." in said(app)
    assert len(asked) == 1
    assert not app.button(key="start").disabled


def test_a_measurement_that_nobody_waited_for_is_made_when_somebody_comes_back(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(recipe: Recipe) -> Estimate:
        raise UnwatchedError

    monkeypatch.setattr(estimates, "estimate", leave)
    app = open_page(PAGE, model="lenet5", epochs="5")
    monkeypatch.setattr(estimates, "estimate", lambda recipe: SECONDS)
    app.run()
    assert "About **1 min 0 s** on this machine" in said(app)


def test_a_measurement_that_fails_stops_nobody(
    open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(recipe: Recipe) -> Estimate:
        raise CnnvizError(Message("The measurement went wrong."))

    monkeypatch.setattr(estimates, "estimate", fail)
    app = open_page(PAGE, model="lenet5")
    assert "The measurement went wrong." in said(app)
    assert not app.button(key="start").disabled
