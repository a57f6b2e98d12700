"""Layers that a network has and that its forward pass does not call."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType

from torch import nn

from cnnviz.operations.calls import is_leaf, module_type
from cnnviz.tracing.copies import is_lazy

Modules = Sequence[tuple[str, nn.Module]]
"""The modules of a network with their paths, as ``named_modules()`` gives them."""


@dataclass(frozen=True)
class UnusedLayer:
    """A layer, or a container with all of its layers, that a pass does not call; ``params`` are all of its own."""

    name: str
    type: str
    params: int


def idle_layers(modules: Modules, called: Set[int], among: Collection[str] | None = None) -> tuple[str, ...]:
    """The paths of the layers whose ids are not among the ``called``, of those ``among`` some.

    A layer without parameters counts where no method but the constructor names it: else its settings may be read,
    as the probability of a dropout is by attention in one call. ``nn.Identity`` does not count.
    """
    named: dict[str, nn.Module] = {}
    found, whole = [], "-"
    for path, module in modules:
        if path.startswith(whole):  # what is inside of a layer is that layer's own business
            continue
        if module._modules and path and is_leaf(module):
            whole = f"{path}."
        if module._modules:
            named[path] = module
        elif id(module) not in called and path and not isinstance(module, nn.Identity):
            if among is not None and path not in among:
                continue
            owner, _, name = path.rpartition(".")
            if module._parameters or not _is_named(named.get(owner, modules[0][1]), owner, name, named):
                found.append(path)
    return tuple(found)


def _is_named(module: nn.Module, path: str, name: str, containers: dict[str, nn.Module]) -> bool:
    """Whether a method reads the attribute ``name`` of ``module``, or the list that it is in."""
    if isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict)):
        owner, _, name = path.rpartition(".")
        return not path or _is_named(containers.get(owner, module), owner, name, containers)
    cls: type = type(module)
    return name in _names_read(cls)


@lru_cache(maxsize=256)
def _names_read(cls: type) -> frozenset[str]:
    """All names of attributes in the methods of ``cls``, the constructors aside.

    A class that is interpreted from a text tells them itself.
    """
    told = getattr(cls, "written_methods", None)
    if told is not None:
        return frozenset().union(*(method.attributes for method in told() if method.name != "__init__"))
    return frozenset(
        name
        for base in cls.__mro__
        if base not in (nn.Module, object)
        for method, value in vars(base).items()
        if isinstance(value, FunctionType) and method != "__init__"
        for name in value.__code__.co_names
    )


def grouped(modules: Modules, paths: Sequence[str]) -> tuple[UnusedLayer, ...]:
    """The layers at ``paths``; a container all of whose layers are among them is named in their place."""
    idle, by_path = set(paths), dict(modules)
    for path, module in reversed(modules):
        if path and module._modules:
            inner = [f"{path}.{name}" for name, child in module._modules.items() if child is not None]
            if inner and idle.issuperset(inner):
                idle = idle.difference(inner) | {path}
    return tuple(
        UnusedLayer(
            path, module_type(module), sum(p.numel() for p in by_path[path].parameters() if not is_lazy(p))
        )
        for path, module in modules
        if path in idle
    )
