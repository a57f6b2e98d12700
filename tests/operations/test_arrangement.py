"""Networks that arrange their values wrongly: each diagnosis, its fix or sentence, and that what it says does help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.operations.op import Failure
from cnnviz.shapes.derivation import derive
from cnnviz.tracing.edits import edited
from cnnviz.tracing.trace import trace
from tests.shapes.networks import Calls

Forward = Callable[[Any, Tensor], Any]


def failure_of(model: nn.Module, shape: tuple[int, ...]) -> Failure:
    failure = trace(model, shape).failure
    assert failure is not None
    return failure


def assert_all_ways_out_help(model: nn.Module, shape: tuple[int, ...], failure: Failure) -> None:
    """Whatever edit or input is offered leads beyond the call that failed, and the images stay apart."""
    for mend, fix in failure.ways_out:
        if fix is not None:
            assert_passes(edited(model, {fix.path: fix.value}), shape, failure)
        if mend.input_shape is not None:
            assert_passes(model, mend.input_shape, failure)


def assert_passes(model: nn.Module, shape: tuple[int, ...], failure: Failure) -> None:
    traced = trace(model, shape)
    assert traced.failure is None or failure.name in {op.name for op in traced.ops}
    assert traced.mixing_op is None


def conv(channels: int = 4) -> nn.Module:
    return nn.Conv2d(1, channels, 3)


@dataclass
class Case:
    """A network that fails, words of its diagnosis, its fix, and the forward that the diagnosis asks for."""

    layers: tuple[nn.Module, ...]
    forward: Forward
    words: tuple[str, ...]
    fix: tuple[str, object] | None = None
    mended: Forward | None = None
    shape: tuple[int, ...] = (1, 28, 28)


_LINEAR = nn.Linear(2704, 10)
_GIVES = "Flattening gives 4 x 26 x 26 = 2704 features, as Linear(2704, 10) expects"
_TOKENS = nn.Conv2d(1, 64, 4, 4)


def flat(net: Any, x: Tensor) -> Any:
    return net.m1(net.m0(x).flatten(1))


def turned(net: Any, x: Tensor) -> Any:
    return net.m1(net.m0(x).flatten(2).transpose(1, 2))


def joined(net: Any, x: Tensor) -> Any:
    return net.m1(torch.cat([net.m0(x), net.m0(x)], 1))


_START = "Start at dimension 1: torch.flatten(x, 1)."
_FROM_TENSOR = "Read the batch size from the tensor: x.view(x.size(0), -1), or torch.flatten(x, 1)."
_SWAP = "Swap the two dimensions before it: x = x.transpose(1, 2)."
_JOIN = "Join them along dimension 1: torch.cat([...], dim=1) gives 4 + 4 = 8."

CASES = {
    "view(32, -1)": Case(
        (conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).view(32, -1)), ("makes 32 rows", _GIVES, _FROM_TENSOR), mended=flat
    ),
    "view(64, 2704)": Case(
        (conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).view(64, 2704)), ("wants 64 rows", "x.view(x.size(0), 2704)"), mended=flat
    ),
    "reshape(33, -1), which cannot be": Case(
        (conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).reshape(33, -1)), ("wants 33 rows", "x.reshape(x.size(0), -1)"), mended=flat
    ),
    "rows of the channels' number": Case(
        (conv(), _LINEAR), lambda n, x: n.m1((h := n.m0(x)).view(h.size(1), -1)), ("makes 4 rows", _FROM_TENSOR), mended=flat
    ),
    "flatten()": Case((conv(), _LINEAR), lambda n, x: n.m1(torch.flatten(n.m0(x))), ("all images of a batch in one row", _GIVES, _START), mended=flat),
    "ravel()": Case((conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).ravel()), ("all images of a batch in one row", _START), mended=flat),
    "view(-1)": Case((conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).view(-1)), ("in one row", "x.view(x.size(0), -1)"), mended=flat),
    "flatten() and a normalisation": Case(
        (conv(), nn.BatchNorm1d(2704)), lambda n, x: n.m1(torch.flatten(n.m0(x))), ("in one row", _START), mended=flat
    ),
    "Flatten(0)": Case(
        (conv(), _LINEAR, nn.Flatten(0)), lambda n, x: n.m1(n.m2(n.m0(x))), ("in one row", _GIVES, "change m2 to Flatten(1)"), ("m2.start_dim", 1)
    ),
    "Flatten(2)": Case(
        (conv(), _LINEAR, nn.Flatten(2)), lambda n, x: n.m1(n.m2(n.m0(x))), ("receives 4 x 676", _GIVES), ("m2.start_dim", 1)
    ),
    "flatten(2)": Case((conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).flatten(2)), ("receives 4 x 676", _GIVES, "from dimension 1"), mended=flat),
    "flatten(2) for another number": Case(
        (conv(), nn.Linear(1000, 10)), lambda n, x: n.m1(n.m0(x).flatten(2)), ("= 2704 features, so the layer must be Linear(2704, 10)",)
    ),
    "flatten(1, 2)": Case((conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).flatten(1, 2)), ("receives 104 x 26", _GIVES), mended=flat),
    "view(-1, 676)": Case(
        (conv(), _LINEAR), lambda n, x: n.m1(n.m0(x).view(-1, 676)), ("rows of 676 values, but an image has 4 x 26 x 26 = 2704", _GIVES), mended=flat
    ),
    "tokens for a Linear": Case((_TOKENS, nn.Linear(64, 8)), lambda n, x: n.m1(n.m0(x).flatten(2)), ("64 x 49", _SWAP), mended=turned),
    "tokens for a LayerNorm": Case((_TOKENS, nn.LayerNorm(64)), lambda n, x: n.m1(n.m0(x).flatten(2)), ("64 x 49", _SWAP), mended=turned),
    "tokens for an LSTM": Case(
        (_TOKENS, nn.LSTM(64, 8, batch_first=True)), lambda n, x: n.m1(n.m0(x).flatten(2)), ("64 x 49", _SWAP), mended=turned
    ),
    "tokens for attention": Case(
        (_TOKENS, nn.TransformerEncoderLayer(64, 4, batch_first=True)), lambda n, x: n.m1(n.m0(x).flatten(2)), (_SWAP,), mended=turned
    ),
    "tokens and a table of positions": Case(
        (_TOKENS, nn.Embedding(49, 64)),
        lambda n, x: n.m0(x).flatten(2) + n.m1.weight,
        ("64 x 49 with a parameter of 49 x 64", "Swap the two dimensions of flatten first"),
        mended=lambda n, x: n.m0(x).flatten(2).transpose(1, 2) + n.m1.weight,
    ),
    "view after permute": Case(
        (conv(), _LINEAR),
        lambda n, x: n.m1(n.m0(x).permute(0, 2, 3, 1).view(x.size(0), -1)),
        ("in memory the values still lie as before permute", "With a single channel", "x.reshape(x.size(0), -1)"),
        mended=lambda n, x: n.m1(n.m0(x).permute(0, 2, 3, 1).reshape(x.size(0), -1)),
    ),
    "channels last": Case(
        (nn.Conv2d(3, 8, 3),),
        lambda n, x: n.m0(x / 255),
        ("Its last size is 3: the channels come last", "x.permute(0, 3, 1, 2)", "--input 3,32,20"),
        mended=lambda n, x: n.m0(x.permute(0, 3, 1, 2)),
        shape=(32, 20, 3),
    ),
    "features last": Case(
        (nn.Linear(16, 32), nn.Conv1d(32, 8, 3)),
        lambda n, x: n.m1(n.m0(x)),
        ("the channels come last", "x.permute(0, 2, 1)"),
        mended=lambda n, x: n.m1(n.m0(x).permute(0, 2, 1)),
        shape=(100, 16),
    ),
    "frames before channels": Case(
        (nn.Conv3d(3, 8, 3),),
        lambda n, x: n.m0(x),
        ("The size 3 is in dimension 2", "x.permute(0, 2, 1, 3, 4)"),
        mended=lambda n, x: n.m0(x.permute(0, 2, 1, 3, 4)),
        shape=(16, 3, 32, 32),
    ),
    "a size that happens to be that of the channels": Case(
        (nn.Conv2d(1, 16, 3), nn.Conv2d(26, 8, 3)), lambda n, x: n.m1(n.m0(x)), ("expects 26 channels",), ("m1.in_channels", 16)
    ),
    "no channel": Case((conv(),), lambda n, x: n.m0(x), ("--input 1,28,28", "x.unsqueeze(1)"), mended=lambda n, x: n.m0(x.unsqueeze(1)), shape=(28, 28)),
    "the batch in the shape": Case((conv(),), lambda n, x: n.m0(x / 255), ("without the batch: 1 x 28 x 28",), shape=(64, 1, 28, 28)),
    "cat along height": Case(
        (conv(), nn.Conv2d(8, 4, 3)), lambda n, x: n.m1(torch.cat([n.m0(x), n.m0(x)], 2)), ("expects 8 channels", "along dimension 2", _JOIN), mended=joined
    ),
    "cat along the batch": Case(
        (conv(), nn.Conv2d(8, 4, 3)), lambda n, x: n.m1(F.relu(torch.cat([n.m0(x), n.m0(x)]))), ("along dimension 0, the batch", _JOIN), mended=joined
    ),
    "stack": Case((conv(), nn.Conv2d(8, 4, 3)), lambda n, x: n.m1(torch.stack([n.m0(x), n.m0(x)], 1)), ("in a new dimension, 1", _JOIN), mended=joined),
    "cat before a normalisation": Case(
        (conv(), nn.BatchNorm2d(8)), lambda n, x: n.m1(torch.cat([n.m0(x), n.m0(x)], -1)), ("along dimension 3", _JOIN), mended=joined
    ),
    "cat that fails itself": Case(
        (conv(4), conv(6)),
        lambda n, x: torch.cat([n.m0(x), n.m1(x)], -1),
        ("It joins along dimension 3", "torch.cat([...], dim=1) gives 4 + 6 = 10"),
        mended=lambda n, x: torch.cat([n.m0(x), n.m1(x)], 1),
    ),
    "cat of features along the batch": Case(
        (nn.Linear(28, 16), nn.Linear(32, 4)),
        lambda n, x: n.m1(torch.cat([n.m0(x), n.m0(x)])),
        ("expects 32 features", "dim=1) gives 16 + 16 = 32"),
        mended=joined,
        shape=(28,),
    ),
    "BatchNorm1d on maps": Case((conv(), nn.BatchNorm1d(4)), lambda n, x: n.m1(n.m0(x)), ("expects 1 or 2 dimensions", "BatchNorm2d(4)"), ("m1.type", "BatchNorm2d")),
    "BatchNorm2d on a row": Case((nn.Linear(28, 9), nn.BatchNorm2d(9)), lambda n, x: n.m1(n.m0(x)), ("BatchNorm1d(9)",), ("m1.type", "BatchNorm1d"), shape=(28,)),
    "Conv1d on maps": Case((conv(), nn.Conv1d(4, 8, 3, padding=1)), lambda n, x: n.m1(n.m0(x)), ("Conv2d(4, 8, kernel_size=3, padding=1)",), ("m1.type", "Conv2d")),
    "Conv2d on a sequence": Case(
        (nn.Conv1d(4, 8, 3), nn.Conv2d(8, 8, 3)), lambda n, x: n.m1(n.m0(x)), ("Conv1d(8, 8, kernel_size=3)",), ("m1.type", "Conv1d"), shape=(4, 99)
    ),
    "MaxPool1d on maps": Case((conv(), nn.MaxPool1d(2)), lambda n, x: n.m1(n.m0(x)), ("MaxPool2d(2)",), ("m1.type", "MaxPool2d")),
    "AdaptiveAvgPool1d on maps": Case((conv(), nn.AdaptiveAvgPool1d(1)), lambda n, x: n.m1(n.m0(x)), (), ("m1.type", "AdaptiveAvgPool2d")),
    "InstanceNorm1d on maps": Case((conv(), nn.InstanceNorm1d(4)), lambda n, x: n.m1(n.m0(x)), (), ("m1.type", "InstanceNorm2d")),
    "Dropout1d on maps": Case((conv(), nn.Dropout1d(0.3)), lambda n, x: n.m1(n.m0(x)), ("Dropout2d(0.3)",), ("m1.type", "Dropout2d")),
    "ReflectionPad1d on maps": Case((conv(), nn.ReflectionPad1d(2)), lambda n, x: n.m1(n.m0(x)), (), ("m1.type", "ReflectionPad2d")),
    "ConvTranspose1d on maps": Case((conv(), nn.ConvTranspose1d(4, 8, 2, 2)), lambda n, x: n.m1(n.m0(x)), (), ("m1.type", "ConvTranspose2d")),
    "Conv3d on maps": Case((conv(), nn.Conv3d(4, 8, 3)), lambda n, x: n.m1(n.m0(x)), (), ("m1.type", "Conv2d")),
    "F.max_pool1d on maps": Case((conv(),), lambda n, x: F.max_pool1d(n.m0(x), 2), ("F.max_pool2d",), mended=lambda n, x: F.max_pool2d(n.m0(x), 2)),
    "MaxPool2d on a row": Case((conv(), nn.MaxPool2d(2)), flat, ("Move it before the flatten",), mended=lambda n, x: n.m1(n.m0(x)).flatten(1)),
    "LayerNorm of channels": Case(
        (conv(), nn.LayerNorm(4)),
        lambda n, x: n.m1(n.m0(x)),
        ("m1(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)", "Or use GroupNorm(1, 4)"),
        mended=lambda n, x: n.m1(n.m0(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
    ),
    "Linear of channels": Case(
        (conv(), nn.Linear(4, 10)),
        lambda n, x: n.m1(n.m0(x)),
        ("AdaptiveAvgPool2d(1), then flatten(1)", "Or, for a Linear at each pixel"),
        mended=lambda n, x: n.m1(F.adaptive_avg_pool2d(n.m0(x), 1).flatten(1)),
    ),
    "Linear of channels, flattened": Case(
        (conv(), nn.Linear(4, 10)), flat, ("AdaptiveAvgPool2d(1) gives 4 x 1 x 1 = 4 features", "Or change m1 to Linear(2704, 10)"), ("m1.in_features", 2704)
    ),
    "the batch moved": Case((nn.Linear(28, 10),), lambda n, x: n.m0(x.T), ("T moves the batch to dimension 1",), mended=lambda n, x: n.m0(x), shape=(28,)),
}  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_what_is_meant_is_said_and_helps(case: Case) -> None:
    model = Calls(case.forward, *case.layers)
    failure = failure_of(model, case.shape)
    for words in case.words:
        assert words in failure.message
    assert (failure.fix and (failure.fix.path, failure.fix.value)) == case.fix
    assert_all_ways_out_help(model, case.shape, failure)
    if case.mended is not None:
        assert trace(Calls(case.mended, *case.layers), case.shape).failure is None


def upsampled(up: nn.Module) -> nn.Module:
    layers = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1), up

    def forward(net: Any, x: Tensor) -> Any:
        skip = net.m0(x)
        return torch.cat([skip, net.m2(net.m1(F.max_pool2d(skip, 2)))], 1)

    return Calls(forward, *layers)


def test_a_decoder_of_odd_size_gets_an_output_padding() -> None:
    model = upsampled(nn.ConvTranspose2d(8, 4, 2, 2))
    failure = failure_of(model, (1, 29, 29))
    assert failure.fix is not None
    assert (failure.fix.path, failure.fix.value) == ("m2.output_padding", 1)
    assert "ConvTranspose2d(8, 4, kernel_size=2, stride=2, output_padding=1)" in failure.message
    assert (
        "Or give the enlarged maps the size of the others: F.interpolate(x, size=(29, 29))."
        in failure.message
    )
    assert "multiples of 2, such as 1 x 30 x 30" in failure.message
    assert_all_ways_out_help(model, (1, 29, 29), failure)


def test_an_upsampling_of_odd_size_gets_the_size_of_the_others() -> None:
    model = upsampled(nn.Upsample(scale_factor=2))
    failure = failure_of(model, (1, 29, 29))
    assert failure.fix is None
    assert (
        " Give the enlarged maps the size of the others: F.interpolate(x, size=(29, 29))." in failure.message
    )
    assert_all_ways_out_help(model, (1, 29, 29), failure)


def test_several_transposed_convolutions_may_need_an_output_padding_each() -> None:
    encoder = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1))
    decoder = nn.Sequential(nn.ConvTranspose2d(16, 8, 3, 2, 1), nn.ConvTranspose2d(8, 1, 3, 2, 1))
    model: nn.Module = Calls(lambda net, x: x - net.m1(net.m0(x)), encoder, decoder)
    for layer in ("m1.0", "m1.1"):
        fix = failure_of(model, (1, 28, 28)).fix
        assert fix is not None
        assert (fix.path, fix.value) == (f"{layer}.output_padding", 1)
        model = edited(model, {fix.path: fix.value})
    assert trace(model, (1, 28, 28)).failure is None


def too_small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


def test_the_smallest_input_of_the_network_is_found_by_tracing() -> None:
    failure = failure_of(too_small(), (1, 12, 12))
    first, fix = failure.ways_out[0]
    assert first.input_shape == (1, 28, 28)
    assert fix is None
    assert "The smallest input with which the network runs is 1 x 28 x 28" in failure.message
    assert "transforms.Resize((28, 28))" in failure.message
    assert failure.message.endswith("Or change 2 to Conv2d(4, 8, kernel_size=5, padding=1).")
    assert trace(too_small(), (1, 28, 28)).failure is None


@pytest.mark.parametrize(("shape", "smallest"), [((1, 5, 40), (1, 14, 40)), ((1, 5, 9), (1, 14, 14))])
def test_only_the_sides_that_are_too_short_grow(shape: tuple[int, ...], smallest: tuple[int, ...]) -> None:
    failure = failure_of(too_small()[:3], shape)  # type: ignore[index]
    assert failure.ways_out[0][0].input_shape == smallest


def test_a_pooling_of_a_single_value_is_no_fix() -> None:
    layers = [layer for _ in range(5) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.MaxPool2d(2, 2))]
    failure = failure_of(nn.Sequential(*layers), (8, 16, 16))
    assert failure.ways_out[0][0].input_shape == (8, 32, 32)
    assert failure.fix is not None
    assert not failure.fix.path.startswith("9.")
    assert "MaxPool2d(1" not in failure.message


@st.composite
def broken(draw: DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """A small network with one thing wrong that an edit of a single layer mends."""
    channels, leaving, side = draw(st.integers(2, 9)), draw(st.integers(2, 9)), draw(st.integers(6, 20))
    body = nn.Conv2d(3, channels, 3)
    other = draw(st.integers(1, 12).filter(lambda count: count != channels))
    features = channels * (side - 2) ** 2
    wrong = draw(
        st.sampled_from(
            [
                [nn.Conv2d(other, leaving, 3)],
                [nn.ConvTranspose2d(other, leaving, 2, 2)],
                [nn.BatchNorm2d(other)],
                [nn.GroupNorm(1, other)],
                [nn.Flatten(), nn.Linear(features + other, leaving)],
                [nn.Flatten(), nn.BatchNorm1d(features + other)],
                [nn.Flatten(0), nn.Linear(features, leaving)],
                [nn.Flatten(2), nn.Linear(features, leaving)],
                [nn.BatchNorm1d(channels)],
                [nn.BatchNorm3d(channels)],
                [nn.InstanceNorm1d(channels)],
                [nn.Conv1d(channels, leaving, 3)],
                [nn.MaxPool1d(2)],
                [nn.AvgPool1d(3, 1, 1)],
                [nn.AdaptiveMaxPool1d(2)],
                [nn.Dropout1d()],
                [nn.MaxPool2d(3, padding=2)],
                [nn.Flatten(), nn.BatchNorm2d(features)],
            ]
        )
    )
    return nn.Sequential(body, *wrong), (3, side, side)


@given(broken())
@settings(max_examples=60, deadline=None)
def test_a_fix_is_offered_and_passes(case: tuple[nn.Module, tuple[int, ...]]) -> None:
    model, shape = case
    failure = failure_of(model, shape)
    assert failure.fix is not None, failure.message
    assert_all_ways_out_help(model, shape, failure)


def test_the_explanation_of_fixed_rows_is_true_for_every_batch() -> None:
    traced = trace(Calls(lambda net, x: x.view(64, -1)), (4, 28, 28))
    [step] = derive(traced, 0).steps
    assert step.substituted == "N x 4 x 28 x 28 -> 64 x N*3136/64"
    assert "a row is one image only in a batch of 64" in step.text
    assert "per image" not in step.text
