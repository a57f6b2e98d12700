"""Batches prepared several at once are those that are prepared one by one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from cnnviz.training.loop.batches import Batches
from cnnviz.training.transforms.batch_preparer import Normaliser

CPU = torch.device("cpu")


def batches(channels: int, ahead: int) -> Batches:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (23, channels, 4, 6), generator=generator, dtype=torch.uint8)
    normalise = Normaliser([0.1, 0.2, 0.3][:channels], [0.3, 0.4, 0.5][:channels], CPU)
    return Batches(images, torch.arange(23), normalise, 4, ahead=ahead)


def passes(data: Batches) -> list[tuple[Tensor, Tensor]]:
    """All batches of two passes, in different orders."""
    generator = torch.Generator().manual_seed(1)
    orders = [data.order(generator) for _ in range(2)]
    return [data.take(order, number) for order in orders for number in range(len(data))]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ahead", [2, 4, 100])
def test_batches_taken_ahead_are_the_same(channels: int, ahead: int) -> None:
    one_by_one, together = passes(batches(channels, 1)), passes(batches(channels, ahead))
    assert [len(labels) for _, labels in together] == [4, 4, 4, 4, 4, 3] * 2
    for (x, labels), (other, others) in zip(one_by_one, together, strict=True):
        assert x.equal(other)
        assert labels.equal(others)
        assert other.is_contiguous(memory_format=torch.channels_last)


def test_a_pass_may_go_on_in_the_middle() -> None:
    data = batches(3, 4)
    order = data.order(torch.Generator().manual_seed(1))
    there = [data.take(order, number)[1].tolist() for number in range(6)]
    again = batches(3, 4)
    assert [again.take(order, number)[1].tolist() for number in (3, 4, 5)] == there[3:]


def test_colours_are_normalised_each_by_its_own_values() -> None:
    images = torch.randint(0, 256, (5, 3, 4, 6), dtype=torch.uint8)
    mean, deviation = [0.1, 0.2, 0.3], [0.3, 0.4, 0.5]
    expected = (images / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviation).view(3, 1, 1)
    torch.testing.assert_close(Normaliser(mean, deviation, CPU)(images), expected)
