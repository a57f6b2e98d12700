"""Normalisation: what its statistics cover, what it learns, what it does in training.

Ioffe and Szegedy 2015 (batch), Ba et al. 2016 (layer), Ulyanov et al. 2016 (instance), Wu and He 2018
(group), Krizhevsky et al. 2012, section 3.3 (local response), Zhang and Sennrich 2019 (RMS).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import gcd
from typing import Any, cast

import numpy as np

from cnnviz.language import Message
from cnnviz.operations import refusals
from cnnviz.operations.arrangement import (
    channels_elsewhere,
    joined_elsewhere,
    lost_batch,
    rows_not_transposed,
)
from cnnviz.operations.diagnosis import channels_origin, origins
from cnnviz.operations.explanation import Explanation, number
from cnnviz.operations.fixes import fix
from cnnviz.operations.kernels import Kernel
from cnnviz.operations.op import FailedCall, Failure, Fix, Mend, Op, Shape, product, shape_text
from cnnviz.operations.operation import define, define_each, named
from cnnviz.operations.reach import Call, Reach, UnknownError, listed, spread
from cnnviz.operations.refusals import Layer
from cnnviz.operations.window_diagnosis import diagnose_dimensions, mend_of_dimensions

# -- normalisation: values and shapes ------------------------------------------------------------------


def _explained_by(rule: Callable[[Op], Explanation]) -> Callable[[Op, Sequence[Op]], Explanation | None]:
    """Apply ``rule`` only to calls that keep the shape, as every normalisation does."""

    def explain(op: Op, _ops: Sequence[Op]) -> Explanation | None:
        return rule(op) if op.output_shape and op.input_shapes[0] == op.output_shape else None

    return explain


def _explain_batch_norm(op: Op) -> Explanation:
    channels, sizes = op.output_shape[0], op.output_shape[1:]
    over = Message("each of the {channels} channels", channels=channels)
    return _standardised(op, over, channels, (_statistics(op, sizes),))


def _statistics(op: Op, sizes: Shape) -> Message:
    """Which statistics a batch normalisation uses, in training and in evaluation."""
    if op.arguments.get("track_running_stats") is False:
        return Message("It keeps no running averages: the statistics are always those of the current batch.")
    if op.arguments.get("training") is True:
        return Message(
            "It is called with training=True: even in evaluation it uses the statistics of the current batch."
        )
    momentum = op.arguments.get("momentum", 0.1)
    if momentum is None or (op.module is not None and "momentum" not in op.arguments):
        return Message(
            "In training it uses the statistics of the batch and keeps their average over all batches so far "
            "(momentum None); in evaluation it uses this average."
        )
    if sizes:
        return Message(
            "In training it uses the statistics of the batch, over batch x {sizes} values, and keeps running "
            "averages (momentum {momentum}); in evaluation it uses these averages.",
            sizes=shape_text(sizes),
            momentum=number(momentum),
        )
    return Message(
        "In training it uses the statistics of the batch and keeps running averages (momentum {momentum}); "
        "in evaluation it uses these averages.",
        momentum=number(momentum),
    )


def _over_channels(op: Op) -> bool:
    """Whether it is torchvision's layer norm, or a copy of it, which normalises the channels of each pixel."""
    return op.base == "LayerNorm2d"


def _explain_layer_norm(op: Op) -> Explanation:
    shape = op.arguments.get("normalized_shape")
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else op.output_shape
    over = Message(
        "the {sizes} = {count} values of each image (not across the batch)",
        sizes=shape_text(sizes),
        count=product(sizes),
    )
    if _over_channels(op) and sizes == op.output_shape[:1]:
        over = Message("the {channels} channels of each pixel", channels=sizes[0])
    elif sizes != op.output_shape:
        over = Message("each {sizes} of the last dimensions", sizes=shape_text(sizes))
    return _standardised(op, over, product(sizes), (_SAME_IN_EVALUATION,))


def _explain_instance_norm(op: Op) -> Explanation:
    channels, sizes = op.output_shape[0], op.output_shape[1:]
    over = Message(
        "each map of each image separately, over its {sizes} = {count} values",
        sizes=shape_text(sizes),
        count=product(sizes),
    )
    running = op.arguments.get("track_running_stats") is True
    return _standardised(op, over, channels, (_KEPT if running else _SAME_IN_EVALUATION,))


