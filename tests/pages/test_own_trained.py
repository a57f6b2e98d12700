"""A person's own network on the pages that train networks and look into them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import architectures
from cnnviz.bounded import COMMON
from cnnviz.own import architecture, kept
from cnnviz.own.definition import Definition
from cnnviz.own.reading import read
from cnnviz.settings import settings
from cnnviz.training.recipe.recipe import Recipe, recipe_text
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from cnnviz.ui.shared.carried import trainable
from tests.own.test_kept import student
from tests.pages.training_page import ME

OpenPage = Callable[..., AppTest]
ARCHITECTURE, TRAIN, FILTERS, DRAW, EVALUATE = (
    f"pages/{name}.py" for name in ("architecture", "train", "filters", "draw", "evaluate")
)


def keep(name: str, owner: str = ME) -> kept.Kept:
    definition = Definition(student(name))
    return kept.keep(definition, read(definition), owner)


def recipe_of(key: str) -> Recipe:
    values = {"dataset": "mnist-sample", "train_images": 200, "epochs": 1, "threads": 1, "device": "cpu"}
    return Recipe.default(key, **values)


@pytest.fixture
def trained(store: RunStore) -> Iterator[str]:
    """The id of a run that trained an own network for a few steps; nothing of it is kept beside the run."""
    key = keep("plain").key
    run = worker.run_in_foreground(recipe_of(key))
    forget(key)
    yield run.id
    COMMON.clear()


def forget(key: str) -> None:
    (settings().runs_dir / "networks" / f"{key}.json").unlink()
    architecture._REMEMBERED.clear()


def html(app: AppTest) -> str:
    return " ".join(re.sub("<[^>]*>", " ", element.proto.body) for element in app.main.get("html"))


def test_ones_own_networks_come_first_and_the_course_s_stays_the_first_shown(
    open_page: OpenPage, store: RunStore
) -> None:
    keep("sequential", "b" * 32)
    mine = keep("plain")
    keep("wrong_linear")
    keep("autoencoder")
    choice = open_page(TRAIN).selectbox(key="choice-model")
    course = [architectures.get(key).title for key in trainable()]
    assert choice.options == ["Net (2) · own", "Net · own", *course]
    assert choice.value == trainable()[0]
    assert open_page(TRAIN, model=mine.key).selectbox(key="choice-model").value == mine.key


def test_an_own_network_is_trained_by_a_recipe_that_holds_its_code(
    open_page: OpenPage, store: RunStore
) -> None:
    mine = keep("plain")
    app = open_page(TRAIN, model=mine.key)
    assert app.selectbox(key="choice-model").value == mine.key
    assert app.selectbox(key="choice-optimizer").value == "adam"
    app.button(key="start").click().run()
    assert not app.exception
    (run,) = store.list()
    recipe = Recipe.from_dict(run.recipe)
    assert recipe.own == mine.facts
    assert recipe.dataset == "mnist-sample"


def test_a_network_without_a_data_set_tells_why_with_its_line(open_page: OpenPage, store: RunStore) -> None:
    broken = keep("wrong_linear")
    app = open_page(TRAIN, model=broken.key)
    assert any("Line 16: fc receives 10 x 12 x 12 = 1440 features" in told.value for told in app.warning)
    assert not any("Unknown" in told.value for told in app.warning)


def test_damaged_files_are_told(open_page: OpenPage, store: RunStore) -> None:
    path = settings().runs_dir / "networks" / f"{keep('plain').key}.json"
    path.write_text("{")
    app = open_page(TRAIN)
    assert any("cannot be parsed" in told.value for told in app.warning)


def test_an_older_version_is_still_offered_to_whoever_has_its_link(
    open_page: OpenPage, store: RunStore
) -> None:
    old = keep("plain")
    kept.delete(old.key)
    app = open_page(TRAIN, model=old.key)
    assert app.selectbox(key="choice-model").value == old.key
    assert "own" not in " ".join(open_page(TRAIN).selectbox(key="choice-model").options)


def test_a_run_is_shown_by_the_name_of_its_class_and_goes_into_the_form(
    open_page: OpenPage, trained: str
) -> None:
    app = open_page(TRAIN, run=trained)
    assert any(
        "Net on MNIST sample" in str(element.value)
        for element in (*app.markdown, *app.subheader, *app.header)
    )
    app.button(key="into-form").click().run()
    assert not app.exception
    key = str(app.selectbox(key="choice-model").value)
    assert kept.listed(ME)[0].key == key


def test_a_recipe_file_brings_its_network_along(open_page: OpenPage, store: RunStore) -> None:
    mine = keep("plain")
    text = recipe_text(recipe_of(mine.key))
    forget(mine.key)
    app = open_page(TRAIN)
    app.file_uploader(key="recipe-file").set_value(("a.json", text.encode(), "application/json")).run()
    assert not app.exception
    assert app.selectbox(key="choice-model").value == mine.key
    assert kept.listed(ME)[0].key == mine.key


@pytest.mark.parametrize("view", ["filters", "maps", "layer", "excite", "why", "history", "value"])
def test_every_view_looks_into_an_own_network(open_page: OpenPage, trained: str, view: str) -> None:
    app = open_page(FILTERS, checkpoint=trained, view=view)
    assert not app.exception
    assert not app.error
    assert f"Net · own · {trained}" in app.selectbox(key="choice-checkpoint").options


def test_untrained_weights_are_offered_for_own_networks(open_page: OpenPage, store: RunStore) -> None:
    mine = keep("plain")
    app = open_page(FILTERS, checkpoint=f"untrained-{mine.key}")
    assert not app.exception
    assert app.selectbox(key="choice-checkpoint").value == f"untrained-{mine.key}"
    assert "Net · own · untrained" in app.selectbox(key="choice-checkpoint").options


def test_an_own_network_beyond_the_limits_gets_a_sentence(
    open_page: OpenPage, trained: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_OWN_MAX_PARAMETERS", "100")
    app = open_page(FILTERS, checkpoint=trained)
    assert not app.exception
    assert any("more than 100 are not trained or run here" in told.value for told in app.error)


def test_evaluate_measures_an_own_network(open_page: OpenPage, trained: str) -> None:
    app = open_page(EVALUATE, checkpoint=trained)
    assert {metric.label: metric.value for metric in app.metric}["Images"] == "1,000"
    assert app.selectbox(key="choice-checkpoint").value == trained


def test_draw_asks_an_own_network_about_a_test_image(open_page: OpenPage, trained: str) -> None:
    app = open_page(DRAW, checkpoint=trained, source="data")
    assert not app.exception
    assert app.multiselect(key="choice-checkpoint").value == [trained]
    assert "Prediction:" in html(app)


def test_own_networks_are_compared_and_told_apart_by_their_numbers(
    open_page: OpenPage, store: RunStore
) -> None:
    first, second = keep("plain"), keep("wrong_linear")
    app = open_page(ARCHITECTURE, model="lenet5", view="compare", **{"with": second.key})
    assert "Net (2): fc receives 10 x 12 x 12 = 1440 features" in " ".join(told.value for told in app.error)
    app = open_page(ARCHITECTURE, model=first.key, view="compare", **{"with": second.key})
    assert any(
        "Net (2) has" in told.value and "the multiply-adds of Net." in told.value for told in app.markdown
    )
    for other in (keep("lstm_rows"), keep("wrong_constructor")):
        app = open_page(ARCHITECTURE, model="lenet5", view="compare", **{"with": other.key})
        assert not app.exception
    assert any("missing 1 required positional argument" in told.value for told in app.error)
