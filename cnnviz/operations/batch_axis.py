"""Which dimension of a tensor is the batch, before and after a call: nearly always the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The batch is dimension ``place``; None for a tensor without one.

    Other dimensions may be folded into it, as the windows of a Swin transformer are: it then has ``before`` x images
    x ``after`` rows. ``mixed`` means that the images are there, but spread over several dimensions. A *shown* shape
    is that of one image: without the batch dimension, unless something else is folded into it.
    """

    place: int | None = 0
    before: int = 1
    after: int = 1
    mixed: bool = False

    @property
    def alone(self) -> bool:
        """Whether the batch has a dimension of its own, which a shown shape leaves out."""
        return self.place is not None and self.before * self.after == 1

    def fits(self, full: Shape, images: int) -> bool:
        """Whether a tensor of shape ``full`` can have this layout."""
        if self.place is None:
            return True
        return self.place < len(full) and full[self.place] == self.before * images * self.after

    def shown(self, full: Shape) -> Shape:
        """The shape of one image in a tensor of shape ``full``."""
        if self.place is None:
            return full
        own = () if self.alone else (self.before * self.after,)
        return (*full[: self.place], *own, *full[self.place + 1 :])

    def full(self, shown: Shape, images: int = 1) -> Shape:
        """The shape of a tensor of ``images`` images that have the shape ``shown`` each."""
        if self.place is None:
            return shown
        if self.alone:
            return (*shown[: self.place], images, *shown[self.place :])
        return (*shown[: self.place], shown[self.place] * images, *shown[self.place + 1 :])

    def axis(self, dim: int, count: int) -> int | None:
        """The index in a shown shape of dimension ``dim`` of ``count``; None for the batch."""
        dim %= count
        if not self.alone or self.place is None or dim < self.place:
            return dim
        return None if dim == self.place else dim - 1

    def by_image(self, tensor: Tensor, images: int) -> Tensor:
        """``tensor`` as (images, *shown shape); a constant is repeated for each image.

        A mixed tensor, or one with another number of images, is returned unchanged.
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
"""The usual layout: dimension 0 is the batch."""
WITHOUT = Layout(None)
"""The layout of a constant, the same for all images."""
MIXED = Layout(None, mixed=True)

Source = tuple[Shape, Layout]
"""A tensor passed to a call: its full shape and its layout."""


def refactored(full: Shape, layout: Layout, result: Shape, images: int) -> Layout:
    """The layout after a view or reshape from ``full`` to ``result``, which keeps the order of values in memory."""
    if layout.place is None:
        return layout
    ahead = layout.before  # values of the leading dimensions for each step from one image to the next
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
    """The layout of ``x[index]`` for an ``x`` of ``count`` dimensions; ``WITHOUT`` where one image is picked.

    An ``index`` with anything but numbers, slices, None and an ellipsis gives ``MIXED``.
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
    """A call as a batch rule sees it.

    ``operands`` are all of its input tensors, ``moving`` those with a batch of ``images``; ``result`` is the full
    shape of its first output.
    """

    arguments: Mapping[str, Any]
    operands: Sequence[Source]
    moving: Sequence[Source]
    result: Shape
    images: int


BatchRule = Callable[[BatchCall], Layout]
"""The layout of a call's first output. It may raise where the arguments are unusual."""


def follow(
    rule: BatchRule | None,
    arguments: Mapping[str, Any],
    operands: Sequence[Source],
    result: Shape,
    images: int,
) -> Layout:
    """The layout of a call's first output, by the operation's ``rule``.

    Args:
        rule: None where the batch stays where it is.
        arguments: the op's arguments.
        operands: the call's input tensors.
        result: the full shape of its first output.
        images: the number of images in the batch.
    """
    if any(layout.mixed for _, layout in operands):
        return MIXED
    moving = [source for source in operands if source[1].place is not None]
    if not moving:
        return of_constant(result, images)
    try:
        found = (rule or kept)(BatchCall(arguments, operands, moving, result, images))
    except (TypeError, ValueError, IndexError):  # unusual arguments
        return MIXED
    return found if found.fits(result, images) else MIXED


def of_constant(result: Shape, images: int) -> Layout:
    """The layout of a tensor that depends on no image."""
    return FRONT if result[:1] == (images,) else WITHOUT


def compared(full: Shape, images: int, other: Shape, others: int, expected: Layout) -> Layout:
    """The layout of a tensor that has the shape ``full`` for ``images`` images, and ``other`` for ``others``.

    What does not grow with the batch holds no image of its own. ``expected`` is the layout that follows from the call;
    it alone tells in which order something else is folded into the batch.
    """
    if len(full) != len(other):
        return MIXED
    growing = [dim for dim, (size, before) in enumerate(zip(full, other, strict=True)) if size != before]
    if not growing:
        return WITHOUT
    place = growing[0]
    rows, rest = divmod(full[place], images)
    if len(growing) > 1 or rest or rows * others != other[place]:
        return MIXED
    if expected.place == place and expected.before * expected.after == rows:
        return expected
    return Layout(place) if rows == 1 else MIXED


def kept(call: BatchCall) -> Layout:
    """Unchanged; dimensions are matched from the last, as in broadcasting, or else from the first."""
    return kept_in(call.moving, call.result, call.images)


def kept_in(sources: Sequence[Source], result: Shape, images: int) -> Layout:
    """The same for some of a call's tensors."""
    for shape, layout in sources:
        if layout.place is not None:
            moved = Layout(layout.place + len(result) - len(shape), layout.before, layout.after)
            for found in (moved, layout):
                if cast(int, found.place) >= 0 and found.fits(result, images):
                    return found
    return FRONT if result[:1] == (images,) else MIXED


def moved(layout: Layout, order: Sequence[int]) -> Layout:
    """The layout after the dimensions are put into another ``order``."""
    return Layout(order.index(cast(int, layout.place)), layout.before, layout.after)


def removed(layout: Layout, gone: Sequence[int]) -> Layout:
    """The layout after the dimensions ``gone`` are removed."""
    place = cast(int, layout.place)
    if place in gone:
        return WITHOUT
    return Layout(place - sum(dim < place for dim in gone), layout.before, layout.after)
