"""The two images of a traced batch are not taken for a two of the network; where a size is either, a second pass tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.models import resolve
from cnnviz.tracing import trace as tracing
from cnnviz.tracing.trace import Trace, trace

Function = Callable[[Any, Tensor], Any]
Shape = tuple[int, ...]


class Conditioned(nn.Module):
    """Two channels at every turn: weights, buffers, tokens and a table of embeddings."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.film = nn.Parameter(torch.ones(4, 1, 1))
        self.tokens = nn.Parameter(torch.ones(1, 2, 36))
        self.filters = nn.Parameter(torch.ones(2, 2, 3, 3))
        self.mixture = nn.Parameter(torch.ones(2))
        self.register_buffer("rotation", torch.ones(2, 6, 6))
        self.table = nn.Embedding(4, 36)
        self.memory = nn.LSTM(36, 5, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def traced(function: Function) -> Trace:
    return trace(Conditioned(function), (2, 6, 6))


def modulated(net: Any, x: Tensor) -> Any:
    gamma, beta = net.film.chunk(2, 0)
    return net.conv(x) * gamma + beta


def in_two_views(net: Any, x: Tensor) -> Any:
    gamma, beta = net.film.view(2, 2, 1, 1)
    return net.conv(x) * gamma + beta


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (modulated, [(2, 1, 1), (2, 6, 6), (2, 6, 6), (2, 6, 6)]),
        (in_two_views, [(2, 2, 1, 1), (2, 1, 1), (2, 6, 6), (2, 6, 6), (2, 6, 6)]),
        (lambda net, x: x * net.rotation.flip(0), [(2, 6, 6), (2, 6, 6)]),
        (lambda net, x: x * torch.zeros(2, 6, 6), [(2, 6, 6), (2, 6, 6)]),
        (lambda net, x: x * x.new_zeros(2, 6, 6), [(2, 6, 6), (2, 6, 6)]),
        (lambda net, x: x + torch.zeros_like(x), [(2, 6, 6), (2, 6, 6)]),
        (lambda net, x: x + torch.zeros(len(x), 2, 6, 6), [(2, 6, 6), (2, 6, 6)]),
        (lambda net, x: x.flatten(2) + net.table(torch.arange(2)), [(2, 36), (2,), (2, 36), (2, 36)]),
        (lambda net, x: net.tokens.expand(len(x), -1, -1), [(2, 36)]),
        (lambda net, x: net.tokens[0].expand(len(x), -1, -1), [(2, 36), (2, 36)]),
        (lambda net, x: F.conv2d(x, net.filters / net.filters.norm()), [(), (2, 2, 3, 3), (2, 4, 4)]),
        (lambda net, x: x * net.mixture.softmax(0)[0], [(2,), (), (2, 6, 6)]),
        (lambda net, x: net.conv(x[0]), [(2, 6, 6), (2, 6, 6)]),
        (lambda net, x: x[:2], [(2, 2, 6, 6)]),
        (lambda net, x: x.mean(0, keepdim=True), [(1, 2, 6, 6)]),
        (lambda net, x: torch.stack([x, x]), [(2, 2, 6, 6)]),
        (lambda net, x: torch.stack([x, x], 1), [(2, 2, 6, 6)]),
        (lambda net, x: x.expand(2, -1, -1, -1, -1), [(2, 2, 6, 6)]),
        (lambda net, x: torch.cat([x, x]), [(2, 2, 6, 6)]),
        (lambda net, x: x.repeat(3, 1, 1, 1), [(3, 2, 6, 6)]),
        (lambda net, x: x.repeat_interleave(3, 0), [(3, 2, 6, 6)]),
        (lambda net, x: net.memory(x.flatten(2))[1][0] * 1, [(2, 36), (2, 5), (2, 5)]),
    ],
)
def test_shapes_are_those_of_one_image(function: Function, shapes: list[Shape]) -> None:
    found = traced(function)
    assert found.failure is None
    assert [op.output_shape for op in found.ops] == shapes


def test_multiply_adds_behind_one_picked_image_are_counted_in_full() -> None:
    assert traced(lambda net, x: net.conv(x[0])).macs == traced(lambda net, x: net.conv(x)).macs


def test_multiply_adds_of_a_loop_over_the_batch_are_those_of_one_image() -> None:
    looped = traced(lambda net, x: torch.stack([net.conv(image) for image in x]))
    assert looped.macs == traced(lambda net, x: net.conv(x)).macs


def test_the_copies_of_a_repeated_batch_are_told_apart() -> None:
    functions: tuple[Function, ...] = (
        lambda net, x: x.repeat(3, 1, 1, 1),
        lambda net, x: x.repeat_interleave(3, 0),
        lambda net, x: torch.cat([x, x]),
    )
    for function in functions:
        op = traced(function).ops[-1]
        parts = op.layout.by_image(function(None, torch.arange(4.0).view(4, 1, 1, 1)), 4)
        assert all(part.unique().tolist() == [image] for image, part in enumerate(parts))


