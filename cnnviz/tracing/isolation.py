"""What a forward pass must not change: tensors that were there before it, and the process's random numbers.

A copy of a model has tensors of its own. But code of a person's may reach others, through a global variable
for one, and draw random numbers: in isolation each call gets private ones instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from cnnviz.operations.operation import named
from cnnviz.randomness import untouched_generator
from cnnviz.tracing.tap import Tap, mapped, tensors_in

_PLAIN = frozenset((int, float, bool, str, type(None)))


class Isolation:
    """Keeps the calls of one pass away from tensors that it does not own, and from the global generator.

    Args:
        own: the tensors that the pass may change: those of a private copy, and its input.
        meta: whether the pass is on the meta device; foreign tensors are taken there, else copied on the CPU.
    """

    def __init__(self, own: Iterable[Tensor], meta: bool) -> None:
        self._alive = list(own)  # a tensor is known by its id
        self._known = set(map(id, self._alive))
        self._meta = meta
        self._private: dict[int, Tensor] = {}
        self._originals: dict[int, Tensor] = {}
        self._generator: Tensor | None = None

    def made(self, tensors: Sequence[Tensor]) -> None:
        """Note that a call of this pass returned ``tensors``; whoever calls this keeps them alive."""
        self._known.update(map(id, tensors))

    def arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The arguments of a call, foreign tensors replaced by private copies, the same ones every time."""
        known = self._known
        for value in (*args, *kwargs.values()) if kwargs else args:
            if id(value) in known or type(value) in _PLAIN:  # nearly all are
                continue
            if isinstance(value, Tensor) or not known.issuperset(map(id, tensors_in(value))):
                return mapped(args, self._private_one), mapped(kwargs, self._private_one)
        return args, kwargs

    def original(self, private: Tensor) -> Tensor | None:
        """The foreign tensor in whose place calls were given ``private``."""
        return self._originals.get(id(private))

    def _private_one(self, value: Any) -> Any:
        foreign = isinstance(value, Tensor) and id(value) not in self._known
        return self._own_copy(value) if foreign else value

    def _own_copy(self, tensor: Tensor) -> Tensor:
        if id(tensor) not in self._private:
            self._alive.append(tensor)
            if tensor.grad_fn is not None or (self._meta and tensor.is_meta):
                private = tensor  # computed in this pass, or without values that could change
            else:
                private = tensor.detach().to("meta" if self._meta else "cpu", copy=True)
                if isinstance(tensor, nn.Parameter):
                    private = nn.Parameter(private, requires_grad=tensor.requires_grad)
            self._private[id(tensor)] = private
            self._originals[id(private)] = tensor
            self._alive.append(private)
            self._known.add(id(private))
        return self._private[id(tensor)]

    def call(
        self, function: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call ``function``; one that draws random numbers goes on with those of this pass."""
        if not named(name).random or any(tensor.is_meta for tensor in tensors_in(args)[:1]):
            return function(*args, **kwargs)
        with untouched_generator():
            if self._generator is not None:
                torch.set_rng_state(self._generator)
            try:
                return function(*args, **kwargs)
            finally:
                self._generator = torch.get_rng_state()


class Isolated(Tap):
    """Inside of the ``with`` block this thread's calls of torch functions are isolated."""

    def __init__(self, model: nn.Module, model_input: Tensor) -> None:
        super().__init__()
        own = (model_input, *model.parameters(), *model.buffers())
        self._isolation = Isolation(own, meta=model_input.is_meta)
        self._alive: list[Tensor] = []

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Private copies in place of tensors that this pass does not own."""
        return self._isolation.arguments(args, kwargs)

    def execute(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """The result of a call; the tensors in it are this pass's own."""
        result = self._isolation.call(func, name, args, kwargs)
        made = tensors_in(result)
        self._isolation.made(made)
        self._alive += made
        return result
