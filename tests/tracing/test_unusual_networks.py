"""Forwards that do what a textbook does not: the trace says what happened, or in a sentence why it cannot."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.tracing.capture import capture
from cnnviz.tracing.trace import trace
from tests.shapes.networks import Calls, NeedsData, OnTheCpu


@pytest.mark.parametrize(("model", "shape"), [(NeedsData(), (4,)), (OnTheCpu(), (4,))])
def test_a_forward_that_needs_data_is_traced_in_a_real_pass(model: nn.Module, shape: tuple[int, ...]) -> None:
    traced = trace(model, shape)
    assert traced.real_pass
    assert traced.failure is None
    assert traced.ops[-1].output_shape == tuple(model(torch.ones(1, *shape)).shape[1:])


def picks(x: Tensor) -> int:
    try:
        return int(x.sum().item())
    except RuntimeError:
        return 0


@pytest.mark.parametrize(
    "use",
    [
        torch.nonzero,
        torch.argwhere,
        torch.unique,
        torch.Tensor.tolist,
        torch.Tensor.numpy,
        picks,
        lambda x: x[x > 0],
        lambda x: x[:, : x.argmax()],
        lambda x: x.masked_select(x > 0),
        lambda x: torch.where(x > 0),
        lambda x: torch.bincount(x.long().flatten()),
        lambda x: torch.equal(x, x),
        lambda x: torch.allclose(x, x),
        lambda x: f"{x.mean():.2f}",
        lambda x: "%d" % x.mean(),  # noqa: UP031  an old way, and people's
        lambda x: float(x.mean()),
        lambda x: 3 in x,
        lambda x: 1 if (x > 0).any() else 2,
        lambda x: x.view(x.shape[0], (x.long() * 0 + 4)[0, 0]),
        lambda x: torch.linalg.lstsq(x, x),
    ],
)
def test_what_needs_values_is_run_on_the_cpu_once(use: Callable[[Tensor], Any]) -> None:
    def uses(net: Any, x: Tensor) -> Tensor:
        use(x)
        return net.m0(x)

    traced = trace(Calls(uses, nn.Linear(4, 3)), (4,))
    assert traced.failure is None
    assert traced.real_pass
    assert traced.ops[-1].output_shape == (3,)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.interpolate(x, size=3),  # PyTorch says NotImplementedError, on every device
        lambda x: x @ x[:, :3],
        lambda x: F.linear(x, torch.zeros(2, 5)),
    ],
)
def test_what_is_wrong_on_the_cpu_too_is_no_question_of_values(call: Callable[[Tensor], Any]) -> None:
    traced = trace(Calls(lambda net, x: call(x)), (4,))
    assert traced.failure is not None
    assert not traced.real_pass


@pytest.mark.parametrize("shape", [(), (0, 28, 28), (-1, 28, 28), (1, 2.5, 28), (1, 10**9, 28)])
def test_impossible_input_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="must consist of integers from 1"):
        trace(nn.ReLU(), shape)


def test_a_model_that_cannot_be_copied() -> None:
    model = nn.Linear(2, 2)
    model.generator = (value for value in ())  # type: ignore[assignment]
    with pytest.raises(CnnvizError, match="Linear cannot be copied"):
        trace(model, (2,))


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


class CallsForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.block = nn.Sequential(nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.block.forward(self.conv.forward(x))


def test_layers_whose_forward_is_called_directly() -> None:
    traced = trace(CallsForward(), (1, 6, 6))
    assert [(op.name, op.params) for op in traced.ops] == [("conv", 20), ("block.0", 0)]


def test_a_forward_of_a_layers_own() -> None:
    layer = nn.Linear(4, 2)
    original = layer.forward
    layer.forward = lambda input: original(input) * 2  # noqa: A006
    traced = trace(nn.Sequential(layer), (4,))
    assert [(op.name, op.output_shape, op.params) for op in traced.ops] == [("0", (2,), 10)]
    assert torch.equal(layer(torch.ones(1, 4)), original(torch.ones(1, 4)) * 2)


def test_what_is_computed_once_for_all_images_counts_in_full() -> None:
    def adds_a_table(net: Any, x: Tensor) -> Tensor:
        return x + net.m0(torch.zeros(3, 5, device=x.device)).sum()

    def starts_with_zeros(net: Any, x: Tensor) -> Tensor:
        return x + net.m0(torch.zeros(x.shape[0], 5, device=x.device)).sum()

    assert trace(Calls(adds_a_table, nn.Linear(5, 4)), (6,)).macs == 3 * 5 * 4
    assert trace(Calls(starts_with_zeros, nn.Linear(5, 4)), (6,)).macs == 5 * 4


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (Calls(lambda net, x: x if x.sum() > 0 else -x), "might not fit into memory"),
    ],
)
def test_what_cannot_be_traced_is_said_in_a_sentence(model: nn.Module, match: str) -> None:
    with pytest.raises(CnnvizError, match=match):
        trace(model, (3, 100_000, 1_000_000))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_scripted_modules_are_refused() -> None:
    scripted = torch.jit.script(nn.Linear(3, 2))
    for model in (scripted, nn.Sequential(nn.ReLU(), scripted)):
        with pytest.raises(CnnvizError, match="scripted module hides its operations"):
            trace(model, (3,))


class Lazy(nn.Module):
    """Layers that learn how many channels they get from their first input, and one that never gets any."""

    def __init__(self, decides: bool) -> None:
        super().__init__()
        self.conv = nn.LazyConv2d(6, 5, padding=2)
        self.norm = nn.LazyBatchNorm2d()
        self.fc = nn.LazyLinear(10)
        self.unused = nn.LazyLinear(10)
        self.decides = decides

    def forward(self, x: Tensor) -> Tensor:
        if self.decides and x.sum() < 0:
            return x
        return self.fc(F.avg_pool2d(self.norm(self.conv(x)), 2).flatten(1))


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("decides", [False, True])
def test_lazy_layers_get_their_sizes_on_the_copy(decides: bool) -> None:
    model = Lazy(decides)
    traced = trace(model, (1, 28, 28))
    assert traced.failure is None
    assert traced.real_pass == decides
    found = [(op.name, op.type, op.params) for op in traced.ops if op.params]
    assert found == [("conv", "Conv2d", 156), ("norm", "BatchNorm2d", 12), ("fc", "Linear", 11_770)]
    assert traced.total_params == 11_938
    assert isinstance(model.fc, nn.LazyLinear)
    assert model.fc.has_uninitialized_params()
    assert trace(model, (1, 14, 14)).op("fc").params == 2_950  # another input, other sizes


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_a_failure_before_a_lazy_layer_is_diagnosed() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.Conv2d(5, 4, 3), nn.LazyLinear(3))
    traced = trace(model, (1, 9, 9))
    assert traced.failure is not None
    assert (traced.failure.name, traced.failure.expected, traced.failure.received) == ("1", 5, 4)


@pytest.mark.parametrize(
    "moved",
    [
        lambda net, x: x.to("cuda"),
        lambda net, x: x.to("mps", non_blocking=True),
        lambda net, x: x.to(torch.device("cuda:0"), torch.float32),
        lambda net, x: x.to(device="cuda"),
        lambda net, x: x.to(0),
        lambda net, x: x.cuda(),
        lambda net, x: x.type(torch.cuda.FloatTensor),
        lambda net, x: x.type("torch.cuda.FloatTensor"),
        lambda net, x: x.cpu(),
        lambda net, x: x + torch.zeros(4, device="cuda"),
        lambda net, x: x * torch.tensor([2.0]).cuda(),
        lambda net, x: x + torch.ones_like(x, device="cuda"),
        lambda net, x: x + net.m0.to("cuda").bias.sum(),
    ],
)
def test_other_devices_are_the_one_of_the_pass(moved: Callable[[Any, Tensor], Tensor]) -> None:
    traced = trace(Calls(lambda net, x: net.m0(moved(net, x)), nn.Linear(4, 3)), (4,))
    assert traced.failure is None
    assert not traced.real_pass
    assert traced.ops[-1].output_shape == (3,)


def test_what_is_moved_to_the_cpu_for_numpy_has_values() -> None:
    def by_numpy(net: Any, x: Tensor) -> Tensor:
        return net.m0(torch.from_numpy(x.cpu().numpy() * 2).to("cuda"))

    traced = trace(Calls(by_numpy, nn.Linear(4, 3)), (4,))
    assert traced.failure is None
    assert traced.real_pass


class ChannelsLast(nn.Module):
    """A norm of a person's own, called as a function, on the channels of maps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias).permute(
            0, 3, 1, 2
        )


