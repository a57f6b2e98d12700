"""Graphs as DOT source: the ops of a trace, and the backward pass as autograd records it (by way of torchviz).

DOT is the language of Graphviz; the browser draws it, so nothing needs to be installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import MODEL_INPUT, Kind, Op, shape_text
from cnnviz.shapes.repeats import Others, others
from cnnviz.shapes.table import rows
from cnnviz.tracing.copies import uncompiled
from cnnviz.tracing.inputs import TRACED_BATCH, checked_shape, prepared
from cnnviz.tracing.isolation import Isolated
from cnnviz.tracing.tap import tensors_in
from cnnviz.tracing.trace import Trace, trace

_FONT = 'fontname="sans-serif"'


@dataclass(frozen=True)
class Folding:
    """Which containers are drawn as one node each.

    Those from level ``depth`` on (1 for the outermost; None for no level), but not the ``unfolded`` ones;
    and the ``folded`` ones wherever they are. The inside of a folded container is not drawn. With ``repeats``,
    one node stands for all but the first of alike blocks in a row, unless one of them, or what lies inside, is
    ``unfolded``.
    """

    depth: int | None = None
    folded: frozenset[str] = frozenset()
    unfolded: frozenset[str] = frozenset()
    repeats: bool = False

    def applies(self, path: str, level: int) -> bool:
        """Whether the container at ``path`` is one node."""
        return path in self.folded or (
            self.depth is not None and level >= self.depth and path not in self.unfolded
        )

    def opens(self, block: str) -> bool:
        """Whether the block at ``block``, or a container inside it, is to be seen."""
        return any(f"{path}.".startswith(f"{block}.") for path in self.unfolded)


@dataclass(frozen=True)
class Node:
    """One node of a graph: an op, a container whose ops are folded into it, or several alike blocks.

    ``path`` is the op's name, the container's, or the first and the last block's; ``kind`` is None unless it is an
    op; ``ops`` are the indices of what it stands for, ``inside`` the paths of the unfolded containers around it,
    outermost first.
    """

    path: str
    type: str
    kind: Kind | None
    ops: tuple[int, ...]
    inside: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in order of execution, and the pairs of nodes that a tensor connects; -1 is the input.

    ``shortcuts`` are the edges that a longer path runs parallel to.
    """

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...] = field(default=())
    shortcuts: frozenset[tuple[int, int]] = frozenset()


def graph(trace: Trace, folding: Folding | None = None) -> Graph:
    """The graph of ``trace``, with containers folded as ``folding`` says; by default every op is shown."""
    folding = folding or Folding()
    types = _container_types(trace)
    repeated = _repeated(trace, folding) if folding.repeats else {}
    node_of: dict[int, int] = {MODEL_INPUT: MODEL_INPUT}
    members: dict[str, list[int]] = {}
    numbers: dict[str, int] = {}
    for op in trace.ops:
        path = _folded(op, types, folding, repeated) or op.name
        node_of[op.index] = numbers.setdefault(path, len(numbers))
        members.setdefault(path, []).append(op.index)
    alike = {others.name: others for others in repeated.values()}
    nodes = tuple(_node(trace, path, tuple(ops), types, alike.get(path)) for path, ops in members.items())
    pairs = dict.fromkeys((node_of[source], node_of[op.index]) for op in trace.ops for source in op.inputs)
    edges = tuple((a, b) for a, b in pairs if a != b)
    return Graph(nodes, edges, _shortcuts(edges))


def _repeated(trace: Trace, folding: Folding) -> dict[str, Others]:
    """The paths of blocks that are not drawn, each with the run whose one node stands for them."""
    runs = (run for run in repeats(trace) if not any(map(folding.opens, run.paths)))
    return {path: run for run in runs for path in run.paths}


def repeats(trace: Trace) -> tuple[Others, ...]:
    """The blocks that one node can stand for, as in the table: all but the first of each run of alike ones."""
    return others(rows(trace, functions=True))


def _container_types(trace: Trace) -> dict[str, str]:
    return {call.name: call.type for call in trace.modules if call.container}


def _around(op: Op, containers: Mapping[str, str]) -> list[str]:
    """The containers around ``op``, outermost first."""
    parts = (op.module or op.name).split(".")
    paths = (".".join(parts[:count]) for count in range(1, len(parts)))
    return [path for path in paths if path in containers]


def _folded(
    op: Op, containers: Mapping[str, str], folding: Folding, repeated: Mapping[str, Others]
) -> str | None:
    """The folded container, or the run of alike blocks, that hides ``op``; None if the op itself is shown."""
    for level, path in enumerate(_around(op, containers), 1):
        if path in repeated:
            return repeated[path].name
        if folding.applies(path, level):
            return path
    return None


