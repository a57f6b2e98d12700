"""Patches that lie regularly, as Araujo, Norris and Sim describe them: size, jump and start.

"Computing Receptive Fields of Convolutional Neural Networks", Distill 2019, equations 2 to 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Lattice:
    """Along one side of the input: patches of ``size`` pixels, ``jump`` apart, the first from ``start`` on.

    They run along dimension ``dim`` of a tensor; None where every value has the same patch (``jump`` 0). Padding
    is taken for pixels that lie before pixel 0 or beyond the last, so ``start`` may be negative.
    """

    dim: int | None
    size: int = 1
    jump: int = 1
    start: int = 0

    def window(self, offset: int, stride: int, span: int) -> Lattice:
        """After windows of which number i reads positions i * ``stride`` + ``offset`` and the ``span`` after it."""
        first = min(offset * self.jump, (offset + span) * self.jump)
        return replace(
            self, size=self.size + span * abs(self.jump), jump=self.jump * stride, start=self.start + first
        )

    def at(self, position: int) -> Lattice:
        """The patch of one ``position`` alone."""
        return Lattice(None, self.size, 0, self.start + position * self.jump)

    def collapsed(self, count: int) -> Lattice:
        """Where every value reads all ``count`` positions."""
        reach = (count - 1) * self.jump
        return Lattice(None, self.size + abs(reach), 0, self.start + min(0, reach))

    @property
    def centre(self) -> int:
        """Twice the centre of the first patch: a whole number."""
        return 2 * self.start + self.size


def merged(lattices: Sequence[Lattice]) -> Lattice | None:
    """Patches from the first pixel of any to the last of any; None where these do not lie regularly."""
    if len({(lattice.dim, lattice.jump) for lattice in lattices}) != 1:
        return None
    start = min(lattice.start for lattice in lattices)
    end = max(lattice.start + lattice.size for lattice in lattices)
    return replace(lattices[0], start=start, size=end - start)
