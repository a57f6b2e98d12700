"""Merging: branches meet and are concatenated, stacked, or combined value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np

from cnnviz.language import Message
from cnnviz.operations.batch_axis import MIXED, BatchCall, Layout, kept
from cnnviz.operations.data_movement import explain_identity
from cnnviz.operations.diagnosis import channels_origin, size_origin
from cnnviz.operations.explanation import Explanation, source_name
from cnnviz.operations.fixes import enlarges, fix, own_branch, resized
from cnnviz.operations.kernels import Kernel, image_axis, of_two
from cnnviz.operations.op import (
    MODEL_INPUT,
    FailedCall,
    Failure,
    Fix,
    Mend,
    Op,
    Shape,
    called,
    product,
    shape_text,
)
from cnnviz.operations.operation import define, named, never, operation_of
from cnnviz.operations.reach import Bounds, Call, Reach, UnknownError, centred, common

# -- shapes ------------------------------------------------------------------------------------------


def explain_concatenation(op: Op, ops: Sequence[Op]) -> Explanation | None:
    """Concatenation along one dimension, whose sizes add up."""
    dim = op.arguments.get("dim")
    if len(op.inputs) == 1:
        return explain_identity(op, ops)
    if not isinstance(dim, int):
        return None
    axis = dim - 1
    if axis < 0 or any(len(shape) != len(op.output_shape) for shape in op.input_shapes):
        return None
    sizes = [shape[axis] for shape in op.input_shapes]
    if sum(sizes) != op.output_shape[axis]:  # a constant is among the inputs
        return None
    values = {
        "name": op.title,
        "parts": ", ".join(
            f"{source_name(i, ops)} ({size})" for i, size in zip(op.inputs, sizes, strict=True)
        ),
        "output": shape_text(op.output_shape),
    }
    if axis == 0 and len(op.output_shape) == 3:
        sentence = Message(
            "{name} concatenates its inputs: {parts}. Their channels add up; height and width must match: "
            "{output}.",
            **values,
        )
    else:
        sentence = Message(
            "{name} concatenates its inputs: {parts}. Their sizes add up in this dimension; all others must "
            "match: {output}.",
            **values,
        )
    substituted = " + ".join(str(size) for size in sizes) + f" = {sum(sizes)}"
    return Explanation("C1 + C2 + ..." if axis == 0 else "n1 + n2 + ...", substituted, sentence)


def explain_stack(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Inputs of the same shape, stacked along a new dimension."""
    if len(op.output_shape) != len(op.input_shapes[0]) + 1:
        return None
    sentence = Message(
        "{name} stacks its {count} inputs along a new dimension, so all must have the same shape: {output}.",
        name=op.title,
        count=len(op.inputs),
        output=shape_text(op.output_shape),
    )
    substituted = f"{len(op.inputs)} x ({shape_text(op.input_shapes[0])})"
    return Explanation("N x (C x H x W)", substituted, sentence)


def explain_combination(sign: str, op: Op, ops: Sequence[Op]) -> Explanation | None:
    """Two inputs combined value by value, which ``sign`` stands for."""
    if len(op.inputs) < 2:
        return None
    values = {
        "name": op.title,
        "inputs": ", ".join(source_name(i, ops) for i in op.inputs),
        "output": shape_text(op.output_shape),
    }
    if len(set(op.input_shapes)) > 1:
        shapes = ", ".join(shape_text(shape) for shape in op.input_shapes)
        sentence = Message(
            "{name} combines {inputs} element by element; where one of them has size 1, its value is "
            "repeated (broadcasting): {output}.",
            **values,
        )
        return Explanation("max(m, n)", f"{shapes} -> {shape_text(op.output_shape)}", sentence)
    substituted = f" {sign} ".join(f"({shape_text(shape)})" for shape in op.input_shapes)
    sentence = Message(
        "{name} combines {inputs} element by element, so both must have the same shape, which stays {output}.",
        **values,
    )
    return Explanation(f"(C x H x W) {sign} (C x H x W)", substituted, sentence)


# -- receptive fields and the batch dimension --------------------------------------------------------


def reach_concatenation(call: Call) -> Reach:
    """Each value depends on the one that was put there."""
    return _concatenated(call, call.sources, call.number("dim", 0) % len(call.shape))


