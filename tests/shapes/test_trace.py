from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.shapes.trace import trace
from tests.golden import ARCHITECTURES
from tests.networks import ALL, CHEAP, each, on_meta

GOLDEN = tuple(known for known in ALL if known.key in ARCHITECTURES)
ROWS = ("convolution", "pooling", "normalisation", "linear")


def params(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


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


class Thrice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.fc(self.fc(x)))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(8, 8, bias=False)
        self.b = nn.Linear(8, 8, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.a(x))


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Linear(4, 4)
        self.unused = nn.Linear(99, 5)
        self.bare = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x) * self.bare


class NeedsData(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) if x.sum() > 0 else self.fc(-x)


class OnTheCpu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.ones(4)


class Dictionary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch = Thrice()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"out": F.relu(self.branch(x=x))}


def test_a_layer_called_three_times_has_its_parameters_once() -> None:
    traced = trace(Thrice(), (4,))
    assert [(op.name, op.params, op.reused) for op in traced.ops] == [
        ("fc", 20, False),
        ("fc_2", 0, True),
        ("fc_3", 0, True),
    ]
    assert traced.total_params == 20
    assert traced.macs == 3 * 16


def test_tied_weights_count_once() -> None:
    traced = trace(Tied(), (8,))
    assert traced.total_params == 64
    assert [(op.params, op.reused) for op in traced.ops] == [(64, False), (0, True)]


def test_what_is_declared_but_not_executed_is_listed() -> None:
    traced = trace(Unused(), (4,))
    assert {entry.name: entry.params for entry in traced.unexecuted} == {
        "bare": 4,
        "unused.weight": 495,
        "unused.bias": 5,
    }
    carried = sum(op.params for op in traced.ops)
    assert carried + sum(entry.params for entry in traced.unexecuted) == traced.total_params == 524


@pytest.mark.parametrize(("model", "shape"), [(NeedsData(), (4,)), (OnTheCpu(), (4,))])
def test_a_forward_that_needs_data_is_traced_in_a_real_pass(model: nn.Module, shape: tuple[int, ...]) -> None:
    traced = trace(model, shape)
    assert traced.real_pass
    assert traced.failure is None
    assert traced.ops[-1].output_shape == tuple(model(torch.ones(1, *shape)).shape[1:])


def test_keyword_calls_and_dictionaries() -> None:
    traced = trace(Dictionary(), (4,))
    assert [op.name for op in traced.ops] == ["branch.fc", "branch.fc_2", "branch.fc_3", "relu"]


def test_attention_is_one_op_with_its_macs() -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).eval()
    traced = trace(layer, (5, 16))
    projections, scores_and_values = 5 * 16 * 16 * 4, 2 * 5 * 5 * 16
    assert traced.op("self_attn").params == params(layer.self_attn)
    assert traced.op("self_attn").macs == projections + scores_and_values
    # On the CPU the counter does not see into fused attention; on the meta device it does.
    with FlopCounterMode(display=False) as counter:
        layer.to("meta")(torch.zeros(1, 5, 16, device="meta"))
    assert traced.macs * 2 == counter.get_total_flops()


def test_nothing_of_the_model_or_the_process_changes() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Dropout()).train()
    called = []
    model.register_forward_hook(lambda *_: called.append(1))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    rng = torch.get_rng_state()
    trace(model, (1, 8, 8))
    trace(model, (2, 8, 8))  # fails: two channels where one is expected
    assert torch.equal(torch.get_rng_state(), rng)
    assert model.training
    assert not called
    assert len(model._forward_hooks) == 1
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None and p.device.type == "cpu" for p in model.parameters())


def test_batch_normalisation_reports_a_wrong_channel_count() -> None:
    traced = trace(nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(7)), (1, 8, 8))
    assert traced.failure is not None
    assert (traced.failure.expected, traced.failure.received) == (7, 3)
    assert traced.failure.fix is not None
    assert traced.failure.fix.path == "1.num_features"


@pytest.mark.parametrize("shape", [(), (0, 28, 28), (-1, 28, 28), (1, 2.5, 28), (1, 10**9, 28)])
def test_impossible_input_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="is not possible"):
        trace(nn.ReLU(), shape)


def test_a_model_that_cannot_be_copied() -> None:
    model = nn.Linear(2, 2)
    model.generator = (value for value in ())  # type: ignore[assignment]
    with pytest.raises(CnnvizError, match="Linear cannot be copied"):
        trace(model, (2,))


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


