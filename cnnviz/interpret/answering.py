"""A network's output as an answer: one probability for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.op import Op, shape_text

if TYPE_CHECKING:
    from cnnviz.interpret.activations import FeatureMaps

_SOFTMAX = frozenset({"Softmax", "softmax"})


def check_output(op: Op, classes: int) -> None:
    """Check that ``op``, a network's last one, gives one score for each class.

    Raises:
        CnnvizError: it does not; the message tells its shape.
    """
    if op.output_shape != (classes,):
        raise CnnvizError(
            Message(
                "This network ends in {shape} values ({name}), not in one score for each of {classes} classes: "
                "there is no class to ask for.",
                shape=shape_text(op.output_shape),
                name=op.name,
                classes=classes,
            )
        )


def probabilities(output: FeatureMaps, classes: int) -> NDArray[np.float32]:
    """The probability of each class, (classes,) from 0 to 1, from what the last op returned.

    Scores, and logarithms of probabilities, go through a softmax; what a softmax returned stays.

    Raises:
        CnnvizError: that is not one score for each class.
    """
    check_output(output.op, classes)
    values = output.values.astype(np.float64)
    if output.op.type not in _SOFTMAX:
        values = np.exp(values - values.max())
        values /= values.sum()
    return values.astype(np.float32)
