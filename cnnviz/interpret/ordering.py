"""In which order many filters or maps are looked at: the strongest first, or alike ones side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Order = NDArray[np.intp]

ORDERS = ("channel", "norm", "similarity")

MOST_COMPARED = 1024
"""More filters than this are not compared with each other: the pairs become too many."""

_MOST_VALUES = 4_608  # of a filter: 512 channels of 3 x 3


def norms(values: Values) -> Values:
    """The Euclidean norm of each of ``values`` (N, ...), (N,): how strongly a filter answers to a patch of norm 1."""
    rows = values.reshape(len(values), -1)
    found: Values = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return found


def order(values: Values, by: str) -> Order:
    """The indices of ``values`` (N, ...) in the order ``by``, one of :data:`ORDERS`.

    ``norm`` begins with the largest. So does ``similarity``, and goes on with the one that is most like the
    last one; of more than :data:`MOST_COMPARED` it is ``norm``.
    """
    if by == "norm" or (by == "similarity" and len(values) > MOST_COMPARED):
        return np.argsort(-norms(values), kind="stable")
    return _alike(values) if by == "similarity" else np.arange(len(values))


def _alike(values: Values) -> Order:
    """A walk from the strongest to its nearest unvisited neighbour, and so on, by cosine similarity."""
    rows = values.reshape(len(values), -1)
    lengths = norms(values)
    rows = rows[:, :: max(1, -(-rows.shape[1] // _MOST_VALUES))]
    scale = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    directions = np.divide(rows, scale, out=np.zeros_like(rows), where=scale > 0)
    likeness = directions @ directions.T
    walk = [int(lengths.argmax())] if len(rows) else []
    free = np.ones(len(rows), bool)
    while len(walk) < len(rows):
        free[walk[-1]] = False
        walk.append(int(np.where(free, likeness[walk[-1]], -np.inf).argmax()))
    return np.asarray(walk, dtype=np.intp)
