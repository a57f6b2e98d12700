"""Statistics of a network's answers: confusion matrix, confidence intervals, calibration, comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cnnviz.interpret.answers import Answers, Numbers

BINS = 10
_Z = 1.959964  # 95 % of a normal distribution lie within this many standard deviations


def confusion(answers: Answers) -> Numbers:
    """The confusion matrix: (classes, classes) int64, a row for each true class, a column for each predicted one."""
    classes = answers.probabilities.shape[1]
    pairs = answers.labels * classes + answers.predicted
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def interval(right: int, images: int) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy (0..1), with ``right`` of ``images`` images correct.

    Wilson's score interval (Wilson 1927, JASA 22, p. 209), which stays within 0..1 even for few images.
    """
    if not images:
        return 0.0, 1.0
    share, weight = right / images, _Z**2 / images
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / images + weight / (4 * images))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whether a network is correct as often as it is confident; each array is (bins,).

    ``edges`` (bins + 1,) from 0 to 1 bound the bins of confidence; ``counts`` are the images in each;
    ``confidence`` and ``accuracy`` (0..1) their means, NaN in an empty bin. ``error`` is the expected
    calibration error, 0..1.
    """

    edges: NDArray[np.float64]
    counts: Numbers
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float


def calibration(answers: Answers, bins: int = BINS) -> Calibration:
    """Group the images by confidence, and compare it with the accuracy.

    The bins have equal width; the expected calibration error is the mean difference of the two, weighted by the
    number of images in each bin (Guo et al. 2017, "On Calibration of Modern Neural Networks", equations 2-3).
    """
    confidence = answers.confidence.astype(np.float64)
    number = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(number, minlength=bins)
    sure = np.bincount(number, confidence, minlength=bins)
    right = np.bincount(number, answers.right, minlength=bins)
    filled = np.where(counts, counts, np.nan)
    error = float(np.abs(right - sure).sum() / counts.sum())
    return Calibration(np.linspace(0, 1, bins + 1), counts, sure / filled, right / filled, error)


def most_wrong(answers: Answers) -> Numbers:
    """The indices of the misclassified images, the most confident mistake first."""
    wrong = np.flatnonzero(~answers.right)
    return wrong[np.argsort(-answers.confidence[wrong], kind="stable")]


def in_cell(answers: Answers, true: int, read: int) -> Numbers:
    """The indices of the images of class ``true`` that are classified as ``read``, the most confident first."""
    found = np.flatnonzero((answers.labels == true) & (answers.predicted == read))
    return found[np.argsort(-answers.confidence[found], kind="stable")]


def commonest_confusion(matrix: Numbers) -> tuple[int, int]:
    """The most frequent confusion: the true class, and the class that it is mistaken for."""
    mistakes = matrix - np.diag(np.diag(matrix))
    true, read = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
    return int(true), int(read)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The indices of images that both, only one, or neither of two networks classifies correctly.

    Images for which the two disagree most about the true class come first. ``chance`` (0..1) is the p-value: how
    often two equally good networks would differ at least as much.
    """

    both: Numbers
    only_first: Numbers
    only_second: Numbers
    neither: Numbers
    chance: float


def compare(first: Answers, second: Answers) -> Comparison:
    """Compare the answers of two networks to the same images.

    ``chance`` is from the exact two-sided test of McNemar (1947, Psychometrika 12): under the null hypothesis each
    image that only one network classifies correctly is equally likely to go to either of them.

    Raises:
        ValueError: the images are not the same.
    """
    if not np.array_equal(first.labels, second.labels):
        raise ValueError("the two networks have answered to different images")
    places = np.arange(len(first.labels))
    truth = first.labels
    ahead = first.probabilities[places, truth] - second.probabilities[places, truth]

    def those(mask: NDArray[np.bool_], order: NDArray[np.float32]) -> Numbers:
        found = np.flatnonzero(mask)
        return found[np.argsort(-order[found], kind="stable")]

    only_first = those(first.right & ~second.right, ahead)
    only_second = those(second.right & ~first.right, -ahead)
    neither = ~first.right & ~second.right
    return Comparison(
        both=np.flatnonzero(first.right & second.right),
        only_first=only_first,
        only_second=only_second,
        neither=those(neither, first.confidence + second.confidence),
        chance=_chance(len(only_first), len(only_second)),
    )


def _chance(first: int, second: int) -> float:
    """The probability that ``first + second`` tosses of a fair coin are at least as uneven."""
    tosses = first + second
    if not tosses:
        return 1.0
    halves = tosses * math.log(2)
    tail = sum(
        math.exp(math.lgamma(tosses + 1) - math.lgamma(heads + 1) - math.lgamma(tosses - heads + 1) - halves)
        for heads in range(min(first, second) + 1)
    )
    return min(1.0, 2 * tail)
