"""Where the tensors of a forward pass come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from cnnviz.operations.batch_axis import (
    FRONT,
    WITHOUT,
    Layout,
    Source,
    compared,
    follow,
    kept_in,
    of_constant,
)
from cnnviz.operations.op import MODEL_INPUT, Shape, product
from cnnviz.operations.operation import UNKNOWN, Operation


@dataclass(slots=True)
class Links:
    """What an op was given: ops, shapes of one image, and what an op has beside them where it is unusual."""

    inputs: tuple[int, ...]
    shapes: tuple[Shape, ...]
    layouts: tuple[Layout, ...] = ()
    parts: tuple[int, ...] = ()

    def of_rows(self, images: int) -> tuple[Shape, ...]:
        """The shapes of one row: as a layer sees them where something is folded into the batch of ``images``."""
        return tuple(
            layout.full(shape, images)[1:]
            if layout.mixed or (layout.place == 0 and not layout.alone)
            else shape
            for shape, layout in zip(self.shapes, self.layouts or (FRONT,) * len(self.shapes), strict=True)
        )


@dataclass(slots=True)
class Outputs:
    """What every op of a pass with so many ``images`` gave."""

    images: int
    tensors: list[Sequence[Tensor]]

    def shape(self, index: int, part: int) -> Shape | None:
        """The full shape of an output of the op at ``index``; None where there is none."""
        if index >= len(self.tensors) or part >= len(self.tensors[index]):
            return None
        return tuple(self.tensors[index][part].shape)


class Provenance:
    """Remembers which op, and which function call, every tensor of one pass came from.

    A tensor is known by its id, so it is kept alive as long as this object.

    ``in_doubt`` tells that the shapes of this one pass do not say which dimension is the batch: a size may be that of
    the batch by chance. Then a pass with another number of images tells, for which ``other`` has the outputs of this
    one.
    """

    def __init__(self, inputs: Sequence[Tensor], other: Outputs | None = None) -> None:
        self._alive: list[Tensor] = list(inputs)
        self._ops: dict[int, int] = {id(tensor): MODEL_INPUT for tensor in inputs}
        self._calls: dict[int, tuple[int, int]] = {}
        # Of the further outputs of an op, and of the further inputs of the model.
        self._parts: dict[int, int] = {id(tensor): part for part, tensor in enumerate(inputs) if part}
        self._layouts: dict[int, Layout] = {}  # of tensors whose first dimension is not the batch
        self._images = inputs[0].shape[0]
        self._other = other
        self.outputs = Outputs(self._images, [])
        self.in_doubt = False

    def from_op(self, tensors: Sequence[Tensor], index: int, operation: Operation, layout: Layout) -> None:
        """Note that the op at ``index`` returned ``tensors``, the first of them with this ``layout``."""
        for tensor in tensors:
            self._ops[id(tensor)] = index
        self._alive.extend(tensors)
        self.outputs.tensors.append(tensors)
        if layout is not FRONT or len(tensors) > 1 or self._layouts or self._parts:
            self._note_unusual(tensors, operation, layout)

    def _note_unusual(self, tensors: Sequence[Tensor], operation: Operation, layout: Layout) -> None:
        shape = tuple(tensors[0].shape)
        for part, tensor in enumerate(tensors):
            found = layout
            if part:
                found = self._further(operation, (shape, layout), tuple(tensor.shape), part)
            # What was noted before is of no worth: a call in place returns a tensor that is known already.
            self._parts.pop(id(tensor), None)
            self._layouts.pop(id(tensor), None)
            if part:
                self._parts[id(tensor)] = part
            if found != FRONT:
                self._layouts[id(tensor)] = found

    def _further(self, operation: Operation, first: Source, shape: Shape, part: int) -> Layout:
        """The layout of a further output of ``shape``, such as a part of a split or the states of an LSTM."""
        if operation.further_batch_axis is not None:
            found = operation.further_batch_axis(first, shape, self._images)
        elif first[1] == WITHOUT:
            found = of_constant(shape, self._images)
        else:
            found = kept_in([first], shape, self._images)
        return self._told_apart(found, shape, len(self.outputs.tensors) - 1, part)

    def from_call(self, tensors: Sequence[Tensor], number: int) -> None:
        """Note that the function call of that ``number`` returned ``tensors``."""
        for part, tensor in enumerate(tensors):
            self._calls[id(tensor)] = number, part
        self._alive.extend(tensors)

    def same(self, source: Tensor, other: Tensor) -> None:
        """Note that ``other`` is ``source`` by another name, as ``source.data`` is."""
        noted: tuple[dict[int, Any], ...] = (self._ops, self._calls, self._parts, self._layouts)
        for known in noted:
            if id(source) in known:
                known[id(other)] = known[id(source)]
        self._alive.append(other)

    def call_of(self, tensor: Tensor) -> tuple[int | None, int]:
        """The call that gave ``tensor``, None for one that was there before, and which of its outputs it is."""
        return self._calls.get(id(tensor), (None, 0))

    def knows(self, tensor: Tensor) -> bool:
        """Whether ``tensor`` is the model's input, or an op returned it."""
        return id(tensor) in self._ops

    def op_of(self, tensor: Tensor) -> int | None:
        """The index of the op that returned ``tensor``, -1 for the model's input; None where no op did."""
        return self._ops.get(id(tensor))

    def links(self, tensors: Sequence[Tensor]) -> Links:
        """Those of ``tensors`` that an op returned."""
        known = [tensor for tensor in tensors if id(tensor) in self._ops]
        inputs = tuple([self._ops[id(tensor)] for tensor in known])
        if not self._layouts and not self._parts:
            return Links(inputs, tuple([tuple(tensor.shape)[1:] for tensor in known]))
        parts = tuple(self._parts.get(id(tensor), 0) for tensor in known)
        layouts = tuple(self._layouts.get(id(tensor), FRONT) for tensor in known)
        shapes = tuple(layout.shown(tuple(t.shape)) for layout, t in zip(layouts, known, strict=True))
        usual = all(layout is FRONT for layout in layouts)
        return Links(inputs, shapes, () if usual else layouts, parts if any(parts) else ())

    def seen(
        self,
        operation: Operation,
        arguments: Mapping[str, object],
        tensors: Sequence[Tensor],
        output: Tensor,
    ) -> tuple[Shape, Layout]:
        """The shape of one image of the first ``output`` of a call of ``operation`` with ``tensors``, and its layout."""
        shape = tuple(output.shape)
        if operation.kind == "merge" and len(tensors) > 1 and self._rows_by_chance(tensors, shape):
            self.in_doubt = True
        if (
            self._other is None
            and shape[:1] == (self._images,)
            and (operation.stays_in_front is None or operation.stays_in_front(arguments))
            and not (self._layouts and any(id(tensor) in self._layouts for tensor in tensors))
            and any(id(tensor) in self._ops for tensor in tensors)
            and (operation is not UNKNOWN or self._images not in shape[1:])
        ):
            return shape[1:], FRONT
        sources = [self._source(tensor) for tensor in tensors]
        layout = follow(operation.batch_axis, arguments, sources, shape, self._images)
        self.in_doubt |= operation is UNKNOWN or self._may_be_chance(operation, sources, shape, layout)
        layout = self._told_apart(layout, shape, len(self.outputs.tensors), 0)
        return layout.shown(shape), layout

    def _rows_by_chance(self, tensors: Sequence[Tensor], shape: Shape) -> bool:
        """Whether a constant that meets images has as many rows as there are images, so that it fits no other batch."""
        return any(
            tensor.dim() == len(shape)
            and tensor.shape[0] == self._images
            and self.layout_of(tensor) == WITHOUT
            for tensor in tensors
            if tensor.dim()
        ) and not all(self.layout_of(tensor) == WITHOUT for tensor in tensors)

    def _may_be_chance(
        self, operation: Operation, sources: Sequence[Source], shape: Shape, layout: Layout
    ) -> bool:
        """Whether a size of an output of ``shape`` may, or may not, be that of the batch."""
        moving = [source for source in sources if source[1] != WITHOUT]
        if not moving or (operation.constant and shape != moving[0][0]):  # new values, or a weight's
            received = max((product(full) for full, _ in sources), default=0)
            return self._images in shape or 0 < received < product(shape)
        behind = {len(full) - known.place for full, known in moving if known.place is not None}
        return layout == WITHOUT or len(behind) > 1

    def _told_apart(self, expected: Layout, shape: Shape, index: int, part: int) -> Layout:
        """The layout of an output of ``shape``: the one to be ``expected``, unless another pass tells otherwise."""
        other = None if self._other is None else self._other.shape(index, part)
        if self._other is not None and other is not None:
            return compared(shape, self._images, other, self._other.images, expected)
        self.in_doubt |= expected.mixed
        return expected

    def layout_of(self, tensor: Tensor) -> Layout:
        """Where the images are in ``tensor``."""
        return self._layouts.get(id(tensor), FRONT if id(tensor) in self._ops else WITHOUT)

    def _source(self, tensor: Tensor) -> Source:
        return tuple(tensor.shape), self.layout_of(tensor)