class NormAndActivation(nn.BatchNorm2d):
    """A norm with a layer inside: it is no leaf, and calls the function."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("norm", "name"), [(ChannelsLast(8), "layer_norm"), (NormAndActivation(8), "batch_norm")]
)
def test_norms_that_are_called_as_functions_have_their_parameters(norm: nn.Module, name: str) -> None:
    traced = trace(nn.Sequential(norm, norm), (8, 6, 6))
    rows = [(op.name, op.params, op.reused) for op in traced.ops if op.type == name]
    assert rows == [(f"0.{name}", 16, False), (f"0.{name}_2", 0, True)]
    assert traced.unexecuted == ()


class Words(nn.Module):
    """A table of 30 words as a layer, and one as a bare parameter; ``use`` tells what is done with the input."""

    def __init__(self, use: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        self.rows = nn.Parameter(torch.zeros(30, 8))
        self.places = nn.Embedding(6, 8)
        self.use = use

    def forward(self, x: Tensor) -> Tensor:
        return self.use(self, x)


@pytest.mark.parametrize(
    ("use", "below"),
    [
        (lambda net, x: net.embed(x), 30),
        (lambda net, x: net.embed(x * 1) + net.places(torch.arange(x.shape[1])), 30),
        (lambda net, x: net.embed(x) + net.places(x) if x.sum() >= 0 else x, 30),
        (lambda net, x: F.embedding(x, net.rows), 30),
        (lambda net, x: net.rows[x], 30),
        (lambda net, x: F.one_hot(x, 8), 2),
        (lambda net, x: net.embed(x.long()), None),
    ],
)
def test_integers_go_in_where_they_are_needed(
    use: Callable[[Any, Tensor], Tensor], below: int | None
) -> None:
    traced = trace(Words(use), (6,))
    assert traced.failure is None
    assert traced.integers_below == below
    assert traced.ops[-1].output_shape == (6, 8)


def test_a_failure_behind_an_embedding_is_the_one_that_is_told() -> None:
    failure = trace(nn.Sequential(nn.Embedding(30, 8), nn.Linear(7, 2)), (6,)).failure
    assert failure is not None
    assert (failure.name, failure.expected, failure.received) == ("1", 7, 8)


seen_by_hooks: list[Tensor] = []


def keeps_two_channels(layer: nn.Module, given: Any, output: Tensor) -> Tensor:
    seen_by_hooks.append(output)
    return output[:, :2]


class Watcher:
    """Counts what passes, and keeps two channels of it."""

    def __init__(self) -> None:
        self.count = 0

    def after(self, layer: nn.Module, given: Any, output: Tensor) -> Tensor:
        self.count += 1
        return output[:, :2]

    def before(self, layer: nn.Module, given: Any, named: Any) -> Any:
        self.count += 1
        return (given[0][:, :2],), named


def hooked(register: Callable[[nn.Module], Any]) -> nn.Module:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(2, 3, 3)).eval()
    register(model)
    return model


WATCHER = Watcher()


@pytest.mark.parametrize(
    "register",
    [
        lambda model: model[0].register_forward_hook(keeps_two_channels),
        lambda model: model[0].register_forward_hook(WATCHER.after),
        lambda model: model[1].register_forward_pre_hook(WATCHER.before, with_kwargs=True),
    ],
)
def test_hooks_that_change_what_passes_are_honoured_on_copies(register: Callable[[nn.Module], Any]) -> None:
    model = hooked(register)
    traced = trace(model, (1, 8, 8))
    assert [(op.name, op.output_shape) for op in traced.ops] == [
        ("0", (4, 6, 6)),
        ("getitem", (2, 6, 6)),
        ("1", (3, 4, 4)),
    ]
    assert (seen_by_hooks, WATCHER.count) == ([], 0)
    assert len(capture(model, torch.zeros(1, 1, 8, 8), traced)) == 3  # the model's own pass is the same
    seen_by_hooks.clear()
    WATCHER.count = 0


def test_a_forward_that_removes_its_hook_keeps_it() -> None:
    def once(net: Any, x: Tensor) -> Tensor:
        x = net.m0(x)
        net.handle.remove()
        return net.m0(x)

    model = Calls(once, nn.Linear(4, 4))
    model.handle = model.m0.register_forward_hook(lambda layer, given, output: output.tanh())  # type: ignore[assignment, union-attr]
    assert [op.name for op in trace(model, (4,)).ops] == ["m0", "tanh", "m0_2"]
    assert len(model.m0._forward_hooks) == 1  # type: ignore[arg-type]


@torch.compile
def compiled(x: Tensor) -> Tensor:
    return F.gelu(x)


def in_place(model: nn.Module) -> nn.Module:
    model.compile()
    return model


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (
            nn.Sequential(torch.compile(nn.Conv2d(1, 4, 3)), nn.Conv2d(4, 4, 3)),  # type: ignore[arg-type]
            ["0._orig_mod", "1"],
        ),
        (nn.Sequential(in_place(nn.Conv2d(1, 4, 3)), nn.Conv2d(4, 4, 3)), ["0", "1"]),
        (Calls(lambda net, x: compiled(net.m0(x)), nn.Conv2d(1, 4, 3)), ["m0", "gelu"]),
        (
            Calls(
                lambda net, x: F.conv2d(x, net.m0.weight, None, net.m0.stride),
                torch.compile(nn.Conv2d(1, 4, 3)),
            ),  # type: ignore[arg-type]
            ["conv2d"],
        ),
    ],
)
def test_compiled_parts_are_what_they_were_compiled_from(model: nn.Module, names: list[str]) -> None:
    traced = trace(model, (1, 8, 8))
    assert [op.name for op in traced.ops] == names
    unused = {entry.name for entry in traced.unexecuted} - set(traced.used_directly)
    assert unused <= {"m0._orig_mod.bias"}


def writes_a_slice(net: Any, x: Tensor) -> Tensor:
    y = F.relu(x)
    y[:, 0] = 0
    return net.m0(y)


def writes_by_mask(net: Any, x: Tensor) -> Tensor:
    y = F.relu(x)
    y[x < 0] = 0
    return net.m0(y)


def puts_together(net: Any, x: Tensor) -> Tensor:
    first, second = F.relu(x), x.tanh()
    out = torch.zeros(x.shape[0], 4, 6, 6, device=x.device)
    out[:, :2] = first[:, :2]
    out[:, 2:] = second[:, :2]
    return net.m0(out)


@pytest.mark.parametrize(
    ("function", "links"),
    [
        (writes_a_slice, {"setitem": ("relu",), "m0": ("setitem",)}),
        (writes_by_mask, {"setitem": ("relu", "lt"), "m0": ("setitem",)}),
        (
            puts_together,
            {
                "setitem": ("zeros", "getitem"),
                "setitem_2": ("setitem", "getitem_2"),
                "m0": ("setitem_2",),
            },
        ),
    ],
)
def test_writing_into_a_part_of_a_tensor_is_an_operation(
    function: Callable[[Any, Tensor], Tensor], links: dict[str, tuple[str, ...]]
) -> None:
    model = Calls(function, nn.Conv2d(4, 2, 3)).eval()
    traced = trace(model, (4, 6, 6))
    assert not traced.real_pass
    found = {op.name: tuple(traced.ops[index].name for index in op.inputs) for op in traced.ops if op.inputs}
    assert links.items() <= found.items()
    assert traced.op("setitem").output_shape == (4, 6, 6)
    x = torch.randn(1, 4, 6, 6)
    captured = capture(model, x, traced)
    assert torch.equal(captured[-1], model(x))
    written = captured[traced.op("m0").inputs[0]]
    assert torch.equal(model.m0(written.clone()), captured[-1])  # type: ignore[operator]


def test_a_write_that_does_not_fit_ends_the_trace() -> None:
    def writes(net: Any, x: Tensor) -> Tensor:
        x = F.relu(x)
        x[:, :2] = x[:, :3]
        return x

    failure = trace(Calls(writes), (4, 6, 6)).failure
    assert failure is not None
    assert failure.name == "setitem"
    assert "3" in failure.message
    assert "2" in failure.message
