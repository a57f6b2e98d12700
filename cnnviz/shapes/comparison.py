"""Two traces side by side: what changed between them, op by op."""

from __future__ import annotations

from dataclasses import dataclass

from cnnviz.operations.op import Op
from cnnviz.tracing.trace import Trace


@dataclass(frozen=True)
class Pairing:
    """The op of one name before and after an edit; None where the pass did not get there."""

    name: str
    before: Op | None
    after: Op | None

    @property
    def changed(self) -> bool:
        """Whether shape, parameters or multiply-adds differ, or one of the two is missing."""
        if self.before is None or self.after is None:
            return True
        return _figures(self.before) != _figures(self.after)


def compare(before: Trace, after: Trace) -> tuple[Pairing, ...]:
    """All ops of both traces in the order of execution; what only one has stands where that one ran it."""
    old, new = ({op.name: op for op in trace.ops} for trace in (before, after))
    names: list[str] = []
    waiting = iter(new)
    for name in old:
        if name in new:  # what ``after`` ran before it, and ``before`` did not, comes first
            for other in waiting:
                if other == name:
                    break
                if other not in old:
                    names.append(other)
        names.append(name)
    names += [name for name in waiting if name not in old]
    return tuple(Pairing(name, old.get(name), new.get(name)) for name in names)


def _figures(op: Op) -> tuple[object, ...]:
    return op.type, op.output_shape, op.params, op.macs
