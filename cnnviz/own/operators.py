"""Operators and subscripts, by the exact types of their values; what would grow without bound is refused."""

from __future__ import annotations

import ast
import operator
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.language import Message
from cnnviz.own.values import BoundMethod, Builtin, Constant, Function, LayerClass, OwnClass, Refused, Value

LARGEST_INTEGER = 2**31
"""Sizes of tensors are below it."""
LONGEST = 100_000
"""Characters of a text, entries of a list."""
LARGEST_EXPONENT = 64

NUMBERS = frozenset((bool, int, float))
DICTS = frozenset((dict, OrderedDict))
TENSORS = frozenset((Tensor, nn.Parameter))
SEQUENCES = frozenset((tuple, list, torch.Size, range, str))
ORDERED = frozenset((*NUMBERS, str, tuple, list, torch.Size))

BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
    ast.MatMult: ("@", operator.matmul),
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.BitXor: ("^", operator.xor),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
}
IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd,
    ast.Sub: operator.isub,
    ast.Mult: operator.imul,
    ast.Div: operator.itruediv,
    ast.FloorDiv: operator.ifloordiv,
    ast.Mod: operator.imod,
    ast.Pow: operator.ipow,
    ast.BitAnd: operator.iand,
    ast.BitOr: operator.ior,
    ast.BitXor: operator.ixor,
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
UNARY: dict[type[ast.unaryop], tuple[str, Callable[[Any], Any]]] = {
    ast.USub: ("-", operator.neg),
    ast.UAdd: ("+", operator.pos),
    ast.Invert: ("~", operator.invert),
}


def binary(kind: type[ast.operator], left: Value, right: Value, in_place: bool = False) -> Value:
    """``left`` and ``right`` joined by an operator, as Python joins them.

    Raises:
        Refused: the language has no such operator for these values, or the result would be too large.
        Exception: what Python and PyTorch raise, such as a ZeroDivisionError.
    """
    sign, function = BINARY[kind]
    a, b = type(left), type(right)
    if a in TENSORS or b in TENSORS:
        if not (a in TENSORS or a in NUMBERS) or not (b in TENSORS or b in NUMBERS):
            raise _unlike(sign, left, right)
        return (
            IN_PLACE.get(kind, function)(left, right) if in_place and a in TENSORS else function(left, right)
        )
    if a in NUMBERS and b in NUMBERS:
        _check_power(kind, left, right)
        return bounded(function(left, right))
    if kind is ast.Mod and a is str:
        return _filled_in(left, right)
    if (a in SEQUENCES and (b in SEQUENCES or b in NUMBERS or a is b)) or (b in SEQUENCES and a in NUMBERS):
        return _of_sequences(kind, sign, left, right, in_place)
    if a in DICTS and b in DICTS and kind is ast.BitOr:
        return {**left, **right}
    raise _unlike(sign, left, right)


_FILLED_IN = re.compile(r"(?:[^%]|%[dsi%])*")


def _filled_in(text: str, values: Value) -> str:
    """``text % values`` for numbers and texts without a width."""
    parts = values if type(values) is tuple else (values,)
    if not _FILLED_IN.fullmatch(text) or not all(type(part) in (bool, int, float, str) for part in parts):
        raise Refused(Message("Only %d and %s with numbers and texts are filled in here."))
    if len(text) + sum(len(str(part)) for part in parts) > LONGEST:
        raise too_long()
    return str(text % values)


def _check_power(kind: type[ast.operator], left: Any, right: Any) -> None:
    if kind is ast.Pow and abs(right) > LARGEST_EXPONENT:
        raise Refused(
            Message("The exponent {value} is too large; up to {most} is allowed.", value=right, most=64)
        )
    if kind is ast.LShift and right > LARGEST_EXPONENT:
        raise Refused(
            Message("A shift by {value} is too large; up to {most} is allowed.", value=right, most=64)
        )