_KEPT = Message("In evaluation it uses the running averages from training.")


def _explain_group_norm(op: Op) -> Explanation:
    groups, channels, sizes = op.arguments.get("num_groups"), op.output_shape[0], op.output_shape[1:]
    if not isinstance(groups, int) or channels % groups:
        groups = 1
    over = Message(
        "each of {groups} groups of {share} channels, for each image separately, over {share} x {sizes} "
        "values",
        groups=groups,
        share=channels // groups,
        sizes=shape_text(sizes),
    )
    return _standardised(op, over, channels, (_SAME_IN_EVALUATION,))


_SAME_IN_EVALUATION = Message(
    "It uses the statistics of the current image, in training and evaluation alike, so every value depends "
    "on all the others they are computed over."
)


def _standardised(op: Op, over: Message, pairs: int, notes: tuple[Message, ...]) -> Explanation:
    arguments = op.arguments
    learned = bool(arguments.get("affine", arguments.get("elementwise_affine", op.params > 0)))
    scale = " * gamma + beta" if learned else ""
    eps = number(arguments.get("eps", 1e-5))
    sentence = Message(
        "{name} normalises {over} to mean 0 and variance 1; the shape stays {output}.",
        name=op.title,
        over=over,
        output=shape_text(op.output_shape),
    )
    parameters = (
        Message(
            "Then gamma scales and beta shifts them, {count} of each; both are learned.",
            count=f"{pairs:,}",
        )
        if learned
        else Message("There are no gamma and beta: nothing is learned.")
    )
    return Explanation(
        f"y = (x - mean)/√(var + eps){scale}",
        f"y = (x - mean)/√(var + {eps}){scale}",
        sentence,
        background=(parameters, *notes),
    )


def _explain_unit_length(op: Op) -> Explanation:
    p, dim = op.arguments.get("p", 2), op.arguments.get("dim", 1)
    sentence = Message(
        "{name} divides the values along dimension {dim} by their norm (p = {p}), which becomes 1; the shape "
        "stays {output}.",
        name=op.title,
        dim=dim,
        p=number(p),
        output=shape_text(op.output_shape),
    )
    return Explanation("y = x/max(‖x‖, eps)", shape_text(op.output_shape), sentence)


def _explain_rms_norm(op: Op) -> Explanation:
    shape = op.arguments.get("normalized_shape")
    sizes = tuple(cast(Shape, shape)) if isinstance(shape, (tuple, list)) else op.output_shape[-1:]
    learned = " * gamma" if op.arguments.get("elementwise_affine", op.params > 0) else ""
    sentence = Message(
        "{name} divides each {sizes} of the last dimensions by its root mean square; the shape stays {output}.",
        name=op.title,
        sizes=shape_text(sizes),
        output=shape_text(op.output_shape),
    )
    rule = f"y = x/√(mean(x²) + eps){learned}"
    return Explanation(rule, rule, sentence, background=(_SAME_IN_EVALUATION,))


def _explain_local_response_norm(op: Op) -> Explanation:
    size, alpha, beta, k = (
        number(op.arguments.get(name, default))
        for name, default in (("size", 5), ("alpha", 1e-4), ("beta", 0.75), ("k", 1))
    )
    sentence = Message(
        "{name} divides each value by the magnitude of its neighbours, the {size} channels around it at the "
        "same pixel. The shape stays {output}.",
        name=op.title,
        size=size,
        output=shape_text(op.output_shape),
    )
    return Explanation(
        "y = x/(k + alpha/n * Σ x²)^beta",
        f"y = x/({k} + {alpha}/{size} * Σ x²)^{beta}",
        sentence,
        background=(Message("It has no parameters and works the same in training and evaluation."),),
    )


# -- normalisation: receptive fields --------------------------------------------------------------------


def reach_batch_norm(call: Call) -> Reach:
    """Each value depends on itself with running statistics, on its whole channel with those of the batch."""
    own = call.arguments.get("track_running_stats") is False or call.arguments.get("training") is True
    return spread(call, range(2, len(call.shape))) if own else call.first


