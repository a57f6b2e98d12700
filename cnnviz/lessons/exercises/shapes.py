"""Questions about the shapes of a network: what comes out of a layer, and what its first Linear must take."""

from __future__ import annotations

from random import Random

from cnnviz.language import Message
from cnnviz.lessons.exercises.question import Answer, Level, Question, slips
from cnnviz.lessons.exercises.sizes import wrong_counts
from cnnviz.lessons.exercises.source import MOST_LINES, Source, line, lines, way_to
from cnnviz.operations.explaining import explain
from cnnviz.operations.op import MODEL_INPUT, Op, Shape, product, shape_text
from cnnviz.operations.window_arithmetic import Side, sides
from cnnviz.shapes.derivation import derive
from cnnviz.tracing.trace import Trace

KEPT_CHANNELS = Message("A convolution gives as many channels as it has kernels, whatever number arrives.")
NOT_FLATTENED = Message("Flattening leaves one long vector: its length is the product of the sizes.")
ADDED_UP = Message("The sizes are multiplied, not added.")
SMALL_CAT = Message("Concatenating along the channels adds up the channels of all branches.")
TAKEN_FOR = Message("That would be right for {channels} x {side} x {side} after {layer}. {why}")

_IMAGE = 3
_TO_ASK = ("convolution", "pooling", "linear", "reshape")


def shape_after(random: Random, level: Level, source: Source) -> Question | None:
    """The shape of one layer's output; at level 3 the way from the network's input on must be gone."""
    trace = source.trace
    candidates = [op for op in trace.ops if _can_ask(op, trace, level)]
    if not candidates:
        return None
    op = random.choice(candidates)
    way = way_to(trace, op.index) if level == 3 else None
    values = {"network": source.title, "layer": op.name}
    if op.type == "cat":
        arrived = ", ".join(map(shape_text, op.input_shapes))
        prompt = Message(
            "In {network}, {layer} joins the channels of {shapes}. What is the shape after it?",
            shapes=arrived,
            **values,
        )
    elif way:
        shape = shape_text(trace.input_shape)
        prompt = Message(
            "An image of {shape} enters {network}. What is the shape after {layer}?", shape=shape, **values
        )
    else:
        shape = shape_text(op.input_shapes[0])
        prompt = Message(
            "In {network}, {shape} arrives at {layer}. What is the shape after it?", shape=shape, **values
        )
    return Question(
        kind="shape",
        level=level,
        form="shape",
        prompt=prompt,
        answer=op.output_shape,
        slips=slips(op.output_shape, _wrong_shapes(op)),
        solution=(derive(trace, op.index).chain,) if way else _explained(op, trace),
        given=lines(way) if way else (line(op),),
        network=source.key,
        layer=op.name,
    )


def _can_ask(op: Op, trace: Trace, level: Level) -> bool:
    if not op.input_shapes or not op.output_shape or op.input_shapes[:1] == (op.output_shape,):
        return False
    if level == 1:
        return op.kind in ("convolution", "pooling") and op.arguments.get("padding") in ((0, 0), 0)
    if level == 2:
        return op.kind in _TO_ASK or op.type == "cat"
    way = way_to(trace, op.index)
    return way is not None and 1 < len(lines(way)) <= MOST_LINES and op.kind in _TO_ASK


def _explained(op: Op, trace: Trace) -> tuple[Message | str, ...]:
    why = explain(op, trace.ops)
    return why.substituted, why.sentence, *why.notes


def _side_of(op: Op) -> Side | None:
    """The windows along one side of ``op``'s input, if both sides are alike."""
    found = sides(op) or ()
    return found[0] if len(found) == 2 and found[0] == found[1] else None


def _wrong_shapes(op: Op) -> list[tuple[Answer | None, Message]]:
    given, shape = op.output_shape, op.input_shapes[0]
    wrong: list[tuple[Answer | None, Message]] = []
    if op.kind == "convolution":
        wrong.append(((shape[0], *given[1:]), KEPT_CHANNELS))
    if side := _side_of(op):
        for count, told in wrong_counts(side, op.kind == "pooling"):
            wrong.append((None if count is None else (given[0], count, count), told))
    if op.kind == "reshape" and len(given) == 1:
        wrong += [(shape, NOT_FLATTENED), ((sum(shape),), ADDED_UP)]
    if op.type == "cat":
        wrong += [(shape, SMALL_CAT) for shape in op.input_shapes]
    return wrong


