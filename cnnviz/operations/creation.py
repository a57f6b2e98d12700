"""New tensors: constants, whose values depend on no input, and random numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnviz.language import Message
from cnnviz.operations.batch_axis import BatchCall, Layout, of_constant
from cnnviz.operations.explanation import Explanation
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.operation import define, never


def explain_constant(op: Op, _ops: Sequence[Op]) -> Explanation:
    """New values that do not depend on the input."""
    sentence = Message(
        "{name} creates new values, whatever its input: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("m", shape_text(op.output_shape), sentence)


def _batch_axis_of_constant(call: BatchCall) -> Layout:
    if call.moving and call.result == call.moving[0][0]:  # as zeros_like
        return call.moving[0][1]
    return of_constant(call.result, call.images)


_CONSTANT: Mapping[str, Any] = {
    "constant": True,
    "explain": explain_constant,
    "batch_axis": _batch_axis_of_constant,
    "stays_in_front": never,
}
for _names in (
    "zeros zeros_like new_zeros zero",
    "ones ones_like new_ones",
    "full full_like new_full",
    "empty empty_like new_empty",
    "arange",
    "linspace",
    "eye",
    "tensor new_tensor",
):
    define(_names, **_CONSTANT)
for _names in ("rand rand_like", "randn randn_like"):
    define(_names, random=True, **_CONSTANT)
define(
    "bernoulli binomial cauchy exponential geometric log_normal multinomial normal poisson randint randint_like "
    "random randperm standard_gamma uniform",
    random=True,
)
define(  # torch.nn.init, with which layers built inside a forward initialise their weights
    "kaiming_normal kaiming_uniform orthogonal sparse trunc_normal xavier_normal xavier_uniform",
    random=True,
)
