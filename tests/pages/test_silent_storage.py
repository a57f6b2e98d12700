"""Pages while the object store of runs does not answer: each says so, or goes on without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import seals
from cnnviz.storage.bucket import Bucket
from cnnviz.storage.opening import storage_at
from cnnviz.storage.storage import SilentError
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore, open_store
from tests.pages.training_page import ME

OpenPage = Callable[..., AppTest]
ADDRESS = "memory://pages"


@pytest.fixture
def run_id(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run, of whose checkpoint this server has seen the facts and not the weights when the store fell silent."""
    del store
    monkeypatch.setenv("CNNVIZ_RUNS_URL", ADDRESS)
    runs = open_store()
    run_id = runs.create(Recipe.default("basic-cnn", dataset="mnist"), "worker", owner=ME)
    runs.begin(run_id, "worker", 10)
    runs.finish(run_id, "worker", Status.FINISHED, checkpoint=run_id, test_accuracy=0.5)
    facts = {**checkpoints.get("basic-cnn-mnist").to_dict(), "id": run_id, "run_id": run_id}
    Bucket(ADDRESS).put(f"{run_id}/{run_id}.json", seals.sealed_json(facts))
    Bucket(ADDRESS).put(f"{run_id}/{run_id}.safetensors", b"weights")
    assert run_id in [found.id for found in checkpoints.available()]

    def no_answer(bucket: Bucket, *_: object, **__: object) -> object:
        raise SilentError(bucket.url, "no route to host")

    monkeypatch.setattr(Bucket, "_asked", no_answer)
    return run_id


@pytest.mark.parametrize("page", ["train", "evaluate", "filters"])
def test_what_was_seen_before_stays_and_what_is_missing_is_said(
    run_id: str, page: str, open_page: OpenPage
) -> None:
    app = open_page(f"pages/{page}.py", run=run_id, checkpoint=run_id)
    assert "no route to host" in " ".join(error.value for error in app.error)


@pytest.mark.parametrize("page", ["evaluate", "filters", "draw"])
def test_a_server_that_has_seen_nothing_shows_the_included_networks(
    run_id: str, page: str, open_page: OpenPage
) -> None:
    storage_at.cache_clear()
    app = open_page(f"pages/{page}.py", checkpoint=run_id)
    assert not app.error
    assert "no route to host" in app.warning[0].value


def test_a_menu_leads_everywhere(run_id: str, open_page: OpenPage) -> None:
    storage_at.cache_clear()
    app = open_page("pages/train.py", run=run_id)
    assert [each.value for each in app.subheader] == ["Basic CNN on MNIST", "Runs"]
