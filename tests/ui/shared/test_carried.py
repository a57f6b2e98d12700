from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import architectures
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import open_store
from cnnviz.training.worker.worker import run_in_foreground
from cnnviz.ui.shared.carried import trainable
from tests.own.test_kept import keep, student


def page() -> None:
    """Stands for any page: the name of the one that is open comes with the session."""
    import json

    import streamlit as st

    from cnnviz.ui.shared import carried
    from cnnviz.ui.shared.query import query

    query.begin()
    carried.notice(st.session_state["page"])
    pages = ("", "architecture", "convolution", "data", "train", "filters", "draw", "evaluate", "experiments")
    st.text(json.dumps({name: dict(carried.parameters(name)) for name in pages}))


class Walk:
    """A way through the pages; each visit gives what the menu's links then say of a network."""

    def __init__(self) -> None:
        self.app = AppTest.from_function(page, default_timeout=60)

    def visit(self, name: str, **link: Any) -> dict[str, dict[str, Any]]:
        self.app.session_state["page"] = name
        self.app.query_params.clear()
        for key, value in link.items():
            self.app.query_params[key] = value
        self.app.run()
        assert not self.app.exception
        menu = json.loads(self.app.text[0].value)
        return {page: named for page, named in menu.items() if named}


def test_nothing_goes_along_before_a_network_was_chosen() -> None:
    walk = Walk()
    for name in ("", "architecture", "train", "filters", "draw", "evaluate"):
        assert walk.visit(name) == {}


@pytest.mark.parametrize(
    ("page", "link", "menu"),
    [
        (
            "architecture",
            {"model": "inception-mini", "view": "why"},
            {
                "architecture": {"model": "inception-mini"},
                "train": {"model": "inception-mini"},
                "filters": {"checkpoint": "inception-mini-mnist"},
                "evaluate": {"checkpoint": "inception-mini-mnist"},
                "draw": {"inside": "inception-mini-mnist"},
            },
        ),
        (
            "architecture",
            {"model": "resnet-deep", "set": ["width=8", "conv1.stride=2", "depth=nonsense"]},
            {
                "architecture": {
                    "model": "resnet-deep",
                    "set": ["width=8", "conv1.stride=2", "depth=nonsense"],
                },
                "train": {"model": "resnet-deep", "set": ["width=8"]},
                "filters": {"checkpoint": "untrained-resnet-deep"},
            },
        ),
        (
            "architecture",
            {"model": "torchvision:resnet18"},
            {
                "architecture": {"model": "torchvision:resnet18"},
                "filters": {"checkpoint": "torchvision:resnet18"},
            },
        ),
        (
            "filters",
            {"checkpoint": "lenet-bn-fashion-mnist"},
            {
                "architecture": {"model": "lenet-bn"},
                "train": {"model": "lenet-bn", "dataset": "fashion-mnist"},
                "filters": {"checkpoint": "lenet-bn-fashion-mnist"},
                "evaluate": {"checkpoint": "lenet-bn-fashion-mnist"},
                "draw": {"checkpoint": "lenet-bn-fashion-mnist"},
            },
        ),
        (
            "evaluate",
            {"checkpoint": "resnet-mini-mnist-augmented"},
            {
                "architecture": {"model": "resnet-mini"},
                "train": {"model": "resnet-mini", "dataset": "mnist"},
                "filters": {"checkpoint": "resnet-mini-mnist-augmented"},
                "evaluate": {"checkpoint": "resnet-mini-mnist-augmented"},
                "draw": {"inside": "resnet-mini-mnist-augmented"},
            },
        ),
        (
            "filters",
            {"checkpoint": "untrained-densenet"},
            {
                "architecture": {"model": "densenet"},
                "train": {"model": "densenet"},
                "filters": {"checkpoint": "untrained-densenet"},
            },
        ),
    ],
)
def test_the_menu_names_the_network_as_each_page_can_show_it(
    page: str, link: dict[str, Any], menu: dict[str, Any]
) -> None:
    assert Walk().visit(page, **link) == menu


