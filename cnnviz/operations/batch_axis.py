"""Where the images of a batch are in a tensor, and after a call: in front, as nearly always, or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The images run along the dimension ``place``; None for a tensor that has no row for each image.

    Other sizes may share that dimension, as the windows of a Swin transformer do: it then has ``before`` x
    images x ``after`` rows. ``mixed`` tells that images are there, but lie across dimensions. A *shown* shape is
    that of one image: without the dimension of the images where they are alone in it.
    """

    place: int | None = 0
    before: int = 1
    after: int = 1
    mixed: bool = False

    @property
    def alone(self) -> bool:
        """Whether the images have a dimension of their own, which a shown shape leaves out."""
        return self.place is not None and self.before * self.after == 1

    def fits(self, full: Shape, images: int) -> bool:
        """Whether a tensor of shape ``full`` can be laid out so."""
        if self.place is None:
            return True
        return self.place < len(full) and full[self.place] == self.before * images * self.after

    def shown(self, full: Shape) -> Shape:
        """The shape of one image of a tensor of shape ``full``."""
        if self.place is None:
            return full
        own = () if self.alone else (self.before * self.after,)
        return (*full[: self.place], *own, *full[self.place + 1 :])

    def full(self, shown: Shape, images: int = 1) -> Shape:
        """The shape of a tensor of so many ``images``, of which one has the shape ``shown``."""
        if self.place is None:
            return shown
        if self.alone:
            return (*shown[: self.place], images, *shown[self.place :])
        return (*shown[: self.place], shown[self.place] * images, *shown[self.place + 1 :])

    def axis(self, dim: int, count: int) -> int | None:
        """The entry of a shown shape that dimension ``dim`` of a tensor of ``count`` dimensions has."""
        dim %= count
        if not self.alone or self.place is None or dim < self.place:
            return dim
        return None if dim == self.place else dim - 1

    def by_image(self, tensor: Tensor, images: int) -> Tensor:
        """``tensor`` as (images, ...), the shown shape behind them, a constant repeated for each of them.

        What is mixed, or has another number of images, is returned as it is.
        """
        full = tuple(tensor.shape)
        if self == WITHOUT:
            return tensor.expand(images, *full)
        if self.place is None or self == FRONT or not self.fits(full, images):
            return tensor
        before, behind = full[: self.place], full[self.place + 1 :]
        apart = tensor.reshape(*before, self.before, images, self.after, *behind)
        return apart.movedim(self.place + 1, 0).reshape(images, *self.shown(full))


FRONT = Layout()
"""The usual one: dimension 0 is the batch."""
WITHOUT = Layout(None)
"""Of a constant, the same for all images."""
MIXED = Layout(None, mixed=True)

Source = tuple[Shape, Layout]
"""A tensor that a call was given: its whole shape, and where the images are in it."""


def refactored(full: Shape, layout: Layout, result: Shape, images: int) -> Layout:
    """The layout after a view or reshape of ``full`` to ``result``: values keep their order in memory."""
    if layout.place is None:
        return layout
    ahead = layout.before  # how many rows of all in front lie before one image's turn comes
    for size in full[: layout.place]:
        ahead *= size
    passed = 1
    for dim, size in enumerate(result):
        before, rest = divmod(ahead, passed)
        if not rest and before < size and size % (before * images) == 0:
            return Layout(dim, before, size // (before * images))
        passed *= size
    return MIXED


def indexed(count: int, layout: Layout, index: Sequence[object]) -> Layout:
    """The layout of ``x[index]`` for an ``x`` of ``count`` dimensions; without images where one is picked out.

    ``index`` holds what stands between the brackets; anything but numbers, slices, None and dots is not foreseen
    and gives ``MIXED``.
    """
    if layout.place is None:
        return layout
    used = sum(entry is not None and entry is not Ellipsis for entry in index)
    dim, place = 0, 0
    for entry in (*index, *([] if Ellipsis in index else [Ellipsis])):
        if entry is None:
            place += 1
            continue
        width = count - used if entry is Ellipsis else 1
        if dim <= layout.place < dim + width:
            if isinstance(entry, int):
                return WITHOUT
            whole = entry is Ellipsis or entry == slice(None)
            return Layout(place + layout.place - dim, layout.before, layout.after) if whole else MIXED
        if not (isinstance(entry, (int, slice)) or entry is Ellipsis):
            return MIXED
        dim += width
        place += 0 if isinstance(entry, int) else width
    return MIXED


@dataclass(frozen=True, slots=True)
class BatchCall:
    """What a rule is told of a call: its arguments, its tensors, and what came out.

    ``operands`` are all tensors that it was given, ``moving`` those of them that have a row for each of the
    ``images``; ``result`` is the whole shape of its first output.
    """

    arguments: Mapping[str, Any]
    operands: Sequence[Source]
    moving: Sequence[Source]
    result: Shape
    images: int


BatchRule = Callable[[BatchCall], Layout]
"""Says where the images are in the first output of a call. Arguments that it does not foresee may raise."""


def follow(
    rule: BatchRule | None,
    arguments: Mapping[str, Any],
    operands: Sequence[Source],
    result: Shape,
    images: int,
) -> Layout:
    """The layout of a call's first output, of shape ``result``, by the operation's ``rule``.

    Args:
        rule: None where the images stay where they are.
        arguments: those that an op has.
        operands: the tensors that the call was given.
        result: the whole shape of what it returned.
        images: how many there are in the batch.
    """
    if any(layout.mixed for _, layout in operands):
        return MIXED
    moving = [source for source in operands if source[1].place is not None]
    if not moving:
        return of_constant(result, images)
    try:
        found = (rule or kept)(BatchCall(arguments, operands, moving, result, images))
    except (TypeError, ValueError, IndexError):  # arguments that are not foreseen
        return MIXED
    return found if found.fits(result, images) else MIXED


def of_constant(result: Shape, images: int) -> Layout:
    """The layout of a tensor that is made of no image."""
    return FRONT if result[:1] == (images,) else WITHOUT


def kept(call: BatchCall) -> Layout:
    """Where the images were; dimensions match from the last one on, as in broadcasting, or from the first on."""
    return kept_in(call.moving, call.result, call.images)


def kept_in(sources: Sequence[Source], result: Shape, images: int) -> Layout:
    """The same of tensors that are not all of a call's."""
    for shape, layout in sources:
        if layout.place is not None:
            moved = Layout(layout.place + len(result) - len(shape), layout.before, layout.after)
            for found in (moved, layout):
                if cast(int, found.place) >= 0 and found.fits(result, images):
                    return found
    return FRONT if result[:1] == (images,) else MIXED


def moved(layout: Layout, order: Sequence[int]) -> Layout:
    """The layout after dimensions were put into another ``order``."""
    return Layout(order.index(cast(int, layout.place)), layout.before, layout.after)


def removed(layout: Layout, gone: Sequence[int]) -> Layout:
    """The layout after dimensions are ``gone``."""
    place = cast(int, layout.place)
    if place in gone:
        return WITHOUT
    return Layout(place - sum(dim < place for dim in gone), layout.before, layout.after)
