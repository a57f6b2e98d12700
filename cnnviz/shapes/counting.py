"""How large a network is: parameters and multiply-adds with their formulas, where they sit, and how deep it is.

Importing this imports no torch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cnnviz.operations.op import MODEL_INPUT, Kind, Op, Unexecuted
from cnnviz.operations.operation import named, operation_of
from cnnviz.operations.windows import detached_convolution

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace


def parameter_formula(op: Op) -> str | None:
    """``(5 x 5 x 1 + 1) x 10 = 260``; None if there is nothing to count or no formula for it.

    A kernel has one weight for each position and input channel (of its group), and a bias.
    """
    formula = named(op.base).parameters
    counted = formula(op) if op.params and formula else None
    if counted is None or counted[1] != op.params:
        return None
    return f"{counted[0]} = {op.params:,}"


def macs_formula(op: Op) -> str | None:
    """``5 x 5 x 1 x 10 x 24 x 24 = 144,000``: the products for one output value, times the number of output values.

    For a transposed convolution: the products for one input value, times the number of input values. For a
    recurrent layer: the products of one step, times the number of steps.
    """
    formula = named(op.base).macs_formula
    counted = formula(op) if op.macs and op.input_shapes and formula else None
    if counted is None or counted[1] != op.macs:
        return None
    return f"{counted[0]} = {op.macs:,}"


@dataclass(frozen=True)
class Saving:
    """The same output in two ways: ``direct``, or ``reduce`` (1x1) and then ``after``; all three are ops.

    The idea is from Lin et al. 2013, "Network in Network", section 3; as a bottleneck it is from Szegedy et
    al. 2015, "Going Deeper with Convolutions", section 4.

    ``break_even`` is the smallest number of reduced channels at which the detour saves no multiply-adds.
    """

    direct: Op
    reduce: Op
    after: Op
    break_even: int

    @property
    def macs(self) -> int:
        """Multiply-adds of the detour, for one image."""
        return self.reduce.macs + self.after.macs

    @property
    def params(self) -> int:
        """Parameters of the detour, biases included."""
        return self.reduce.params + self.after.params

    @property
    def ratio(self) -> float:
        """How many times more multiply-adds the direct way needs."""
        return self.direct.macs / self.macs


def saving(channels: int, size: tuple[int, int], kernel: int, maps: int, reduced: int) -> Saving:
    """Compare a ``kernel`` x ``kernel`` convolution from ``channels`` to ``maps`` channels with one after a 1x1.

    ``size`` (height, width) in pixels stays the same all the way (padding "same"); the 1x1 convolution
    leaves ``reduced`` channels. All numbers are 1 or more.
    """
    window = kernel * kernel
    direct = window * channels * maps  # for each pixel, as is the cost of one reduced channel
    each = channels + window * maps
    return Saving(
        direct=detached_convolution(channels, maps, (kernel, kernel), size, size),
        reduce=detached_convolution(channels, reduced, (1, 1), size, size),
        after=detached_convolution(reduced, maps, (kernel, kernel), size, size),
        break_even=-(-direct // each),
    )


Quantity = Literal["params", "macs"]


@dataclass(frozen=True)
class Share:
    """The parameters and multiply-adds of one layer, or of all layers of one container.

    ``path`` is the name of the op or of the container; of parameters that no op carries it is the
    parameter's own, and ``type`` is empty (those that are used directly have the kind of the op that they go into). ``layers`` counts the ops that ``path`` stands for. ``params``
    and ``macs`` are numbers by kind of op, those of zero left out.
    """

    path: str
    type: str
    layers: int
    params: Mapping[Kind, int]
    macs: Mapping[Kind, int]

    def total(self, quantity: Quantity) -> int:
        """The sum over all kinds."""
        return sum(self.by_kind(quantity).values())

    def by_kind(self, quantity: Quantity) -> Mapping[Kind, int]:
        """The parameters or the multiply-adds."""
        return self.params if quantity == "params" else self.macs


def shares(trace: Trace, most: int) -> tuple[Share, ...]:
    """Where parameters and multiply-adds sit, in order of execution; the shares add up to the totals.

    Each layer by itself or, if more than ``most`` layers have a share, the containers of the deepest level with no
    more than that. A network without containers may still have more.
    """
    from cnnviz.shapes.graph import containers

    levels = max(containers(trace).values(), default=0)
    found: tuple[Share, ...] = ()
    for depth in (None, *range(levels, 0, -1)):
        found = _at_depth(trace, depth)
        if len(found) <= most:
            break
    return found


def _at_depth(trace: Trace, depth: int | None) -> tuple[Share, ...]:
    from cnnviz.shapes.graph import Folding, graph

    found = []
    directly = _used_directly(trace)
    for node in graph(trace, Folding(depth)).nodes:
        params, macs = Counter[Kind](), Counter[Kind]()
        own = []
        for index in node.ops:
            op = trace.ops[index]
            params[op.kind] += op.params
            macs[op.kind] += op.macs
            for entry in directly[index]:
                kind = _kind_of_use(trace, index)
                if len(node.ops) > 1:  # a container's bar includes all its parameters
                    params[kind] += entry.params
                else:
                    own.append(Share(entry.name, "", 1, {kind: entry.params}, {}))
        if params.total() or macs.total():
            found.append(Share(node.path, node.type, len(node.ops), +params, +macs))
        found += own
    unused = [entry for entry in trace.unexecuted if entry.name not in trace.used_directly]
    return (*found, *(Share(entry.name, "", 1, {"other": entry.params}, {}) for entry in unused))


def _used_directly(trace: Trace) -> Mapping[int, Sequence[Unexecuted]]:
    """For each op, the bare parameters that it is given."""
    found = defaultdict(list)
    for entry in trace.unexecuted:
        if entry.name in trace.used_directly:
            found[trace.used_directly[entry.name]].append(entry)
    return found


def _kind_of_use(trace: Trace, index: int) -> Kind:
    """The kind of op that bare parameters given to the op at ``index`` count for: its own, or, if it only reshapes
    them, that of the op that uses the result.
    """
    while trace.ops[index].kind == "reshape":
        later = (op.index for op in trace.ops[index + 1 :] if index in op.inputs)
        taker = next(later, None)
        if taker is None:
            break
        index = taker
    return trace.ops[index].kind


def largest(found: Sequence[Share], quantity: Quantity, most: int) -> tuple[tuple[Share, ...], int]:
    """The ``most`` largest shares in the order of ``found``, and the sum of the others.

    Shares of zero are left out.
    """
    holding = [share for share in found if share.total(quantity)]
    kept = sorted(holding, key=lambda share: -share.total(quantity))[:most]
    paths = {share.path for share in kept}
    rest = sum(share.total(quantity) for share in holding if share.path not in paths)
    return tuple(share for share in holding if share.path in paths), rest


def by_kind(trace: Trace) -> dict[Kind, tuple[int, int, int]]:
    """For each kind of op, in order of first use: the number of ops, their parameters, their multiply-adds."""
    found: dict[Kind, tuple[int, int, int]] = {}
    for op in trace.ops:
        count, params, macs = found.get(op.kind, (0, 0, 0))
        found[op.kind] = (count + 1, params + op.params, macs + op.macs)
    for index, entries in _used_directly(trace).items():
        kind = _kind_of_use(trace, index)
        count, params, macs = found[kind]
        found[kind] = (count, params + sum(entry.params for entry in entries), macs)
    return found


@dataclass(frozen=True, order=True)
class Depth:
    """Layers along one path: ``weighted`` counts convolutions and linear layers, ``pooling`` comes on top.

    Normalisations have parameters too, but by convention do not count: ResNet-18 is 17 convolutions and a Linear.
    An attention counts twice, for its projections before and after: ViT-B/16 has 1 + 12 x 4 + 1 = 50 layers.
    """

    weighted: int = 0
    pooling: int = 0

    @property
    def total(self) -> int:
        """Weighted layers and poolings together, as Szegedy et al. 2015 count GoogLeNet's 22 and 27."""
        return self.weighted + self.pooling


def _weighted(op: Op, with_parameters: Container[int]) -> int:
    """How many layers with weights ``op`` is; a product of two tensors, as in attention, is none.

    ``with_parameters`` are the indices of the ops that are given parameters outside of a layer.
    """
    if op.kind == "linear":
        return int(op.module is not None or op.params > 0 or op.index in with_parameters)
    return 1 if op.kind == "convolution" else operation_of(op).projections


def depth(trace: Trace) -> Depth:
    """The layers on the path through ``trace`` with the most weighted layers and, among those, the most poolings."""
    longest = {MODEL_INPUT: Depth()}
    with_parameters = frozenset(trace.used_directly.values())
    for op in trace.ops:
        before = max((longest[source] for source in op.inputs), default=Depth())
        weighted = before.weighted + _weighted(op, with_parameters)
        longest[op.index] = Depth(weighted, before.pooling + (op.kind == "pooling"))
    return max(longest.values())
