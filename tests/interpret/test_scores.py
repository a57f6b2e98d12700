from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.interpret import scores
from cnnviz.interpret.answers import Answers


def answers(predicted: list[int], labels: list[int], confidence: list[float] | None = None) -> Answers:
    """Answers of a network with three classes."""
    sure = np.array(confidence or [0.8] * len(labels), np.float32)
    probabilities = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
    probabilities[np.arange(len(labels)), predicted] = sure
    return Answers(probabilities, np.array(labels, np.int64), loss=0.0)


def test_rows_of_the_confusions_are_true_classes() -> None:
    matrix = scores.confusion(answers([0, 1, 1, 2, 2, 2], [0, 1, 2, 2, 0, 0]))
    np.testing.assert_array_equal(matrix, [[1, 0, 2], [0, 1, 0], [0, 1, 1]])
    assert scores.commonest_confusion(matrix) == (0, 2)


def test_images_of_a_cell_and_mistakes_come_the_surest_first() -> None:
    found = answers([2, 2, 1, 2], [0, 0, 0, 2], [0.7, 0.9, 0.8, 0.99])
    assert scores.in_cell(found, 0, 2).tolist() == [1, 0]
    assert scores.in_cell(found, 1, 2).tolist() == []
    assert scores.most_wrong(found).tolist() == [1, 2, 0]


def test_interval_is_wilsons() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263, and 0 of 20, score method.
    assert scores.interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert scores.interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert scores.interval(0, 0) == (0.0, 1.0)


def test_a_network_that_is_right_as_often_as_it_is_sure_has_no_calibration_error() -> None:
    labels = [0] * 12
    found = scores.calibration(answers([0] * 9 + [1] * 3, labels, [0.75] * 12))
    assert found.error == pytest.approx(0, abs=1e-6)
    assert found.counts.tolist() == [0] * 7 + [12, 0, 0]
    assert found.accuracy[7] == pytest.approx(0.75)
    assert np.isnan(found.accuracy[0])


def test_calibration_error_by_hand() -> None:
    # Two images at 0.95, one right; two at 0.55, both right: (2 x 0.45 + 2 x 0.45) / 4.
    found = scores.calibration(answers([0, 1, 0, 0], [0, 0, 0, 0], [0.95, 0.95, 0.55, 0.55]))
    assert found.error == pytest.approx(0.45, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0.34, 1.0), st.integers(0, 2), st.integers(0, 2)), min_size=1))
def test_calibration_is_bounded_and_counts_every_image(images: list[tuple[float, int, int]]) -> None:
    sure, predicted, labels = map(list, zip(*images, strict=True))
    found = scores.calibration(answers(predicted, labels, sure))
    assert int(found.counts.sum()) == len(images)
    assert 0 <= found.error <= 1
    low, high = found.edges[:-1][found.counts > 0], found.edges[1:][found.counts > 0]
    held = found.confidence[found.counts > 0]
    assert (held >= low - 1e-6).all()
    assert (held <= high + 1e-6).all()


def test_comparison_puts_every_image_into_one_group() -> None:
    first = answers([0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0.9, 0.6, 0.9, 0.7, 0.95])
    second = answers([1, 0, 0, 1, 2], [0, 0, 0, 0, 0], [0.6, 0.6, 0.9, 0.9, 0.99])
    found = scores.compare(first, second)
    assert found.both.tolist() == [1]
    assert found.only_first.tolist() == [4, 0]  # 0.95 against 0.005, then 0.9 against 0.2
    assert found.only_second.tolist() == [2]
    assert found.neither.tolist() == [3]


def test_chance_is_mcnemars_exact_test() -> None:
    # 9 of 10: 2 (1 + 10) / 1024
    labels = [0] * 10
    found = scores.compare(answers([0] * 9 + [1], labels), answers([1] * 9 + [0], labels))
    assert found.chance == pytest.approx(22 / 1024)
    assert scores.compare(answers([0, 1], [0, 0]), answers([1, 0], [0, 0])).chance == 1.0
    assert scores.compare(answers([0], [0]), answers([0], [0])).chance == 1.0


def test_answers_to_different_images_are_not_compared() -> None:
    with pytest.raises(ValueError, match="different images"):
        scores.compare(answers([0], [0]), answers([0], [1]))
