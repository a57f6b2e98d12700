"""The shapes on the main road of a network that are worth a picture."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.operations.op import Shape
from cnnviz.shapes.derivation import Step

MOST = 14
_FEW = 3


def stations(start: Shape, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Those of ``steps`` (a derivation's, from the shape ``start``) that change the shape or merge branches.

    Where these are hardly any, all steps. Where they are more than a picture holds, only those that change
    the shape, and in the end of all at one height and width only the first and the last.
    """
    results = [start, *(step.result for step in steps)]
    changing = [step for before, step in zip(results, steps, strict=False) if before != step.result]
    merging = [step for step in steps if step.op.kind == "merge"]
    told = sorted({step.op.index: step for step in (*changing, *merging)}.items())
    if len(told) < _FEW:
        return tuple(steps[-MOST:])
    if len(told) <= MOST:
        return tuple(step for _, step in told)
    if len(changing) <= MOST:
        return tuple(changing)
    sizes = [None, *(_size(step) for step in changing), None]
    return tuple(
        step
        for before, step, after in zip(sizes, changing, sizes[2:], strict=False)
        if _size(step) != before or _size(step) != after
    )


def _size(step: Step) -> Shape:
    """Height and width, or that there are none."""
    return step.result[1:]
