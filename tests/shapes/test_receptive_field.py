"""Receptive fields, checked against the gradient: where it is not zero, the output depends on the input."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from torch import Tensor, nn
from torchvision import models as torchvision_models

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.shapes.receptive_field import ReceptiveField, receptive_fields
from cnnviz.tracing.trace import Trace, trace
from tests.networks import MINI, each, on_meta
from tests.shapes.field_networks import MOVES, Case, Function, Layer, cases
from tests.shapes.random_networks import EXAMPLES

Span = tuple[int, int]


def generic(model: nn.Module) -> nn.Module:
    """Positive weights, no two alike, that keep values small: every dependence shows in the gradient."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        size = max(1, parameter[0].numel()) if parameter.dim() > 1 else 1
        noise = torch.rand(parameter.shape, generator=generator, dtype=parameter.dtype)
        parameter.data = (0.5 + noise) / size
    return model.double().eval()


def touched(output: Tensor, x: Tensor, place: tuple[int, ...]) -> tuple[Span, ...]:
    """From which pixel to which, along each side, the values of all channels at ``place`` depend on."""
    values = output[(0, slice(None), *place)]
    weights = torch.rand(values.shape, generator=torch.Generator().manual_seed(1), dtype=values.dtype)
    (gradient,) = torch.autograd.grad((values * weights).sum(), x, retain_graph=True, allow_unused=True)
    if gradient is None or not gradient.any():
        return ((0, 0),) * (x.dim() - 2)
    seen = torch.nonzero(gradient[0].abs().sum(0))
    return tuple((int(side.min()), int(side.max()) + 1) for side in seen.T)


def clipped(field: ReceptiveField, place: tuple[int, ...]) -> tuple[Span, ...]:
    """The patch as far as it lies in the input."""
    spans = (
        (max(first, 0), min(first + count, side))
        for (first, count), side in zip(field.at(*place), field.image, strict=True)
    )
    return tuple(span if span[0] < span[1] else (0, 0) for span in spans)


