from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz import architectures, trace
from cnnviz.architectures import Architecture
from tests.golden import ARCHITECTURES
from tests.networks import ALL, CHEAP, each, on_meta

GOLDEN = tuple(known for known in ALL if known.key in ARCHITECTURES)
ROWS = ("convolution", "pooling", "normalisation", "linear")


@each(GOLDEN)
def test_golden_numbers(architecture: Architecture) -> None:
    golden = ARCHITECTURES[architecture.key]
    traced = trace(on_meta(architecture), architecture.input_shape)
    assert list(traced.input_shape) == golden["input_shape"]
    assert traced.failure is None
    assert list(traced.ops[-1].output_shape) == golden["output_shape"]
    assert traced.total_params == golden["total_params"]
    assert traced.macs == golden["macs"]
    layers = [
        [op.type, list(op.output_shape), op.params] for op in traced.ops if op.module and op.kind in ROWS
    ]
    assert layers == golden["layers"]


@each(ALL)
def test_macs_are_half_of_pytorchs_flops(architecture: Architecture) -> None:
    model = on_meta(architecture).eval()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *architecture.input_shape, device="meta"))
    assert trace(model, architecture.input_shape).macs * 2 == counter.get_total_flops()


@each(CHEAP)
def test_shapes_are_those_of_a_real_pass(architecture: Architecture) -> None:
    model = architecture.build().eval()
    real: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda _m, _i, out, name=name: real.update({name: tuple(out.shape[1:])}))
    model(torch.zeros(1, *architecture.input_shape))
    traced = trace(model, architecture.input_shape)
    last = {op.module: op.output_shape for op in traced.ops if op.module}
    assert last
    assert all(real[name] == shape for name, shape in last.items())


def test_names_and_links_of_an_inception_module() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 28, 28))
    cat = traced.op("incep1.cat")
    assert [traced.ops[i].name for i in cat.inputs] == [
        "incep1.branch1x1",
        "incep1.branch5x5_2",
        "incep1.branch3x3_3",
        "incep1.branch_pool",
    ]
    assert cat.kind == "merge"
    assert cat.input_shapes == ((16, 12, 12), (24, 12, 12), (24, 12, 12), (24, 12, 12))
    assert traced.op("incep2.avg_pool2d").kind == "pooling"
    assert traced.op("relu_2").inputs == (traced.op("mp_2").index,)
    assert traced.ops[0].inputs == (-1,)
    assert traced.op("mp_2").module == "mp"
    assert traced.op("mp_2").reused


def test_residual_addition_has_two_inputs() -> None:
    traced = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    add = traced.op("rblock1.add")
    assert [traced.ops[i].name for i in add.inputs] == ["mp", "rblock1.conv2"]


def test_a_single_layer_is_a_model() -> None:
    traced = trace(nn.Conv2d(3, 8, 3), (3, 9, 9))
    assert [(op.name, op.output_shape, op.params) for op in traced.ops] == [("conv2d", (8, 7, 7), 224)]


class MixesImages(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 4)
        self.fc = nn.Linear(80, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).view(-1, 80))  # 16 x 5 x 5 = 400 values an image


def test_a_view_that_mixes_the_images_of_a_batch_is_named() -> None:
    traced = trace(MixesImages(), (1, 8, 8))
    assert traced.failure is None
    assert traced.mixing_op == "view"
    assert "view mixes the images" in str(traced)


@each(ALL)
def test_no_architecture_mixes_images(architecture: Architecture) -> None:
    assert trace(on_meta(architecture), architecture.input_shape).mixing_op is None


def test_batch_normalisation_reports_a_wrong_channel_count() -> None:
    traced = trace(nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(7)), (1, 8, 8))
    assert traced.failure is not None
    assert (traced.failure.expected, traced.failure.received) == (7, 3)
    assert traced.failure.fix is not None
    assert traced.failure.fix.path == "1.num_features"
