"""What a recorder remembers of a pass so that nothing counts twice: names, and weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from torch import Tensor, nn


class Names:
    """Gives every op a name of its own: ``relu``, ``relu_2``, ..."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._taken: set[str] = set()

    def unique(self, label: str) -> str:
        """``label``, numbered from the second use on."""
        name = label
        while True:
            self._counts[label] += 1
            if self._counts[label] > 1:
                name = f"{label}_{self._counts[label]}"
            if name not in self._taken:
                self._taken.add(name)
                return name


class Weights:
    """Counts every parameter for the first op that uses it.

    ``carried`` holds the ids of those that an op carries. ``used_directly`` holds, for those that a function
    outside of a layer was given, the index of the first such op.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.carried: set[int] = set()
        self.used_directly: dict[int, int] = {}
        self._known = {id(parameter): id(parameter) for parameter in parameters}
        self._called: set[int] = set()

    def same(self, source: Tensor, other: Tensor) -> None:
        """Note that ``other`` is ``source`` by another name, as ``source.data`` is."""
        if id(source) in self._known:
            self._known[id(other)] = self._known[id(source)]

    def use(self, tensors: Iterable[Tensor], index: int) -> None:
        """Note that the op at ``index``, a function outside of a layer, was given ``tensors``."""
        for tensor in tensors:
            parameter = self._known.get(id(tensor))
            if parameter is not None:
                self.used_directly.setdefault(parameter, index)

    def count(self, module: nn.Module) -> tuple[int, bool]:
        """How many parameters a call of ``module`` adds, and whether it only uses what was counted before."""
        declared = list(module.parameters()) if module._modules else _direct_parameters(module)
        own = [p for p in declared if id(p) not in self.carried]
        reused = id(module) in self._called or bool(declared and not own)
        self._called.add(id(module))
        self.carried.update(map(id, own))
        return sum(p.numel() for p in own), reused


def declared(
    modules: Iterable[tuple[str, nn.Module]],
) -> tuple[dict[str, nn.Parameter], list[Tensor]]:
    """The unique parameters by name and all buffers of ``modules``, which have their paths: in one go."""
    parameters: dict[str, nn.Parameter] = {}
    buffers: list[Tensor] = []
    seen: set[int] = set()
    for path, module in modules:
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                parameters[f"{path}.{name}" if path else name] = parameter
        buffers += [buffer for buffer in module._buffers.values() if buffer is not None]
    return parameters, buffers


def _direct_parameters(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module._parameters.values() if p is not None]