def _of_sequences(kind: type[ast.operator], sign: str, left: Value, right: Value, in_place: bool) -> Value:
    if kind is ast.Add:
        both = type(left) in SEQUENCES and type(right) in SEQUENCES
        if both and len(left) + len(right) > LONGEST:
            raise too_long()
        if in_place and type(left) is list and type(right) in SEQUENCES:
            left.extend(right)
            return left
        return operator.add(left, right)
    if kind is ast.Mult:
        sequence, times = (right, left) if type(left) in NUMBERS else (left, right)
        if (
            type(times) in (int, bool)
            and type(sequence) is not range
            and len(sequence) * max(times, 0) > LONGEST
        ):
            raise too_long()
        return operator.mul(left, right)
    raise _unlike(sign, left, right)


def _unlike(sign: str, left: Value, right: Value) -> TypeError:
    return TypeError(
        f"unsupported operand type(s) for {sign}: '{type(left).__name__}' and '{type(right).__name__}'"
    )


def too_long() -> Refused:
    """The refusal of a list or text that is longer than this language takes."""
    return Refused(Message("A list or a text of more than {most:,} entries is too long here.", most=LONGEST))


def bounded(value: Value) -> Value:
    """``value``, if it is no huge number.

    Raises:
        Refused: it is.
    """
    if type(value) is int and abs(value) >= 2**63:
        raise Refused(Message("The number is too large: numbers stay below 2^63 here."))
    if type(value) is complex:
        raise Refused(Message("Complex numbers are not known here."))
    return value


def unary(kind: type[ast.unaryop], value: Value) -> Value:
    """The value with a sign in front."""
    sign, function = UNARY[kind]
    if type(value) in TENSORS or type(value) in NUMBERS:
        return function(value)
    raise TypeError(f"bad operand type for unary {sign}: '{type(value).__name__}'")


def compared(kind: type[ast.cmpop], left: Value, right: Value) -> Value:
    """The result of one comparison."""
    a, b = type(left), type(right)
    if kind in (ast.Is, ast.IsNot):
        same = left is right or (a in _BY_VALUE and b is a and left == right)
        return same is (kind is ast.Is)
    if kind in (ast.In, ast.NotIn):
        return contains(right, left) is (kind is ast.In)
    sign, function = COMPARISONS[kind]
    if a in TENSORS or b in TENSORS:
        if kind in (ast.Eq, ast.NotEq) and not ({a, b} <= TENSORS | NUMBERS):
            return kind is ast.NotEq
        if not ({a, b} <= TENSORS | NUMBERS):
            raise _not_ordered(sign, left, right)
        return function(left, right)
    if kind in (ast.Eq, ast.NotEq):
        return equal(left, right) is (kind is ast.Eq)
    if (a in NUMBERS and b in NUMBERS) or (
        a in ORDERED and b in ORDERED and (a is b or {a, b} == {tuple, torch.Size})
    ):
        return bool(function(left, right))
    raise _not_ordered(sign, left, right)


_BY_VALUE = frozenset((LayerClass, OwnClass, Builtin, Constant))


def _not_ordered(sign: str, left: Value, right: Value) -> TypeError:
    return TypeError(
        f"'{sign}' not supported between instances of '{type(left).__name__}' and '{type(right).__name__}'"
    )


_COMPARED = frozenset((*NUMBERS, *SEQUENCES, *DICTS, type(None)))


def equal(left: Value, right: Value) -> bool:
    """Whether two values that are no tensors are equal; objects are equal to themselves alone."""
    a, b = type(left), type(right)
    if a is Constant and b is Constant:
        return bool(left.value == right.value)
    if a in _COMPARED and b in _COMPARED:
        if a in (list, tuple, torch.Size) and b in (list, tuple, torch.Size):
            alike = (a is list) == (b is list)
            return alike and len(left) == len(right) and all(map(equal, left, right))
        if a in DICTS and b in DICTS:
            return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
        return bool(left == right)
    if {a, b} <= TENSORS:
        raise Refused(Message("Tensors inside lists are not compared here."))
    return left is right


