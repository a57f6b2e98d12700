"""A sliding window: what PyTorch gives out, what it refuses, and what it never reads."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.errors import UsageError
from cnnviz.shapes.sliding_window import (
    IMAGES,
    KERNELS,
    Digits,
    Padding,
    Window,
    kernel_text,
    parse_kernel,
    preset_kernel,
    remedies,
    resample,
    rule,
    sample_digits,
    slide,
    small_image,
)

# A convolution with an even kernel and padding "same" makes a padded copy, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
SIZES = st.integers(1, 14)
CONVOLUTIONS = st.builds(
    Window,
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.one_of(st.integers(0, 4), st.sampled_from(("same", "valid"))),
    dilation=st.integers(1, 3),
)
POOLINGS = st.builds(
    Window,
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    ceil_mode=st.booleans(),
    pooling=st.just(True),
)


def run(window: Window, image: Tensor) -> Tensor:
    """What PyTorch makes of ``image`` (1, 1, H, W) with such a layer, all weights 1."""
    if window.pooling:
        return F.max_pool2d(
            image, window.kernel, window.stride, window.padding, window.dilation, window.ceil_mode
        )
    weights = torch.ones(1, 1, window.kernel, window.kernel, dtype=image.dtype)
    return F.conv2d(image, weights, None, window.stride, window.padding, window.dilation)


@given(st.one_of(CONVOLUTIONS, POOLINGS), SIZES, SIZES)
def test_sizes_and_refusals_are_those_of_pytorch(window: Window, height: int, width: int) -> None:
    image = torch.zeros(1, 1, height, width)
    try:
        down, across = slide(window, height, width)
    except UsageError:
        with pytest.raises(RuntimeError):
            run(window, image)
    else:
        assert run(window, image).shape[2:] == (down.side.count, across.side.count)


@given(CONVOLUTIONS, SIZES, SIZES)
def test_unread_pixels_are_those_that_change_nothing(window: Window, height: int, width: int) -> None:
    try:
        down, across = slide(window, height, width)
    except UsageError:
        assume(False)
    image = torch.zeros(1, 1, height, width, dtype=torch.float64, requires_grad=True)
    run(window, image).sum().backward()
    assert image.grad is not None
    unread = torch.zeros(height, width, dtype=torch.bool)
    unread[list(down.unread)] = True
    unread[:, list(across.unread)] = True
    assert torch.equal(image.grad[0, 0] == 0, unread)


@given(st.one_of(CONVOLUTIONS, POOLINGS), SIZES, SIZES)
def test_every_remedy_lets_every_pixel_be_read(window: Window, height: int, width: int) -> None:
    try:
        lost = any(side.unread for side in slide(window, height, width))
    except UsageError:
        assume(False)
    found = remedies(window, height, width)
    assert lost or not found
    for remedy in found:
        changes = dict(remedy.changes)
        size = [changes.pop(name, usual) for name, usual in (("height", height), ("width", width))]
        assert not any(side.unread for side in slide(replace(window, **changes), *size))


def test_the_nearest_changes_are_offered() -> None:
    found = [dict(remedy.changes) for remedy in remedies(Window(3, stride=2), 10, 10)]
    assert found == [{"height": 9, "width": 9}, {"height": 11, "width": 11}, {"stride": 1}, {"padding": 1}]
    # Where only one side loses something, only that one changes.
    assert dict(remedies(Window(3, stride=2), 10, 11)[0].changes) == {"height": 9}
    pooling = Window(2, stride=2, pooling=True)
    assert {"ceil_mode": 1} in [dict(remedy.changes) for remedy in remedies(pooling, 7, 7)]


def test_border_and_gaps_are_told_apart() -> None:
    down, across = slide(Window(1, stride=3), 9, 10)
    assert down.unread == (1, 2, 4, 5, 7, 8)
    assert down.border == 2
    assert across.border == 0


@pytest.mark.parametrize(
    ("kernel", "dilation", "pads"),
    [(3, 1, (1, 1)), (4, 1, (1, 2)), (2, 1, (0, 1)), (3, 2, (2, 2)), (1, 1, (0, 0))],
)
def test_same_is_padded_as_pytorch_does(kernel: int, dilation: int, pads: tuple[int, int]) -> None:
    window = Window(kernel, padding="same", dilation=dilation)
    assert window.pads == pads
    image = torch.rand(1, 1, 7, 7)
    layer = nn.Conv2d(1, 1, kernel, padding="same", dilation=dilation, bias=False)
    padded = F.pad(image, (*pads, *pads))
    torch.testing.assert_close(layer(image), F.conv2d(padded, layer.weight, dilation=dilation))


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize("size", [(9, 9), (10, 10), (9, 12), (10, 11)])
def test_same_with_a_stride_names_a_padding_that_does_what_it_says(
    kernel: int, stride: int, size: tuple[int, int]
) -> None:
    with pytest.raises(UsageError) as refused:
        slide(Window(kernel, stride, "same"), *size)
    text = str(refused.value)
    wanted = tuple(-(-side // stride) for side in size)
    image = torch.rand(1, 1, *size)
    if number := re.search(r"padding (\d+) as a number", text):
        output = nn.Conv2d(1, 1, kernel, stride, int(number[1]))(image)
    else:
        assert kernel % 2 == 0
        pads = re.search(r"nn\.ZeroPad2d\(\((\d), (\d), (\d), (\d)\)\)", text)
        assert pads is not None
        output = nn.Conv2d(1, 1, kernel, stride)(nn.ZeroPad2d(tuple(map(int, pads.groups())))(image))
    assert tuple(output.shape[2:]) == wanted
    assert f"{wanted[0]} x {wanted[1]}" in text


def test_what_lies_beyond_and_what_is_dropped_in_ceil_mode() -> None:
    down, _across = slide(Window(3, 3, ceil_mode=True, pooling=True), 10, 10)
    assert (down.side.count, down.overhang, down.side.dropped) == (4, 2, False)
    down, _across = slide(Window(2, 3, padding=1, ceil_mode=True, pooling=True), 4, 4)
    assert (down.side.count, down.side.dropped) == (2, True)


@pytest.mark.parametrize(
    ("window", "sentence"),
    [
        (Window(3, 2, "same"), r"does not work with stride 2.*Choose stride 1, or padding 1"),
        (Window(12), "12 x 12 kernel is larger than the 10 x 10 input"),
        (Window(4, dilation=4), r"dilation 4 spans 13 cells.*only 10"),
        (Window(2, 2, 2, pooling=True), r"Padding 2 is more than half the 2 x 2 window.*Choose 1 or less"),
        (Window(2, 2, "same", pooling=True), "needs a number as padding; got 'same'"),
    ],
)
def test_what_pytorch_refuses_is_explained(window: Window, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        slide(window, 10, 10)


@pytest.mark.parametrize(
    ("padding", "dilation", "ceil_mode", "letters"),
    [
        (1, 1, False, "⌊(n + 2p - k)/s⌋ + 1"),
        ("valid", 1, False, "⌊(n - k)/s⌋ + 1"),
        ("same", 2, False, "⌊(n + 2p - d(k - 1) - 1)/s⌋ + 1"),
        (0, 1, True, "⌈(n + 2p - k)/s⌉ + 1"),
    ],
)
def test_rule_in_letters(padding: Padding, dilation: int, ceil_mode: bool, letters: str) -> None:
    assert rule(Window(3, 1, padding, dilation, ceil_mode)) == letters


def test_uneven_padding_has_a_letter_for_both_sides_together() -> None:
    assert rule(Window(4, padding="same")) == "⌊(n + p - k)/s⌋ + 1"
    assert slide(Window(4, padding="same"), 9, 9)[0].side.formula == "(9 + 3 - 4)/1 + 1 = 9"


IMAGE_SIZES = [(1, 1), (1, 5), (4, 4), (10, 7), (28, 28), (40, 33)]


@pytest.fixture(scope="module")
def digits() -> Digits:
    return sample_digits()


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("name", IMAGES)
def test_every_image_has_its_size_and_pixels_from_0_to_9(name: str, colour: bool, digits: Digits) -> None:
    for size in IMAGE_SIZES:
        image = small_image(name, size, colour, digits)
        assert image.shape == (3 if colour else 1, *size)
        assert image.dtype == np.uint8
        assert image.max() <= 9
    assert small_image(name, (10, 10), colour, digits).max() == 9


@pytest.mark.parametrize("name", [name for name in IMAGES if name != "point"])
def test_channels_of_a_colour_image_differ(name: str, digits: Digits) -> None:
    red, green, blue = small_image(name, (10, 10), True, digits)
    assert (red != green).any()
    assert (green != blue).any()


def test_a_digit_is_a_real_one(digits: Digits) -> None:
    image = small_image("digit-7", (28, 28), False, digits)[0]
    assert_array_equal(image, np.rint(digits[7] / digits[7].max() * 9))
    assert len({digit.tobytes() for digit in digits}) == 10


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30))
def test_resampling_keeps_the_mean_and_the_place(height: int, width: int, rows: int, columns: int) -> None:
    image = np.random.default_rng(height * 100 + width).random((height, width))
    assert_allclose(resample(image, (rows, columns)).mean(), image.mean())
    assert_allclose(resample(image, (height, width)), image)
    assert_allclose(resample(image, (height * 2, width * 3)), image.repeat(2, axis=0).repeat(3, axis=1))


IMAGE = torch.arange(49, dtype=torch.float64).reshape(1, 1, 7, 7) % 10


def applied(name: str, size: int) -> torch.Tensor:
    return F.conv2d(IMAGE, torch.from_numpy(preset_kernel(name, size).copy())[None, None], padding="same")


@pytest.mark.parametrize("size", range(1, 6))
def test_identity_gives_back_the_image(size: int) -> None:
    assert_array_equal(applied("identity", size), IMAGE)


def test_the_well_known_kernels() -> None:
    assert kernel_text(preset_kernel("vertical-edges", 3)) == "-1 0 1 / -1 0 1 / -1 0 1"
    assert_array_equal(preset_kernel("horizontal-edges", 3), preset_kernel("vertical-edges", 3).T)
    assert kernel_text(preset_kernel("sharpen", 3)) == "0 -1 0 / -1 5 -1 / 0 -1 0"
    assert_array_equal(preset_kernel("blur", 2), [[0.25, 0.25], [0.25, 0.25]])


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("size", [3, 4, 7, 11])
def test_edges_add_up_to_nothing_and_the_others_to_one(name: str, size: int) -> None:
    kernel = preset_kernel(name, size)
    assert kernel.shape == (size, size)
    assert kernel.sum() == pytest.approx(0 if name.endswith("edges") else 1)


def test_a_kernel_that_is_too_small_is_explained() -> None:
    with pytest.raises(UsageError, match=r"Vertical edges.*at least 2 x 2"):
        preset_kernel("vertical-edges", 1)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.integers(-99, 99), min_size=n * n, max_size=n * n)))
def test_what_is_written_can_be_read(weights: list[int]) -> None:
    size = int(len(weights) ** 0.5)
    kernel = np.array(weights, dtype=float).reshape(size, size)
    assert_array_equal(parse_kernel(kernel_text(kernel), size), kernel)


@pytest.mark.parametrize("text", ["1,0/0,-1.5", " 1 0 / 0 -1.5 /", "1, 0 /0 ,-1.5"])
def test_commas_and_spaces_both_do(text: str) -> None:
    assert_array_equal(parse_kernel(text, 2), [[1, 0], [0, -1.5]])


@pytest.mark.parametrize("text", ["", "/", "1 2", "1 2 / 3", "1 2 / 3 4 / 5 6", "1 2 3 / 4 5 6"])
def test_another_number_of_weights_is_explained(text: str) -> None:
    with pytest.raises(UsageError, match=r"2 rows of 2 numbers.*such as 1 0 / 0 0"):
        parse_kernel(text, 2)


@pytest.mark.parametrize("weight", ["x", "nan", "inf", "1e999", "1000", "-1000"])
def test_what_is_no_weight_is_explained(weight: str) -> None:
    with pytest.raises(UsageError, match=f"weight must be a number from -999 to 999; got '{weight}'"):
        parse_kernel(f"1 {weight} / 0 0", 2)