def some_places(grid: tuple[int, ...]) -> set[tuple[int, ...]]:
    """The corners and three places between."""
    ends = [tuple(0 if low else count - 1 for count in grid) for low in (True, False)]
    mixed = [(0, grid[-1] - 1), (grid[0] - 1, 0)] if len(grid) == 2 else []
    return {
        *ends,
        *mixed,
        tuple(n // 2 for n in grid),
        tuple(n // 3 for n in grid),
        tuple(n * 3 // 4 for n in grid),
    }


DEGENERATE = (nn.InstanceNorm2d, nn.GroupNorm, nn.Softmax)
"""Of one value alone they make the same number whatever it is."""


def gives_values(traced: Trace) -> bool:
    """Whether the forward came to its end, and none of its tensors is empty."""
    return traced.failure is None and bool(traced.ops) and all(0 not in op.output_shape for op in traced.ops)


def compare(network: nn.Module, shape: tuple[int, ...]) -> None:
    """The claimed patches of some values contain every pixel with a gradient, and no smaller ones do."""
    traced = trace(network, shape)
    assert gives_values(traced), traced.failure and traced.failure.message
    field = receptive_fields(traced)[-1]
    assert field.known
    # Of two images: PyTorch (2.14) gives a wrong gradient where a batch normalisation of one image is transposed.
    x = torch.rand(2, *shape, dtype=torch.double, generator=torch.Generator().manual_seed(2))
    x.requires_grad_()
    output = generic(network)(x)
    if not field.grid:  # it has the same values whatever the image is: a transposed convolution's border, say
        nowhere = ((0, 0),) * (x.dim() - 2)
        assert all(touched(output, x, place) == nowhere for place in product(*map(range, output.shape[2:])))
        return
    assert field.grid == output.shape[2:]
    exact = not any(isinstance(module, DEGENERATE) for module in network.modules())
    for place in some_places(field.grid):
        expected, found = clipped(field, place), touched(output, x, place)
        if exact:
            assert found == expected, place
        for (first, end), (least, most) in zip(found, expected, strict=True):
            assert first == end or (least <= first and end <= most)


@pytest.mark.slow
@given(cases())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
def test_random_networks(case: Case) -> None:
    assume(gives_values(trace(case.network, case.shape)))
    compare(case.network, case.shape)


@pytest.mark.parametrize("move", [MOVES[24], MOVES[28]])
def test_a_single_place_stays_behind_the_channels(move: Layer) -> None:
    compare(nn.Sequential(nn.AdaptiveAvgPool2d(1), Function(move)), (4, 3, 3))


def test_an_output_that_reads_nothing_of_the_image() -> None:
    """The two taps of the only value fall beside the only place of the output."""
    between = nn.ConvTranspose2d(4, 4, 2, padding=1, dilation=2)
    compare(nn.Sequential(nn.AdaptiveAvgPool2d(1), between, nn.BatchNorm2d(4)), (4, 3, 3))


@pytest.mark.parametrize("number", range(len(MOVES)))
def test_every_way_of_moving_places(number: int) -> None:
    """Between convolutions, so that patches have a size, a jump and a border of padding."""
    shape, first, move = (2, 13, 11), nn.Conv2d(2, 4, 3, stride=2, padding=1), Function(MOVES[number])
    channels = trace(nn.Sequential(first, move), shape).ops[-1].output_shape[0]
    compare(nn.Sequential(first, move, nn.Conv2d(channels, 4, 3, padding=1)), shape)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (nn.Sequential(nn.Conv1d(2, 3, 3, 2), nn.AvgPool1d(2), nn.Upsample(scale_factor=3)), (2, 23)),
        (nn.Sequential(nn.Conv3d(1, 2, 3, (1, 2, 1), 1), nn.AvgPool3d(2)), (1, 6, 7, 8)),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), nn.Conv2d(1, 2, 3)), (1, 8, 9)),
        (nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4, 2, 3, padding=1)), (1, 8, 8)),
        (nn.Sequential(nn.ConvTranspose2d(1, 2, 2, 3), nn.Conv2d(2, 2, 2)), (1, 4, 5)),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.AdaptiveAvgPool2d((3, 5))), (1, 7, 8)),
        (nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ChannelShuffle(2), nn.Conv2d(4, 4, 3, groups=4)), (4, 7, 7)),
    ],
)  # fmt: skip
def test_sequences_volumes_and_maps_that_grow(network: nn.Module, shape: tuple[int, ...]) -> None:
    traced = trace(network, shape)
    field = receptive_fields(traced)[-1]
    assert field.grid
    x = torch.rand(1, *shape, dtype=torch.double, requires_grad=True)
    output = generic(network)(x)
    for place in some_places(field.grid):
        found = touched(output, x, place)
        # Of a sequence the channels are a side too: each convolution reads them all.
        assert found == clipped(field, place)[len(field.size) - len(found) :]
    if len(shape) == 2:
        assert field.size[0] == shape[0]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers_look_back_or_both_ways(bidirectional: bool) -> None:
    layer = nn.LSTM(3, 4, batch_first=True, bidirectional=bidirectional).double()
    field = receptive_fields(trace(layer, (7, 3)))[-1]
    x = torch.rand(1, 7, 3, dtype=torch.double, requires_grad=True)
    output = layer(x)[0]
    for step in range(7):
        (gradient,) = torch.autograd.grad(output[0, step].sum(), x, retain_graph=True)
        rows = torch.nonzero(gradient[0].abs().sum(1))
        assert field.at(step)[0] == (0, int(rows.max()) + 1)
    assert field.at(0)[0][1] == (7 if bidirectional else 1)


def small_vit() -> nn.Module:
    return torchvision_models.VisionTransformer(16, 4, 2, 2, 8, 16, num_classes=3)


