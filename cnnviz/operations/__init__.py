"""Operations: everything that cnnviz knows about each of them, one file per family.

Importing this registers them all, see :mod:`cnnviz.operations.operation`.
"""

from cnnviz.operations import (
    creation,
    data_movement,
    dropout,
    elementwise,
    linear,
    merging,
    normalisation,
    reductions,
    reshaping,
    resizing,
    sequences,
    windows,
)

__all__ = [
    "creation",
    "data_movement",
    "dropout",
    "elementwise",
    "linear",
    "merging",
    "normalisation",
    "reductions",
    "reshaping",
    "resizing",
    "sequences",
    "windows",
]
