"""What is sent through a private copy of a network to look at it: an input without values, or a random one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from operator import index
from typing import SupportsIndex, TypeGuard

import torch
from torch import Tensor, fx, nn

from cnnviz.errors import CnnvizError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.operations.op import Shape, product, shape_text
from cnnviz.tracing.copies import is_lazy, meta_copy, real_copy
from cnnviz.tracing.isolation import Isolated

_LARGEST_SIZE = 1_000_000
_MOST_DIMENSIONS = 5
_IMAGE_DIMENSIONS = 3
_ANY_BATCH = (-1, None)
_WITH_A_BATCH = (2, 4)
TRACED_BATCH = 2
"""Images in a traced batch: two, so that a ``squeeze()`` cannot take the batch dimension away."""
_MOST_REAL_VALUES = 16_000_000
"""Of an input on the CPU, some 60 MB: the maps that a network makes of it may take a hundred times as much."""


def checked_model(model: object) -> nn.Module:
    """``model``, if it is one.

    Raises:
        UsageError: it is not an instance of ``nn.Module``.
    """
    if isinstance(model, nn.Module):
        return model
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise UsageError(
            Message(
                "{name} is a class; trace an instance of it: trace({name}(), (1, 28, 28)).",
                name=model.__name__,
            )
        )
    raise UsageError(
        Message(
            "The first argument must be a network (an nn.Module); got {value} of the type {type}.",
            value=shortened(repr(model)),
            type=type(model).__name__,
        )
    )


def is_several(given: object) -> TypeGuard[Sequence[Sequence[int]]]:
    """Whether ``given`` is a sequence of shapes, one for each input, and not one shape."""
    return (
        isinstance(given, Sequence)
        and len(given) > 0
        and all(isinstance(shape, Sequence) and not isinstance(shape, str) for shape in given)
    )


def split_shape(given: object) -> tuple[Shape, int | None]:
    """The shape of one input, and the size of a batch that stood in front of it and is left out, if one did.

    Args:
        given: sizes, (C, H, W) for images, in front of which -1 or None stands for a batch; or a tensor or array:
            one that consists of a few integers holds the sizes, another has the shape, where the first of two,
            four or more dimensions is the batch.

    Raises:
        UsageError: this is no shape.
    """
    if isinstance(given, Sequence) and len(given) in _WITH_A_BATCH and given[0] in _ANY_BATCH:
        return checked_shape(given[1:]), -1
    if not hasattr(given, "shape") or not hasattr(given, "tolist"):
        return checked_shape(given), None
    shape = tuple(given.shape)
    if len(shape) == 1 and shape[0] <= _MOST_DIMENSIONS:
        return checked_shape(given.tolist()), None
    if len(shape) == 2 or len(shape) > _IMAGE_DIMENSIONS:
        return checked_shape(shape[1:]), shape[0]
    return checked_shape(shape), None


def checked_shape(input_shape: object) -> Shape:
    """``input_shape`` as a tuple.

    Raises:
        UsageError: it does not consist of whole numbers from 1 to a million.
    """
    shape = _whole_numbers(input_shape)
    if not shape or not all(1 <= size <= _LARGEST_SIZE for size in shape):
        raise UsageError(
            Message(
                "The input shape must consist of integers from 1 to {largest}, such as 1,28,28 for "
                "(channels, height, width); got {shape}.",
                shape=shortened(",".join(map(str, shape)) or repr(input_shape)),
                largest=f"{_LARGEST_SIZE:,}",
            )
        )
    return shape


def _whole_numbers(sizes: object) -> Shape:
    """``sizes`` as a tuple, if they are a sequence of whole numbers; an empty one otherwise."""
    if not isinstance(sizes, Sequence) or isinstance(sizes, str):
        return ()
    if not all(isinstance(size, SupportsIndex) and not isinstance(size, bool) for size in sizes):
        return ()
    return tuple(index(size) for size in sizes)


def fixed_batch(model: nn.Module) -> int | None:
    """The one number of images that ``model`` takes, as a program does that was exported for a batch of that size."""
    if not isinstance(model, fx.GraphModule):
        return None
    given = next((node for node in model.graph.nodes if node.op == "placeholder"), None)
    example = given.meta.get("val") if given is not None else None
    size = example.shape[0] if isinstance(example, Tensor) and example.dim() else None
    return size if type(size) is int else None


def traced_batch(model: nn.Module) -> int:
    """Images in a batch with which ``model`` is traced."""
    return fixed_batch(model) or TRACED_BATCH


def prepared(
    model: nn.Module, shapes: Sequence[Shape], batch: int, real: bool = False, below: int | None = None
) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A private copy of ``model``, and for each of its inputs a batch (batch, *shape), of the type of its weights.

    On the meta device they have shapes and no values; ``real`` ones are on the CPU, the input's values from 0 to 1,
    the same ones every time. With ``below`` the input consists of whole numbers from 0 to ``below`` - 1 instead.
    Lazy layers of the copy have the sizes that they get in a pass with this input, as far as it reaches.

    Raises:
        CnnvizError: the model cannot be copied, or a real input is so large that the pass might not fit into memory.
    """
    if not real:
        kind = torch.int64 if below is not None else type_taken(model)
        copy = meta_copy(model)
        inputs = tuple([torch.empty(batch, *shape, dtype=kind, device="meta") for shape in shapes])
    else:
        copy = real_copy(model)
        inputs = tuple(_values(model, (batch, *shape), below, seed) for seed, shape in enumerate(shapes))
    if has_lazy_layers(copy):
        _run_once(copy, inputs)
    return copy, inputs


