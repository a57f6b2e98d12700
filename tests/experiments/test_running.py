"""What is read from a run's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnviz.experiments import running
from cnnviz.training.records.metrics import SAMPLES_FILE, STEPS_FILE, MetricsWriter, Sample, SamplesWriter


def test_losses_are_means_over_blocks_that_are_complete(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path / STEPS_FILE) as metrics:
        for step in range(1, 251):
            metrics.add(step, 1, float(step), 0.5, step / 100)
    ends, means = running.losses(tmp_path / STEPS_FILE, total_steps=600, epochs=3)
    assert len(ends) == len(means) == 25  # of sixty, ten steps each
    assert means[0] == 5.5
    assert means[-1] == 245.5
    assert (ends[0], ends[-1]) == pytest.approx((0.05, 1.25))


def test_a_short_run_has_a_point_for_each_step(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path / STEPS_FILE) as metrics:
        for step in range(1, 5):
            metrics.add(step, 1, float(step), 0.5, step / 100)
    assert running.losses(tmp_path / STEPS_FILE, total_steps=4, epochs=1)[1] == (1.0, 2.0, 3.0, 4.0)


def test_before_the_first_step_there_is_nothing(tmp_path: Path) -> None:
    assert running.losses(tmp_path / STEPS_FILE, 0, 1) == ((), ())
    assert running.gradients(tmp_path / SAMPLES_FILE, ["conv1"]) == ((), ())


def test_gradients_at_the_start_and_their_median_later(tmp_path: Path) -> None:
    with SamplesWriter(tmp_path / SAMPLES_FILE, ["bn1", "fc", "conv1"]) as samples:
        for step in range(1, 7):
            samples.add(Sample(step, 1, step / 10, 0.1, 100.0, 1.0, (9.0, 10.0 * step, float(step))))
    first, later = running.gradients(
        tmp_path / SAMPLES_FILE, ["conv1", "fc"]
    )  # in order of execution, without bn1
    assert first == (1.0, 10.0)
    assert later == (5.0, 50.0)


def test_multiply_adds_are_counted_by_kernel() -> None:
    facts = running.facts("inception-pair", '{"module": "naive"}', "mnist-sample", None)
    assert set(facts.macs) == {"1x1", "3x3", "5x5", "Linear"}
    assert facts.macs["5x5"] == 5_017_600 + 2_979_200
    assert facts.layers[0] == "conv"
    assert facts.layers[-1] == "fc"