@pytest.mark.parametrize(
    ("function", "mixing"),
    [(lambda net, x: net.conv(x[0]), "getitem"), (lambda net, x: x.sum(0), "sum"), (lambda net, x: x, None)],
)
def test_an_output_of_two_channels_is_no_batch_of_two(function: Function, mixing: str | None) -> None:
    assert traced(function).mixing_op == mixing


# -- a batch that is taken apart ---------------------------------------------------------------------


def two(net: Any, x: Tensor) -> Any:
    left, right = x
    return net.conv(left) + net.conv(right)


def three(net: Any, x: Tensor) -> Any:
    one, _, other = net.conv(x)
    return one + other


def some(net: Any, x: Tensor) -> Tensor:
    first, second, third, *_ = x.unbind(0)
    return first + second + third


@pytest.mark.parametrize(
    ("function", "tensor", "count"), [(two, "the input", 2), (three, "conv", 3), (some, "the input", 3)]
)
def test_unpacking_the_batch_is_refused(function: Function, tensor: str, count: int) -> None:
    failure = traced(function).failure
    assert failure is not None
    assert failure.message == (
        f"The forward of Conditioned unpacks {tensor} into {count} tensors, but it is one tensor, whose first "
        "dimension is the batch: that would take the images of the batch apart. A model with several inputs takes one "
        "argument for each, as in forward(self, left, right); parts of a single tensor come from "
        f"x.chunk({count}, dim=1)."
    )


def test_other_values_are_unpacked_as_python_says() -> None:
    def unpacks(net: Any, x: Tensor) -> Tensor:
        height, width = x.shape
        return x.view(height, width)

    failure = traced(unpacks).failure
    assert failure is not None
    assert "ValueError" in failure.message


def test_a_network_for_two_images_alone_is_refused() -> None:
    failure = traced(lambda net, x: net.conv(x) + torch.ones(2, 2, 1, 1)).failure
    assert failure is not None
    assert failure.name == "add"
    assert failure.message.startswith(
        "The network runs with 2 images in a batch, but not with 3: add (add) raises RuntimeError: The size of tensor a (3)"
    )
    assert failure.advice is not None


def test_a_failure_behind_a_weight_in_two_parts_has_the_shapes_of_one_image() -> None:
    found = traced(lambda net, x: F.conv2d(modulated(net, x), net.film))
    assert found.failure is not None
    assert [op.output_shape for op in found.ops] == [(2, 1, 1), (2, 6, 6), (2, 6, 6), (2, 6, 6)]


# -- which networks need a second pass ---------------------------------------------------------------


@pytest.mark.parametrize("key", ["inception-mini", "resnet-mini", "densenet", "torchvision:resnet18"])
def test_ordinary_networks_take_one_pass(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, shape = resolve(key, {})
    assert shape is not None
    record, batches = tracing._record, []

    def counted(copy: nn.Module, inputs: Sequence[Tensor], *rest: Any, **options: Any) -> Any:
        batches.append(len(inputs[0]))
        return record(copy, inputs, *rest, **options)

    monkeypatch.setattr(tracing, "_record", counted)
    assert trace(model, shape).failure is None
    assert batches == [2]


def test_masks_of_two_rows_in_a_swin_transformer() -> None:
    model, shape = resolve("torchvision:swin_t", {})
    assert shape is not None
    shapes = {op.name.removeprefix("features.5.1.attn."): op.output_shape for op in trace(model, shape).ops}
    assert (shapes["view_3"], shapes["permute_4"], shapes["reshape_3"]) == (
        (2, 7, 2, 7),
        (2, 2, 7, 7),
        (4, 49),
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda net, x: net.fc(x.view(2, -1)),
        lambda net, x: net.fc(x.reshape((2, -1))),
        lambda net, x: net.fc(x.reshape(net.batch_size, -1)),
    ],
)
def test_two_rows_that_stand_in_the_code_are_not_the_batch(function: Function) -> None:
    model = Conditioned(function)
    model.fc = nn.Linear(72, 4)
    model.batch_size = 2
    failure = trace(model, (2, 6, 6)).failure
    assert failure is not None
    assert failure.message.endswith(
        "(2, -1) makes 2 rows, however many images there are: each row is one image only in a batch of 2. So fc does "
        "not get the features of one image. Flattening gives 2 x 6 x 6 = 72 features, as Linear(72, 4) expects. Read "
        f"the batch size from the tensor: x.{failure.message.split('(')[0]}(x.size(0), -1), or torch.flatten(x, 1)."
    )


@pytest.mark.parametrize(
    "function",
    [lambda net, x: x.flatten(2).mean(2) + net.film.view(2, 2), lambda net, x: x + net.filters[:, :, :1, :1]],
)
def test_a_parameter_with_two_rows_fits_no_other_batch(function: Function) -> None:
    failure = traced(function).failure
    assert failure is not None
    assert failure.message.startswith(
        "The network runs with 2 images in a batch, but not with 3: add (add) raises"
    )