@pytest.mark.parametrize(
    ("build", "side", "layers"),
    [
        (torchvision_models.resnet18, 48, ["layer1.0.conv2", "layer2.0.conv1", "layer2.0.downsample.0", "layer3.0.conv1"]),
        (torchvision_models.shufflenet_v2_x0_5, 48, ["stage2.0.branch2.3", "stage2.1.branch2.0", "stage2.2.branch2.3"]),
        (torchvision_models.convnext_tiny, 48, ["features.1.0.block.0", "features.1.0.block.5", "features.2.0"]),
        (torchvision_models.swin_t, 56, ["features.1.0.norm2", "features.1.1.norm1", "features.2.reduction"]),
        (torchvision_models.densenet121, 48, ["features.denseblock1.denselayer2.conv2", "features.denseblock2.denselayer1.conv2"]),
        (small_vit, 16, ["conv_proj", "encoder.layers.encoder_layer_1.ln_1"]),
    ],
)  # fmt: skip
def test_no_false_claim_about_models_of_torchvision(
    build: Callable[[], nn.Module], side: int, layers: list[str]
) -> None:
    torch.manual_seed(0)
    model = build().eval()
    traced = trace(model, (3, side, side))
    fields, outputs = receptive_fields(traced), dict[str, Tensor]()
    assert all(field.known for field in fields)
    for name in layers:
        model.get_submodule(name).register_forward_hook(
            lambda _m, _i, out, name=name: outputs.update({name: out})
        )
    x = torch.rand(1, 3, side, side, requires_grad=True)
    model(x)
    for name in layers:
        field, shape = fields[traced.op(name).index], outputs[name].shape
        for place in some_places(field.grid):
            first = shape[1 : 1 + len(place)] == field.grid  # the channels come last, as in a transformer
            output = outputs[name].movedim(-1, 1) if first else outputs[name]
            for (low, high), (least, most) in zip(
                touched(output, x, place), clipped(field, place), strict=True
            ):
                assert low == high or (least <= low and high <= most)


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 3, stride=2)
        self.small = nn.Conv2d(2, 2, 1)
        self.large = nn.Conv2d(2, 2, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return torch.cat([self.small(x), self.large(x)], dim=1) + torch.cat([x, x], dim=1)


def test_branches_see_what_the_widest_of_them_sees() -> None:
    traced = trace(Branches(), (1, 31, 31))
    field = receptive_fields(traced)[-1]
    assert (field.size, field.jump, field.start, field.aligned) == ((11, 11), (2, 2), (-4, -4), True)
    x = torch.ones(1, 1, 31, 31, dtype=torch.double, requires_grad=True)
    assert touched(generic(Branches())(x), x, (6, 6)) == clipped(field, (6, 6))


@each(MINI)
def test_the_last_linear_sees_the_whole_image(architecture: Architecture) -> None:
    traced = trace(architecture.build(), architecture.input_shape)
    fields = receptive_fields(traced)
    assert len(fields) == len(traced.ops)
    last = fields[-1]
    assert last.whole
    assert all(start <= 0 for start in last.start)
    sides = architecture.input_shape[1:]
    assert all(start + size >= side for start, size, side in zip(last.start, last.size, sides, strict=True))
    assert last.same
    first = next(field for field, op in zip(fields, traced.ops, strict=True) if op.kind == "convolution")
    assert first.size == (5, 5)


def test_padding_layers_move_the_start() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.ZeroPad2d((2, 0, 1, 3)), nn.Conv2d(1, 1, 3))
    field = receptive_fields(trace(model, (1, 31, 31)))[-1]
    assert (field.size, field.jump, field.start) == ((7, 7), (2, 2), (-2, -4))
    x = torch.ones(1, 1, 31, 31, dtype=torch.double, requires_grad=True)
    assert touched(generic(model)(x), x, (6, 6)) == clipped(field, (6, 6))