def _node(
    trace: Trace, path: str, ops: tuple[int, ...], containers: Mapping[str, str], alike: Others | None
) -> Node:
    first = trace.ops[ops[0]]
    around = tuple(_around(first, containers))
    if alike is not None:
        return Node(path, alike.label, None, ops, around[: around.index(alike.paths[0])])
    if path in containers:
        return Node(path, containers[path], None, ops, around[: around.index(path)])
    return Node(path, first.type, first.kind, ops, around)


def _shortcuts(edges: Sequence[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """The edges (a, b) for which another path leads from a to b."""
    sources: dict[int, list[int]] = {}
    for a, b in edges:
        sources.setdefault(b, []).append(a)
    above: dict[int, int] = {}  # for each node, one bit for each of its ancestors
    for node in sorted(sources):
        above[node] = 0
        for source in sources[node]:
            above[node] |= above.get(source, 0) | 1 << (source + 1)
    return frozenset(
        (a, b) for a, b in edges if any(above.get(other, 0) >> (a + 1) & 1 for other in sources[b])
    )


def containers(trace: Trace) -> dict[str, int]:
    """The containers that can be folded, with their levels (1 for the outermost), in order of execution."""
    types = _container_types(trace)
    found: dict[str, int] = {}
    for op in trace.ops:
        for level, path in enumerate(_around(op, types), 1):
            found.setdefault(path, level)
    return found


def readable_depth(trace: Trace, most: int) -> int | None:
    """The greatest depth at which the graph, its repeated blocks folded, has no more than ``most`` nodes.

    None if all ops fit; 1 if even the outermost containers are too many.
    """
    if _size(trace, None) <= most:
        return None
    levels = max(containers(trace).values(), default=0)
    fitting = (depth for depth in range(levels, 1, -1) if _size(trace, depth) <= most)
    return next(fitting, 1 if levels else None)


def _size(trace: Trace, depth: int | None) -> int:
    return len(graph(trace, Folding(depth, repeats=True)).nodes)


def dot(
    trace: Trace, drawn: Graph, colours: Mapping[str, tuple[str, str]], ink: str, across: bool = False
) -> str:
    """DOT source of a graph of ``trace``.

    Args:
        trace: where the shapes come from.
        drawn: what to draw.
        colours: for each kind of op the fill and the text on it, as ``#rrggbb``.
        ink: the colour of lines and of text outside nodes, as ``#rrggbb``.
        across: draw from left to right instead of from top to bottom.
    """
    fill, text = colours["other"]
    lines = [
        "digraph {",
        f'graph [bgcolor="transparent", rankdir="{"LR" if across else "TB"}", nodesep=0.3, ranksep=0.35, {_FONT}]',
        f'node [shape="box", style="rounded,filled", penwidth=0, {_FONT}, fontsize=11, margin="0.12,0.06"]',
        f'edge [color="{ink}", {_FONT}, arrowsize=0.6]',
        f'n0 [label="{_quoted(_("input"))}\\n{shape_text(trace.input_shape)}", fillcolor="{fill}", fontcolor="{text}"]',
        *_boxes(trace, drawn, colours, ink),
        *(_edge(a, b, (a, b) in drawn.shortcuts) for a, b in drawn.edges),
    ]
    return "\n".join([*lines, "}"])


def _boxes(trace: Trace, drawn: Graph, colours: Mapping[str, tuple[str, str]], ink: str) -> Iterable[str]:
    """The nodes, each inside the boxes of its containers."""
    types = _container_types(trace)
    open_: tuple[str, ...] = ()
    for number, node in enumerate(drawn.nodes, 1):
        common = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(open_, node.inside, strict=False))))
        yield from "}" * (len(open_) - common)
        for path in node.inside[common:]:
            label = _quoted(f"{path} ({types[path]})")
            yield f'subgraph "cluster_{number}_{_quoted(path)}" {{ label="{label}"; labeljust="l"; fontsize=10; '
            yield f'color="{ink}66"; fontcolor="{ink}"; style="rounded"'
        open_ = node.inside
        yield _node_line(number, node, trace, colours[node.kind or "other"])
    yield from "}" * len(open_)


def _node_line(number: int, node: Node, trace: Trace, colours: tuple[str, str]) -> str:
    short = node.path.removeprefix(f"{node.inside[-1]}.") if node.inside else node.path
    lines = [short] if short == node.type else [short, node.type]
    if node.kind and (window := trace.ops[node.ops[0]].window_text):
        lines.append(window)
    label = _quoted("\n".join([*lines, shape_text(trace.ops[node.ops[-1]].output_shape)]))
    border = "" if node.kind else ', shape="box3d"'
    tooltip = _quoted(node.path)
    return (
        f'n{number} [label="{label}", tooltip="{tooltip}", fillcolor="{colours[0]}", '
        f'fontcolor="{colours[1]}"{border}]'
    )


def _edge(a: int, b: int, shortcut: bool) -> str:
    return f"n{a + 1} -> n{b + 1}" + (' [style="dashed", penwidth=2]' if shortcut else "")


