"""What the tests of the Train page share: a store whose workers are played by the tests, and ways to read the page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from cnnviz.classroom.people import name_of
from cnnviz.training.loop.estimating import Estimate
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.records.metrics import STEPS_FILE, MetricsWriter
from cnnviz.training.store.runs import Run
from cnnviz.training.store.store import RunStore

PAGE = "pages/train.py"
MY_TOKEN = "a" * 32
ME, SOMEBODY = name_of(MY_TOKEN), name_of("b" * 32)
STEPS = 63
"""Of an epoch."""
SECONDS = Estimate(
    seconds=12.0,
    epoch_seconds=10.0,
    test_seconds=2.0,
    images_per_second=400.0,
    memory=800_000_000,
    available=4_000_000_000,
    device="cpu",
)


class Pretended:
    """An executor that starts nothing; the tests play the worker."""

    cluster = None

    def start(self, run: Run) -> None:
        return None

    def look_after(self, store: RunStore) -> None:
        return None

    def cancel(self, run: Run) -> None:
        return None


def recipe(architecture: str = "basic-cnn", **changes: object) -> Recipe:
    return Recipe.default(architecture, **{"dataset": "mnist-sample", "epochs": 3, **changes})


def mine(store: RunStore, worker: str | None = None, **changes: object) -> str:
    """The id of a run that the person on the page has asked for."""
    return store.create(recipe(**changes), worker, owner=ME)


def status(app: AppTest) -> str:
    (badge,) = [text.value for text in app.markdown if "-badge[" in text.value]
    return badge.partition("[")[2].removesuffix("]")


def texts(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.warning, *app.error, *app.info))


def charts(app: AppTest) -> list[str]:
    """The names of the figures on the page."""
    return [chart.key.rpartition("-")[0].rpartition("-")[0] for chart in app.get("plotly_chart")]


def buttons(app: AppTest) -> dict[str, bool]:
    """The keys of the page's buttons, and whether each can be pressed."""
    return {button.key: not button.disabled for button in app.button}


def figures(epoch: int, accuracy: float = 0.9) -> EpochMetrics:
    return EpochMetrics(epoch, 0.5, 0.8, 0.4, accuracy, 1.0, 6400.0)


def work(store: RunStore, run_id: str, steps: int) -> None:
    """What a worker does until it has done ``steps`` steps of 63 an epoch."""
    assert store.claim(run_id, "worker")
    assert store.begin(run_id, "worker", 3 * STEPS)
    with MetricsWriter(store.folder(run_id) / STEPS_FILE) as metrics:
        for step in range(1, steps + 1):
            metrics.add(step, 1 + step // STEPS, 2.0 / step, 0.5, step / 100)
    for epoch in range(1, 1 + steps // STEPS):
        store.add_epoch(run_id, "worker", figures(epoch))
    assert store.renew(run_id, "worker", 1 + steps // STEPS, steps)
