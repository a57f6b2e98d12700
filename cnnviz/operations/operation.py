"""The registry: all that cnnviz knows about an operation is one entry, found by any of its names.

The file of a family (``windows.py``, ``elementwise.py``, ...) defines its operations with :func:`define`, next to the
functions that are their abilities. Tables, derivations, receptive fields, diagnoses and fixes ask the registry and
know no operation by name. Importing this imports no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

from cnnviz.operations.batch_axis import BatchRule, Layout, Source
from cnnviz.operations.explanation import Explanation
from cnnviz.operations.op import FailedCall, Failure, Fix, Kind, Op, Shape
from cnnviz.operations.reach import Call, Reach, value_by_value

_OF_CALLS_ALONE = frozenset(("input", "weight", "bias", "training"))
"""Arguments of functions that a layer has in another form."""


def never(_arguments: Mapping[str, Any]) -> bool:
    """For operations that may move the batch whatever their arguments."""
    return False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What cnnviz knows about one operation: its names, its nature, and its abilities (None where it lacks one).

    ``modules`` are the names of the classes in ``torch.nn``, or classes themselves; ``functions`` are the names of
    functions and methods, without the ``_`` of in-place versions. ``arguments`` names the positional arguments of
    the functions; a layer's arguments are its attributes with these names and those in ``attributes``.
    ``dimensions`` is the number of spatial dimensions, or 0 where any number will do.

    ``pointwise``: in evaluation, each value depends only on the inputs at its own position. ``constant``: no value
    depends on the input. ``random``: it may draw random numbers. ``joins``: it concatenates. ``slides``: its windows
    slide over the input as ``kernel_size``, ``stride``, ``padding`` and ``dilation`` say. ``keeps_order``: the same
    values in the same order, in another shape. ``reorders``: the dimensions in another order. ``remembers_places``:
    training keeps the positions its values came from, as for max pooling. ``projections`` is how many linear layers one
    call holds, one after the other, where its kind does not say so. ``gives`` says what its values mean,
    where they have a meaning of their own. ``listed`` is the argument that a function takes as one list or as
    separate numbers, such as the ``shape`` of a view.
    """

    name: str
    kind: Kind = "other"
    modules: tuple[str | type, ...] = ()
    functions: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    dimensions: int = 0

    pointwise: bool = False
    constant: bool = False
    random: bool = False
    joins: bool = False
    slides: bool = False
    keeps_order: bool = False
    reorders: bool = False
    remembers_places: bool = False
    projections: int = 0
    gives: Literal["", "probabilities", "log probabilities"] = ""
    listed: str = ""
    complete: Callable[[Mapping[str, Any], dict[str, Any]], None] | None = None
    """Adds to the arguments of a function call what its tensors say, such as the channels and kernel of a weight."""

    explain: Callable[[Op, Sequence[Op]], Explanation | None] | None = None
    """The rule of the output's shape, with numbers; None where the numbers do not follow it."""
    macs: Callable[[Mapping[str, Any], int, int], int] | None = None
    """Multiply-adds for one image, from the arguments and the numbers of input and output values."""
    measured_macs: bool = False
    """Whether PyTorch's ``FlopCounterMode`` counts the multiply-adds, because there is no formula here."""
    macs_formula: Callable[[Op], tuple[str, int] | None] | None = None
    """The same as a written formula, and its value."""
    parameters: Callable[[Op], tuple[str, int] | None] | None = None
    """The number of the op's parameters, as a written formula and its value."""
    reach: Callable[[Call], Reach] | None = None
    """What each output value depends on, for receptive fields."""
    batch_axis: BatchRule | None = None
    """Which dimension of the output is the batch; None where it stays where it was."""
    stays_in_front: Callable[[Mapping[str, Any]], bool] | None = None
    """Whether a call with these arguments is sure to keep the batch as dimension 0; None where every call is."""
    further_batch_axis: Callable[[Source, Shape, int], Layout] | None = None
    """The batch dimension of a further output, such as the states of an LSTM."""
    diagnose: tuple[Callable[[FailedCall, Sequence[Op]], Failure | None], ...] = ()
    """What may be wrong when PyTorch refuses a call, the likeliest first; each returns None if it is something else."""
    kernel: Callable[[Op], Mapping[str, object] | None] | None = None
    """How the browser's engine computes it: the name of a kernel of ``browser/engine.js`` with its settings, and with
    the layer's tensors that it needs as ``weights``; None where it has no kernel for these arguments.
    """
    mend: Callable[[FailedCall, Sequence[Op]], Iterator[Fix]] | None = None
    """Edits that could fix a refused call, the likeliest first."""

    @cached_property
    def layer_attributes(self) -> frozenset[str]:
        """The attributes of a layer that are its arguments."""
        return frozenset((*self.arguments, *self.attributes)) - _OF_CALLS_ALONE

    @property
    def names(self) -> tuple[str | type, ...]:
        """All names it is registered under."""
        return (*self.modules, *self.functions)

    @property
    def reach_rule(self) -> Callable[[Call], Reach] | None:
        """The rule for receptive fields; a pointwise operation needs none of its own."""
        return self.reach or (value_by_value if self.pointwise else None)


