"""Where the images of a batch are: told by the trace, checked with tensors that hold their image's number."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.models import resolve
from cnnviz.operations.batch_axis import FRONT, Layout, refactored
from cnnviz.shapes.counting import macs_formula
from cnnviz.shapes.text import torchsummary_text
from cnnviz.tracing.capture import capture
from cnnviz.tracing.trace import Trace, trace
from tests.shapes.networks import Calls

IMAGES = 3


def windows(x: Tensor) -> Tensor:
    """Swin's windows: (B, C, 4, 6) to (B * 6, 4, C)."""
    x = x.permute(0, 2, 3, 1).reshape(x.shape[0], 2, 2, 3, 2, x.shape[1])
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, x.shape[-1])


MOVED: list[tuple[Callable[[Tensor], Tensor], tuple[int, ...]]] = [
    (windows, (6, 4, 5)),
    (lambda x: windows(x).view(x.shape[0], 2, 3, 2, 2, -1), (2, 3, 2, 2, 5)),
    (lambda x: windows(x).reshape(-1, 4, 5, 1).permute(2, 0, 3, 1), (5, 6, 1, 4)),
    (lambda x: windows(x).reshape(-1, 4, 5, 1).permute(2, 0, 3, 1)[1], (6, 1, 4)),
    (lambda x: windows(x).unsqueeze(0), (1, 6, 4, 5)),
    (lambda x: windows(x).mean(1), (6, 5)),
    (lambda x: windows(x).chunk(2, dim=1)[1], (6, 2, 5)),
    (lambda x: x.permute(1, 0, 2, 3), (5, 4, 6)),
    (lambda x: x.transpose(0, -1), (6, 5, 4)),
    (lambda x: x.movedim(0, 2), (5, 4, 6)),
    (lambda x: x.flatten(2).permute(2, 0, 1), (24, 5)),
    (lambda x: x.flatten(2).permute(2, 0, 1)[0], (5,)),
    (lambda x: x.flatten(2).permute(2, 0, 1).flatten(0, 1), (24, 5)),
    (lambda x: x[None], (1, 5, 4, 6)),
    (lambda x: x[..., None, 1:], (5, 4, 1, 5)),
    (lambda x: x[:, 0, ::2], (2, 6)),
    (lambda x: torch.stack([x, x]), (2, 5, 4, 6)),
    (lambda x: torch.stack([x, x]).unbind(0)[1], (5, 4, 6)),
    (lambda x: x.view(-1, 8), (15, 8)),
]


COMPUTED: list[tuple[Callable[[Tensor], Tensor], tuple[int, ...]]] = [
    (lambda x: windows(x) @ windows(x).transpose(1, 2), (6, 4, 4)),
    (lambda x: torch.einsum("b...d,b...e->...bde", windows(x), windows(x)), (4, 6, 5, 5)),
    (lambda x: F.relu(x.permute(1, 0, 2, 3)) + 1, (5, 4, 6)),
]


def laid_out(function: Callable[[Tensor], Tensor], shown: tuple[int, ...]) -> Tensor:
    """What comes out where every value is the number of its image, image by image."""
    network = Calls(lambda net, x: function(x))
    traced = trace(network, (5, 4, 6))
    assert traced.failure is None
    op = traced.ops[-1]
    assert op.output_shape == shown
    x = torch.arange(IMAGES).float()[:, None, None, None].expand(IMAGES, 5, 4, 6).clone()
    found = op.layout.by_image(network(x), IMAGES)
    assert found.shape == (IMAGES, *shown)
    return found


@pytest.mark.parametrize(("function", "shown"), MOVED)
def test_every_image_has_its_part(function: Callable[[Tensor], Tensor], shown: tuple[int, ...]) -> None:
    parts = laid_out(function, shown)
    assert len(parts) == IMAGES
    for image, part in enumerate(parts):
        assert part.numel()
        assert torch.all(part == image)


@pytest.mark.parametrize(("function", "shown"), COMPUTED)
def test_what_is_computed_of_an_image_is_its_part(
    function: Callable[[Tensor], Tensor], shown: tuple[int, ...]
) -> None:
    parts = laid_out(function, shown)
    assert all(part.unique().numel() == 1 for part in parts)
    assert parts.flatten(1)[:, 0].unique().numel() == IMAGES


def test_captured_outputs_are_those_of_the_images() -> None:
    network = Calls(lambda net, x: windows(x) + torch.zeros(4, 1))
    x = torch.rand(IMAGES, 5, 4, 6)
    traced = trace(network, (5, 4, 6))
    for op, output in zip(traced.ops, capture(network, x, traced), strict=True):
        assert output.shape == (IMAGES, *op.output_shape)
    assert torch.equal(output[1], windows(x[1:2]))


def test_images_that_lie_across_rows_are_in_no_dimension() -> None:
    assert refactored((2, 15), FRONT, (3, 10), 2).mixed
    assert refactored((2, 400), FRONT, (10, 80), 2) == Layout(0, 1, 5)


@pytest.fixture(scope="module")
def swin() -> Trace:
    model, shape = resolve("torchvision:swin_t", {})
    assert shape is not None
    return trace(model, shape)


def test_windows_keep_their_number(swin: Trace) -> None:
    shapes = {op.name.removeprefix("features.1.0.attn."): op.output_shape for op in swin.ops}
    assert shapes["reshape"] == (64, 49, 96)
    assert shapes["permute_3"] == (3, 64, 3, 49, 32)
    assert shapes["getitem"] == (2401, 3)  # the position bias, a constant
    assert shapes["view"] == (49, 49, 3)
    assert shapes["view_3"] == (8, 8, 7, 7, 96)


def test_multiply_adds_of_every_window_are_in_the_formula(swin: Trace) -> None:
    linear = swin.op("features.1.0.attn.linear")
    assert macs_formula(linear) == "96 x 64 x 49 x 288 = 86,704,128"


def test_torchsummary_takes_the_first_dimension_for_the_batch() -> None:
    network = nn.Sequential(nn.Flatten(0, 1), nn.Linear(4, 2))
    assert "[-1, 2]" in torchsummary_text(trace(network, (6, 4)))
    assert trace(network, (6, 4)).ops[-1].output_shape == (6, 2)
