"""The one tap: it watches a forward pass and counts its calls, so that an op can be found again in another pass.

The recorder, what captures the outputs of a pass and what stops or differentiates it are taps. They must agree on
what a call is and which number it has; hence both are decided here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from torch import Tensor
from torch.overrides import TorchFunctionMode

from cnnviz.operations.calls import function_type

PASSED_THROUGH = frozenset({"data", "grad", "requires_grad", "retain_grad"})
"""Tensor attributes and methods that are bookkeeping, not operations of a network."""

_SIZES: frozenset[Any] = frozenset(
    (Tensor.size, Tensor.dim, Tensor.numel, Tensor.shape.__get__, Tensor.ndim.__get__)  # type: ignore[attr-defined]
)
"""They tell a size, which no tap changes: as many calls as all others together, in a network of small operations."""


class Tap(TorchFunctionMode):
    """Sees every call of a torch function that this thread makes inside of the ``with`` block.

    ``calls`` counts those that give tensors, bookkeeping left out, in the order in which they return; no hook is
    needed, so a model may be shared between threads. A tap of some purpose overrides :meth:`counted`, where it
    looks at calls and may change what they give, and seldom one of the other methods.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __enter__(self) -> Self:
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The arguments with which a call is made: those that it was given, or others."""
        return args, kwargs

    def execute(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """The result of a call."""
        return func(*args, **kwargs)

    def passed_through(self, args: Sequence[Any], outputs: list[Tensor]) -> None:
        """A call gave ``outputs`` and is mere bookkeeping."""

    def counted(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        outputs: list[Tensor],
        result: Any,
    ) -> Any:
        """What the call of the number ``self.calls``, which gave ``outputs``, returns: its ``result``, or another."""
        return result

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in _SIZES:
            with suppress(Exception):  # one that fails is watched as any other call is
                return func(*args, **(kwargs or {}))
        name = function_type(func)
        args, named = self.arguments(name, args, kwargs or {})
        result = self.execute(func, name, args, named)
        outputs = tensors_given(name, args, result)
        if not outputs:
            return result
        if name in PASSED_THROUGH:
            self.passed_through(args, outputs)
            return result
        result = self.counted(func, name, args, named, outputs, result)
        self.calls += 1
        return result


def tensors_given(function: str, args: Sequence[Any], result: Any) -> list[Tensor]:
    """The tensors that a call gives: those in its result; ``setitem`` gives the one that it writes into."""
    if function == "setitem":
        return tensors_in(args[:1])
    return tensors_in(result)


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists, dicts and slices, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    elif isinstance(value, slice):
        value = (value.start, value.stop, value.step)
    elif not isinstance(value, (tuple, list)):
        return []
    found: list[Tensor] = []
    for entry in value:
        if isinstance(entry, Tensor):
            found.append(entry)
        elif isinstance(entry, (tuple, list, dict, slice)):
            found += tensors_in(entry)
    return found


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """``value`` with what ``change`` makes of every entry; nested tuples, lists, dicts and slices are built anew."""
    if isinstance(value, slice):
        return slice(change(value.start), change(value.stop), change(value.step))
    if isinstance(value, dict):
        return {key: mapped(entry, change) for key, entry in value.items()}
    if type(value) in (tuple, list) or (isinstance(value, (tuple, list)) and tensors_in(value)):
        entries = [mapped(entry, change) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    return change(value)
