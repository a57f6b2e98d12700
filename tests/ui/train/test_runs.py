from __future__ import annotations

import numpy as np
import pytest

from cnnviz.training.records.metrics import STEP
from cnnviz.ui.train import runs


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.4, "less than 1 s"),
        (1.4, "1 s"),
        (59.4, "59 s"),
        (61, "1 min 1 s"),
        (3661, "1 h 1 min"),
    ],
)
def test_durations_are_read_at_a_glance(seconds: float, words: str) -> None:
    assert str(runs.duration(seconds)) == words


def test_speed_is_that_of_the_latest_steps() -> None:
    steps = np.zeros(200, STEP)
    steps["step"] = np.arange(1, 201)
    steps["seconds"] = np.where(steps["step"] <= 100, steps["step"], 100 + (steps["step"] - 100) / 10)
    assert runs.images_per_second(steps, batch_size=64) == pytest.approx(640)
    assert runs.images_per_second(steps[:1], batch_size=64) is None