def reach_stack(call: Call) -> Reach:
    """The same along a new dimension, which is no dimension of places."""
    dim = call.number("dim", 0) % len(call.shape)
    reach = _concatenated(call, [reach.unsqueezed(dim) for reach in call.sources], dim)
    return replace(reach, places=reach.places - {dim})


def _concatenated(call: Call, sources: Sequence[Reach], dim: int) -> Reach:
    sizes = [reach.shape[dim] for reach in sources]
    if sum(sizes) != call.shape[dim]:  # a parameter is among the inputs, at an unknown position
        raise UnknownError
    seeing = [reach for reach in sources if not reach.nothing] or sources[:1]
    lattices = tuple(
        None if lattice is not None and lattice.dim == dim else lattice for lattice in common(seeing)
    )
    return replace(
        seeing[0],
        shape=call.shape,
        bounds=tuple(
            _behind([reach.bounds[side] for reach in sources], sizes, dim)
            for side in range(len(seeing[0].bounds))
        ),
        lattices=lattices,
        places=frozenset().union(*(reach.places for reach in seeing)),
        known=all(reach.known for reach in seeing),
        aligned=all(reach.aligned for reach in seeing) and centred(seeing),
    )


def _behind(all_bounds: list[Bounds], sizes: list[int], dim: int) -> Bounds:
    """Bounds concatenated along ``dim``."""
    if all(bounds.shape[dim] == 1 and np.array_equal(bounds, all_bounds[0]) for bounds in all_bounds):
        return all_bounds[0]
    widest = np.broadcast_shapes(*((*b.shape[:dim], 1, *b.shape[dim + 1 :]) for b in all_bounds))
    fitted = [
        np.broadcast_to(bounds, (*widest[:dim], size, *widest[dim + 1 :]))
        for bounds, size in zip(all_bounds, sizes, strict=True)
    ]
    return np.concatenate(fitted, axis=dim)


def _batch_axis_of_stack(call: BatchCall) -> Layout:
    _, layout = call.moving[0]
    place, dim = cast(int, layout.place), call.arguments.get("dim", 0) % len(call.result)
    return Layout(place + (dim <= place), layout.before, layout.after)


def _batch_axis_of_joined(call: BatchCall) -> Layout:
    """Batches joined along their own dimension: the images of the first, then those of the second, and so on."""
    shape, layout = call.moving[0]
    if call.arguments.get("dim", 0) != layout.place:
        return kept(call)
    alike = len(call.moving) == len(call.operands) and all(
        source == (shape, layout) for source in call.moving
    )
    return Layout(layout.place, len(call.operands) * layout.before, layout.after) if alike else MIXED


# -- diagnosis and fixes -----------------------------------------------------------------------------


