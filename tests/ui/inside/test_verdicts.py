from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnviz import datasets
from cnnviz.interpret.answers import answers_of
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import evaluate_checkpoint
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store import store as store_module
from cnnviz.training.worker import worker
from cnnviz.ui.inside import verdicts, weights

SMALL = {"dataset": "mnist-sample", "train_images": 400, "epochs": 1, "batch_size": 50, "threads": 1}


@pytest.fixture(autouse=True)
def own_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    yield
    store_module.open_store().close()
    store_module._opened.cache_clear()


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("mlp", {"permutation_seed": 3}),
        ("densenet", {"resize": 20, "options": {"growth": 4, "layers": 1, "blocks": 2}}),
        (
            "densenet",
            {"resize": 32, "permutation_seed": 5, "options": {"growth": 4, "layers": 1, "blocks": 2}},
        ),
    ],
)
def test_images_are_prepared_as_in_training_wherever_a_network_answers(
    architecture: str, changes: dict[str, Any]
) -> None:
    run = worker.run_in_foreground(Recipe.default(architecture, **SMALL, **changes))
    checkpoint = checkpoints.get(run.id)
    assert evaluate_checkpoint(checkpoint, "mnist-sample").accuracy == run.test_accuracy
    answers = answers_of(checkpoint, "mnist-sample")
    assert answers.accuracy == run.test_accuracy
    images = datasets.load("mnist-sample").test_images[:25].numpy()
    network = weights.of_checkpoint(checkpoint)
    for image, expected in zip(images, answers.probabilities, strict=False):
        np.testing.assert_allclose(verdicts.read(network, image).probabilities, expected, atol=1e-4)