def _quoted(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'").replace("\n", "\\n")


MOST_NODES = 150
"""Nobody can read more; the largest networks that fit have about a dozen layers."""

PARTS = ("function", "parameter", "saved", "output")
"""What is coloured: gradient functions, parameters, tensors saved by custom functions, the output."""

_OF_TORCHVIZ = {
    "fillcolor=lightblue": "parameter",
    "fillcolor=orange": "saved",
    "fillcolor=darkolivegreen1": "output",
    "fillcolor=darkolivegreen3": "output",
}


def autograd_dot(
    model: nn.Module,
    input_shape: Sequence[int],
    colours: Mapping[str, tuple[str, str]],
    ink: str,
    most_nodes: int = MOST_NODES,
) -> str:
    """DOT source of the backward pass through a private copy of ``model`` in training mode.

    A node is a function that passes gradients back, a parameter that accumulates one, or the output.
    The copy is on the meta device: nothing is computed, and neither the model nor the state of the random generator
    changes.

    Args:
        model: the network to draw.
        input_shape: of one image, (C, H, W).
        colours: for each of :data:`PARTS` the fill and the text on it, as ``#rrggbb``.
        ink: the colour of arrows, as ``#rrggbb``.
        most_nodes: a larger graph is refused.

    Raises:
        UsageError: a size that is no positive whole number.
        CnnvizError: the forward pass breaks, nothing in the network learns, or the graph is too large to read.
    """
    shape, model = checked_shape(input_shape), uncompiled(model)
    traced = trace(model, shape)
    if traced.failure is not None:
        raise CnnvizError(
            Message(
                "There is no backward pass, because the forward pass fails. {reason}",
                reason=traced.failure.reason,
            )
        )
    _check_size(len(traced.ops), most_nodes)
    lines = _torchviz(model, traced)
    _check_size(sum("->" not in line for line in lines), most_nodes)
    fill, text = colours["function"]
    head = [
        "digraph {",
        'graph [bgcolor="transparent", rankdir="TB", nodesep=0.25, ranksep=0.3]',
        'node [shape="box", style="rounded,filled", penwidth=0, fontname="sans-serif", fontsize=11, '
        f'margin="0.12,0.06", fillcolor="{fill}", fontcolor="{text}"]',
        f'edge [color="{ink}", arrowsize=0.6]',
    ]
    return "\n".join([*head, *(_styled(line, colours) for line in _numbered(lines)), "}"])


def _check_size(nodes: int, most: int) -> None:
    if nodes > most:
        raise CnnvizError(
            Message(
                "The graph of this backward pass has at least {nodes} nodes; graphs with more than "
                "{most} are too large to read. Choose a smaller network.",
                nodes=nodes,
                most=most,
            )
        )


def _torchviz(model: nn.Module, traced: Trace) -> list[str]:
    """The lines of torchviz's graph."""
    from torchviz import make_dot

    copy, outputs = _forward(model, traced, traced.real_pass)
    if not any(output.grad_fn for output in outputs):
        raise CnnvizError(
            Message("There is no backward pass, because this network uses no trainable parameters.")
        )
    body: list[str] = make_dot(outputs, params=dict(copy.named_parameters())).body
    return body


def _forward(model: nn.Module, traced: Trace, real: bool) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A copy of ``model``, and its output in training mode.

    A forward pass that works in evaluation mode may need data in training mode, or fail.
    """
    copy, inputs = prepared(model, traced.shapes, TRACED_BATCH, real, traced.integers_below)
    try:
        with torch.enable_grad(), Isolated(copy, inputs) as isolated:
            return copy, tuple(tensors_in(copy.train()(*inputs)))
    except (Exception, SystemExit) as error:  # a person's forward may raise anything
        if isolated.isolation.lacked_data:
            return _forward(model, traced, real=True)
        raise CnnvizError(
            Message(
                "There is no backward pass: in training, the forward pass raises {error}: {words}",
                error=type(error).__name__,
                words=(str(error).strip().splitlines() or ["-"])[0],
            )
        ) from error


def _numbered(lines: Sequence[str]) -> list[str]:
    """The same graph with nodes named n1, n2, ... instead of memory addresses, which differ every time."""
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"n{len(names) + 1}")

    numbered = []
    for line in lines:
        source, arrow, rest = line.strip().partition(" -> ")
        numbered.append(re.sub(r"^\d+", name, source) + arrow + re.sub(r"^\d+", name, rest))
    return numbered


def _styled(line: str, colours: Mapping[str, tuple[str, str]]) -> str:
    """A line in our own colours, its shapes written as everywhere else."""
    for theirs, part in _OF_TORCHVIZ.items():
        fill, text = colours[part]
        line = line.replace(theirs, f'fillcolor="{fill}", fontcolor="{text}"')
    line = re.sub(r"\n \(([\d, ]*)\)", lambda sizes: "\\n" + sizes[1].replace(", ", " x "), line)
    return line.replace('label="\\n', 'label="')  # the output has no name
