"""How the learning rate changes from epoch to epoch. Importing this imports no torch."""

from __future__ import annotations

import math


def factor(schedule: str, epoch: int, epochs: int, step_epochs: int, step_factor: float) -> float:
    """What the learning rate is multiplied with in ``epoch``, counted from 1, of ``epochs``.

    ``none``: 1. ``step``: ``step_factor`` once for every ``step_epochs`` epochs that are over, as PyTorch's
    ``StepLR``. ``cosine``: from 1 along half a cosine towards 0, which it would reach one epoch after the
    last, as ``CosineAnnealingLR`` (Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts).

    >>> [round(factor("cosine", epoch, 4, 1, 0.1), 3) for epoch in (1, 2, 3, 4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    over = epoch - 1
    if schedule == "step":
        return step_factor ** (over // step_epochs)
    if schedule == "cosine":
        return (1 + math.cos(math.pi * over / epochs)) / 2
    return 1.0
