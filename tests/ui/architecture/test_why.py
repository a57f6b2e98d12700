"""What is said of receptive fields, whatever the network does with places."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cnnviz.shapes.receptive_field import receptive_fields
from cnnviz.tracing.trace import trace
from cnnviz.ui.architecture.why import extent, sentence
from tests.shapes.networks import Calls


def branches(net: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([x, net.m0(x)], 1)  # type: ignore[operator]


CASES: list[tuple[nn.Module, str, str]] = [
    (nn.Conv2d(1, 2, 3, 2, 1), "3 x 3", "a patch of 3 x 3 pixels (size); the patches of neighbouring values are 2 pixels apart"),
    (nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), "the whole image", "depends on the whole image"),
    (
        nn.Sequential(nn.Conv2d(1, 1, 3, 2), nn.Flatten(), nn.Linear(9, 2)),
        "7 x 7",
        "the same patch of 7 x 7 pixels, which starts at row 0, column 0",
    ),
    (
        nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3)),
        "at most 2 x 2",
        "patches of at most 2 x 2 pixels, which differ in size",
    ),
    (Calls(lambda _net, x: torch.sort(x, 2)[0]), "unknown", "Receptive field: unknown"),
    (Calls(lambda _net, x: torch.zeros_like(x) + 1), "no pixels", "does not depend on any pixel"),
    (Calls(branches, nn.Conv2d(1, 1, 3, padding=1)), "3 x 3", "Some of its channels see less."),
]  # fmt: skip


@pytest.mark.parametrize(("network", "few", "words"), CASES)
def test_every_state_has_its_words(network: nn.Module, few: str, words: str) -> None:
    traced = trace(network, (1, 8, 8))
    field = receptive_fields(traced)[-1]
    assert extent(field) == few
    told = sentence(traced.ops[-1], field)
    assert words in told
    assert ("whole image" in told) is (few == "the whole image")


def made(function: Callable[[Tensor], Tensor]) -> str:
    traced = trace(Calls(lambda _net, x: function(x)), (5, 8))
    return sentence(traced.ops[-1], receptive_fields(traced)[-1])


def test_sequences_and_vectors_have_sentences_too() -> None:
    assert "a patch of 1 x 1 pixels" in made(torch.relu)
    traced = trace(nn.Linear(7, 2), (7,))
    assert "depends on the whole image" in sentence(traced.ops[0], receptive_fields(traced)[0])