UNKNOWN = Operation(name="")
"""Stands for every operation that is not registered."""


class LayerOperation(NamedTuple):
    """Which operation a layer is: its entry, the name by which it was found, and whether its class computes otherwise."""

    entry: Operation
    name: str
    own_forward: bool


_LIBRARIES = ("torch.nn.", "torchvision.")
"""Classes of these packages are known by their names alone."""

_ENTRIES: list[Operation] = []
_BY_NAME: dict[str | type, Operation] = {}
_BY_CLASS: dict[type, LayerOperation] = {}
"""What was found of classes, until another operation is registered."""


def define(
    functions: str = "",
    modules: str | Sequence[str | type] = "",
    *,
    name: str | None = None,
    arguments: str = "",
    attributes: str = "",
    **knowledge: Any,
) -> Operation:
    """Register an operation and return its entry; names are separated by spaces.

    Raises:
        ValueError: one of its names already belongs to another operation.
    """
    classes = tuple(modules.split()) if isinstance(modules, str) else tuple(modules)
    words = tuple(functions.split())
    names = (*words, *classes)
    entry = Operation(
        name=name or str(names[0]),
        modules=classes,
        functions=words,
        arguments=tuple(arguments.split()),
        attributes=tuple(attributes.split()),
        **knowledge,
    )
    for known in names:
        if known in _BY_NAME:
            raise ValueError(f"{known} is {_BY_NAME[known].name} already, and cannot be {entry.name} as well")
    _ENTRIES.append(entry)
    _BY_NAME.update(dict.fromkeys(_keys(entry), entry))
    _BY_CLASS.clear()
    return entry


def _keys(entry: Operation) -> list[str | type]:
    """All keys it is found by: a class is found by its name, too."""
    return [*entry.names, *(known.__name__ for known in entry.names if isinstance(known, type))]


def define_each(
    functions: str, modules: str, *, dimensions: Sequence[int] = (1, 2, 3), **knowledge: Any
) -> tuple[Operation, ...]:
    """Register an operation once per number of dimensions, which replaces each ``#`` in its names."""
    return tuple(
        define(functions.replace("#", str(n)), modules.replace("#", str(n)), dimensions=n, **knowledge)
        for n in dimensions
    )


def named(name: str | type) -> Operation:
    """The operation with that name, such as ``conv2d`` or ``Conv2d``; ``UNKNOWN`` where there is none."""
    return _BY_NAME.get(name, UNKNOWN)


def of_class(cls: type) -> LayerOperation:
    """The operation of a layer, found along its class's bases: a class that keeps ``forward`` is the same operation."""
    found = _BY_CLASS.get(cls)
    if found is None:
        found = _BY_CLASS[cls] = _found_along_bases(cls)
    return found


def _found_along_bases(cls: type) -> LayerOperation:
    for base in cls.__mro__:
        entry = named(base)
        if entry is UNKNOWN and base.__module__.startswith(_LIBRARIES):
            entry = named(base.__name__)
        if entry is not UNKNOWN:
            if named(cls.__name__) is entry and not hasattr(sys.modules.get("torch.nn"), cls.__name__):
                # A LayerNorm2d of one's own is what torchvision's is.
                return LayerOperation(entry, cls.__name__, False)
            return LayerOperation(entry, base.__name__, cls.forward is not base.forward)  # type: ignore[attr-defined]
    return LayerOperation(UNKNOWN, "-", False)


def operation_of(op: Op | FailedCall) -> Operation:
    """The operation of ``op``; ``UNKNOWN``, too, where its layer overrides ``forward``."""
    return UNKNOWN if op.own_forward else _BY_NAME.get(op.operation or op.type, UNKNOWN)


def registered() -> tuple[Operation, ...]:
    """All entries, in order of registration."""
    return tuple(_ENTRIES)


@contextmanager
def temporarily(
    *, functions: str = "", modules: Sequence[str | type] = (), **knowledge: Any
) -> Iterator[Operation]:
    """Register an operation within a ``with`` block, as a test or an extension does."""
    entry = define(functions, modules, **knowledge)
    try:
        yield entry
    finally:
        _ENTRIES.remove(entry)
        for known in _keys(entry):
            del _BY_NAME[known]
        _BY_CLASS.clear()
