"""Normalisation: the formula, what its statistics are taken over, and its learned parameters.

Ioffe and Szegedy 2015 (batch), Ba et al. 2016 (layer), Ulyanov et al. 2016 (instance), Wu and He 2018
(group), Krizhevsky et al. 2012, section 3.3 (local response), Zhang and Sennrich 2019 (RMS).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from cnnviz.language import Message
from cnnviz.operations.op import Op, Shape, product, shape_text
from cnnviz.operations.rules.explanation import Explanation, number


def normalisation(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A normalisation of any kind; all keep the shape."""
    if op.kind != "normalisation" or op.input_shapes[0] != op.output_shape or not op.output_shape:
        return None
    family = op.type.lower().replace("_", "")
    if family == "normalize":
        return _unit_length(op)
    for name, told in _FAMILIES.items():
        if name in family:
            return told(op)
    sentence = Message(
        "{name} shifts and scales values and keeps their number: {output}.",
        name=op.title,
        output=shape_text(op.output_shape),
    )
    return Explanation("m = n", shape_text(op.output_shape), sentence)


def _batch(op: Op) -> Explanation:
    channels, sizes = op.output_shape[0], op.output_shape[1:]
    over = Message("each of the {channels} channels", channels=channels)
    return _standardised(op, over, channels, (_statistics(op, sizes),))


def _statistics(op: Op, sizes: Shape) -> Message:
    """What the statistics of a batch normalisation are taken over, in training and in evaluation."""
    if op.arguments.get("track_running_stats") is False:
        return Message("It keeps no running averages: the statistics are always those of the batch at hand.")
    if op.arguments.get("training") is True:
        return Message(
            "It is called with training=True: the statistics are those of the batch at hand, in evaluation, too."
        )
    momentum = op.arguments.get("momentum", 0.1)
    if momentum is None or (op.module is not None and "momentum" not in op.arguments):
        return Message(
            "In training the statistics are those of the batch, and the mean of those of all batches so far is kept "
            "(momentum None); in evaluation this mean is used."
        )
    if sizes:
        return Message(
            "In training the statistics are those of the batch, over batch x {sizes} values, and running averages of "
            "them are kept (momentum {momentum}); in evaluation these running averages are used.",
            sizes=shape_text(sizes),
            momentum=number(momentum),
        )
    return Message(
        "In training the statistics are those of the batch, and running averages of them are kept (momentum "
        "{momentum}); in evaluation these running averages are used.",
        momentum=number(momentum),
    )


def _layer(op: Op) -> Explanation:
    shape = op.arguments.get("normalized_shape")
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else op.output_shape
    over = Message(
        "the {sizes} = {count} values of each image, batch aside",
        sizes=shape_text(sizes),
        count=product(sizes),
    )
    if op.type == "LayerNorm2d" and sizes == op.output_shape[:1]:  # torchvision's, for channels in front
        over = Message("the {channels} channels of each pixel by itself", channels=sizes[0])
    elif sizes != op.output_shape:
        over = Message("each {sizes} of the last dimensions", sizes=shape_text(sizes))
    return _standardised(op, over, product(sizes), (_SAME_IN_EVALUATION,))


def _instance(op: Op) -> Explanation:
    channels, sizes = op.output_shape[0], op.output_shape[1:]
    over = Message(
        "each map of each image by itself, over its {sizes} = {count} values",
        sizes=shape_text(sizes),
        count=product(sizes),
    )
    running = op.arguments.get("track_running_stats") is True
    return _standardised(op, over, channels, (_KEPT if running else _SAME_IN_EVALUATION,))


_KEPT = Message("In evaluation the running averages of training are used.")


def _group(op: Op) -> Explanation:
    groups, channels, sizes = op.arguments.get("num_groups"), op.output_shape[0], op.output_shape[1:]
    if not isinstance(groups, int) or channels % groups:
        groups = 1
    over = Message(
        "each of {groups} groups of {share} channels, of each image by itself, over {share} x {sizes} values",
        groups=groups,
        share=channels // groups,
        sizes=shape_text(sizes),
    )
    return _standardised(op, over, channels, (_SAME_IN_EVALUATION,))


_SAME_IN_EVALUATION = Message(
    "The statistics are those of the image at hand, in training and in evaluation alike; through them every value "
    "depends on all others that they are taken over."
)


def _standardised(op: Op, over: Message, pairs: int, notes: tuple[Message, ...]) -> Explanation:
    arguments = op.arguments
    learned = bool(arguments.get("affine", arguments.get("elementwise_affine", op.params > 0)))
    scale = " * gamma + beta" if learned else ""
    eps = number(arguments.get("eps", 1e-5))
    sentence = Message(
        "{name} brings {over} to mean 0 and variance 1; the shape stays {output}.",
        name=op.title,
        over=over,
        output=shape_text(op.output_shape),
    )
    parameters = (
        Message(
            "Then gamma scales and beta shifts them again, {count} of each: both are learned.",
            count=f"{pairs:,}",
        )
        if learned
        else Message("No gamma and beta follow: there is nothing to learn.")
    )
    return Explanation(
        f"y = (x - mean)/√(var + eps){scale}",
        f"y = (x - mean)/√(var + {eps}){scale}",
        sentence,
        background=(parameters, *notes),
    )


def _unit_length(op: Op) -> Explanation:
    p, dim = op.arguments.get("p", 2), op.arguments.get("dim", 1)
    sentence = Message(
        "{name} divides the values along dimension {dim} by their norm (p = {p}), so that it becomes 1; the shape "
        "stays {output}.",
        name=op.title,
        dim=dim,
        p=number(p),
        output=shape_text(op.output_shape),
    )
    return Explanation("y = x/max(‖x‖, eps)", shape_text(op.output_shape), sentence)


def _root_mean_square(op: Op) -> Explanation:
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


def _local_response(op: Op) -> Explanation:
    size, alpha, beta, k = (
        number(op.arguments.get(name, default))
        for name, default in (("size", 5), ("alpha", 1e-4), ("beta", 0.75), ("k", 1))
    )
    sentence = Message(
        "{name} divides each value by the strength of its neighbours: of the {size} channels around it at the same "
        "pixel. The shape stays {output}.",
        name=op.title,
        size=size,
        output=shape_text(op.output_shape),
    )
    return Explanation(
        "y = x/(k + alpha/n * Σ x²)^beta",
        f"y = x/({k} + {alpha}/{size} * Σ x²)^{beta}",
        sentence,
        background=(Message("It has no parameters, and is the same in training and in evaluation."),),
    )


_FAMILIES = {
    "batchnorm": _batch,
    "instancenorm": _instance,
    "groupnorm": _group,
    "layernorm": _layer,
    "rmsnorm": _root_mean_square,
    "localresponse": _local_response,
}
