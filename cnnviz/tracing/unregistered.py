"""What takes part in a forward pass without being registered: PyTorch neither trains it nor saves it.

Attributes of modules are compared with what PyTorch found in them: layers and parameters in lists, dicts and objects,
tensors that are no parameter. The rest is seen at work: layers that ``forward`` makes, and those of global variables.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType, MethodType
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cnnviz.operations.calls import is_leaf, module_type
from cnnviz.operations.op import product
from cnnviz.tracing.isolation import Isolation

Place = Literal["list", "tuple", "dict", "set", "object", "attribute", "forward", "first forward", "outside"]
"""Where it is: in a container or an object that is an attribute, an attribute itself (a tensor), made by ``forward``
(and kept, for ``first forward``), or outside of the model, as in a global variable."""

_STANDARD = frozenset(vars(nn.Module()))
_PLAIN = frozenset((int, float, str, bool, type(None), torch.dtype, torch.device, torch.Size))
_CONTAINERS: dict[type, Place] = {list: "list", tuple: "tuple", dict: "dict", set: "set"}
_DEEPEST = 6
_MOST_FRAMES = 40


@dataclass(frozen=True)
class Unregistered:
    """What one attribute holds, or what ``forward`` makes of one kind, and a pass used.

    ``name`` is the attribute's path (``layers``, ``block.scale``), or the class of a layer made in ``forward``;
    ``layers`` are the classes of the layers, empty where there are tensors alone; ``params`` counts the values of all
    parameters (of a plain tensor, of that).
    """

    name: str
    place: Place
    layers: tuple[str, ...]
    params: int


@dataclass(slots=True)
class _Found:
    """A layer or tensor in an attribute, and where it is: ``layers[0]`` is ``layers.0`` in the attribute ``layers``."""

    attribute: str
    place: Place
    path: str
    value: Any


@dataclass
class Strays:
    """The unregistered parts of a private copy, whose ``modules`` are the registered ones with their paths."""

    modules: Sequence[tuple[str, nn.Module]]
    found: list[_Found] = field(default_factory=list)
    _made: dict[int, nn.Module] = field(default_factory=dict)  # layers that were made while the pass ran
    _used: dict[int, tuple[str, Place, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {id(module) for _, module in self.modules}
        for path, module in self.modules:
            for name, value in vars(module).items():
                if type(value) not in _PLAIN and name not in _STANDARD:
                    where = f"{path}.{name}" if path else name
                    self.found += _inside(value, where, where, "attribute", own, _DEEPEST)

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """All unregistered layers in attributes, those inside of others included, with their paths."""
        for found in self.found:
            if isinstance(found.value, nn.Module):
                yield from found.value.named_modules(prefix=found.path)

    def making(self) -> bool:
        """Whether the call at work is part of the making of a layer, whose initial weights are no operation."""
        for frame in _frames():
            if frame.f_code.co_name == "__init__" and isinstance(
                module := frame.f_locals.get("self"), nn.Module
            ):
                self._made[id(module)] = module
                return True
        return False

    def use(self, parameter: Tensor) -> None:
        """Note that a function was given a ``parameter`` that no module of the model has."""
        if any(parameter is tensor for found in self.found for tensor in _tensors(found.value)):
            return
        layer = next(filter(None, map(_leaf_at_work, _frames())), None)
        if layer is None:
            self._used[id(parameter)] = ("Parameter", "outside", parameter.numel())
        else:
            place: Place = "forward" if id(layer) in self._made else "outside"
            params = sum(entry.numel() for entry in layer.parameters())
            self._used[id(layer)] = (module_type(layer), place, params)

    def used(self, isolation: Isolation, called: frozenset[int]) -> tuple[Unregistered, ...]:
        """What took part in the pass; ``called`` are the ids of the modules that ran."""
        by_attribute: dict[tuple[str, Place], list[Any]] = {}
        for found in self.found:
            if _took_part(found.value, isolation, called):
                by_attribute.setdefault((found.attribute, found.place), []).append(found.value)
        kept = {id(module) for _, root in self.modules[:1] for module in root.modules()}
        result = [_summary(*key, values) for key, values in by_attribute.items()]
        result += [
            Unregistered(name, "first forward" if known in kept else place, (name,), params)
            for known, (name, place, params) in self._used.items()
        ]
        return tuple(dict.fromkeys(result))


def _inside(
    value: Any, attribute: str, path: str, place: Place, own: set[int], depth: int
) -> Iterator[_Found]:
    """The layers and tensors that an attribute's ``value`` is or holds."""
    if isinstance(value, nn.Module):
        if id(value) not in own:
            yield _Found(attribute, place, path, value)
    elif isinstance(value, Tensor):
        yield _Found(attribute, place, path, value)
    elif depth:
        for name, entry in _entries(value):
            if type(entry) not in _PLAIN:
                held = _CONTAINERS.get(type(value), "object") if place == "attribute" else place
                yield from _inside(entry, attribute, f"{path}.{name}", held, own, depth - 1)


def _entries(value: Any) -> Iterable[tuple[object, Any]]:
    """What a container or a person's own object holds, by name."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, (list, tuple, set)):
        return enumerate(value)
    if isinstance(value, MethodType):
        return (("__self__", value.__self__),)
    own = not isinstance(value, type) and not type(value).__module__.startswith(("torch", "builtins"))
    return vars(value).items() if own and hasattr(value, "__dict__") and not callable(value) else ()


def _tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else list(value.parameters())


def _took_part(value: Any, isolation: Isolation, called: frozenset[int]) -> bool:
    if isinstance(value, Tensor):
        return value.is_floating_point() and isolation.knows_foreign(value)
    return any(id(module) in called for module in value.modules())


def _summary(attribute: str, place: Place, values: Sequence[Any]) -> Unregistered:
    layers = [value for value in values if isinstance(value, nn.Module)]
    tensors = {id(tensor): tensor for value in values for tensor in _tensors(value)}
    return Unregistered(
        name=attribute,
        place=place,
        layers=tuple(map(module_type, layers)),
        params=sum(product(tuple(tensor.shape)) for tensor in tensors.values()),
    )


def _frames() -> Iterator[FrameType]:
    """The calls at work, innermost first, up to a number that reaches beyond any layer."""
    frame = inspect.currentframe()
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _leaf_at_work(frame: FrameType) -> nn.Module | None:
    """The layer whose ``forward`` the frame is."""
    if frame.f_code.co_name != "forward":
        return None
    module = frame.f_locals.get("self")
    return module if isinstance(module, nn.Module) and is_leaf(module) else None
