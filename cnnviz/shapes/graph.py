"""The graph of a trace as DOT source: ops as nodes, tensors as arrows, containers as boxes.

DOT is Graphviz's language; the browser draws it, no program needs to be installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cnnviz.shapes.op import MODEL_INPUT, Op, shape_text
from cnnviz.shapes.trace import Trace

_FONT = 'fontname="sans-serif"'


@dataclass(frozen=True)
class Node:
    """One node of a graph: an op, or a container whose ops are folded into it.

    ``path`` is the op's name or the container's; ``ops`` are the indices of what it stands for.
    """

    path: str
    label: str
    kind: str | None
    ops: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in order of execution, and the pairs of nodes that a tensor connects; -1 is the input."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...] = field(default=())


def graph(trace: Trace, depth: int | None = None) -> Graph:
    """The graph of ``trace`` with containers deeper than ``depth`` folded into one node each.

    ``depth`` 1 folds every child of the model; None shows every op.
    """
    containers = {call.name: call.type for call in trace.modules if call.container}
    node_of: dict[int, int] = {}
    found: list[Node] = []
    index_of_path: dict[str, int] = {}
    for op in trace.ops:
        path = _folded(op, containers, depth)
        if path is None:
            node_of[op.index] = len(found)
            type_line = "" if op.name.rpartition(".")[2] == op.type else f"\n{op.type}"
            found.append(Node(op.name, op.name + type_line, op.kind, (op.index,)))
            continue
        if path not in index_of_path:
            index_of_path[path] = len(found)
            found.append(Node(path, f"{path}\n{containers[path]}", None, ()))
        number = index_of_path[path]
        node_of[op.index] = number
        old = found[number]
        found[number] = Node(old.path, old.label, None, (*old.ops, op.index))
    edges = dict.fromkeys(
        (node_of.get(source, MODEL_INPUT), node_of[op.index]) for op in trace.ops for source in op.inputs
    )
    return Graph(tuple(found), tuple((a, b) for a, b in edges if a != b))


def _folded(op: Op, containers: Mapping[str, str], depth: int | None) -> str | None:
    """The container that ``op`` disappears in; None where it is shown itself."""
    parts = (op.module or op.name).split(".")
    if depth is None or len(parts) <= depth:
        return None
    path = ".".join(parts[:depth])
    return path if path in containers else None


def dot(trace: Trace, colours: Mapping[str, tuple[str, str]], ink: str, depth: int | None = None) -> str:
    """DOT source of the graph.

    Args:
        trace: what to draw.
        colours: for each kind of op the fill and the text on it, as ``#rrggbb``.
        ink: the colour of lines and of the text outside of nodes, as ``#rrggbb``.
        depth: containers from this depth on are one node each; None shows every op.
    """
    drawn = graph(trace, depth)
    lines = [
        "digraph {",
        f'graph [bgcolor="transparent", rankdir="TB", nodesep=0.3, ranksep=0.35, {_FONT}]',
        f'node [shape="box", style="rounded,filled", penwidth=0, {_FONT}, fontsize=11, margin="0.12,0.06"]',
        f'edge [color="{ink}", fontcolor="{ink}", {_FONT}, fontsize=9, arrowsize=0.6]',
        f'n{MODEL_INPUT + 1} [label="input\\n{shape_text(trace.input_shape)}", fillcolor="{colours["other"][0]}", '
        f'fontcolor="{colours["other"][1]}"]',
    ]
    for number, node in enumerate(drawn.nodes, 1):
        fill, text = colours[node.kind or "other"]
        shape = shape_text(trace.ops[node.ops[-1]].output_shape)
        label = f"{node.label}\n{shape}".replace('"', "'").replace("\n", "\\n")
        border = "" if node.kind else ', shape="box3d"'
        lines.append(f'n{number} [label="{label}", fillcolor="{fill}", fontcolor="{text}"{border}]')
    lines += [f"n{a + 1} -> n{b + 1}" for a, b in drawn.edges]
    return "\n".join([*lines, "}"])


def depths(trace: Trace) -> int:
    """How many levels of containers there are to fold: 0 for a network of layers alone."""
    return max((call.depth for call in trace.modules if call.container), default=0)