ONLY_CHANNELS = Message("That is the number of channels. Each channel is a map with a value at every place.")
ONE_MAP = Message("That is the number of values of one channel. All channels are laid in one row.")
ONE_SIDE = Message("A map has a height and a width: both count.")
BEFORE_LAST = Message("Those are the values before {layer}, which makes them fewer.")


def in_features(random: Random, level: Level, source: Source) -> Question | None:
    """The number that a Linear behind the maps must be given; at level 3 from the network's input on."""
    trace = source.trace
    found = [(flat, linear) for linear in trace.ops if (flat := _flattening(trace, linear))]
    if not found:
        return None
    flat, linear = random.choice(found)
    maps = flat.input_shapes[0]
    way = way_to(trace, flat.index) if level == 3 else None
    shrunk = _last_change(trace, flat)
    if way and len(lines(way)) <= MOST_LINES:
        given, arriving = lines(way), trace.input_shape
    elif level > 1 and shrunk:
        given, arriving = (line(shrunk), line(flat)), shrunk.input_shapes[0]
    else:
        given, arriving = (line(flat),), maps
    out_features = linear.arguments["out_features"]
    missing = f"{linear.name} = {linear.type}(?, {out_features})"
    return Question(
        kind="in-features",
        level=level,
        form="number",
        prompt=_which_number(source, arriving),
        answer=product(maps),
        slips=slips(product(maps), _wrong_features(maps, shrunk)),
        solution=(derive(trace, linear.index).chain,),
        given=(*given, missing),
        network=source.key,
        layer=linear.name,
    )


def _which_number(source: Source, arriving: Shape) -> Message:
    if arriving == source.trace.input_shape:
        return Message(
            "An image of {shape} enters {network}. Which number belongs in the place of the question mark?",
            shape=shape_text(arriving),
            network=source.title,
        )
    return Message(
        "In {network}, {shape} arrives here. Which number belongs in the place of the question mark?",
        shape=shape_text(arriving),
        network=source.title,
    )


def _flattening(trace: Trace, linear: Op) -> Op | None:
    """What lays the maps in one row for ``linear``."""
    if linear.kind != "linear" or "in_features" not in linear.arguments or len(linear.input_shapes) != 1:
        return None
    index = linear.inputs[0]
    while index != MODEL_INPUT and trace.ops[index].kind == "dropout":
        index = trace.ops[index].inputs[0]
    if index == MODEL_INPUT:
        return None
    flat = trace.ops[index]
    is_flat = flat.kind == "reshape" and len(flat.output_shape) == 1 and len(flat.input_shapes) == 1
    return flat if is_flat and len(flat.input_shapes[0]) == _IMAGE else None


def _last_change(trace: Trace, op: Op) -> Op | None:
    """The op before ``op`` that last changed the shape, where one thing arrives after another."""
    index = op.inputs[0]
    while index != MODEL_INPUT:
        found = trace.ops[index]
        if len(found.inputs) != 1:
            return None
        if found.input_shapes[0] != found.output_shape:
            return found
        index = found.inputs[0]
    return None


def _wrong_features(maps: Shape, shrunk: Op | None) -> list[tuple[Answer | None, Message]]:
    channels, height, width = maps
    wrong: list[tuple[Answer | None, Message]] = [
        (channels, ONLY_CHANNELS),
        (height * width, ONE_MAP),
        (channels * height, ONE_SIDE),
        (channels + height + width, ADDED_UP),
    ]
    if shrunk:
        before = product(shrunk.input_shapes[0])
        wrong.append((before, Message(BEFORE_LAST.template, layer=shrunk.name)))
        if side := _side_of(shrunk):
            counts = wrong_counts(side, shrunk.kind == "pooling")
            wrong += [
                (
                    channels * n * n,
                    Message(TAKEN_FOR.template, channels=channels, side=n, layer=shrunk.name, why=why),
                )
                for n, why in counts
                if n is not None
            ]
    return wrong