def diagnose_unlike(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Branches whose shapes do not fit together."""
    shapes = call.input_shapes
    pair = _unlike_pair(call)
    if pair is None:
        return _row_for_one_image(call) or _unlike_constant(call, ops)
    inputs = ", ".join(
        f"{ops[index].title if index != MODEL_INPUT else 'x'} {shape_text(shape)}"
        for index, shape in zip(call.inputs, shapes, strict=True)
    )
    if named(call.base).joins:
        reason = Message(
            "{name} concatenates inputs of different sizes ({inputs}): they may differ only in the "
            "concatenated dimension.",
            name=called(call.name, call.type),
            inputs=inputs,
        )
        advice = Message("Give all branches the same stride, and pad each kernel accordingly.")
        meant = _meant_dim(call)
        if meant is not None:
            return _other_dim(call, reason, meant)
    else:
        reason = Message(
            "{name} combines inputs of different shapes ({inputs}) element by element: the shapes must match.",
            name=called(call.name, call.type),
            inputs=inputs,
        )
        advice = Message(
            "Let the branch keep the shape (padding, stride 1), or use a 1x1 convolution to give the "
            "shortcut the same shape."
        )
    first, other = (shapes[number] for number in pair)
    if len(first) != len(other):
        advice = _with_as_many_dimensions(call, first, other) or advice
    found = Failure(call.name, call.type, reason, first, other, cause=_cause(call, ops, pair), advice=advice)
    if len(first) == len(other) == 2 and first[::-1] != first and _unlike_only_turned(call, first, other):
        flat = [operation_of(ops[i]).keeps_order for i in call.inputs[:2] if i != MODEL_INPUT]
        advice = _transposed(call.inputs[0 if flat[:1] == [True] else 1], ops)
        return replace(found, cause=None, advice=advice, settled=True)
    projection = _projection(call, ops, pair)
    if projection is not None:
        found = replace(found, mends=(projection,))
    return _grown(found, call, ops, pair)


_LARGEST_STRIDE = 4


def _projection(call: FailedCall, ops: Sequence[Op], pair: tuple[int, int]) -> Mend | None:
    """A 1x1 convolution for a shortcut around layers that change the channels or the size (He et al. 2015, section 3.3)."""
    ends = [call.inputs[number] for number in pair]
    shapes = [call.input_shapes[number] for number in pair]
    if named(call.base).joins or len(shapes[0]) != len(shapes[1]) or len(shapes[0]) not in (2, 3, 4):
        return None
    around = [_leads_to(ends[0], ends[1], ops), _leads_to(ends[1], ends[0], ops)]
    if not any(around) or not shapes[0][1:] or not shapes[1][1:]:
        return None
    (channels, *sizes), (wanted, *smaller) = shapes if around[0] else shapes[::-1]
    strides = (
        stride
        for stride in range(1, _LARGEST_STRIDE + 1)
        if all(-(-size // stride) == left for size, left in zip(sizes, smaller, strict=True))
    )
    stride = next(strides, None)
    if stride is None:
        return None
    code = f"nn.Conv{len(sizes)}d({channels}, {wanted}, kernel_size=1{f', stride={stride}' if stride > 1 else ''})"
    return Mend(Message("Let the shortcut pass a 1x1 convolution that fits: {code}.", code=code), ahead=True)


def _leads_to(start: int, end: int, ops: Sequence[Op]) -> bool:
    """Whether the output of the op at ``end`` is computed from that of ``start``."""
    waiting = [end]
    while waiting:
        index = waiting.pop()
        if index != MODEL_INPUT:
            if start in ops[index].inputs:
                return True
            waiting += [before for before in ops[index].inputs if before > start]
    return False


def _transposed(index: int, ops: Sequence[Op]) -> Message:
    name = ops[index].title if index != MODEL_INPUT else "x"
    return Message("Swap the two dimensions of {name} first: x = x.transpose(1, 2).", name=name)


def _row_for_one_image(call: FailedCall) -> Failure | None:
    """A parameter with a single row, such as a class token, that is joined to every image of a batch."""
    dim = call.arguments.get("dim", 0)
    if not named(call.base).joins or not call.input_shapes or not isinstance(dim, int) or dim < 1:
        return None
    shape = call.input_shapes[0]
    single = next((c for c in call.constants if len(c) == len(shape) + 1 and c[0] == 1), None)
    others = range(len(shape))
    if single is None or any(single[axis + 1] != shape[axis] for axis in others if axis != dim - 1):
        return None
    reason = Message(
        "{name} joins a parameter with a single row, 1 x {sizes}, to a batch: cat does not repeat it for each image.",
        name=called(call.name, call.type),
        sizes=shape_text(single[1:]),
    )
    advice = Message(
        "Repeat it first: parameter.expand(x.size(0), {kept}).", kept=", ".join(["-1"] * len(shape))
    )
    return Failure(call.name, call.type, reason, advice=advice, settled=True)


def _with_as_many_dimensions(call: FailedCall, first: Shape, other: Shape) -> Message | None:
    """What to do with a row of values that meets maps."""
    row, maps = sorted((first, other), key=len)
    if len(row) != 1:
        return None
    if named(call.base).joins:
        return Message("Flatten the maps first: x.flatten(1) gives {count} values.", count=product(maps))
    if row[0] != maps[0]:
        return None
    return Message(
        "Give the {count} values the dimensions of the maps: s[:, :{nones}].",
        count=row[0],
        nones=", None" * (len(maps) - 1),
    )


def _unlike_constant(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Rows of vectors that would fit a parameter, such as a table of positions, if they were transposed."""
    if len(call.input_shapes) != 1 or len(call.constants) != 1:
        return None
    (shape,), (constant,) = call.input_shapes, call.constants
    sizes = constant[1:] if len(constant) == 3 and constant[0] == 1 else constant
    if len(sizes) != 2 or not _differing(call, shape, sizes) or _differing(call, shape[::-1], sizes):
        return None
    reason = Message(
        "{name} combines {shape} with a parameter of {sizes} element by element: the two dimensions are in the "
        "other order.",
        name=called(call.name, call.type),
        shape=shape_text(shape),
        sizes=shape_text(sizes),
    )
    advice = _transposed(call.inputs[0], ops)
    return Failure(call.name, call.type, reason, sizes, shape, advice=advice, settled=True)


def _unlike_only_turned(call: FailedCall, first: Shape, other: Shape) -> bool:
    """Whether two rows of vectors fit as soon as one of them is transposed."""
    return not _differing(call, first, other[::-1])


def _meant_dim(call: FailedCall) -> int | None:
    """The dimension along which the inputs of a ``cat`` can be joined: the channels, or any of rows of vectors."""
    shapes = call.input_shapes
    if call.constants or len({len(shape) for shape in shapes}) != 1:
        return None
    axes = {
        axis for shape in shapes for axis, (a, b) in enumerate(zip(shapes[0], shape, strict=True)) if a != b
    }
    if len(axes) != 1 or (len(shapes[0]) > 2 and axes != {0}):
        return None
    return axes.pop() + 1


def _other_dim(call: FailedCall, reason: Message, dim: int) -> Failure:
    sizes = [shape[dim - 1] for shape in call.input_shapes]
    advice = Message(
        "Join them along dimension {dim}: torch.cat([...], dim={dim}) gives {sum} = {expected}.",
        dim=dim,
        sum=" + ".join(map(str, sizes)),
        expected=sum(sizes),
    )
    joined = Message("It joins along dimension {joined}.", joined=call.arguments.get("dim", 0))
    return Failure(
        call.name,
        call.type,
        reason,
        call.input_shapes[0],
        call.input_shapes[1],
        cause=joined,
        advice=advice,
        settled=True,
    )


def _grown(found: Failure, call: FailedCall, ops: Sequence[Op], pair: tuple[int, int]) -> Failure:
    """What else helps where a branch was enlarged again, as in a U-Net, and its size was odd on the way down."""
    sizes = [call.input_shapes[number][1:] for number in pair]
    branches = [own_branch(call.inputs, number, ops) for number in pair]
    enlarging = [any(enlarges(op) for op in branch) for branch in branches]
    if not any(enlarging) or len(sizes[0]) != len(sizes[1]) or sizes[0] == sizes[1]:
        return found
    target = sizes[0] if enlarging[1] else sizes[1]
    size = f"({', '.join(map(str, target))})"
    resize = Message(
        "Give the enlarged maps the size of the others: F.interpolate(x, size={size}).", size=size
    )
    too = Message(
        "Or give the enlarged maps the size of the others: F.interpolate(x, size={size}).", size=size
    )
    return replace(found, advice=resize, mends=(Mend(too, beside_fix=True),), other_input="even")


def _unlike_pair(call: FailedCall) -> tuple[int, int] | None:
    """The positions of the first two inputs whose shapes do not fit together."""
    shapes = call.input_shapes
    for number, shape in enumerate(shapes[1:], 1):
        if _differing(call, shapes[0], shape):
            return 0, number
    return None


def _differing(call: FailedCall, one: Shape, other: Shape) -> tuple[int, ...]:
    """The axes (0: the channels) along which two inputs differ and must not; (-1,) if one has more dimensions."""
    if len(one) != len(other):
        return (-1,)
    dim = call.arguments.get("dim", 0)
    joined = dim - 1 if named(call.base).joins and isinstance(dim, int) else None
    repeats = not named(call.base).joins  # broadcasting repeats what has size 1
    return tuple(
        axis
        for axis, (a, b) in enumerate(zip(one, other, strict=True))
        if a != b and axis != joined and not (repeats and 1 in (a, b))
    )


def _cause(call: FailedCall, ops: Sequence[Op], pair: tuple[int, int]) -> Message | None:
    shapes = [call.input_shapes[number] for number in pair]
    axes = _differing(call, *shapes)
    if axes == (-1,):
        return None
    told = [
        channels_origin(ops, call.inputs[number], shape[0])
        if axes[0] == 0
        else size_origin(ops, call.inputs[number], shape[1:])
        for number, shape in zip(pair, shapes, strict=True)
    ]
    return Message("{first} {second}", first=told[0], second=told[1])


def mend_branches(failed: FailedCall, ops: Sequence[Op]) -> Iterator[Fix]:
    """Edits of single layers that could bring the inputs of a merging call to one shape.

    The branch whose shape is the rarest comes first, then the one computed last; so a shortcut comes first.
    """
    shapes, places = failed.input_shapes, range(len(failed.input_shapes))
    sharing = [sum(not _differing(failed, shape, other) for other in shapes) for shape in shapes]
    for place in sorted(places, key=lambda place: (sharing[place], -failed.inputs[place])):
        branch = own_branch(failed.inputs, place, ops)
        others = sorted((p for p in places if p != place), key=lambda p: -sharing[p])
        target = next((shapes[p] for p in others if _differing(failed, shapes[place], shapes[p])), None)
        if branch and target is not None:
            yield from _mended(failed, branch, shapes[place], target)


def _mended(failed: FailedCall, branch: list[Op], shape: Shape, target: Shape) -> Iterator[Fix]:
    if len(shape) != len(target):
        return
    if shape[1:] != target[1:]:
        yield from resized(branch, target[1:])
    if shape[0] != target[0] and not (named(failed.base).joins and failed.arguments.get("dim") == 1):
        for op in reversed(branch):
            for argument in ("out_channels", "out_features"):
                if argument in op.arguments:
                    if op.module is not None:
                        yield from fix(op.module, op.type, op.arguments, argument, target[0])
                    return


# -- entries -------------------------------------------------------------------------------------------


def _joined_dimension(bound: Mapping[str, Any], found: dict[str, Any]) -> None:
    """The dimension along which tensors are concatenated, counted from the front."""
    if bound.get("tensors"):
        found["dim"] = int(found.get("dim", 0)) % bound["tensors"][0].dim()


def _stays_unless_joined_in_front(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments.get("dim", 0) != 0)


def _kernel_of_concatenation(op: Op) -> Kernel | None:
    axis = image_axis(op.arguments.get("dim", 0), len(op.output_shape))
    return None if axis is None else {"kernel": "concatenate", "axis": axis}


define(
    "cat concat concatenate",
    kind="merge",
    kernel=_kernel_of_concatenation,
    arguments="tensors dim",
    joins=True,
    complete=_joined_dimension,
    explain=explain_concatenation,
    reach=reach_concatenation,
    batch_axis=_batch_axis_of_joined,
    stays_in_front=_stays_unless_joined_in_front,
    diagnose=(diagnose_unlike,),
    mend=mend_branches,
)
define(
    "stack",
    kind="merge",
    arguments="tensors dim",
    explain=explain_stack,
    reach=reach_stack,
    batch_axis=_batch_axis_of_stack,
    stays_in_front=never,
    diagnose=(diagnose_unlike,),
    mend=mend_branches,
)
define("hstack", kind="merge", diagnose=(diagnose_unlike,), mend=mend_branches)
define("vstack row_stack", kind="merge", diagnose=(diagnose_unlike,), mend=mend_branches)
for _name, _arguments, _sign, _kernel in (
    ("add", "input other alpha", "+", "add"),
    ("sub", "input other alpha", "-", "subtract"),
    ("mul", "input other", "*", "multiply"),
    ("div", "input other rounding_mode", "/", "divide"),
    ("maximum", "input other", ",", "maximum"),
    ("minimum", "input other", ",", "minimum"),
):
    define(
        _name,
        arguments=_arguments,
        kind="merge",
        kernel=of_two(_kernel),
        pointwise=True,
        explain=partial(explain_combination, _sign),
        diagnose=(diagnose_unlike,),
        mend=mend_branches,
    )
define("where", kind="merge", pointwise=True, diagnose=(diagnose_unlike,), mend=mend_branches)
