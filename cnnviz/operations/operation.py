"""The registry: everything that cnnviz knows about an operation is one entry, found by any of its names.

A family's file (``windows.py``, ``elementwise.py``, ...) defines its operations by :func:`define`, beside the
functions that are their abilities. Tables, derivations, receptive fields, diagnoses and repairs ask the
registry and know no operation by name. Importing this imports no torch.
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
    """Of an operation that may put something else in front however it is called."""
    return False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What cnnviz knows about one operation: its names, its nature, and its abilities (None: it has not that one).

    ``modules`` are the names of the classes in ``torch.nn``, or classes of one's own; ``functions`` those of
    functions and methods, without the ``_`` of a version that works in place. ``arguments`` names the positional
    arguments of the functions; a layer's arguments are its attributes of these names, and of ``attributes``.
    ``dimensions`` is the number of spatial dimensions where the operation is made for one number of them, else 0.

    ``pointwise``: every value depends on those at its own position alone, in evaluation. ``constant``: no value
    depends on a value that arrives. ``random``: it may draw random numbers. ``joins``: it concatenates.
    ``keeps_order``: it gives the same values in the same order, in another shape. ``reorders``: it puts dimensions
    into another order. ``remembers_places``: training keeps where its values came from, as of a max pooling.
    ``gives`` tells what its values mean, where they mean something by themselves. ``listed`` is the argument that a function
    takes as one list or as numbers one by one, such as the ``shape`` of a view.
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
    gives: Literal["", "probabilities", "log probabilities"] = ""
    listed: str = ""
    complete: Callable[[Mapping[str, Any], dict[str, Any]], None] | None = None
    """Adds to the arguments of a function call what its tensors tell: channels and kernel of a weight, say."""

    explain: Callable[[Op, Sequence[Op]], Explanation | None] | None = None
    """The rule of the output's shape, with numbers; None where these numbers do not follow it."""
    macs: Callable[[Mapping[str, Any], int, int], int] | None = None
    """Multiply-adds for one image, from the arguments and the numbers of values that arrive and leave."""
    measured_macs: bool = False
    """Whether PyTorch's ``FlopCounterMode`` counts a call's multiply-adds, because there is no formula here."""
    macs_formula: Callable[[Op], tuple[str, int] | None] | None = None
    """The same in writing, and its value."""
    parameters: Callable[[Op], tuple[str, int] | None] | None = None
    """Where the op's own parameters come from, in writing, and how many that makes."""
    reach: Callable[[Call], Reach] | None = None
    """What each value of the output depends on: the rule of receptive fields."""
    batch_axis: BatchRule | None = None
    """Where the images of a batch are in the output; None where they stay where they were."""
    stays_in_front: Callable[[Mapping[str, Any]], bool] | None = None
    """Whether a call with such arguments certainly leaves a batch in front that was there; None where all do."""
    further_batch_axis: Callable[[Source, Shape, int], Layout] | None = None
    """The same of a further output, such as the states of an LSTM."""
    diagnose: tuple[Callable[[FailedCall, Sequence[Op]], Failure | None], ...] = ()
    """What may have been broken when PyTorch refuses a call, the likeliest first; each answers None if it was not."""
    mend: Callable[[FailedCall, Sequence[Op]], Iterator[Fix]] | None = None
    """Edits that could mend a refused call, the likeliest first."""

    @cached_property
    def layer_attributes(self) -> frozenset[str]:
        """The attributes of a layer that are its arguments."""
        return frozenset((*self.arguments, *self.attributes)) - _OF_CALLS_ALONE

    @property
    def names(self) -> tuple[str | type, ...]:
        """All names by which it is found."""
        return (*self.modules, *self.functions)

    @property
    def reach_rule(self) -> Callable[[Call], Reach] | None:
        """The rule of receptive fields; a pointwise operation needs none of its own."""
        return self.reach or (value_by_value if self.pointwise else None)


UNKNOWN = Operation(name="")
"""Stands for every operation that is in no entry."""


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
    """Register an operation; names are words in one text, separated by spaces. Returns its entry.

    Raises:
        ValueError: one of its names belongs to another operation already.
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
    """All that it is found by: a class, too, goes by its name on a page."""
    return [*entry.names, *(known.__name__ for known in entry.names if isinstance(known, type))]


def define_each(
    functions: str, modules: str, *, dimensions: Sequence[int] = (1, 2, 3), **knowledge: Any
) -> tuple[Operation, ...]:
    """Register an operation that exists for several numbers of dimensions: a ``#`` in its names stands for them."""
    return tuple(
        define(functions.replace("#", str(n)), modules.replace("#", str(n)), dimensions=n, **knowledge)
        for n in dimensions
    )


def named(name: str | type) -> Operation:
    """The operation of that name, ``conv2d`` or ``Conv2d``; ``UNKNOWN`` where no entry has it."""
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
    """The operation that ``op`` is; ``UNKNOWN`` too where its layer computes in a ``forward`` of its own."""
    return UNKNOWN if op.own_forward else _BY_NAME.get(op.operation or op.type, UNKNOWN)


def registered() -> tuple[Operation, ...]:
    """All entries, in order of registration."""
    return tuple(_ENTRIES)


@contextmanager
def temporarily(
    *, functions: str = "", modules: Sequence[str | type] = (), **knowledge: Any
) -> Iterator[Operation]:
    """Register an operation for the length of a ``with`` block, as a test or an extension does."""
    entry = define(functions, modules, **knowledge)
    try:
        yield entry
    finally:
        _ENTRIES.remove(entry)
        for known in _keys(entry):
            del _BY_NAME[known]
        _BY_CLASS.clear()
