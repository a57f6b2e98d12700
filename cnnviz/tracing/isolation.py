"""What a forward pass must not change: tensors that were there before it, and the process's random numbers.

A copy of a model has tensors of its own. But code of a person's may reach others, through a global variable
for one, and draw random numbers: in isolation each call gets private ones instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnviz.operations.calls import function_type
from cnnviz.operations.op import ANY_INTEGERS
from cnnviz.operations.operation import named
from cnnviz.randomness import untouched_generator
from cnnviz.tracing.tap import Tap, mapped, tensors_in

_PLAIN = frozenset((int, float, bool, str, type(None)))


_MOVES = ("cuda", "cpu", "xpu")
"""Methods of tensors that take them to the device of that name."""


def _device_type(device: Any) -> str | None:
    """``cuda`` for ``"cuda:0"``, 0 or a ``torch.device``; None for what is no device."""
    if isinstance(device, torch.device):
        return device.type
    if isinstance(device, int) and not isinstance(device, bool):
        return "cuda"
    if not isinstance(device, str):
        return None
    try:
        return torch.device(device).type
    except RuntimeError:  # PyTorch says what is wrong with it
        return None


class Isolation:
    """Keeps the calls of one pass away from tensors that it does not own, and from the global generator.

    Args:
        model_input: it, and ``weights``, those of a private copy, may be changed by the pass.
        meta: whether the pass is on the meta device; foreign tensors are taken there, else copied on the CPU.
    """

    def __init__(self, inputs: Iterable[Tensor], weights: Iterable[Tensor], meta: bool) -> None:
        self._alive = list(weights)  # a tensor is known by its id
        self._weights = set(map(id, self._alive))
        self._alive += inputs
        self._known = set(map(id, self._alive))
        self._meta = meta
        self._device = torch.device("meta" if meta else "cpu")
        self._private: dict[int, Tensor] = {}
        self._originals: dict[int, Tensor] = {}
        self._generator: Tensor | None = None
        self.lacked_data = False
        """Whether a call failed on the meta device for no other reason than that tensors hold no values there."""
        self.takes_integers_below: int | None = None
        """Where the call that failed last takes integers alone: how many there are to choose from, beginning at 0."""

    def made(self, tensors: Sequence[Tensor]) -> None:
        """Note that a call of this pass returned ``tensors``; whoever calls this keeps them alive."""
        self._known.update(map(id, tensors))

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The arguments of a call, foreign tensors replaced by private copies, the same ones every time.

        Other devices are replaced by that of this pass.
        """
        if name == "to" or (kwargs and kwargs.get("device") is not None):
            args, kwargs = self._on_this_device(name, args, kwargs)
        elif name == "type":
            args = (*args[:1], *map(_without_device, args[1:]))
        known = self._known
        for value in (*args, *kwargs.values()) if kwargs else args:
            if id(value) in known or type(value) in _PLAIN:  # nearly all are
                continue
            if isinstance(value, Tensor) or not known.issuperset(map(id, tensors_in(value))):
                return mapped(args, self._private_one), mapped(kwargs, self._private_one)
        return args, kwargs

    def knows_foreign(self, tensor: Tensor) -> bool:
        """Whether a call was given ``tensor``, which this pass does not own."""
        return id(tensor) in self._private

    def _on_this_device(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        of_pass = args[:1] and isinstance(args[0], Tensor) and args[0].is_meta

        def here(device: Any) -> Any:
            kind = _device_type(device)
            # Values that are computed on the CPU are worth having, but not what a pass on the meta device moves there.
            return device if kind in (None, "meta") or (kind == "cpu" and not of_pass) else self._device

        if name == "to":
            args = (*args[:1], *map(here, args[1:2]), *args[2:])
        return args, {**kwargs, "device": here(kwargs["device"])} if "device" in kwargs else kwargs

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
                private = tensor.detach().to(self._device, copy=True)
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
        """Call ``function``; one that draws random numbers goes on with those of this pass.

        What would take a tensor to another device leaves it on that of this pass.
        """
        if name in _MOVES and (name != "cpu" or args[0].is_meta):
            return args[0].to(self._device)
        if not named(name).random or any(tensor.is_meta for tensor in tensors_in(args)[:1]):
            return function(*args, **kwargs)
        with untouched_generator():
            if self._generator is not None:
                torch.set_rng_state(self._generator)
            try:
                return function(*args, **kwargs)
            finally:
                self._generator = torch.get_rng_state()

    def failed(
        self,
        function: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        error: Exception,
    ) -> None:
        """Find out whether a call that raised ``error`` would do with values, or with integers, and note it."""
        given = tensors_in((args, kwargs))
        self.lacked_data |= self._meta and _works_with_values(function, name, args, kwargs, error)
        computed = {id(t) for t in given if t.is_floating_point() and id(t) not in self._weights}

        def integers(tensor: Tensor) -> Tensor:
            return _zeros(tensor).long() if id(tensor) in computed else _zeros(tensor)

        works_otherwise = computed and _raised(function, name, args, kwargs, integers) is None
        if works_otherwise and _raised(function, name, args, kwargs, _zeros) is not None:
            tables = [t.shape[0] for t in given if id(t) not in computed and t.dim()]
            self.takes_integers_below = min(tables, default=ANY_INTEGERS)
        else:
            self.takes_integers_below = None


_MOST_VALUES_TRIED = 16_000_000


def _works_with_values(
    function: Callable[..., Any],
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    error: Exception,
) -> bool:
    """Whether a call that raised ``error`` on the meta device needs what a tensor holds, and is right otherwise.

    It is tried on the CPU, with zeros of the same shapes: what is wrong in the call itself is wrong there, too. Only
    the zeros may be wrong where PyTorch's dispatcher tells, by its own class of errors, that it has no kernel for the
    meta device, and where a tensor stands for a number.
    """
    given = tensors_in((args, kwargs))
    if not any(tensor.is_meta for tensor in given) or named(name).kind == "convolution":
        return False  # on the CPU, a transposed convolution may give a map without any pixels
    real = _raised(function, name, args, kwargs, _zeros)
    if real is None:
        return True
    no_kernel = isinstance(error, NotImplementedError) and not isinstance(real, NotImplementedError)
    return no_kernel or any(not tensor.dim() and not tensor.is_floating_point() for tensor in given)


def _raised(
    function: Callable[..., Any],
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    stand_in: Callable[[Tensor], Tensor],
) -> Exception | None:
    """What a call raises on the CPU, where ``stand_in`` makes the tensors that it is given."""
    private: dict[int, Tensor] = {}

    def other(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if id(value) not in private:
            private[id(value)] = stand_in(value)
        return private[id(value)]

    try:
        with untouched_generator() if named(name).random else nullcontext():
            function(*mapped(args, other), **mapped(kwargs, other))
    except Exception as error:
        return error
    return None


def _zeros(tensor: Tensor) -> Tensor:
    """Zeros on the CPU in the shape of ``tensor``; as one number in memory, where it has very many."""
    if tensor.numel() > _MOST_VALUES_TRIED:
        return torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
    return torch.zeros(tensor.shape, dtype=tensor.dtype)


class WithoutAccelerator(TorchFunctionMode):
    """Inside of the ``with`` block, what is meant for a GPU stays on the CPU, where PyTorch finds no GPU."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        if torch.accelerator.is_available():
            return func(*args, **given)
        name = function_type(func)
        if name in _MOVES or name == "pin_memory":
            return args[0]
        if name == "to":
            args = (*args[:1], *map(_on_the_cpu, args[1:2]), *args[2:])
        elif name == "type":
            args = (*args[:1], *map(_without_device, args[1:]))
        if given.get("device") is not None:
            given = {**given, "device": _on_the_cpu(given["device"])}
        return func(*args, **given)


def _on_the_cpu(device: Any) -> Any:
    return device if _device_type(device) in (None, "cpu", "meta") else torch.device("cpu")


def _without_device(kind: Any) -> Any:
    """The dtype of ``torch.cuda.FloatTensor`` and its like, which may be a name; anything else as it is."""
    found: Any = getattr(torch.cuda, kind.rpartition(".")[2], None) if isinstance(kind, str) else kind
    return found.dtype if getattr(found, "is_cuda", False) and hasattr(found, "dtype") else kind


class Isolated(Tap):
    """Inside of the ``with`` block this thread's calls of torch functions are isolated."""

    def __init__(self, model: nn.Module, inputs: Sequence[Tensor]) -> None:
        super().__init__()
        weights = (*model.parameters(), *model.buffers())
        self.isolation = Isolation(inputs, weights, meta=inputs[0].is_meta)
        self._alive: list[Tensor] = []

    def arguments(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Private copies in place of tensors that this pass does not own."""
        return self.isolation.arguments(name, args, kwargs)

    def execute(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """The result of a call; the tensors in it are this pass's own."""
        try:
            result = self.isolation.call(func, name, args, kwargs)
        except Exception as error:
            self.isolation.failed(func, name, args, kwargs, error)
            raise
        made = tensors_in(result)
        self.isolation.made(made)
        self._alive += made
        return result
