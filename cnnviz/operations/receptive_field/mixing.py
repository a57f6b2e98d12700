"""Making one value of many: linear layers, products, attention, normalisation, recurrent layers, sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from cnnviz.operations.receptive_field.call import Call, UnknownError, listed
from cnnviz.operations.receptive_field.reach import Reach, joined
from cnnviz.tracing.batch_axis import subscripts


def value_by_value(call: Call) -> Reach:
    """Every value is made of those at its own position."""
    return joined(call.sources, call.shape)


def linear(call: Call) -> Reach:
    """Every feature that leaves reads all that arrive."""
    return joined([source.reduced([-1]) for source in call.sources], (*call.shape[:-1], 1)).repeated(
        -1, call.shape[-1]
    )


def matrix_product(call: Call) -> Reach:
    """A row of the first times a column of the second."""
    left, right = call.sources
    if min(len(left.shape), len(right.shape)) < 2:
        raise UnknownError
    return joined([left.reduced([-1]), right.reduced([-2])], call.shape)


def summed_products(call: Call) -> Reach:
    """Einstein's summation: letters that the result does not have are read completely."""
    given, told = subscripts(str(call.arguments["equation"]), [len(reach.shape) for reach in call.sources])
    operands = []
    for letters, reach in zip(given, call.sources, strict=True):
        if len(set(letters)) < len(letters):
            raise UnknownError
        gone = [dim for dim, letter in enumerate(letters) if letter not in told]
        left = [letter for letter in letters if letter in told]
        found = reach.reduced(gone, keep=False).permuted(
            [left.index(letter) for letter in told if letter in left]
        )
        for dim, letter in enumerate(told):
            found = found if letter in left else found.unsqueezed(dim)
        operands.append(found)
    return joined(operands, call.shape)


def attention(call: Call) -> Reach:
    """``nn.MultiheadAttention``: every query reads all keys and values."""
    if call.part or len(call.sources) != 3:  # the weights, or a mask
        raise UnknownError
    row = 1 if call.arguments.get("batch_first") else 0
    query, *others = call.sources
    read = [query.reduced([2]), *(other.reduced([row, 2]) for other in others)]
    return joined(read, (*call.shape[:-1], 1)).repeated(-1, call.shape[-1])


def dot_product_attention(call: Call) -> Reach:
    """``scaled_dot_product_attention``: a causal one reads keys and values up to the query's own."""
    query, key, value, *masks = call.sources
    if any(not mask.nothing for mask in masks):
        raise UnknownError
    if call.arguments.get("is_causal"):
        if query.shape[-2] != key.shape[-2]:
            raise UnknownError
        read = [query.reduced([-1]), key.reduced([-1]).accumulated(-2), value.accumulated(-2)]
        return joined(read, call.shape)
    return joined([query.reduced([-1]), key.reduced([-1, -2]), value.reduced([-2])], call.shape)


