"""Every error is provoked in PyTorch, and what it says is decoded from its own words."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn, zeros
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.error_messages import Decoded, WrongLinear, decode, understood
from cnnviz.error_messages.producers import LARGEST_SIDE, Producer, producers
from cnnviz.tracing.trace import trace

LONG, BYTE, DOUBLE = torch.long, torch.uint8, torch.double
META = torch.device("meta")

PROVOKED: tuple[tuple[Callable[[], object], str, str | None], ...] = (
    (lambda: nn.Linear(1408, 10)(zeros(64, 2200)), "2200 = 88 x 5 x 5, but 1408 = 88 x 4 x 4", "nn.Linear(2200, 10)"),
    (lambda: nn.Linear(5, 3)(zeros(2, 7)), "gets a different number of features", "nn.Linear(7, 3)"),
    (lambda: nn.Linear(1408, 10)(zeros(4, 88, 4, 4)), "one row per image (4 here): 352 x 4 = 1408 values", "x = x.flatten(1)"),
    (lambda: nn.Linear(1408, 10)(zeros(3, 88, 4, 4).flatten()), "4224 = 3 x 1408: flatten() with no argument", "x = x.flatten(1)"),
    (lambda: zeros(4, 6) @ zeros(5, 6), "F.linear(x, weight) already multiplies by weight.T", None),
    (lambda: F.linear(zeros(64, 2200, device=META), zeros(10, 1408, device=META)), "88 x 5 x 5", "nn.Linear(2200, 10)"),
    (lambda: zeros(2, 3, 4) @ zeros(2, 5, 6), "must have 2 matrices with 4 rows", "scores = q @ k.transpose(-2, -1)"),
    (lambda: zeros(64, 88, 5, 5).view(64, 1408), "With 64 images, that is 2200 values = 550 x 2 x 2 per image", "x = x.flatten(1)"),
    (lambda: zeros(7, 88, 4, 4).view(64, 1408), "batch has 7 images, not 64", "x = x.view(x.size(0), 1408)"),
    (lambda: zeros(3, 50).view(-1, 40), "[-1, 40], 150, is not a multiple of 40", "x = x.flatten(1)"),
    (lambda: zeros(2, 3, 4).transpose(1, 2).view(2, -1), "lie in a different order", "x = x.contiguous().view(x.size(0), -1)"),
    (lambda: nn.Conv2d(1, 10, 5)(zeros(2, 3, 28, 28)), "expects 1 channel, but its input 2 x 3 x 28 x 28 has 3", "transforms.Grayscale()"),
    (lambda: nn.Conv2d(3, 10, 5)(zeros(2, 1, 28, 28)), "2 x 1 x 28 x 28", "transforms.Grayscale(num_output_channels=3)"),
    (lambda: nn.Conv2d(3, 10, 5)(zeros(2, 4, 28, 28)), "PNG with transparency", "image.convert('RGB')"),
    (lambda: nn.Conv2d(8, 10, 5)(zeros(2, 6, 28, 28)), "or let the layer before it output 8 channels", "nn.Conv2d(6, 10, kernel_size=5)"),
    (lambda: nn.Conv2d(1, 10, 5)(zeros(64, 28, 28)), "64 grey images", "x = x.unsqueeze(1)"),
    (lambda: nn.Conv2d(3, 10, 5)(zeros(2, 28, 30, 3)), "channels come last", "x = x.permute(0, 3, 1, 2)"),
    (lambda: nn.Conv2d(4, 8, (5, 3), groups=2)(zeros(2, 6, 9, 9)), "4 channels", "nn.Conv2d(6, 8, kernel_size=(5, 3), groups=2)"),
    (lambda: nn.ConvTranspose2d(8, 10, 5)(zeros(2, 6, 9, 9)), "8 channels", "nn.ConvTranspose2d(6, 10, kernel_size=5)"),
    (lambda: nn.Conv1d(8, 10, 5)(zeros(2, 6, 9)), "2 x 6 x 9", "nn.Conv1d(6, 10, kernel_size=5)"),
    (lambda: nn.Conv2d(1, 10, 7, padding=1)(zeros(2, 1, 3, 3)), "The convolution (Conv2d) has a 7 x 7 window, which is larger than its input, 5 x 5 with padding", None),
    (lambda: nn.Conv2d(1, 10, 7)(zeros(2, 1, 4, 4)), "padding: 2 more on each side", None),
    (lambda: nn.MaxPool2d(2)(zeros(2, 10, 1, 1)), "larger than its input, 10 x 1 x 1", "nn.AdaptiveAvgPool2d(1)"),
    (lambda: nn.AvgPool2d(5)(zeros(2, 10, 3, 3)), "28, 14, 7, 3, 1", "nn.AdaptiveAvgPool2d(1)"),
    (lambda: nn.MaxPool1d(5)(zeros(2, 10, 3)), "longer than the sequence", None),
    (lambda: nn.Conv2d(1, 10, 5)(zeros(28, 30)), "it got a tensor with 2: 28 x 30", "x = x.unsqueeze(0).unsqueeze(0)"),
    (lambda: nn.Conv2d(1, 10, 5)(zeros(64, 784)), "784 = 28 x 28", "x = x.view(-1, 1, 28, 28)"),
    (lambda: nn.Conv2d(1, 10, 5)(zeros(1, 2, 1, 28, 28)), "too many dimensions", "x = x.flatten(0, 1)"),
    (lambda: nn.MaxPool2d(2)(zeros(8, 8)), "3 dimensions (channels, height, width)", "x = x.unsqueeze(0)"),
    (lambda: zeros(3).flatten(1), "the last one here is 0", "x = x.unsqueeze(0)"),
    (lambda: nn.BatchNorm2d(7)(zeros(2, 7)), "with 4 dimensions; it got one with 2", "nn.BatchNorm1d(...)"),
    (lambda: nn.BatchNorm1d(7)(zeros(2, 7, 4, 4)), "with 2 / 3 dimensions", "nn.BatchNorm2d(...)"),
    (lambda: nn.Conv2d(10, 20, 3, groups=3), "in_channels is not a multiple of groups", "nn.Conv2d(32, 64, 3, groups=32)"),
    (lambda: nn.Conv2d(10, 21, 3, groups=5), "out_channels is not a multiple", "nn.Conv2d(32, 64, 3, groups=32)"),
    (lambda: F.conv2d(zeros(1, 10, 5, 5), zeros(21, 2, 3, 3), groups=5), "output's 21 channels", None),
    (lambda: nn.MaxPool2d(3, padding=2)(zeros(1, 1, 8, 8)), "a padding of 2, but pooling allows at most half of its kernel of 3", "padding=1"),
    (lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"), "only with stride 1", "nn.Conv2d(16, 32, 3, stride=2, padding=1)"),
    (lambda: nn.BatchNorm2d(7)(zeros(2, 3, 4, 4)), "made for 7 channels, but its input has 3", "nn.BatchNorm2d(3)"),
    (lambda: nn.BatchNorm1d(7)(zeros(1, 7)), "1 x 7 tensor each channel has one value", "model.eval()"),
    (lambda: nn.InstanceNorm2d(7)(zeros(1, 7, 1, 1)), "a 1 x 1 map is a single value", "nn.GroupNorm(1, channels)"),
    (lambda: nn.InstanceNorm2d(7).eval()(zeros(4, 7, 1, 1)), "Evaluation mode alone does not help", None),
    (lambda: nn.InstanceNorm2d(7, affine=True)(zeros(1, 3, 4, 4)), "made for 7 channels, but its input has 3", "nn.InstanceNorm2d(3)"),
    (lambda: F.group_norm(zeros(2, 8, 4, 4), 3), "divides 8 channels into 3 groups", None),
    (lambda: nn.PReLU(3)(zeros(2, 4, 5, 5)), "each of 3 channels, but the tensor it got has 4", "nn.PReLU(4)"),
    (lambda: nn.LayerNorm([5, 10])(zeros(2, 4, 12)), "normalises 5 x 10, but the last dimensions of its input 2 x 4 x 12 are 4 x 12", "nn.LayerNorm([4, 12])"),
    (lambda: nn.LayerNorm(10)(zeros(2, 12)), "normalises 10, but the last dimensions of its input 2 x 12 are 12", "nn.LayerNorm(12)"),
    (lambda: nn.GroupNorm(4, 18), "divides the channels: 1, 2, 3, 6, 9, 18", None),
    (lambda: nn.GroupNorm(3, 6)(zeros(2, 9, 4, 4)), "made for 6 channels, but its input 2 x 9 x 4 x 4 has 9", "nn.GroupNorm(..., 9)"),
    (lambda: zeros(2, 16, 12, 12) + zeros(2, 16, 6, 6), "6 is half of 12", "nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=2)"),
    (lambda: zeros(2, 16, 12, 12) + zeros(2, 16, 8, 8), "in dimension 3 are 12 and 8 (for maps, that is the width)", "kernel_size=5, padding=2"),
    (lambda: zeros(2, 16, 13, 12) + zeros(2, 16, 12, 12), "One pixel is a rounding effect", None),
    (lambda: zeros(2, 16, 9, 9) + zeros(2, 24, 9, 9), "shortcut as many channels", "nn.Conv2d(in_channels, out_channels, kernel_size=1)"),
    (lambda: zeros(64, 10) + zeros(32, 10), "the batch", "x = x.flatten(1)"),
    (lambda: zeros(2, 3, 4, 5, 6) + zeros(2, 3, 4, 5, 9), "dimension 4", None),
    (lambda: zeros(2, 1, 12).add_(zeros(2, 16, 12)), "2 x 16 x 12 and does not fit into the 2 x 1 x 12 tensor", "x = x + y"),
    (lambda: torch.cat([zeros(2, 16, 12, 12), zeros(2, 24, 10, 12)], 1), "number 1 (counting from 0) has 10", "kernel_size=3, padding=1"),
    (lambda: torch.cat([zeros(2, 16, 12, 12), zeros(2, 24)], 1), "4 and 2 dimensions", None),
    (lambda: torch.stack([zeros(1, 28, 28), zeros(3, 28, 28)]), "number 1 has 3 x 28 x 28", "transforms.Resize((28, 28))"),
    (lambda: F.cross_entropy(zeros(3, 10), torch.tensor([1, 2, 10])), "at least 11 outputs", "labels = labels - 1"),
    (lambda: F.nll_loss(zeros(3, 10), torch.tensor([1, 2, -1])), "is -1 used in the data as the label", None),
    (lambda: F.cross_entropy(zeros(100, 10), zeros(64, dtype=LONG)), "100 from 64 images", "x = x.flatten(1)"),
    (lambda: F.cross_entropy(zeros(4, 10), torch.tensor(3)), "different batches", None),
    (lambda: F.nll_loss(zeros(4, 10, 7, 7), zeros(4, dtype=LONG)), "still has height and width", "x = F.adaptive_avg_pool2d(x, 1).flatten(1)"),
    (lambda: F.nll_loss(zeros(4, 10), zeros(4, 1, dtype=LONG)), "one number per image", "labels = labels.argmax(dim=1)"),
    (lambda: F.cross_entropy(zeros(4, 10), zeros(4)), "the labels are Float", "labels = labels.long()"),
    (lambda: F.binary_cross_entropy_with_logits(zeros(4, 1), zeros(4)), "the output is 4 x 1, the target 4", "target = target.unsqueeze(1).float()"),
    (lambda: F.binary_cross_entropy(zeros(4, 1), zeros(4)), "the target 4", "target = target.unsqueeze(1).float()"),
    (lambda: bool(zeros(2)), "needed a single True or False", "loss = nn.CrossEntropyLoss()(output, labels)"),
    (lambda: nn.Linear(4, 2).load_state_dict(nn.Linear(5, 2).state_dict()), "weight has shape 2 x 5 in the file but 2 x 4 here", None),
    (lambda: nn.Linear(4, 2)(zeros(1, 4, dtype=BYTE)), "Byte and Float", "x = x.float() / 255"),
    (lambda: nn.Conv2d(1, 1, 1)(zeros(1, 1, 2, 2, dtype=BYTE)), "unsigned char and float", "x = x.float() / 255"),
    (lambda: nn.Conv2d(1, 1, 1)(torch.from_numpy(np.zeros((1, 1, 2, 2)))), "double and float", "x = x.float()"),
    (lambda: nn.Conv2d(1, 1, 1)(zeros(1, 1, 2, 2, dtype=LONG)), "long int and float", "x = x.to(weight.dtype)"),
    (lambda: torch.bmm(zeros(1, 2, 2), zeros(1, 2, 2, dtype=DOUBLE)), "Expected values of type Float, but got Double", "x = x.float()"),
    (lambda: zeros(2, 2) @ zeros(2, 2, dtype=DOUBLE), "float and double", "x = x.to(weight.dtype)"),
    (lambda: nn.BatchNorm1d(3)(zeros(2, 3, dtype=DOUBLE)), "input of a normalisation", "x = x.float()"),
    (lambda: zeros(4) + torch.empty(4, device=META), "not all tensors", "model.to(device); x = x.to(device)"),
    (lambda: nn.Linear(2, 2)(np.zeros((1, 2))), "numpy.ndarray", "x = torch.from_numpy(x).float()"),
    (lambda: nn.Linear(2, 2)(None), "returned nothing", "return x"),
    (lambda: nn.Linear(2, 2)(3.0), "linear expects tensors", "x = torch.tensor(x)"),
    (lambda: nn.Linear(2, 2)([1.0, 2.0]), "but got something else: list", "x = torch.tensor(x)"),
    (lambda: nn.Linear(2, 2)((zeros(1, 2), 3)), "select the one you need", "x = x[0]"),
    (lambda: nn.Conv2d(1, 1, 3)(None), "conv2d expects tensors, but got something else: NoneType", "return x"),
    (lambda: nn.Conv1d(1, 1, 3)(np.zeros((1, 1, 9))), "numpy.ndarray", "x = torch.from_numpy(x).float()"),
    (lambda: nn.Conv2d(1, 1, 3)((zeros(1, 1, 9, 9), zeros(1))), "something else: tuple", "x = x[0]"),
    (lambda: nn.Conv2d(1, 1, 3, padding=1.0)(zeros(1, 1, 9, 9)), "conv2d needs integer sizes", "padding = kernel_size // 2"),
    (lambda: F.conv2d(zeros(1, 1, 9, 9), zeros(1, 1, 3, 3), stride=1.5), "conv2d needs integer sizes", "padding = kernel_size // 2"),
    (lambda: F.conv2d(zeros(1, 1, 9, 9), zeros(1, 1, 3, 3), nothing=1), "conv2d got Tensor, Tensor, nothing=int", None),
    (lambda: nn.MaxPool2d(2.0)(zeros(1, 1, 8, 8)), "max_pool2d needs integer sizes", "padding = kernel_size // 2"),
    (lambda: nn.Linear(8 / 2, 2), "// gives an integer", "padding = kernel_size // 2"),
    (lambda: nn.MaxPool2d(3, padding=2, dilation=2)(zeros(1, 1, 9, 9)), "a padding of 2, but pooling allows at most half of its kernel of 3", "padding=1"),
    (lambda: nn.MaxPool2d((2, 3), padding=(0, 2), dilation=2)(zeros(1, 1, 9, 9)), "a padding of 2, but pooling allows at most half of its kernel of 3", "padding=1"),
    (lambda: nn.MaxPool3d(3, padding=2, dilation=2)(zeros(1, 1, 9, 9, 9)), "a padding of 2, but pooling allows at most half of its kernel of 3", "padding=1"),
    (lambda: nn.MaxPool1d(5, padding=3)(zeros(1, 1, 9)), "a padding of 3, but pooling allows at most half of its kernel of 5", "padding=2"),
    (lambda: nn.AvgPool2d(2, padding=2)(zeros(1, 1, 9, 9)), "a padding of 2, but pooling allows at most half of its kernel of 2", "padding=1"),
    (lambda: nn.MaxPool2d(3, padding=-1)(zeros(1, 1, 9, 9)), "is negative", "x = x[..., 1:-1, 1:-1]"),
    (lambda: nn.MaxPool1d(3, padding=-1)(zeros(1, 1, 9)), "is negative", "x = x[..., 1:-1, 1:-1]"),
    (lambda: nn.Conv2d(1, 1, 3, padding=-1)(zeros(1, 1, 9, 9)), "is negative", "x = x[..., 1:-1, 1:-1]"),
    (lambda: nn.Conv2d(1, 1, 3, padding=(1, 1, 1))(zeros(1, 1, 9, 9)), "padding expects one number, or 2", "padding=1"),
    (lambda: nn.Conv2d(1, 1, 3, stride=(2, 2, 2))(zeros(1, 1, 9, 9)), "stride expects one number, or 2", "stride=2"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=1)(zeros(1, 3, 8, 8)), "0 with stride 1", None),
    (lambda: nn.ConvTranspose2d(3, 4, 3, stride=2)(zeros(1, 3, 8, 8), output_size=(30, 30)), "sizes from 17 x 17 to 18 x 18", None),
    (lambda: F.pad(zeros(1, 1, 4, 4), (4, 4, 0, 0), mode="reflect"), "dimension 3 of 1 x 1 x 4 x 4", "F.pad(x, padding)"),
    (lambda: F.conv2d(zeros(1, 3, 8, 8), zeros(5, 3, 3, 3), zeros(4)), "outputs 5 channels", "bias = torch.zeros(5)"),
    (lambda: F.conv_transpose1d(zeros(1, 3, 8), zeros(3, 5, 3), zeros(4)), "shape 4", "bias = torch.zeros(5)"),
    (lambda: zeros(2, 3, 4, 5).permute(0, 2, 1), "the tensor has 4, but 3 are given", "x = x.permute(0, 3, 1, 2)"),
    (lambda: zeros(2, 3, 4).permute(0, 1, 1), "one is given twice", "x = x.permute(0, 3, 1, 2)"),
    (lambda: nn.PixelShuffle(2)(zeros(1, 6, 4, 4)), "2 x 2 pixels from 4 channels; the 6 channels it got", "nn.Conv2d(in_channels, 8, 3, padding=1)"),
    (lambda: nn.PixelShuffle(2)(zeros(4, 4)), "pixel_shuffle expects maps with at least 3 dimensions", "x = x.unsqueeze(0)"),
    (lambda: nn.PixelUnshuffle(2)(zeros(1, 3, 5, 4)), "the height of 5 is not a multiple of 2", None),
    (lambda: nn.Unflatten(1, (3, 4))(zeros(2, 10)), "The 10 values of dimension 1 should become [3, 4], which holds 12", None),
    (lambda: nn.Unflatten(1, (3, -1))(zeros(2, 10)), "10 is not a multiple of 3", None),
    (lambda: zeros(2, 3).expand(2, 4), "3 values for 4", None),
    (lambda: zeros(2, 3).__setitem__((slice(None), 0), zeros(5)), "A 5 tensor should fill 2:", None),
    (lambda: nn.LSTM(8, 4)(zeros(5, 2, 7)), "steps of 8 features, the last dimension of the tensor; it got 7", "nn.LSTM(input_size=7, hidden_size=...)"),
    (lambda: nn.GRU(8, 4)(zeros(5, 2, 7)), "it got 7", "x = x.transpose(1, 2)"),
    (lambda: nn.LSTMCell(8, 4)(zeros(2, 7)), "steps of 8 features, the last dimension of the tensor; it got 7", None),
    (lambda: nn.LSTM(8, 4)(zeros(5, 2, 7, 8)), "LSTM expects 2 dimensions", "x = x.flatten(1, 2).transpose(1, 2)"),
    (lambda: nn.GRU(8, 4)(zeros(8)), "GRU expects 2 dimensions", "x = x.unsqueeze(0)"),
    (lambda: nn.RNN(8, 4)(zeros(5, 2, 7, 8)), "it got a tensor with 4", None),
    (lambda: nn.LSTM(8, 4)(zeros(5, 2, 8), (zeros(1, 3, 4), zeros(1, 3, 4))), "must be 1 x 2 x 4", "h = torch.zeros(1, 2, 4, device=x.device)"),
    (lambda: nn.GRU(8, 4)(zeros(5, 2, 8), zeros(1, 3, 4)), "got 1 x 3 x 4", None),
    (lambda: nn.LSTM(8, 4)(zeros(5, 2, 8), (zeros(1, 4), zeros(1, 4))), "have a batch dimension or neither", "h = h.unsqueeze(1)"),
    (lambda: nn.GRU(8, 4)(zeros(5, 8), zeros(1, 2, 4)), "have a batch dimension or neither", None),
    (lambda: nn.GRUCell(8, 4)(zeros(2, 8), zeros(3, 4)), "2 rows but the state has 3", None),
    (lambda: nn.LSTM(8, 4)(zeros(5, 2, 8, dtype=DOUBLE)), "different types", "x = x.float()"),
)  # fmt: skip

OF_OTHER_VERSIONS = (
    ("RuntimeError: size mismatch, m1: [64 x 2200], m2: [1408 x 10] at /pytorch/aten/...", "88 x 5 x 5"),
    (
        "Expected all tensors to be on the same device, but got mat1 is on cpu, different from other tensors on cuda:0",
        "Not all tensors are on the same device",
    ),
    (
        "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same",
        "same device",
    ),
    (
        "Input type (torch.cuda.ByteTensor) and bias type (torch.cuda.FloatTensor) should be the same",
        "0 to 255",
    ),
    ("conv2d(): argument 'input' (position 1) must be Tensor, not PngImageFile", "Convert images to tensors"),
)
"""Words of PyTorch before 2.14, or of a GPU."""


def said_of(found: Decoded) -> str:
    return " ".join([str(found.meaning), *(str(reason.text) for reason in found.reasons)])


def raised(provoke: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011  each raises another kind
        provoke()
    return caught.value


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(("provoke", "said", "code"), PROVOKED)
def test_errors_of_pytorch(provoke: Callable[[], object], said: str, code: str | None) -> None:
    error = raised(provoke)
    found = decode(str(error))
    assert found is not None, error
    assert said.lower() in said_of(found).lower()
    assert found.error in " ".join(str(error).split())
    assert code is None or code in [reason.code for reason in found.reasons]


@pytest.mark.parametrize(("text", "said"), OF_OTHER_VERSIONS)
def test_words_of_other_versions(text: str, said: str) -> None:
    found = decode(text)
    assert found is not None
    assert said in said_of(found)


def test_the_message_is_found_in_a_whole_traceback() -> None:
    text = "".join(
        traceback.format_exception(raised(lambda: nn.Sequential(nn.Linear(1408, 10))(zeros(64, 2200))))
    )
    assert len(text.splitlines()) > 5
    found = decode(text)
    assert found is not None
    assert found.error == "mat1 and mat2 shapes cannot be multiplied (64x2200 and 1408x10)"
    assert decode("\n ".join(found.error.split(" "))) == found  # however the terminal broke its lines


def test_the_last_of_several_errors_counts() -> None:
    first, second = "running_mean should contain 3 elements not 7", "Target 10 is out of bounds."
    for text in (f"{first}\nDuring handling of the above exception:\n{second}", f"{'x' * 30_000} {second}"):
        found = decode(text)
        assert found is not None
        assert found.error == second[:-1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "KeyError: 'conv1'",
        "shape '[,]' is invalid for input of size 0",
        "Calculated padded input size per channel: (3 x 3). Kernel size: (5). Kernel size can't be greater than actual input size",
        "Given input size: (x). Calculated output size: (x). Output size is too small",
        f"mat1 and mat2 shapes cannot be multiplied (1x{'9' * 5000} and 1x1)",
    ],
)
def test_what_is_not_understood(text: str) -> None:
    found = decode(text)
    assert found is None or text.startswith("shape")


NUMBERS = st.integers(0, 999_999_999)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
@settings(max_examples=200, deadline=None)
def test_any_numbers_are_taken(a: int, b: int, c: int, d: int) -> None:
    for text in (
        f"mat1 and mat2 shapes cannot be multiplied ({a}x{b} and {c}x{d})",
        f"shape '[{a}, -1, {b}]' is invalid for input of size {c}",
        f"shape '[{a}, {d}, {b}]' is invalid for input of size {c}",
        f"Given groups={a}, weight of size [{b}, {c}], expected input[{d}] to have {a} channels, but got {b} channels instead",
        f"Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [{a}, {b}]",
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton dimension 2",
        f"num_channels ({a}) must be divisible by num_groups ({b})",
        f"Expected number of channels in input to be divisible by num_groups, but got input of shape [{a}] and num_groups={b}",
        f"the square of upscale_factor, but input.size(-3)={a} is not divisible by {b}",
        f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
        f"input.size(-3)={a} is not divisible by {b}",
        f"expected padding to be a single integer value or a list of {a} values to match the convolution dimensions, "
        f"but got padding=[{b}]",
        f"pad should be at most half of effective kernel size, but got pad={a}, kernel_size={b} and dilation={c}",
        f"Expected input batch_size ({a}) to match target batch_size ({b}).",
    ):
        found = decode(text)
        assert found is None or str(found.meaning)


def test_maps_of_the_same_channels() -> None:
    found = decode("mat1 and mat2 shapes cannot be multiplied (64x2200 and 1408x10)")
    assert found is not None
    assert found.maps == (((88, 5, 5), (88, 4, 4)), ((22, 10, 10), (22, 8, 8)))
    assert found.layer == "nn.Linear(1408, 10)"


def test_kinds_are_listed_once() -> None:
    kinds = [str(kind) for kind in understood()]
    assert len(kinds) == len(set(kinds)) > 10


def test_the_network_and_the_sizes_that_produce_the_error() -> None:
    assert producers(WrongLinear(2200, 1408, 10)) == (Producer("inception-mini", "fc", 32, 35),)


@pytest.mark.parametrize(
    "linear", [WrongLinear(720, 320, 10), WrongLinear(784, 400, 120), WrongLinear(1152, 512, 10)]
)
def test_exactly_these_sizes_produce_it(linear: WrongLinear) -> None:
    found = producers(linear)
    assert found
    for producer in found:
        architecture = architectures.get(producer.key)
        for side in (producer.smallest - 1, producer.smallest, producer.largest, producer.largest + 1):
            inside = producer.smallest <= side <= producer.largest
            failure = trace(architecture.build(), (architecture.input_shape[0], side, side)).failure
            received = failure.received if failure and failure.name == producer.layer else None
            assert (received == linear.received) == inside


def test_what_no_network_or_no_size_produces() -> None:
    assert producers(WrongLinear(2201, 1408, 10)) == ()
    assert producers(WrongLinear(7, 5, 3)) == ()
    assert LARGEST_SIDE == 512
