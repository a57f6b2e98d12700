"""What is drawn of a network: its layers, each with what works on its output alone, and what leads to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import MODEL_INPUT, Kind, Op, Shape, shape_text
from cnnviz.shapes.graph import Folding, Graph, Node, containers, graph
from cnnviz.tracing.trace import Trace

MOST_PARTS, MOST_RANKS = 90, 40
"""A figure with more parts, or more in a row, is drawn with its blocks folded."""

_ATTACHED: tuple[Kind, ...] = ("activation", "normalisation", "dropout")


@dataclass(frozen=True)
class Part:
    """One box of a figure.

    ``lines`` are its name, what it is, and what was attached to it; ``kinds`` that of the layer itself (None for a
    folded block) and those of what is attached; ``symbol`` stands for an operation on equal shapes, such as +.
    """

    lines: tuple[str, ...]
    shape: Shape
    kind: Kind | None
    attached: tuple[Kind, ...] = ()
    symbol: str = ""
    is_input: bool = False


@dataclass(frozen=True)
class Parts:
    """All boxes in order of execution, the input first; ``edges`` are pairs of their numbers, ``shortcuts`` those of
    them that a longer path runs parallel to.
    """

    parts: tuple[Part, ...]
    edges: tuple[tuple[int, int], ...]
    shortcuts: frozenset[tuple[int, int]]

    def ranks(self) -> list[int]:
        """For each part how many are before it on the longest path from the input."""
        ranks = [0] * len(self.parts)
        for a, b in sorted(self.edges, key=lambda edge: edge[1]):
            ranks[b] = max(ranks[b], ranks[a] + 1)
        return ranks


def parts_of(trace: Trace, depth: int | None = None) -> Parts:
    """The parts of a network; containers from level ``depth`` on are one box each.

    Without a ``depth`` it is the greatest at which the figure can still be read; 0 means that nothing is folded.

    Raises:
        CnnvizError: the forward pass fails, or there is nothing to draw.
    """
    if trace.failure is not None:
        raise CnnvizError(
            Message(
                "There is no figure, because the forward pass fails. {reason}", reason=trace.failure.reason
            )
        )
    if not trace.ops:
        raise CnnvizError(Message("There is no figure, because the network executes no operation."))
    if depth is not None:
        return _parts(trace, Folding(depth or None, repeats=depth > 0))
    levels = max(containers(trace).values(), default=0)
    for folding in (Folding(), *(Folding(level, repeats=True) for level in (*range(levels, 1, -1), 1))):
        found = _parts(trace, folding)
        if len(found.parts) <= MOST_PARTS and max(found.ranks()) <= MOST_RANKS:
            break
    return found


def _parts(trace: Trace, folding: Folding) -> Parts:
    drawn = graph(trace, folding)
    heads = _heads(trace, drawn)
    numbers: dict[int, int] = {MODEL_INPUT: 0}
    parts = [Part((_("input"),), trace.input_shape, None, is_input=True)]
    for place, node in enumerate(drawn.nodes):
        head = heads[place]
        if head == place:
            numbers[place] = len(parts)
            parts.append(_part(trace, node))
        else:
            numbers[place] = numbers[head]
            parts[numbers[head]] = _with(parts[numbers[head]], node)
    edges = dict.fromkeys((numbers[a], numbers[b]) for a, b in drawn.edges)
    shortcuts = {(numbers[a], numbers[b]) for a, b in drawn.shortcuts}
    kept = tuple(edge for edge in edges if edge[0] != edge[1])
    return Parts(tuple(parts), kept, frozenset(shortcuts & set(kept)))


def _heads(trace: Trace, drawn: Graph) -> list[int]:
    """For each node the one whose box it is drawn in: its own, or that of the only one it gets its tensor from."""
    sources: dict[int, list[int]] = {}
    for a, b in drawn.edges:
        sources.setdefault(b, []).append(a)
    leaving = Counter(a for a, _b in drawn.edges)
    heads = list(range(len(drawn.nodes)))
    for place, node in enumerate(drawn.nodes):
        before = sources.get(place, [])
        if node.kind not in _ATTACHED or len(before) != 1 or before[0] < 0 or leaving[before[0]] > 1:
            continue
        head = drawn.nodes[heads[before[0]]]
        if head.kind is not None and _output(trace, head) == _output(trace, node):
            heads[place] = heads[before[0]]
    return heads


def _part(trace: Trace, node: Node) -> Part:
    first = trace.ops[node.ops[0]]
    lines = [_short(node), *([node.type] if node.type != _short(node) else [])]
    symbol = ""
    if node.kind is not None:
        lines[-1] = _described(lines[-1], first)
        symbol = _symbol(first)
    return Part(tuple(lines), _output(trace, node), node.kind, symbol=symbol)


def _with(part: Part, node: Node) -> Part:
    """The part with an op on its output attached to it."""
    name = f"+ {node.type}"
    return replace(part, lines=(*part.lines, name), attached=(*part.attached, node.kind or "other"))


def _short(node: Node) -> str:
    """The node's name inside the container around it; a number, as in a Sequential, tells nothing alone."""
    short = node.path.removeprefix(f"{node.inside[-1]}.") if node.inside else node.path
    return node.path if short.isdigit() else short


def _described(name: str, op: Op) -> str:
    """The layer with its window in short: ``Conv2d 3x3 /2``."""
    text = op.window_text
    if not text:
        return name
    kernel, *rest = text.split(", ")
    stride = next((part.removeprefix("stride=") for part in rest if part.startswith("stride=")), "1")
    return f"{name} {kernel}" + (f" /{stride}" if stride != "1" and op.kind == "convolution" else "")


def _symbol(op: Op) -> str:
    if op.kind != "merge" or len(set(op.input_shapes)) > 1 or op.output_shape not in op.input_shapes:
        return ""
    return {"add": "+", "mul": "×", "sub": "−"}.get(op.base, "")


def _output(trace: Trace, node: Node) -> Shape:
    return trace.ops[node.ops[-1]].output_shape


def sizes(shape: Shape) -> tuple[int, int, int]:
    """A shape as channels, height and width; of a sequence (T, D) the steps are the height, the features channels."""
    if len(shape) >= 3:
        return shape[0], shape[-2], shape[-1]
    if len(shape) == 2:
        return shape[1], shape[0], 1
    return (shape[0] if shape else 1), 1, 1


def is_vector(shape: Shape) -> bool:
    """Whether there is one number for each feature, and no map."""
    return len(shape) <= 1 or sizes(shape)[1:] == (1, 1)


def size_line(shape: Shape) -> str:
    """The shape as a label."""
    return shape_text(shape)


def biggest(parts: Sequence[Part]) -> tuple[int, int, int]:
    """The greatest numbers of channels of a map, of its height or width, and of features of a vector; 1 at least."""
    maps = [sizes(part.shape) for part in parts if not is_vector(part.shape)]
    vectors = [sizes(part.shape)[0] for part in parts if is_vector(part.shape)]
    return (
        max((c for c, _h, _w in maps), default=1),
        max((max(h, w) for _c, h, w in maps), default=1),
        max(vectors, default=1),
    )