def reach_instance_norm(call: Call) -> Reach:
    """Each value depends on its whole channel, unless running statistics are used in evaluation."""
    running_ones = (
        call.arguments.get("track_running_stats") is True or call.arguments.get("use_input_stats") is False
    )
    return call.first if running_ones else spread(call, range(2, len(call.shape)))


def reach_group_norm(call: Call) -> Reach:
    """Each value depends on all maps of its group."""
    reach, groups = call.first.reduced(range(2, len(call.shape))), call.number("num_groups")
    share = call.shape[1] // groups
    table = np.arange(share)[:, None] + np.arange(call.shape[1]) // share * share
    return replace(reach.gathered(1, table).broadcast(call.shape), places=call.first.places)


def reach_layer_norm(call: Call) -> Reach:
    """Each value depends on all values that are normalised together: the last dimensions."""
    shape = tuple(listed(call.arguments.get("normalized_shape")))
    if _over_channels(call.op) and call.shape[1:2] == shape:
        return spread(call, [1])
    if call.shape[len(call.shape) - len(shape) :] != shape:
        raise UnknownError
    return spread(call, range(len(call.shape) - len(shape), len(call.shape)))


def reach_local_response_norm(call: Call) -> Reach:
    """Each value depends on the same pixel of the neighbouring channels."""
    size = call.number("size")
    around = np.arange(-(size // 2), (size - 1) // 2 + 1)[:, None] + np.arange(call.shape[1])
    return call.first.gathered(1, np.where((around >= 0) & (around < call.shape[1]), around, -1))


def reach_unit_length(call: Call) -> Reach:
    """``normalize``: each value depends on all values along the dimensions whose norm becomes 1."""
    return spread(call, [axis % len(call.shape) for axis in listed(call.arguments.get("dim", 1))])


# -- normalisation: diagnosis and fixes ------------------------------------------------------------------


def diagnose_normalisation(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """A normalisation (or a PReLU) whose input has other channels, or other last dimensions, than it is made for."""
    shape = call.arguments.get("normalized_shape")
    lost = lost_batch(call, ops)
    if lost is not None or isinstance(shape, (tuple, list)):
        return lost or _last_dimensions(call, ops, tuple(cast(Sequence[int], shape)))
    argument = _channels_argument(call)
    if argument is not None:
        expected = call.arguments[argument]
        arranged = joined_elsewhere(call, ops, expected) or channels_elsewhere(call, ops, argument)
        if arranged is not None and not _is_one_slope(call):
            return arranged
    return _channels(call, ops) or _groups(call)


def _is_one_slope(call: FailedCall) -> bool:
    """Whether it is a PReLU that multiplies all channels by the same number."""
    return call.arguments.get("num_parameters") == 1


def diagnose_instance_norm(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Other channels than those of its weights and statistics (without them it takes any number), or single values."""
    of_channels = call.arguments.get("affine") or call.arguments.get("track_running_stats")
    return (diagnose_normalisation(call, ops) if of_channels else None) or _one_value(call)


def diagnose_dimensions_of_batch_norm(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """An input with the wrong number of dimensions; a ``BatchNorm1d`` takes a row of features, too."""
    takes_features = named(call.base).dimensions == 1 and len(call.input_shapes[0]) == 1
    return None if takes_features else diagnose_dimensions(call, ops)


def _channels_argument(call: FailedCall) -> str | None:
    """The name of the argument that holds the number of channels."""
    names = ("num_features", "num_channels", "num_parameters")
    return next((name for name in names if isinstance(call.arguments.get(name), int)), None)


def _channels(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    argument, received = _channels_argument(call), call.input_shapes[0][0]
    if argument is None or call.arguments[argument] in (
        received,
        1 if argument == "num_parameters" else None,
    ):
        return None
    expected = int(str(call.arguments[argument]))
    shape = call.input_shapes[0]
    refused = refusals.normalises_other_channels(Layer.of(call), argument, expected, received, shape)
    return refused.failure(call, expected, received, channels_origin(ops, call.inputs[0], received))


def _groups(call: FailedCall) -> Failure | None:
    groups, channels = call.arguments.get("num_groups"), call.input_shapes[0][0]
    if not isinstance(groups, int) or channels % groups == 0:
        return None
    return refusals.uneven_groups(Layer.of(call), channels, groups).failure(call, groups, channels)


def _one_value(call: FailedCall) -> Failure | None:
    sizes = call.input_shapes[0][1:]
    if product(sizes) > 1:
        return None
    return refusals.normalises_single_values(Layer.of(call), sizes).failure(call, None, call.input_shapes[0])


def _last_dimensions(call: FailedCall, ops: Sequence[Op], expected: tuple[int, ...]) -> Failure | None:
    shape = call.input_shapes[0]
    received = shape[-len(expected) :]
    if received == expected:
        return None
    turned = _of_channels(call, ops, expected)
    if turned is not None:
        return turned
    refused = refusals.normalises_other_sizes(Layer.of(call), expected, shape)
    return refused.failure(call, expected, received, origins(ops, call.inputs[0], shape))


def _of_channels(call: FailedCall, ops: Sequence[Op], expected: tuple[int, ...]) -> Failure | None:
    """A LayerNorm made for the channels, or the features of rows, where these are not the last dimension."""
    shape = call.input_shapes[0]
    if len(expected) != 1 or len(shape) < 2 or shape[0] != expected[0]:
        return None
    joined = joined_elsewhere(call, ops, expected[0], axis=-1)
    if joined is not None or len(shape) == 2:
        return joined or rows_not_transposed(call, expected[0])
    last = ", ".join(map(str, (0, *range(2, len(shape) + 1), 1)))
    back = ", ".join(map(str, (0, len(shape), *range(1, len(shape)))))
    return Failure(
        call.name,
        call.type,
        refusals.normalises_other_sizes(Layer.of(call), expected, shape).reason,
        expected,
        shape[-1:],
        cause=Message("{channels} is the number of its channels, which come first.", channels=expected[0]),
        advice=Message(
            "To normalise the channels of each pixel, put them last for this layer: "
            "{name}(x.permute({last})).permute({back}).",
            name=call.name,
            last=last,
            back=back,
        ),
        mends=(
            Mend(
                Message(
                    "Or use GroupNorm(1, {channels}), which normalises all values of an image, whatever its size.",
                    channels=expected[0],
                )
            ),
        ),
        settled=True,
    )


def mend_normalisation(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """A layer for as many dimensions, the number of channels received, ``groups`` that divide them, or the last sizes."""
    if named(failed.base).dimensions:
        yield from mend_of_dimensions(failed, ops)
        if diagnose_dimensions_of_batch_norm(failed, ops) is not None:
            return
    arguments, received = failed.arguments, failed.input_shapes[0]
    argument, groups = _channels_argument(failed), arguments.get("num_groups")
    if argument is not None:
        yield from fix(failed.path, failed.type, arguments, argument, received[0])
        if isinstance(groups, int):
            common = gcd(received[0], int(str(arguments[argument])))
            yield from fix(
                failed.path,
                failed.type,
                arguments,
                "num_groups",
                max(d for d in range(1, groups + 1) if common % d == 0),
            )
    shape = arguments.get("normalized_shape")
    if isinstance(shape, (tuple, list)):
        yield from fix(failed.path, failed.type, arguments, "normalized_shape", list(received[-len(shape) :]))


# -- normalisation: parameters ---------------------------------------------------------------------------


def weights_of_channels(op: Op) -> tuple[str, int] | None:
    """``2 x 64``: a gamma and a beta per channel, or per normalised value; ``64`` with gamma alone."""
    channels = op.arguments.get("num_features", op.arguments.get("num_channels"))
    shape = op.arguments.get("normalized_shape")
    if isinstance(channels, int):
        text, count = str(channels), channels
    elif isinstance(shape, (tuple, list)):
        text, count = shape_text(tuple(shape)), product(tuple(shape))
    else:
        return None
    return (f"2 x {text}", 2 * count) if op.params == 2 * count else (text, count)


# -- entries -------------------------------------------------------------------------------------------


def _of_statistics(bound: Mapping[str, Any], found: dict[str, Any]) -> None:
    """Read off the tensors whether it scales, and for how many channels it is made."""
    weight, mean = bound.get("weight"), bound.get("running_mean")
    found["affine"] = weight is not None
    known = [tensor for tensor in (mean, weight) if tensor is not None]
    if known and "running_mean" in bound:
        found["num_features"] = known[0].numel()


_COMMON: Mapping[str, Any] = {
    "kind": "normalisation",
    "complete": _of_statistics,
    "parameters": weights_of_channels,
    "mend": mend_normalisation,
}
_RUNNING = "num_features affine track_running_stats eps momentum"


def _kernel_of_batch_norm(op: Op) -> Kernel | None:
    if not op.arguments.get("track_running_stats", True):
        return None
    weights = {"runningMean": "running_mean", "runningVar": "running_var"}
    if op.arguments.get("affine", True):
        weights |= {"weight": "weight", "bias": "bias"}
    return {"kernel": "batchNorm", "epsilon": op.arguments.get("eps", 1e-5), "weights": weights}


def _kernel_of_local_response_norm(op: Op) -> Kernel | None:
    usual = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1}
    return {"kernel": "localResponseNorm", **{name: op.arguments.get(name, usual[name]) for name in usual}}


define_each(
    "",
    "BatchNorm#d LazyBatchNorm#d",
    kernel=_kernel_of_batch_norm,
    arguments="input running_mean running_var weight bias training momentum eps",
    attributes=_RUNNING,
    explain=_explained_by(_explain_batch_norm),
    reach=reach_batch_norm,
    diagnose=(lost_batch, diagnose_dimensions_of_batch_norm, diagnose_normalisation),
    **_COMMON,
)
define(
    "batch_norm native_batch_norm",
    "SyncBatchNorm",
    arguments="input running_mean running_var weight bias training momentum eps",
    attributes=_RUNNING,
    explain=_explained_by(_explain_batch_norm),
    reach=reach_batch_norm,
    diagnose=(diagnose_normalisation,),
    **_COMMON,
)
define(
    "native_batch_norm_legit_no_training",
    arguments="input weight bias running_mean running_var momentum eps",
    attributes=_RUNNING,
    explain=_explained_by(_explain_batch_norm),
    reach=reach_batch_norm,
    diagnose=(diagnose_normalisation,),
    **_COMMON,
)
define_each(
    "",
    "InstanceNorm#d LazyInstanceNorm#d",
    attributes=_RUNNING,
    explain=_explained_by(_explain_instance_norm),
    reach=reach_instance_norm,
    diagnose=(lost_batch, diagnose_dimensions, diagnose_instance_norm),
    **_COMMON,
)
define(
    "instance_norm",
    arguments="input running_mean running_var weight bias use_input_stats momentum eps",
    explain=_explained_by(_explain_instance_norm),
    reach=reach_instance_norm,
    diagnose=(diagnose_instance_norm,),
    **_COMMON,
)
define(
    "layer_norm native_layer_norm",
    "LayerNorm LayerNorm2d",
    arguments="input normalized_shape weight bias eps",
    attributes="elementwise_affine",
    explain=_explained_by(_explain_layer_norm),
    reach=reach_layer_norm,
    diagnose=(diagnose_normalisation,),
    **_COMMON,
)
define(
    "rms_norm",
    "RMSNorm",
    arguments="input normalized_shape weight eps",
    attributes="elementwise_affine",
    explain=_explained_by(_explain_rms_norm),
    reach=reach_layer_norm,
    diagnose=(diagnose_normalisation,),
    **_COMMON,
)
define(
    "group_norm native_group_norm",
    "GroupNorm",
    arguments="input num_groups weight bias eps",
    attributes="num_channels affine",
    explain=_explained_by(_explain_group_norm),
    reach=reach_group_norm,
    diagnose=(diagnose_normalisation,),
    **_COMMON,
)
define(
    "local_response_norm",
    "LocalResponseNorm CrossMapLRN2d",
    kind="normalisation",
    kernel=_kernel_of_local_response_norm,
    arguments="input size alpha beta k",
    explain=_explained_by(_explain_local_response_norm),
    reach=reach_local_response_norm,
)
define(
    "normalize",
    kind="normalisation",
    arguments="input p dim",
    explain=_explained_by(_explain_unit_length),
    reach=reach_unit_length,
)
