"""What a person may give in place of a network and of its input's shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import cnnviz
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.shapes.text import table_text


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 6 * 6, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).flatten(1))


@pytest.mark.parametrize(
    "given",
    [
        [1, 8, 8],
        torch.Size([1, 8, 8]),
        np.array([1, 8, 8]),
        tuple(np.array([1, 8, 8])),
        torch.tensor([1, 8, 8]),
        np.zeros((1, 8, 8)),
        torch.zeros(1, 8, 8).shape,
    ],
    ids=lambda given: type(given).__name__,
)
def test_ways_to_give_a_shape(given: object) -> None:
    traced = cnnviz.trace(Net(), given)  # type: ignore[arg-type]
    assert (traced.input_shape, traced.failure, traced.left_out_batch) == ((1, 8, 8), None, None)
    assert all(type(size) is int for size in traced.input_shape)


@pytest.mark.parametrize(
    ("given", "batch"),
    [
        (torch.zeros(64, 1, 8, 8), 64),
        (np.zeros((64, 1, 8, 8)), 64),
        (torch.zeros(64, 1, 8, 8).shape, 64),
        ((64, 1, 8, 8), 64),
        ((1, 1, 8, 8), 1),
        ((-1, 1, 8, 8), -1),
        ((None, 1, 8, 8), -1),
    ],
)
def test_a_batch_in_front_is_left_out_and_named(given: object, batch: int) -> None:
    traced = cnnviz.trace(Net(), given)  # type: ignore[arg-type]
    assert (traced.input_shape, traced.failure, traced.left_out_batch) == ((1, 8, 8), None, batch)
    assert f"The first dimension, {batch}, is taken as the batch and left out." in table_text(traced)


def test_a_batch_of_vectors() -> None:
    traced = cnnviz.trace(nn.Linear(5, 2), torch.zeros(64, 5))
    assert (traced.input_shape, traced.left_out_batch) == ((5,), 64)


def test_four_sizes_that_the_network_takes_are_no_batch() -> None:
    traced = cnnviz.trace(nn.Conv3d(3, 4, 3), (3, 8, 9, 9))
    assert (traced.input_shape, traced.ops[0].output_shape) == ((3, 8, 9, 9), (4, 6, 7, 7))
    assert traced.left_out_batch is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (28, "28"),
        ("1,28,28", "'1,28,28'"),
        (None, "None"),
        ((), r"()"),
        ((1.0, 8, 8), "(1.0, 8, 8)"),
        ((True, 8, 8), "(True, 8, 8)"),
        (["1", "8", "8"], "['1', '8', '8']"),
        ({"x": (1, 8, 8)}, "{'x': (1, 8, 8)}"),
        ((1, 0, 8), "1,0,8"),
        ((1, 8, 10**9), "1,8,1000000000"),
    ],
)
def test_what_is_no_shape_is_quoted_with_an_example_of_one(given: object, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        cnnviz.trace(Net(), given)  # type: ignore[arg-type]
    assert "such as 1,28,28 for (channels, height, width)" in str(caught.value)
    assert str(caught.value).endswith(f"got {said}.")


def test_what_is_no_network() -> None:
    with pytest.raises(UsageError, match=r"Net is a class; trace an instance of it: trace\(Net\(\), "):
        cnnviz.trace(Net, (1, 8, 8))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"must be a network .* got None of the type NoneType"):
        cnnviz.trace(None, (1, 8, 8))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"got \(1, 8, 8\) of the type tuple"):
        cnnviz.trace((1, 8, 8), Net())  # type: ignore[arg-type]


def test_the_layer_at_which_a_pass_fails_is_told_why_it_has_no_output() -> None:
    traced = cnnviz.trace(Net(), (1, 9, 9))
    with pytest.raises(CnnvizError, match=r"^fc gives no output: fc receives 4 x 7 x 7 = 196 features"):
        traced.op("fc")
    with pytest.raises(UsageError, match="Unknown layer 'fd'"):
        traced.op("fd")


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 6 * 6 + 10, 5)

    def forward(self, image: Tensor, extra: Tensor) -> Tensor:
        return self.fc(torch.cat([self.conv(image).flatten(1), extra], 1))


def test_a_model_of_two_inputs() -> None:
    traced = cnnviz.trace(Two(), ((1, 8, 8), (10,)))
    assert traced.failure is None
    assert traced.shapes == ((1, 8, 8), (10,))
    assert [(op.name, op.input_shapes, op.output_shape) for op in traced.ops] == [
        ("conv", ((1, 8, 8),), (4, 6, 6)),
        ("flatten", ((4, 6, 6),), (144,)),
        ("cat", ((144,), (10,)), (154,)),
        ("fc", ((154,),), (5,)),
    ]
    assert traced.op("cat").inputs == (1, -1)
    assert "Inputs: 1 x 8 x 8, 10" in table_text(traced)


def test_a_second_input_of_another_size_breaks_what_it_reaches() -> None:
    failure = cnnviz.trace(Two(), ((1, 8, 8), (12,))).failure
    assert failure is not None
    assert (failure.name, failure.expected, failure.received) == ("fc", 154, 156)


def test_inputs_are_named_where_one_is_missing() -> None:
    failure = cnnviz.trace(Two(), (1, 8, 8)).failure
    assert failure is not None
    assert failure.message == (
        "Inputs that the forward of Two takes: 2 (image, extra). Inputs that it got: 1. Give a shape for each: "
        "trace(model, (image_shape, extra_shape)), or --input once for each on the command line."
    )
    failure = cnnviz.trace(Net(), ((1, 8, 8), (10,))).failure
    assert failure is not None
    assert failure.message.startswith("Inputs that the forward of Net takes: 1 (x). Inputs that it got: 2.")


def test_tokens_and_numbers_in_one_model() -> None:
    class Pair(nn.Module):
        def forward(self, left: Tensor, right: Tensor) -> Tensor:
            return left @ right.transpose(1, 2)

    traced = cnnviz.trace(Pair(), [(3, 8), (5, 8)])
    assert (traced.failure, traced.ops[-1].output_shape) == (None, (3, 5))