def contains(container: Value, value: Value) -> bool:
    """Whether ``value`` is in ``container``."""
    kind = type(container)
    if kind is str and type(value) is str:
        return value in container
    if kind in DICTS:
        return type(value) in _COMPARED and type(value) not in (list, *DICTS) and value in container
    if kind in SEQUENCES and kind is not str:
        return any(equal(entry, value) for entry in container)
    if kind is nn.ModuleDict and type(value) is str:
        return value in container
    raise TypeError(f"argument of type '{kind.__name__}' is not iterable")


def truth(value: Value) -> bool:
    """Whether ``value`` counts as true. A tensor's value is asked for, as in a real pass."""
    kind = type(value)
    if kind in TENSORS or kind in _COMPARED:
        return bool(value)
    if isinstance(value, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
        return len(value) > 0
    return True


_INDICES = frozenset((int, bool, slice, type(None), type(Ellipsis), Tensor, nn.Parameter))


def item(container: Value, index: Value) -> Value:
    """``container[index]``.

    Raises:
        Refused: the language has no subscripts for such a value.
        Exception: what Python and PyTorch raise, such as an IndexError.
    """
    kind = type(container)
    if kind in TENSORS:
        return container[tensor_index(index)]
    if kind in SEQUENCES:
        if type(index) not in (int, bool, slice):
            raise TypeError(f"{kind.__name__} indices must be integers or slices, not {type(index).__name__}")
        return container[index]
    if kind in DICTS:
        if type(index) not in (str, int, bool, float, tuple, type(None)):
            raise TypeError(f"unhashable type: '{type(index).__name__}'")
        return container[index]
    if isinstance(container, (nn.Sequential, nn.ModuleList)) and type(index) in (int, slice):
        return container[index]
    if isinstance(container, nn.ModuleDict) and type(index) is str:
        return container[index]
    if isinstance(container, nn.ParameterList) and type(index) is int:
        return container[index]
    if isinstance(container, tuple):  # what torch.max and the like return
        return tuple(container)[index]
    raise TypeError(f"'{_described(container)}' object is not subscriptable")


def _described(value: Value) -> str:
    if type(value) is BoundMethod and type(value.receiver) in TENSORS:
        return "builtin_function_or_method"
    return "function" if type(value) in (Function, Builtin, BoundMethod) else type(value).__name__


def tensor_index(index: Value) -> Any:
    """``index`` as a tensor takes it.

    Raises:
        Refused: it has a part that is no index.
    """
    parts = index if type(index) is tuple else (index,)
    for part in parts:
        whole_numbers = type(part) is list and all(type(n) in (int, bool) for n in part)
        if type(part) not in _INDICES and not whole_numbers:
            raise Refused(
                Message("A tensor cannot be indexed by a value of type {type}.", type=type(part).__name__)
            )
    return index


def set_item(container: Value, index: Value, value: Value) -> None:
    """``container[index] = value``."""
    kind = type(container)
    if kind in TENSORS:
        if type(value) not in TENSORS and type(value) not in NUMBERS:
            raise TypeError(f"can't assign a {type(value).__name__} to a {kind.__name__}")
        container[tensor_index(index)] = value
    elif kind is list and type(index) in (int, bool):
        container[index] = value
    elif kind in DICTS and type(index) in (str, int, bool, float):
        container[index] = value
        if len(container) > LONGEST:
            raise too_long()
    elif (kind in (nn.Sequential, nn.ModuleList) and type(index) is int and isinstance(value, nn.Module)) or (
        kind is nn.ModuleDict and type(index) is str and isinstance(value, nn.Module)
    ):
        container[index] = value
    else:
        raise TypeError(f"'{kind.__name__}' object does not support item assignment")
