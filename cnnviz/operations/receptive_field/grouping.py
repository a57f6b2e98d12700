"""What a reshape does to boxes that values share: only dimensions that merge or part are written out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnviz.operations.op import Shape, product

Bounds = NDArray[np.int64]

_MOST_VALUES = 3_000_000


def groups(old: Shape, new: Shape) -> list[tuple[list[int], list[int]]]:
    """Runs of dimensions with as many values before and after a reshape, as short as possible."""
    if product(old) != product(new) or 0 in old:
        raise ValueError(f"{old} cannot become {new}")
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        olds, news, have, want = [], [], 1, 1
        if i < len(old):
            olds.append(i)
            have *= old[i]
            i += 1
        if j < len(new):
            news.append(j)
            want *= new[j]
            j += 1
        while have != want:
            if have < want:
                olds.append(i)
                have *= old[i]
                i += 1
            else:
                news.append(j)
                want *= new[j]
                j += 1
        found.append((olds, news))
    return found


def longer(shape: Shape, dims: Sequence[int]) -> list[int]:
    """Those of ``dims`` that are not of size 1."""
    return [dim for dim in dims if shape[dim] > 1]


def regrouped(bounds: Bounds, old: Shape, new: Shape, parts: Sequence[tuple[list[int], list[int]]]) -> Bounds:
    """``bounds`` of a tensor of shape ``old`` after its reshape to ``new``, whose runs are ``parts``.

    Raises:
        ValueError: it would fill the memory.
    """
    before, after = list(bounds.shape[:-1]), [1] * len(new)
    for olds, news in parts:
        if all(bounds.shape[dim] == 1 for dim in olds):
            continue
        for dim in olds:
            before[dim] = old[dim]
        for dim in news:
            after[dim] = new[dim]
    if product(tuple(before)) > _MOST_VALUES:
        raise ValueError("too many boxes")
    return np.broadcast_to(bounds, (*before, 2)).reshape(*after, 2)