class Calls(nn.Module):
    """A network whose forward is the given function; its layers are ``m0``, ``m1``, ..."""

    def __init__(self, function: Callable[[Any, Tensor], Any], *layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for number, layer in enumerate(layers):
            self.add_module(f"m{number}", layer)

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def catches(net: Any, x: Tensor) -> Tensor:
    with contextlib.suppress(RuntimeError):
        net.m0(x)
    return net.m1(x)


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (lambda net, x: torch.add(x, x, alpha=2), ["add"]),
        (lambda net, x: torch.cat([x, x], axis=1), ["cat"]),
        (lambda net, x: F.relu(F.relu(x).data), ["relu", "relu_2"]),
        (lambda net, x: x + torch.zeros(x.shape, device=x.device), ["zeros", "add"]),
        (lambda net, x: [*x.chunk(2, dim=1)], ["chunk"]),
        (lambda net, x: None, []),
        (catches, ["m1"]),
    ],
)
def test_unusual_forwards(function: Callable[[Any, Tensor], Any], names: list[str]) -> None:
    traced = trace(Calls(function, nn.Linear(7, 2), nn.Conv2d(4, 2, 1)), (4, 6, 6))
    assert traced.failure is None
    assert [op.name for op in traced.ops] == names


def test_data_comes_from_the_same_op() -> None:
    traced = trace(Calls(lambda net, x: F.relu(F.relu(x).data)), (4,))
    assert traced.ops[1].inputs == (0,)


def test_a_failure_after_a_caught_one_is_diagnosed() -> None:
    failure = trace(Calls(catches, nn.Linear(7, 2), nn.Conv2d(3, 2, 1)), (4, 6, 6)).failure
    assert failure is not None
    assert (failure.name, failure.expected, failure.received) == ("m1", 3, 4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_other_precisions(dtype: torch.dtype) -> None:
    model = nn.Sequential(nn.Conv1d(3, 2, 3), nn.LayerNorm(6), nn.Flatten(), nn.Linear(12, 2)).to(dtype)
    assert trace(model, (3, 8)).failure is None


def test_layers_in_a_plain_list_are_traced_without_their_hooks() -> None:
    called = []
    layer = nn.Linear(4, 4)
    layer.register_forward_hook(lambda *_: called.append(1))
    model = Calls(lambda net, x: net.hidden[0](x))
    model.hidden = [layer]  # type: ignore[assignment]
    assert trace(model, (4,)).ops[-1].output_shape == (4,)
    assert not called


def test_the_real_pass_leaves_the_weights_alone() -> None:
    def writes(net: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            net.m0.weight.zero_()
        return net.m0(x) if x.sum() > 0 else x

    layer = nn.Linear(4, 4)
    before = layer.weight.clone()
    assert trace(Calls(writes, layer), (4,)).real_pass
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (nn.Sequential(nn.LazyLinear(3)), "lazy layers"),
        (Calls(lambda net, x: x if x.sum() > 0 else -x), "does not fit into memory"),
    ],
)
def test_what_cannot_be_traced_is_said_in_a_sentence(model: nn.Module, match: str) -> None:
    with pytest.raises(CnnvizError, match=match):
        trace(model, (3, 100_000, 1_000_000))


def test_tracing_in_one_thread_leaves_seeded_weights_in_another_alone() -> None:
    architecture = architectures.get("inception-mini")
    expected = architecture.build_seeded(3).state_dict()
    model = architecture.build()
    over = threading.Event()

    def keep_tracing() -> None:
        while not over.is_set():
            trace(model, (1, 28, 28))

    tracers = [threading.Thread(target=keep_tracing) for _ in range(2)]
    for tracer in tracers:
        tracer.start()
    try:
        built = [architecture.build_seeded(3).state_dict() for _ in range(25)]
    finally:
        over.set()
        for tracer in tracers:
            tracer.join()
    assert all(torch.equal(state[name], expected[name]) for state in built for name in expected)


@pytest.mark.parametrize(
    "name",
    "vgg16 resnet18 densenet121 googlenet mobilenet_v3_small swin_t vit_b_16 convnext_tiny regnet_y_400mf "
    "shufflenet_v2_x1_0 squeezenet1_0 efficientnet_b0 mnasnet0_5 resnext50_32x4d inception_v3".split(),
)
def test_torchvisions_models(name: str) -> None:
    from cnnviz.models import resolve

    model, shape = resolve(f"torchvision:{name}", {})
    assert shape is not None
    traced = trace(model, shape)
    assert traced.failure is None
    assert traced.mixing_op is None
    assert traced.total_params == params(model)
    carried = sum(op.params for op in traced.ops) + sum(entry.params for entry in traced.unexecuted)
    assert carried == traced.total_params
    model = model.to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, *shape, device="meta"))
    assert traced.macs * 2 == counter.get_total_flops()