class Pooled(nn.Module):
    """A shortcut of 2 x 2 windows beside 3 x 3 windows with padding: half a pixel apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.max_pool2d(x, 2) + self.conv(x)


def test_branches_of_one_stride_need_not_share_a_centre() -> None:
    assert not receptive_fields(trace(Pooled(), (1, 8, 8)))[-1].aligned
    assert receptive_fields(trace(Branches(), (1, 31, 31)))[-1].aligned


def last_field(function: Layer, *shape: int) -> ReceptiveField:
    return receptive_fields(trace(Function(function), shape))[-1]


def test_slices_of_a_shortcut_keep_size_jump_and_start() -> None:
    """The option A shortcut of He et al. 2016: every other pixel, and channels of zeros."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        Function(lambda x: nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))),
    )
    field = receptive_fields(trace(model, (3, 32, 32)))[-1]
    assert (field.size, field.jump, field.start, field.regular) == ((3, 3), (2, 2), (-1, -1), True)
    resnet = architectures.get("resnet-deep")
    traced = trace(on_meta(resnet), resnet.input_shape)
    fields = receptive_fields(traced)
    added, convolved = (fields[traced.op(f"stages.1.0.{name}").index] for name in ("add", "conv2"))
    assert added.regular
    assert not added.whole
    assert (added.size, added.jump) == (convolved.size, convolved.jump)


def test_enlarged_maps_have_patches_of_different_sizes() -> None:
    enlarged = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 3, padding=1))
    field = receptive_fields(trace(enlarged, (1, 8, 8)))[-1]
    assert (field.regular, field.whole, field.size, field.jump) == (False, False, (2, 2), (0, 0))
    assert [field.at(row, 5)[0] for row in range(4)] == [(0, 1), (0, 2), (0, 2), (1, 2)]


def test_what_is_not_known_is_not_called_whole() -> None:
    field = last_field(lambda x: torch.sort(x, 3)[0], 1, 6, 6)
    assert not field.known
    assert not field.whole
    behind = receptive_fields(
        trace(
            nn.Sequential(
                nn.Conv2d(1, 1, 3), Function(lambda x: torch.fft.fft(x).real), nn.Flatten(), nn.Linear(16, 2)
            ),
            (1, 6, 6),
        )
    )[-1]
    assert not behind.known
    assert behind.at() == ((0, 6), (0, 6))


def test_constants_depend_on_no_pixel() -> None:
    for made in (lambda x: x.new_zeros(2, 3) + 1, lambda x: torch.zeros_like(x) * 2):
        field = last_field(made, 1, 6, 6)
        assert field.nothing
        assert not field.whole
    network = nn.Sequential(nn.Conv2d(1, 2, 3), Function(lambda x: x * torch.ones_like(x).softmax(1)))
    assert receptive_fields(trace(network, (1, 6, 6)))[-1].size == (3, 3)


def test_a_linear_layer_behind_an_unread_border_does_not_see_the_whole_image() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Flatten(), nn.Linear(4, 2))
    field = receptive_fields(trace(model, (1, 6, 6)))[-1]
    assert (field.whole, field.same, field.size, field.start) == (False, True, (5, 5), (0, 0))


def test_circular_padding_sees_both_ends() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")
    field = receptive_fields(trace(layer, (1, 8, 8)))[-1]
    assert field.at(0, 4) == ((0, 8), (3, 3))
    assert field.at(3, 3) == ((2, 3), (2, 3))


def test_norms_over_a_map_see_all_of_it() -> None:
    norms = (nn.GroupNorm(1, 2), nn.InstanceNorm2d(2), nn.BatchNorm2d(2, track_running_stats=False))
    for norm in norms:
        assert receptive_fields(trace(nn.Sequential(nn.Conv2d(1, 2, 3), norm), (1, 8, 8)))[-1].whole
    assert not receptive_fields(trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), (1, 8, 8)))[
        -1
    ].whole


def test_a_layer_of_ones_own_is_not_taken_for_the_one_it_derives_from() -> None:
    class Turned(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.flip(2))

    assert not receptive_fields(trace(Turned(1, 1, 3, padding=1), (1, 8, 8)))[-1].known


def test_any_value_of_an_output_has_its_patch() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.Flatten())
    conv, flat = receptive_fields(trace(model, (1, 9, 9)))
    assert conv.of((1, 2, 3)) == conv.at(2, 3) == ((4, 3), (6, 3))
    assert flat.of((16 + 2 * 4 + 3,)) == ((4, 3), (6, 3))
    tokens = last_field(lambda x: x.flatten(2).permute(2, 0, 1), 3, 4, 5)
    assert tokens.of((7, 0)) == ((1, 1), (2, 1))