def test_an_own_network_goes_along_like_every_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    key, walk = keep(student("plain")).key, Walk()
    everywhere = {
        "architecture": {"model": key},
        "train": {"model": key},
        "filters": {"checkpoint": f"untrained-{key}"},
    }
    assert walk.visit("architecture", model=key) == everywhere
    assert Walk().visit("filters", checkpoint=f"untrained-{key}") == everywhere
    assert walk.visit("train", model=key, dataset="fashion-mnist")["train"]["dataset"] == "fashion-mnist"
    maps = keep(student("autoencoder")).key
    assert Walk().visit("architecture", model=maps) == {
        "architecture": {"model": maps},
        "filters": {"checkpoint": f"untrained-{maps}"},
    }
    run = run_in_foreground(Recipe.default(key, dataset="mnist-sample", train_images=20, epochs=1, threads=1))
    trained = Walk().visit("architecture", model=key)
    open_store().close()
    assert [trained[page] for page in ("filters", "evaluate", "draw")] == [{"checkpoint": run.id}] * 3


@pytest.mark.parametrize("key", architectures.keys())
def test_every_network_goes_to_the_pages_that_have_it(key: str) -> None:
    menu = Walk().visit("architecture", model=key)
    assert menu.get("architecture", {"model": "basic-cnn"}) == {"model": key}
    assert ("model" in menu.get("train", {})) == (key in trainable()[1:])


def test_pages_without_a_network_pass_it_on_and_so_do_those_that_cannot_show_it() -> None:
    walk = Walk()
    walk.visit("architecture", model="densenet", set=["growth=12"])
    for name in ("data", "", "convolution", "experiments", "evaluate", "draw"):
        assert walk.visit(name)["architecture"] == {"model": "densenet", "set": ["growth=12"]}
    assert walk.visit("architecture", error="mat1")["architecture"]["model"] == "densenet"


def test_the_first_network_of_a_page_is_a_choice_too() -> None:
    walk = Walk()
    walk.visit("architecture", model="inception-mini")
    assert walk.visit("architecture")["evaluate"] == {"checkpoint": "basic-cnn-mnist"}
    walk.visit("architecture", model="inception-mini")
    assert walk.visit("train")["architecture"] == {"model": trainable()[0]}


def test_edits_are_there_again_on_the_way_back() -> None:
    walk = Walk()
    menu = walk.visit("architecture", model="inception-mini", set=["conv1.kernel_size=3"])
    menu = walk.visit("train", **menu["train"])
    menu = walk.visit("filters", **menu["filters"])
    assert menu["architecture"] == {"model": "inception-mini", "set": ["conv1.kernel_size=3"]}
    assert "set" not in menu["train"]
    assert walk.visit("filters", checkpoint="lenet5-mnist")["architecture"] == {"model": "lenet5"}


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("architecture", {"model": "nonsense"}),
        ("architecture", {"model": "torchvision:../x"}),
        ("train", {"model": "inception-block"}),
        ("train", {"run": "nobody's"}),
        ("filters", {"checkpoint": "../../etc/passwd"}),
        ("filters", {"checkpoint": "untrained-nonsense"}),
        ("draw", {"checkpoint": ["basic-cnn-mnist", "lenet5-mnist"]}),
        ("draw", {"inside": ""}),
    ],
)
def test_what_does_not_exist_or_is_several_changes_nothing(page: str, link: dict[str, Any]) -> None:
    assert Walk().visit(page, **link) == {}


def test_a_run_goes_along_until_it_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    store = open_store()
    run_id = store.create(Recipe.default("inception-mini", dataset="mnist-sample"))
    walk = Walk()
    menu = walk.visit("train", run=run_id)
    assert menu["architecture"] == {"model": "inception-mini"}
    assert menu["train"] == {"model": "inception-mini", "run": run_id}
    assert menu["filters"] == {"checkpoint": "inception-mini-mnist"}  # the run has no weights to show yet
    assert walk.visit("train", run=run_id, model="lenet5")["train"] == {"model": "lenet5"}
    walk.visit("train", run=run_id)
    store.request_stop(run_id)
    store.delete(run_id)
    assert walk.visit("data")["train"] == {"model": "inception-mini"}
