"""Dropout: what it drops in training, and that a function may drop it in evaluation, too.

Srivastava et al. 2014 (scaled in training as PyTorch does it), Klambauer et al. 2017 (alpha dropout), Huang et al. 2016
(stochastic depth).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cnnviz.language import Message
from cnnviz.operations.arrangement import lost_batch
from cnnviz.operations.explanation import Explanation, number
from cnnviz.operations.kernels import Kernel, unchanged
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.operation import define, define_each
from cnnviz.operations.window_diagnosis import diagnose_dimensions, mend_of_dimensions


def explain_dropout(sentence: Message, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A dropout that sets values or channels to zero, as its ``sentence`` says."""
    p = _probability(op)
    if p is None:
        return None
    output, background = shape_text(op.output_shape), _dropout_modes(op)
    if p >= 1:
        sentence = Message(
            "{name} sets every value to zero in training, because its probability is 1; the shape stays "
            "{output}.",
            name=op.title,
            output=output,
        )
        return Explanation("y = 0", "y = 0", sentence, background=background)
    kept = Message(
        "The values that remain are multiplied by 1/(1 - {p}) = {factor}, so that the expected sum stays the "
        "same.",
        p=number(p),
        factor=f"{1 / (1 - p):.4g}",
    )
    return Explanation(
        "y = m * x/(1 - p), m ∈ {0, 1}",
        f"y = m * x/(1 - {number(p)}), m ∈ {{0, 1}}",
        Message(sentence.template, name=op.title, p=number(p), output=output),
        background=(kept, *background) if p > 0 else background,
    )


def explain_alpha_dropout(sentence: Message, op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A dropout for networks of SELUs (Klambauer et al. 2017, section 3), which keeps mean and variance."""
    p, output = _probability(op), shape_text(op.output_shape)
    if p is None:
        return None
    told = Message(sentence.template, name=op.title, p=number(p), output=output)
    return Explanation("m = n", output, told, background=_dropout_modes(op))


def _probability(op: Op) -> float | None:
    """The probability to drop a value; None where it is no number, or the shape changes."""
    p = op.arguments.get("p", 0.5)
    return p if op.input_shapes[0] == op.output_shape and isinstance(p, (int, float)) else None


_OFF_BY_DEFAULT = frozenset(("alpha_dropout", "feature_alpha_dropout"))


def drops_in_evaluation(op: Op) -> bool:
    """Whether a dropout drops values in evaluation: a function follows its argument ``training``, and no mode."""
    function = op.module is None and op.type.islower()  # and no layer in a plain list
    return function and op.arguments.get("training", op.type not in _OFF_BY_DEFAULT) is True


def _dropout_modes(op: Op) -> tuple[Message, ...]:
    """What evaluation changes. A trace runs in evaluation."""
    if drops_in_evaluation(op):
        return (
            Message(
                "Careful: called like this, it drops values in evaluation too, because F.{type} defaults to "
                "training=True. Write F.{type}(x, training=self.training), or use the layer nn.Dropout.",
                type=op.type,
            ),
        )
    return (Message("In evaluation it does nothing."),)


def _kernel_of_dropout(op: Op) -> Kernel | None:
    """A function that is told that this is training drops values in evaluation, too."""
    return None if op.module is None and op.arguments.get("training", True) else unchanged(op)


_DROPOUT: Mapping[str, Any] = {
    "kind": "dropout",
    "kernel": _kernel_of_dropout,
    "arguments": "input p training",
    "pointwise": True,
    "random": True,
}
_drops_channels = partial(
    explain_dropout,
    Message(
        "In training, {name} sets whole channels to zero, each with probability {p}; the shape stays "
        "{output}."
    ),
)
define(
    "dropout native_dropout",
    "Dropout",
    explain=partial(
        explain_dropout,
        Message(
            "In training, {name} sets each value to zero with probability {p}; the shape stays {output}."
        ),
    ),
    **_DROPOUT,
)
define("feature_dropout", explain=_drops_channels, **_DROPOUT)
define_each(
    "dropout#d",
    "Dropout#d",
    explain=_drops_channels,
    diagnose=(lost_batch, diagnose_dimensions),
    mend=mend_of_dimensions,
    **_DROPOUT,
)
define(
    "alpha_dropout",
    "AlphaDropout",
    explain=partial(
        explain_alpha_dropout,
        Message(
            "In training, {name} sets each value with probability {p} to a fixed negative number, which "
            "preserves mean and variance; the shape stays {output}."
        ),
    ),
    **_DROPOUT,
)
define(
    "feature_alpha_dropout",
    "FeatureAlphaDropout",
    explain=partial(
        explain_alpha_dropout,
        Message(
            "In training, {name} sets whole channels, each with probability {p}, to a fixed negative number, "
            "which preserves mean and variance; the shape stays {output}."
        ),
    ),
    **_DROPOUT,
)
define("stochastic_depth", "StochasticDepth", pointwise=True)
