"""How the learning rate changes from epoch to epoch. Importing this imports no torch."""

from __future__ import annotations

import math


def factor(
    schedule: str, epoch: int, epochs: int, step_epochs: int, step_factor: float, since: int = 1
) -> float:
    """What the learning rate of the epoch ``since`` is multiplied with in ``epoch``, both counted from 1, of
    ``epochs``.

    ``none``: 1. ``step``: ``step_factor`` once for every ``step_epochs`` epochs that are over, as PyTorch's
    ``StepLR``. ``cosine``: from 1 along half a cosine towards 0, which it would reach one epoch after the
    last, as ``CosineAnnealingLR`` (Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts).

    >>> [round(factor("cosine", epoch, 4, 1, 0.1), 3) for epoch in (1, 2, 3, 4)]
    [1.0, 0.854, 0.5, 0.146]
    """
    if schedule == "step":  # not a quotient of two powers: after some hundred steps both are 0
        return step_factor ** ((epoch - 1) // step_epochs - (since - 1) // step_epochs)
    if schedule == "cosine":
        return _half_cosine(epoch, epochs) / _half_cosine(since, epochs)
    return 1.0


def _half_cosine(epoch: int, epochs: int) -> float:
    return (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2
