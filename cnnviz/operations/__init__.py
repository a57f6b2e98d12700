"""Operations: everything that cnnviz knows about each of them, one file per family.

Importing this registers them all, see :mod:`cnnviz.operations.operation`.
"""

from cnnviz.operations import (
    creation,
    data_movement,
    elementwise,
    linear,
    merging,
    normalisation,
    reductions,
    resizing,
    sequences,
    windows,
)

FAMILIES = (
    windows,
    resizing,
    linear,
    normalisation,
    elementwise,
    data_movement,
    merging,
    reductions,
    sequences,
    creation,
)
"""The modules whose entries the registry holds."""