def recurrent(call: Call) -> Reach:
    """A step reads itself and all before it; with two directions those behind it, too."""
    row = 1 if call.arguments.get("batch_first") else 0
    if any(not state.nothing for state in call.sources[1:]):
        raise UnknownError
    steps = call.first.reduced([2])
    if call.part:  # the state at the end
        return steps.reduced([row]).broadcast(call.shape)
    count = call.shape[-1]
    if not call.arguments.get("bidirectional"):
        return steps.accumulated(row).repeated(-1, count)
    if call.number("num_layers", 1) > 1:
        return steps.reduced([row]).broadcast(call.shape)
    ahead = steps.accumulated(row).repeated(-1, count // 2)
    turned = np.arange(call.shape[row])[None, ::-1]
    behind = steps.gathered(row, turned).accumulated(row).gathered(row, turned).repeated(-1, count // 2)
    features = len(call.shape) - 1
    bounds = tuple(
        np.concatenate(
            [np.repeat(one, count // 2, axis=features), np.repeat(other, count // 2, axis=features)],
            axis=features,
        )
        for one, other in zip(ahead.bounds, behind.bounds, strict=True)
    )
    return replace(ahead.irregular(), shape=call.shape, bounds=bounds)


def cell(call: Call) -> Reach:
    """One step of a recurrent layer: all that arrives, and the state so far."""
    if any(len(source.shape) != 2 for source in call.sources):
        raise UnknownError
    return joined([source.reduced([1]) for source in call.sources], (call.shape[0], 1)).repeated(
        1, call.shape[1]
    )


def shares(call: Call) -> Reach:
    """Softmax and its like: every value reads all along a dimension."""
    count = len(call.shape)
    dim = call.arguments.get("dim")
    if call.function == "softmax2d":
        dim = -3
    elif call.function == "normalize":
        dim = call.arguments.get("dim", 1)
    elif dim is None:  # PyTorch's own choice
        dim = 0 if count in (0, 1, 3) else 1
    return _spread(call, [axis % count for axis in listed(dim)])


def gated(call: Call) -> Reach:
    """One half of a dimension decides how much of the other passes."""
    reach, dim = call.first, call.number("dim", -1) % len(call.shape)
    half = reach.shape[dim] // 2
    return reach.gathered(dim, np.arange(half) + np.array([[0], [half]]))


def reduced(call: Call) -> Reach:
    """One value of all along some dimensions, or of all there are."""
    reach, dims = call.first, call.arguments.get("dim")
    axes = range(len(reach.shape)) if dims is None else [dim % len(reach.shape) for dim in listed(dims)]
    if len(call.shape) == len(reach.shape):  # the dimensions stay, with one place each
        return replace(reach.reduced(axes), places=reach.places)
    return reach.reduced(axes, keep=False)


def running(call: Call) -> Reach:
    """``cumsum`` and its like."""
    return call.first.accumulated(call.number("dim"))


def batch_norm(call: Call) -> Reach:
    """By running statistics every value by itself; otherwise every value reads its whole channel."""
    own = call.arguments.get("track_running_stats") is False or call.arguments.get("training") is True
    return _spread(call, range(2, len(call.shape))) if own else call.first


def instance_norm(call: Call) -> Reach:
    """Every value reads its channel; where running statistics are kept those are used in evaluation."""
    running_ones = (
        call.arguments.get("track_running_stats") is True or call.arguments.get("use_input_stats") is False
    )
    return call.first if running_ones else _spread(call, range(2, len(call.shape)))


def group_norm(call: Call) -> Reach:
    """Every value reads all maps of its group."""
    reach, groups = call.first.reduced(range(2, len(call.shape))), call.number("num_groups")
    share = call.shape[1] // groups
    table = np.arange(share)[:, None] + np.arange(call.shape[1]) // share * share
    return replace(reach.gathered(1, table).broadcast(call.shape), places=call.first.places)


def layer_norm(call: Call) -> Reach:
    """Every value reads all that the statistics are taken over: the last dimensions."""
    shape = tuple(listed(call.arguments.get("normalized_shape")))
    if (
        call.op.type == "LayerNorm2d" and call.shape[1:2] == shape
    ):  # torchvision's: over the channels of a pixel
        return _spread(call, [1])
    if call.shape[len(call.shape) - len(shape) :] != shape:
        raise UnknownError
    return _spread(call, range(len(call.shape) - len(shape), len(call.shape)))


def local_response_norm(call: Call) -> Reach:
    """Every value reads the same pixel of the channels around its own."""
    size = call.number("size")
    around = np.arange(-(size // 2), (size - 1) // 2 + 1)[:, None] + np.arange(call.shape[1])
    return call.first.gathered(1, np.where((around >= 0) & (around < call.shape[1]), around, -1))


def _spread(call: Call, dims: Iterable[int]) -> Reach:
    """Every value reads all along ``dims``; the shape stays."""
    found = call.first.reduced(dims).broadcast(call.shape)
    return replace(found, places=call.first.places)
