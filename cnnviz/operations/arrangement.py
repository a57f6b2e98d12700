"""Values that arrive in the wrong arrangement: images joined or mixed, channels last, rows not transposed, a wrong ``dim``.

A layer that refuses its input is then right as it is: what has to change is the line of the ``forward`` that arranged
the values. Each rule returns None where the numbers do not show that.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz import numbers
from cnnviz.language import Message
from cnnviz.operations import refusals
from cnnviz.operations.batch_axis import FRONT, WITHOUT, Layout
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
from cnnviz.operations.operation import operation_of
from cnnviz.operations.refusals import Layer

# -- the batch ---------------------------------------------------------------------------------------


def lost_batch(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """An input whose rows are no images any more, where a flatten, a view or a permute that took the batch is to blame."""
    op = _strayed_at(call, ops)
    if op is None:
        return None
    operation, wanted = operation_of(op), op.arguments.get("shape")
    if op.base in _SPLITS:
        return _split_batch(call, op)
    if operation.reorders:
        return _moved_batch(call, op)
    if not operation.keeps_order:
        return None
    if op.layout.place == 0 and len(op.output_shape) == 1:
        return _one_row(call, ops, op)
    if op.arguments.get("start_dim") == 0:
        return _merged_rows(call, ops, op)
    if isinstance(wanted, tuple) and wanted and isinstance(wanted[0], int):
        return _fixed_rows(call, ops, op, wanted) if wanted[0] > 0 else _cut_rows(call, ops, op, wanted)
    return None


def _strayed_at(call: FailedCall, ops: Sequence[Op]) -> Op | None:
    """The op on the way to the call that failed from which on the first dimension is not the batch alone."""
    layouts = list(zip(call.inputs, call.layouts, strict=False))
    for index, layout in layouts:  # a part of a batch is not a batch
        if layout == WITHOUT and index != MODEL_INPUT and ops[index].base in _SPLITS:
            return ops[index]
    index = next((index for index, layout in layouts if _strayed(layout)), MODEL_INPUT)
    found = None
    while index != MODEL_INPUT and _strayed(ops[index].layout):
        found = ops[index]
        index = next((i for i in found.inputs if i != MODEL_INPUT and _strayed(ops[i].layout)), MODEL_INPUT)
    return found


_SPLITS = ("chunk", "split")


def _strayed(layout: Layout) -> bool:
    return layout != FRONT and (layout.mixed or layout.place is not None)


def _one_row(call: FailedCall, ops: Sequence[Op], op: Op) -> Failure:
    """``torch.flatten(x)`` without a start, ``x.view(-1)``."""
    reason = Message(
        "{name} gets all images of a batch in one row: {op} flattens from dimension 0, the batch.",
        name=called(call.name, call.type),
        op=op.title,
    )
    how = Message("Keep the batch as dimension 0: x.view(x.size(0), -1), or torch.flatten(x, 1).")
    if "shape" not in op.arguments:
        how = Message("Start at dimension 1: torch.flatten(x, 1).")
    return _flattened_wrongly(call, ops, op, reason, how)


def _merged_rows(call: FailedCall, ops: Sequence[Op], op: Op) -> Failure | None:
    """``torch.flatten(x, 0, 1)`` of maps before a Linear."""
    if len(op.input_shapes[0]) != 3 or not isinstance(call.arguments.get("in_features"), int):
        return None
    reason = Message(
        "{op} flattens from dimension 0, the batch, so the images are merged with their channels, and {name} does not "
        "get the features of one image.",
        name=called(call.name, call.type),
        op=op.title,
    )
    return _flattened_wrongly(call, ops, op, reason, Message("Start at dimension 1: torch.flatten(x, 1)."))


def _split_batch(call: FailedCall, op: Op) -> Failure | None:
    """``x.chunk(2)`` where ``x.chunk(2, dim=1)`` gives what the layer expects."""
    image, expected = op.input_shapes[0], _expected_features(call)
    count = op.arguments.get("chunks")
    if op.arguments.get("dim", 0) != 0 or expected is None or not image:
        return None
    parts = count if isinstance(count, int) else len(image) and image[0] // expected
    if not parts or image[0] != parts * expected:
        return None
    reason = Message(
        "{op} splits along dimension 0, the batch: it takes the images apart, and {name} ({type}) gets all {count} of "
        "each.",
        op=op.title,
        name=called(call.name, call.type),
        type=call.type,
        count=numbers.channels(image[0]) if len(image) > 1 else numbers.features(image[0]),
    )
    size = parts if isinstance(count, int) else expected
    advice = Message(
        "Split along dimension 1: x.{function}({size}, dim=1).",
        function=op.base,
        size=size,
    )
    return Failure(call.name, call.type, reason, expected, image, advice=advice, settled=True)


def _expected_features(call: FailedCall) -> int | None:
    """How many channels or features the call that failed was made for."""
    names = ("in_channels", "in_features", "num_features")
    return next((size for name in names if isinstance(size := call.arguments.get(name), int)), None)


def _fixed_rows(call: FailedCall, ops: Sequence[Op], op: Op, wanted: Shape) -> Failure:
    """``x.view(64, -1)``: the number of images stands in the code."""
    reason = Message(
        "{op} makes {rows}, however many images there are: each row is one image only in a batch of "
        "{count}. So {name} does not get the features of one image.",
        name=called(call.name, call.type),
        op=f"{op.title}({', '.join(map(str, wanted))})",
        rows=numbers.rows(wanted[0]),
        count=wanted[0],
    )
    return _flattened_wrongly(call, ops, op, reason, by_batch_size(op.type, wanted))


def by_batch_size(function: str, wanted: Shape) -> Message:
    """What to write in place of a view whose first size is a number: the batch size, read from the tensor."""
    return Message(
        "Read the batch size from the tensor: {view}{or_flat}.",
        view=f"x.{function}({', '.join(['x.size(0)', *map(str, wanted[1:])])})",
        or_flat=Message(", or torch.flatten(x, 1)") if len(wanted) == 2 else "",
    )


def _cut_rows(call: FailedCall, ops: Sequence[Op], op: Op, wanted: Shape) -> Failure | None:
    """``x.view(-1, 320)`` where an image has another number of values."""
    image, row = op.input_shapes[0], wanted[-1]
    expected = call.arguments.get("in_features")
    if len(wanted) != 2 or not isinstance(expected, int) or (len(image) != 3 and product(image) != expected):
        return None
    reason = Message(
        "{op} makes rows of {row}, but an image has {image} = {values}: a row is no longer one image. So "
        "{name} does not get the {expected} that it expects.",
        op=f"{op.title}(-1, {row})",
        row=numbers.values(row),
        image=shape_text(image),
        values=numbers.values(product(image)),
        name=called(call.name, call.type),
        expected=numbers.features(expected),
    )
    how = Message("Let each image be one row: x.view(x.size(0), -1), or torch.flatten(x, 1).")
    return _flattened_wrongly(call, ops, op, reason, how)


def _flattened_wrongly(call: FailedCall, ops: Sequence[Op], op: Op, reason: Message, how: Message) -> Failure:
    """The failure of a call behind ``op``, which should have made one row of each image."""
    image = op.input_shapes[0]
    expected = call.arguments.get("in_features")
    directly = isinstance(expected, int) and _unchanged_since(call, ops, op)
    return Failure(
        call.name,
        call.type,
        reason,
        expected if isinstance(expected, int) else None,
        product(image) if directly else None,
        cause=flattened(image, call) if directly and len(image) > 1 else None,
        advice=how,
        fix=_from_dimension_one(op),
        settled=True,
    )


def flattened(image: Shape, call: FailedCall) -> Message:
    """What a flattened ``image`` gives the Linear that failed: what it expects, or what it must be made for."""
    count = product(image)
    values = {
        "shape": shape_text(image),
        "features": numbers.features(count),
        "count": count,
        "out_features": call.arguments["out_features"],
    }
    if count == call.arguments["in_features"]:
        return Message(
            "Flattening gives {shape} = {features}, as Linear({count}, {out_features}) expects.", **values
        )
    return Message(
        "Flattening gives {shape} = {features}, so the layer must be Linear({count}, {out_features}).",
        **values,
    )


def _unchanged_since(call: FailedCall, ops: Sequence[Op], op: Op) -> bool:
    """Whether the values of ``op`` reach the failed call one by one, through activations and dropout at most."""
    index = call.inputs[0]
    while index != op.index:
        if index == MODEL_INPUT or not operation_of(ops[index]).pointwise or len(ops[index].inputs) != 1:
            return False
        index = ops[index].inputs[0]
    return True


def _moved_batch(call: FailedCall, op: Op) -> Failure | None:
    """A transpose that put the batch where the layer looks for its features or channels."""
    layout = call.layouts[0]
    if not layout.alone or layout.place is None:
        return None
    count = len(call.input_shapes[0]) + 1
    looked_at = count - 1 if "in_features" in call.arguments else 1
    if layout.place != looked_at or not (
        {"in_features", "in_channels", "num_features"} & set(call.arguments)
    ):
        return None
    reason = Message(
        "{op} moves the batch to dimension {place}, where {name} ({type}) looks for its {what}.",
        op=op.title,
        place=layout.place,
        name=called(call.name, call.type),
        type=call.type,
        what=Message("features") if "in_features" in call.arguments else Message("channels"),
    )
    advice = Message("Leave dimension 0, the batch, where it is, and reorder only the others.")
    return Failure(call.name, call.type, reason, advice=advice, settled=True)


# -- one row, or rows in the other order -----------------------------------------------------------------


def diagnose_unflattened(call: FailedCall, ops: Sequence[Op]) -> Failure | None:
    """Maps or several rows where a Linear expects one row, more often of a missing flatten than of a wrong size."""
    received, expected = call.input_shapes[0], call.arguments.get("in_features")
    if not isinstance(expected, int) or len(received) < 2 or received[-1] == expected:
        return None
    op, maker = _flattened_in_part(call, ops), arranged_by(ops, call.inputs[0])
    if product(received) != expected:
        maps = op is not None or len(received) > 2 or (maker is not None and maker.kind in _OF_MAPS)
        if not maps or (maker is not None and _puts_features_last(maker)):
            return None
        if expected == received[0]:
            return _linear_of_channels(call) if len(received) == 3 else None
    return _unflattened(call, op)


_OF_MAPS = ("convolution", "pooling")


def _unflattened(call: FailedCall, op: Op | None) -> Failure:
    """``op`` is the flatten that left several dimensions, None where there is none."""
    received, expected = call.input_shapes[0], int(str(call.arguments["in_features"]))
    name, shape = called(call.name, call.type), shape_text(received)
    if op is None:
        reason = Message(
            "{name} receives unflattened maps, {shape}: flatten(1) is missing before it.",
            name=name,
            shape=shape,
        )
        return Failure(
            call.name, call.type, reason, expected, received, advice=flattened(received, call), settled=True
        )
    reason = Message(
        "{name} receives {shape}, not one row for each image: {op} does not flatten all of {image}.",
        name=name,
        shape=shape,
        op=op.title,
        image=shape_text(op.input_shapes[0]),
    )
    how = Message("Flatten from dimension 1: torch.flatten(x, 1).")
    return Failure(
        call.name,
        call.type,
        reason,
        expected,
        received,
        cause=flattened(op.input_shapes[0], call),
        advice=how,
        fix=_from_dimension_one(op),
        settled=True,
    )


def _from_dimension_one(op: Op) -> Fix | None:
    """The edit that lets a layer flatten each image into one row; None for a function."""
    if op.module is None or op.arguments.get("end_dim") != -1:
        return None
    return Fix(f"{op.module}.start_dim", 1, f"{op.type}(1)")


def _flattened_in_part(call: FailedCall, ops: Sequence[Op]) -> Op | None:
    """The flatten or view before the failed call that left several dimensions of maps."""
    index = call.inputs[0]
    while index != MODEL_INPUT:
        op = ops[index]
        operation = operation_of(op)
        if operation.keeps_order and op.input_shapes:
            before, after = op.input_shapes[0], op.output_shape
            return op if len(before) > len(after) > 1 and product(before) == product(after) else None
        if not operation.pointwise or len(op.inputs) != 1:
            return None
        index = op.inputs[0]
    return None


def _linear_of_channels(call: FailedCall) -> Failure:
    """A Linear made for one value for each channel, which receives whole maps."""
    channels, *sizes = call.input_shapes[0]
    values = {
        "name": called(call.name, call.type),
        "shape": shape_text(call.input_shapes[0]),
        "channels": numbers.channels(channels),
        "expected": numbers.features(channels),
    }
    reason = Message(
        "{name} expects {expected}, one for each channel, but receives whole maps, {shape}.", **values
    )
    advice = Message("Average each map first: AdaptiveAvgPool2d(1), then flatten(1).")
    mend = Message("Or, for a Linear at each pixel, put the channels last: x.permute(0, 2, 3, 1).")
    return Failure(
        call.name,
        call.type,
        reason,
        channels,
        (channels, *sizes),
        advice=advice,
        mends=(Mend(mend),),
        settled=True,
    )


def rows_not_transposed(call: FailedCall, expected: object) -> Failure | None:
    """Features in the first of two dimensions, for a layer that looks for ``expected`` of them in the last."""
    shape = call.input_shapes[0]
    if not isinstance(expected, int) or len(shape) != 2 or shape[-1] == expected or shape[0] != expected:
        return None
    reason = Message(
        "{name} ({type}) expects {expected} in the last dimension, but its input {shape} has them in the "
        "first.",
        name=called(call.name, call.type),
        type=call.type,
        expected=numbers.features(expected),
        shape=shape_text(shape),
    )
    advice = Message("Swap the two dimensions before it: x = x.transpose(1, 2).")
    return Failure(call.name, call.type, reason, expected, shape[-1], advice=advice, settled=True)


# -- channels ------------------------------------------------------------------------------------------


def channels_elsewhere(call: FailedCall, ops: Sequence[Op], argument: str) -> Failure | None:
    """An input whose channels stand in another dimension than the first, such as height x width x channels."""
    shape, expected = call.input_shapes[0], call.arguments.get(argument)
    if not isinstance(expected, int) or len(shape) < 2 or shape[0] == expected:
        return None
    places = [axis for axis, size in enumerate(shape) if size == expected]
    maker = arranged_by(ops, call.inputs[0])
    if len(places) != 1 or not (maker is None or _puts_features_last(maker)):
        return None
    others = [size for axis, size in enumerate(shape) if axis != places[0]]
    place = places[0]
    if maker is None and len(shape) == 3 and (place == 1 or expected >= min(others)):
        return None  # more likely a coincidence: images are larger than they have channels
    order = (place, *(axis for axis in range(len(shape)) if axis != place))
    moved = tuple(shape[axis] for axis in order)
    reason = refusals.other_channels(Layer.of(call), shape, expected, shape[0]).reason
    cause = Message("The size {size} is in dimension {place}.", size=expected, place=place + 1)
    if place == len(shape) - 1:
        cause = Message("Its last size is {size}: the channels come last.", size=expected)
    dims = ", ".join(["0", *(str(axis + 1) for axis in order)])
    advice = Message("Put the channels first: x = x.permute({dims}).", dims=dims)
    given = Message(
        "Or give the input as {shape}, channels first (--input {sizes}).",
        shape=shape_text(moved),
        sizes=",".join(map(str, moved)),
    )
    return Failure(
        call.name,
        call.type,
        reason,
        expected,
        shape[0],
        cause=cause,
        advice=advice,
        mends=(Mend(given, moved),) if maker is None else (),
        settled=True,
    )


def arranged_by(ops: Sequence[Op], index: int) -> Op | None:
    """The last op before ``index``, itself included, that did more than change values in place; None for the input."""
    while index != MODEL_INPUT:
        op = ops[index]
        kept = op.input_shapes[:1] == (op.output_shape,) and not operation_of(op).reorders
        if not kept or "normalized_shape" in op.arguments:
            return op
        index = op.inputs[0]
    return None


_OF_LAST = frozenset(("out_features", "hidden_size", "embed_dim", "embedding_dim", "normalized_shape"))
"""Arguments of layers whose features are the last dimension."""


def _puts_features_last(op: Op) -> bool:
    return operation_of(op).reorders or (len(op.output_shape) > 1 and not _OF_LAST.isdisjoint(op.arguments))


# -- a wrong dim -----------------------------------------------------------------------------------------


def joined_elsewhere(call: FailedCall, ops: Sequence[Op], expected: object, axis: int = 0) -> Failure | None:
    """A ``cat`` (or ``stack``) along another dimension than the one in which its sizes add up to ``expected``.

    ``axis`` is the one that the failed call checks: 0 for channels, -1 for the features of rows.
    """
    found = _joined(call, ops)
    if found is None or not isinstance(expected, int) or len(found.inputs) < 2:
        return None
    op, shapes, joined = found, found.input_shapes, _dim(found)
    if len({len(shape) for shape in shapes}) != 1:
        return None
    count = len(shapes[0])
    if axis == -1 and count > len(call.input_shapes[0]) and joined == 0:  # flattened in between
        sizes, place = [product(shape) for shape in shapes], 0
    else:
        place = axis % count
        sizes = [shape[place] for shape in shapes]
    alike = len({shape[:place] + shape[place + 1 :] for shape in shapes}) == 1
    if not alike or sum(sizes) != expected or (joined == place + 1 and operation_of(op).joins):
        return None
    return _joined_failure(call, op, place + 1, sizes, expected)


def _dim(op: Op) -> int:
    """The dimension along which ``op`` joins or stacks, counted from the front."""
    dim, count = int(str(op.arguments.get("dim", 0))), len(op.input_shapes[0]) + 1
    return dim % (count if operation_of(op).joins else count + 1)


def _joined(call: FailedCall, ops: Sequence[Op]) -> Op | None:
    """The ``cat`` or ``stack`` that the input of the failed call comes from, through layers that keep channels."""
    index = call.inputs[0] if call.inputs else MODEL_INPUT
    while index != MODEL_INPUT:
        op = ops[index]
        if operation_of(op).joins or op.base == "stack":
            return op
        keeps = op.input_shapes[:1] and op.input_shapes[0][:1] == op.output_shape[:1]
        if len(op.inputs) != 1 or not (keeps or operation_of(op).keeps_order):
            return None
        index = op.inputs[0]
    return None


def _joined_failure(call: FailedCall, op: Op, dim: int, sizes: Sequence[int], expected: int) -> Failure:
    joined = _dim(op)
    values = {
        "name": called(call.name, call.type),
        "type": call.type,
        "shape": shape_text(call.input_shapes[0]),
        "op": op.title,
        "joined": joined,
    }
    if not operation_of(op).joins:
        cause = Message("{op} puts its inputs beside one another in a new dimension, {joined}.", **values)
    elif joined == 0:
        cause = Message("{op} joins its inputs along dimension 0, the batch.", **values)
    else:
        cause = Message("{op} joins its inputs along dimension {joined}.", **values)
    return Failure(
        call.name,
        call.type,
        Message(
            "{name} ({type}) expects {wanted}, but its input is {shape}.",
            wanted=numbers.features(expected)
            if "in_features" in call.arguments
            else numbers.channels(expected),
            **values,
        ),
        expected,
        call.input_shapes[0],
        cause=cause,
        advice=Message(
            "Join them along dimension {dim}: torch.cat([...], dim={dim}) gives {sum} = {expected}.",
            dim=dim,
            sum=" + ".join(map(str, sizes)),
            expected=expected,
        ),
        settled=True,
    )
