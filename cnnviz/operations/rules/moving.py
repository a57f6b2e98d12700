"""Ops that put values elsewhere one by one: rolled, turned round, dealt out, repeated, in columns."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import Message
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.rules.explanation import Explanation

_SENTENCES = {
    "roll": Message(
        "{name} moves values along: what leaves at one end comes in at the other. The shape stays {output}."
    ),
    "flip": Message("{name} turns the order round: the last value comes first. The shape stays {output}."),
    "channelshuffle": Message(
        "{name} deals the channels out anew, the first of every group first: {output}."
    ),
    "expand": Message("{name} repeats what has size 1, without a copy in memory: {output}."),
    "repeat": Message("{name} puts what arrives several times side by side: {output}."),
    "repeatinterleave": Message("{name} puts each value several times: {output}."),
    "unfold": Message("{name} lays the values of every window out as a column: {output}."),
    "fold": Message(
        "{name} lays columns back to where their windows are, and adds up what overlaps: {output}."
    ),
    "unsqueeze": Message("{name} adds a dimension of size 1; no value changes: {output}."),
    "squeeze": Message("{name} leaves dimensions of size 1 out; no value changes: {output}."),
    "setitem": Message("{name} writes new values into a part of what arrived. The shape stays {output}."),
    "sort": Message("{name} puts the values along a dimension into order: {output}."),
}
_SAME = {
    "expandas": "expand",
    "broadcastto": "expand",
    "tile": "repeat",
}


def moved(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """Values that change places, and not themselves."""
    name = op.type.lower().replace("_", "")
    sentence = _SENTENCES.get(_SAME.get(name, name))
    if sentence is None:
        return None
    received, given = shape_text(op.input_shapes[0]), shape_text(op.output_shape)
    kept = op.input_shapes[0] == op.output_shape
    return Explanation(
        "m = n" if kept else "n -> m",
        given if kept else f"{received} -> {given}",
        Message(sentence.template, name=op.title, output=given),
    )
