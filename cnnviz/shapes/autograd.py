"""Autograd's graph of a backward pass as DOT source, drawn up by torchviz.

A node is a function that passes gradients back, a parameter that gathers one, or the output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.op import Shape
from cnnviz.tracing.copies import meta_copy, real_copy, uncompiled
from cnnviz.tracing.inputs import checked_shape, empty_input, input_type, needs_data, random_input
from cnnviz.tracing.isolation import Sheltered
from cnnviz.tracing.provenance import tensors_in
from cnnviz.tracing.trace import TRACED_BATCH, Trace, trace

MOST_NODES = 150
"""More than these nobody can read; the largest networks that fit have some dozen layers."""

PARTS = ("function", "parameter", "saved", "output")
"""What there is to colour: gradient functions, parameters, tensors kept for custom functions, the output."""

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

    The copy is on the meta device: nothing is computed, and neither the model nor the random numbers change.

    Args:
        model: what is drawn.
        input_shape: of one image, (C, H, W).
        colours: for each of :data:`PARTS` the fill and the text on it, as ``#rrggbb``.
        ink: the colour of arrows, as ``#rrggbb``.
        most_nodes: of a larger graph, only its size is told.

    Raises:
        UsageError: a size that is no positive whole number.
        CnnvizError: the forward pass breaks, nothing in the network learns, or the graph is too large to read.
    """
    shape, model = checked_shape(input_shape), uncompiled(model)
    traced = trace(model, shape)
    if traced.failure is not None:
        raise CnnvizError(
            Message(
                "There is no backward pass: the forward pass breaks. {reason}", reason=traced.failure.reason
            )
        )
    _check_size(len(traced.ops), most_nodes)
    lines = _torchviz(model, shape, traced)
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
                "The graph of this backward pass has {nodes} nodes or more; more than {most} cannot be read. Choose a "
                "smaller network.",
                nodes=nodes,
                most=most,
            )
        )


def _torchviz(model: nn.Module, shape: Shape, traced: Trace) -> list[str]:
    """The lines of torchviz's graph."""
    from torchviz import make_dot

    copy, outputs = _forward(model, shape, traced.real_pass)
    if not any(output.grad_fn for output in outputs):
        raise CnnvizError(
            Message("There is no backward pass: no parameter that learns is used by this network.")
        )
    body: list[str] = make_dot(outputs, params=dict(copy.named_parameters())).body
    return body


def _forward(model: nn.Module, shape: Shape, real: bool) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A copy of ``model``, and what it gives in training mode.

    A pass that a trace in evaluation mode made may need data in training, or break.
    """
    dtype = input_type(model)
    copy = real_copy(model) if real else meta_copy(model)
    x = (random_input if real else empty_input)(shape, dtype, TRACED_BATCH)
    try:
        with torch.enable_grad(), Sheltered(copy, x):
            return copy, tuple(tensors_in(copy.train()(x)))
    except (Exception, SystemExit) as error:  # a person's forward may raise anything
        if not real and needs_data(error):
            return _forward(model, shape, real=True)
        raise CnnvizError(
            Message(
                "There is no backward pass: in training the forward pass raises {error}: {words}",
                error=type(error).__name__,
                words=(str(error).strip().splitlines() or ["-"])[0],
            )
        ) from error


def _numbered(lines: Sequence[str]) -> list[str]:
    """The same graph with its nodes named n1, n2, ... in place of addresses, which differ from pass to pass."""
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"n{len(names) + 1}")

    numbered = []
    for line in lines:
        source, arrow, rest = line.strip().partition(" -> ")
        numbered.append(re.sub(r"^\d+", name, source) + arrow + re.sub(r"^\d+", name, rest))
    return numbered


def _styled(line: str, colours: Mapping[str, tuple[str, str]]) -> str:
    """A line in our own colours, with shapes written as everywhere else."""
    for theirs, part in _OF_TORCHVIZ.items():
        fill, text = colours[part]
        line = line.replace(theirs, f'fillcolor="{fill}", fontcolor="{text}"')
    line = re.sub(r"\n \(([\d, ]*)\)", lambda sizes: "\\n" + sizes[1].replace(", ", " x "), line)
    return line.replace('label="\\n', 'label="')  # the output has no name
