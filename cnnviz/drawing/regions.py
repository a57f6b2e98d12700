"""The connected pieces of a black and white picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def regions(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A number from 1 for each piece of ``mask`` (H, W), 0 elsewhere; neighbours touch at corners, too.

    Each row is cut into runs; a run that touches one of the row above belongs to the same piece.
    """
    parents: list[int] = [0]

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    labels = np.zeros(mask.shape, np.int64)
    above: list[tuple[int, int, int]] = []
    for row, values in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]])))
        here = []
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            touching = [root(number) for first, last, number in above if first <= end and last >= begin]
            number = min(touching, default=len(parents))
            if not touching:
                parents.append(number)
            for other in touching:
                parents[other] = number
            labels[row, begin:end] = number
            here.append((begin, end, number))
        above = here
    roots = np.array([root(number) for number in range(len(parents))])
    return np.unique(roots, return_inverse=True)[1][labels]