def has_lazy_layers(model: nn.Module) -> bool:
    """Whether a layer of ``model`` gets its size from the first input that it sees, and has seen none."""
    return any(map(is_lazy, (*model.parameters(), *model.buffers())))


def give_sizes(model: nn.Module, shape: Shape) -> None:
    """Give the lazy layers of ``model``, if any, the sizes that they get for an input of ``shape``, without the batch; their
    weights are drawn from PyTorch's global generator, in the order of the pass.
    """
    if has_lazy_layers(model):
        training = model.training
        with torch.no_grad():
            model.eval()(torch.zeros(1, *shape, dtype=type_taken(model)))
        model.train(training)


def as_taken(model: nn.Module, x: Tensor) -> Tensor:
    """``x`` (B, ...) float32 in the type of the weights of ``model``, which a person may have made double or half."""
    return x.to(type_taken(model))


def type_taken(model: nn.Module) -> torch.dtype:
    """The type of numbers that ``model`` takes: that of its first weights."""
    return next((p.dtype for p in model.parameters() if p.is_floating_point()), torch.float32)


def _values(model: nn.Module, shape: Shape, below: int | None, seed: int) -> Tensor:
    """An input of ``shape``, the batch included, on the CPU."""
    if product(shape) > _MOST_REAL_VALUES:
        raise CnnvizError(
            Message(
                "This network can only be traced with real data, and a batch of {batch} inputs of "
                "{shape} has {values:,} values; more than {most:,} might not fit into memory. Choose a "
                "smaller input.",
                batch=shape[0],
                shape=shape_text(shape[1:]),
                values=product(shape),
                most=_MOST_REAL_VALUES,
            )
        )
    generator = torch.Generator().manual_seed(seed)
    if below is not None:  # all the tables may be read with the same numbers
        rows = [m.num_embeddings for m in model.modules() if isinstance(m, (nn.Embedding, nn.EmbeddingBag))]
        return torch.randint(min(below, *rows) if rows else below, shape, generator=generator)
    return torch.rand(shape, generator=generator).to(type_taken(model))


def _run_once(copy: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Give the lazy layers of a private copy their sizes; a pass that fails does so for those before."""
    private = [x.clone() for x in inputs]  # the first layer may work in place
    with suppress(Exception, SystemExit), torch.no_grad(), Isolated(copy, private):
        copy(*private)
