"""The registry of operations: every name is in it once, and all names of one operation say the same."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.modules import loss

from cnnviz.language import Message
from cnnviz.operations.calls import layer_operation
from cnnviz.operations.explaining import explain
from cnnviz.operations.explanation import Explanation
from cnnviz.operations.op import FailedCall, Failure, Op, shape_text
from cnnviz.operations.operation import (
    UNKNOWN,
    Operation,
    define,
    named,
    operation_of,
    registered,
    temporarily,
)
from cnnviz.operations.reach import Call, Lattice, Reach
from cnnviz.shapes.derivation import derive, derive_failure
from cnnviz.shapes.receptive_field import receptive_fields
from cnnviz.shapes.text import table_text
from cnnviz.tracing.trace import trace
from tests.shapes.field_networks import Function

# -- what PyTorch has ----------------------------------------------------------------------------------

LAYERS_NOT_EXPLAINED = {
    "Module": "it computes nothing",
    "Container": "it only holds layers",
    "Sequential": "its layers are ops of their own",
    "ModuleList": "it only holds layers",
    "ModuleDict": "it only holds layers",
    "ParameterList": "it only holds parameters",
    "ParameterDict": "it only holds parameters",
    "DataParallel": "it runs another module",
    "Transformer": "its layers are ops of their own",
    "TransformerDecoder": "its layers are ops of their own",
    "TransformerDecoderLayer": "its layers are ops of their own",
    "TransformerEncoder": "its layers are ops of their own",
    "TransformerEncoderLayer": "its layers are ops of their own",
    "RNNBase": "the base of LSTM, GRU and RNN",
    "RNNCellBase": "the base of their cells",
    "AdaptiveLogSoftmaxWithLoss": "a loss: no part of a network's forward",
    "CosineSimilarity": "it takes two inputs and compares them",
    "PairwiseDistance": "it takes two inputs and compares them",
}
FUNCTIONS_NOT_EXPLAINED = {
    "affine_grid": "it makes a grid to sample at, for spatial transformers",
    "grid_sample": "where it reads is decided by data",
    "conv_tbc": "a convolution for sequences that no layer uses",
    "cosine_similarity": "it compares two inputs",
    "pairwise_distance": "it compares two inputs",
    "pdist": "it compares the images of a batch",
    "one_hot": "it takes class numbers",
    "grouped_mm": "for mixtures of experts on GPUs",
    "scaled_mm": "for 8-bit numbers on GPUs",
    "scaled_grouped_mm": "for 8-bit numbers on GPUs",
    "upsample_bilinear": "deprecated; it calls interpolate",
    "upsample_nearest": "deprecated; it calls interpolate",
    "assert_int_or_pair": "PyTorch default",
    "boolean_dispatch": "PyTorch default",
    "handle_torch_function": "PyTorch default",
    "has_torch_function": "PyTorch default",
    "has_torch_function_unary": "PyTorch default",
    "has_torch_function_variadic": "PyTorch default",
}
_LOSS = re.compile(r".*(_loss|cross_entropy|cross_entropy_with_logits)$|kl_div")


def public_layers() -> list[type[nn.Module]]:
    found = [getattr(nn, name) for name in dir(nn) if not name.startswith("_")]
    return [cls for cls in found if isinstance(cls, type) and issubclass(cls, nn.Module)]


def public_functions() -> list[str]:
    names = [name for name in dir(F) if not name.startswith("_")]
    found = [name for name in names if callable(getattr(F, name)) and not inspect.isclass(getattr(F, name))]
    return sorted({name.rstrip("_") for name in found if name != "Optional"})


def test_every_public_layer_is_registered_or_says_why_not() -> None:
    layers = public_layers()
    assert len(layers) > 140
    unknown = {
        cls.__name__
        for cls in layers
        if cls.__module__ != loss.__name__
        and not any(named(base.__name__) is not UNKNOWN for base in cls.__mro__ if base is not nn.Module)
    }
    assert unknown == LAYERS_NOT_EXPLAINED.keys()


def test_every_public_function_is_registered_or_says_why_not() -> None:
    functions = public_functions()
    assert len(functions) > 100
    unknown = {name for name in functions if named(name) is UNKNOWN and not _LOSS.match(name)}
    assert unknown == FUNCTIONS_NOT_EXPLAINED.keys()


def test_a_name_belongs_to_one_operation() -> None:
    with pytest.raises(ValueError, match="relu is relu already"):
        define("relu")
    names = [name for entry in registered() for name in entry.names]
    assert len(names) == len(set(names)) > 400


# -- all names of one operation ------------------------------------------------------------------------

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), (2, 3)),
    **dict.fromkeys(("movedim", "moveaxis"), (1, 3)),
    **dict.fromkeys(("mean", "nanmean", "sum", "nansum", "amax", "amin", "aminmax"), ()),
    **dict.fromkeys(("max", "min", "median", "nanmedian", "mode", "logsumexp"), (2,)),
    **dict.fromkeys(("prod", "all", "any", "count_nonzero"), (2,)),
    **dict.fromkeys(("std", "var", "std_mean", "var_mean"), (2,)),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"), (2,)),
    **dict.fromkeys(("clamp", "clip"), (0.1, 0.9)),
    **dict.fromkeys(("flatten",), ()),
    **dict.fromkeys(("chunk", "unsafe_chunk"), (2, 1)),
    **dict.fromkeys(("repeat", "tile"), ((1, 1, 2, 2),)),
    "dropout": (0.5, False),
}
"""What the functions of an operation are called with behind their input, where they need something."""

CALLED: dict[str, Callable[[Tensor], Any]] = {
    "view": lambda x: x.view(x.shape[0], -1),
    "reshape": lambda x: x.reshape(x.shape[0], -1),
    "ravel": lambda x: x.ravel(),
    "view_as": lambda x: x.view_as(x),
    "reshape_as": lambda x: x.reshape_as(x),
    "expand": lambda x: x[:, :1].expand(x.shape),
    "expand_as": lambda x: x[:, :1].expand_as(x),
    "broadcast_to": lambda x: x[:, :1].broadcast_to(x.shape),
    "T": lambda x: x.flatten(1).T,
    "t": lambda x: x.flatten(1).t(),
    "H": lambda x: x.flatten(1).H,
    "mT": lambda x: x.mT,
    "mH": lambda x: x.mH,
    "adjoint": lambda x: x.adjoint(),
    "cat": lambda x: torch.cat([x, x], 1),
    "concat": lambda x: torch.concat([x, x], 1),
    "concatenate": lambda x: torch.concatenate([x, x], 1),
    "matmul": lambda x: torch.matmul(x[:, 0], x[:, 0].mT),
    "bmm": lambda x: torch.bmm(x[:, 0], x[:, 0].mT),
    "split": lambda x: x.split([1, x.shape[1] - 1], 1),
    "split_with_sizes": lambda x: x.split_with_sizes([1, x.shape[1] - 1], 1),
    "vstack": lambda x: torch.vstack([x, x]),
    "row_stack": lambda x: torch.row_stack([x, x]),
    "expit": torch.special.expit,
    "psi": torch.special.psi,
    "gammaln": torch.special.gammaln,
    "zeros_like": torch.zeros_like,
    "new_zeros": lambda x: x.new_zeros(x.shape),
    "zero": lambda x: (x * 1).zero_(),
    "ones_like": torch.ones_like,
    "new_ones": lambda x: x.new_ones(x.shape),
    "full_like": lambda x: torch.full_like(x, 2.0),
    "new_full": lambda x: x.new_full(x.shape, 2.0),
    "empty_like": torch.empty_like,
    "new_empty": lambda x: x.new_empty(x.shape),
    "rand_like": torch.rand_like,
    "randn_like": torch.randn_like,
    "not_equal": lambda x: x.not_equal(0.5),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "native_channel_shuffle": lambda x: torch.native_channel_shuffle(x, 2),
    **{
        name: (lambda x, name=name: getattr(torch, name)(x, x))
        for name in "ne lt less le less_equal gt greater ge greater_equal eq floor_divide remainder atan2 arctan2 "
        "logical_and logical_or logical_xor".split()
    },
    **{
        f"{name}{suffix}": (lambda x, name=name, suffix=suffix: getattr(x, f"{name}{suffix}")())
        for name, suffix in (("double", ""), ("float", ""), ("half", ""), ("bfloat16", ""))
    },
}
"""How functions are called that take something else."""

NOT_CALLED = frozenset(
    "aminmax mode std_mean var_mean "  # several outputs
    "feature_dropout native_dropout rrelu_with_noise native_batch_norm native_layer_norm native_group_norm im2col col2im "
    "max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices "
    "fractional_max_pool2d fractional_max_pool2d_with_indices fractional_max_pool3d fractional_max_pool3d_with_indices "
    "adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices adaptive_max_pool3d_with_indices "
    "upsample log_sigmoid logsigmoid floordiv mod and or xor mm type cpu cuda addmm baddbmm "
    "rdiv rtruediv zeros ones full empty tensor new_tensor rand randn lstm gru rnn_tanh rnn_relu "
    "bernoulli binomial cauchy exponential geometric log_normal multinomial normal poisson randint randint_like random "
    "randperm standard_gamma uniform kaiming_normal kaiming_uniform orthogonal sparse trunc_normal xavier_normal "
    "xavier_uniform".split()
)
"""What is called by layers and operators alone, or takes no image."""


def call_of(name: str) -> Callable[[Tensor], Any]:
    if name in CALLED:
        return CALLED[name]
    arguments = ARGUMENTS.get(name, ())
    for holder in (torch, F, torch.Tensor):
        if hasattr(holder, name):
            function = getattr(holder, name)
            return lambda x: function(x, *arguments)
    raise AssertionError(f"nobody has {name}")


def said(name: str, shape: tuple[int, ...]) -> tuple[object, ...]:
    """What cnnviz says of a call by this name: kind, explanation, receptive field, multiply-adds."""
    traced = trace(Function(call_of(name)), shape)
    assert traced.failure is None, (name, traced.failure)
    op = next(op for op in reversed(traced.ops) if op.type == name)
    told = explain(op, traced.ops)
    values = {key: str(value) for key, value in told.sentence.values.items() if key not in ("name", "type")}
    field = receptive_fields(traced)[op.index]
    return op.kind, told.rule, told.substituted, told.sentence.template, values, field, op.macs


def several_names() -> Iterator[tuple[Operation, list[str]]]:
    for entry in registered():
        names = [name for name in entry.functions if name not in NOT_CALLED]
        if len(names) > 1:
            yield entry, names


def test_names_are_compared_of_many_operations() -> None:
    compared = {entry.name for entry, _ in several_names()}
    assert {"transpose", "movedim", "T", "sum", "abs", "cat", "cumsum", "expand", "view", "clamp"} <= compared


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 3), st.integers(2, 6))
def test_all_names_of_an_operation_say_the_same(half: int, side: int) -> None:
    shape = (2 * half, side, side)
    for entry, names in several_names():
        first = said(names[0], shape)
        for name in names[1:]:
            assert said(name, shape) == first, f"{name} differs from {names[0]} ({entry.name})"


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(), F.relu),
        (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)),
        (nn.Hardtanh(-2.0, 2.0), lambda x: F.hardtanh(x, -2.0, 2.0)),
        (nn.Softplus(2.0), lambda x: F.softplus(x, 2.0)),
        (nn.Softmax(1), lambda x: x.softmax(1)),
        (nn.MaxPool2d(3, 2, 1), lambda x: F.max_pool2d(x, 3, 2, 1)),
        (nn.AvgPool2d(2), lambda x: F.avg_pool2d(x, 2)),
        (nn.AdaptiveAvgPool2d(2), lambda x: F.adaptive_avg_pool2d(x, 2)),
        (nn.LocalResponseNorm(3), lambda x: F.local_response_norm(x, 3)),
        (nn.PixelShuffle(2), lambda x: F.pixel_shuffle(x, 2)),
        (nn.PixelUnshuffle(2), lambda x: F.pixel_unshuffle(x, 2)),
        (nn.ChannelShuffle(2), lambda x: F.channel_shuffle(x, 2)),
        (nn.ZeroPad2d(1), lambda x: F.pad(x, (1, 1, 1, 1))),
        (nn.Upsample(scale_factor=2), lambda x: F.interpolate(x, scale_factor=2)),
        (nn.Unfold(2), lambda x: F.unfold(x, 2)),
        (nn.Flatten(), lambda x: x.flatten(1)),
        (nn.GLU(1), lambda x: F.glu(x, 1)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_a_layer_and_its_function_say_the_same(
    layer: nn.Module, function: Callable[[Tensor], Tensor]
) -> None:
    of_layer, of_function = trace(nn.Sequential(layer), (4, 6, 6)), trace(Function(function), (4, 6, 6))
    one, other = of_layer.ops[-1], of_function.ops[-1]
    assert operation_of(one) is operation_of(other) is not UNKNOWN
    assert (one.kind, one.macs, one.output_shape) == (other.kind, other.macs, other.output_shape)
    told, also = explain(one, of_layer.ops), explain(other, of_function.ops)
    assert (told.rule, told.substituted, told.sentence.template) == (
        also.rule,
        also.substituted,
        also.sentence.template,
    )
    assert receptive_fields(of_layer)[-1] == receptive_fields(of_function)[-1]


@pytest.mark.parametrize("join", [torch.cat, torch.stack, torch.hstack, torch.vstack])
def test_an_op_keeps_no_tensor_alive(join: Callable[[list[Tensor]], Tensor]) -> None:
    op = trace(Function(lambda x: join([x, x])), (4, 6, 6)).ops[-1]
    assert "tensor" not in repr(op.arguments)


def test_a_reduction_of_a_norm_is_no_normalisation() -> None:
    traced = trace(Function(lambda x: x.norm(dim=1)), (4, 6, 6))
    assert traced.ops[-1].kind == "other"
    assert receptive_fields(traced)[-1].size == (1, 1)


# -- classes of one's own ------------------------------------------------------------------------------


class Renamed(nn.Conv2d):
    """A convolution with another name, and the same forward."""


class Normalised(nn.Conv2d):
    """A convolution that computes otherwise."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight / self.weight.norm(), self.bias) * x.sum()


def test_a_class_that_keeps_forward_is_the_same_operation() -> None:
    traced = trace(nn.Sequential(Renamed(1, 4, 3), nn.Conv2d(4, 4, 3)), (1, 8, 8))
    own = traced.ops[0]
    assert (own.type, own.kind, operation_of(own)) == ("Renamed", "convolution", named("Conv2d"))
    assert "(8 - 3)/1 + 1 = 6" in derive(traced, 0).steps[-1].substituted
    assert [field.size for field in receptive_fields(traced)] == [(3, 3), (5, 5)]
    assert own.macs == 3 * 3 * 4 * 6 * 6


def test_of_a_class_with_a_forward_of_its_own_nothing_is_claimed() -> None:
    traced = trace(nn.Sequential(Normalised(1, 4, 3)), (1, 8, 8))
    assert (traced.ops[0].kind, operation_of(traced.ops[0])) == ("convolution", UNKNOWN)
    assert layer_operation(Normalised(1, 4, 3)).own_forward
    assert not receptive_fields(traced)[0].known


# -- a made-up operation -------------------------------------------------------------------------------


class Halve(nn.Module):
    """Every other row and column; it refuses sides that are odd."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] % 2:
            raise RuntimeError("odd")
        return x[:, :, ::2, ::2]


def _explain(op: Op, _ops: Sequence[Op]) -> Explanation:
    return Explanation("n/2", f"{op.input_shapes[0][1]}/2 = {op.output_shape[1]}", Message("It halves."))


def _reach(call: Call) -> Reach:
    reach = call.first
    for dim in (2, 3):
        row = torch.arange(0, reach.shape[dim], 2).numpy()[None]
        reach = reach.gathered(dim, row, lambda lattice: Lattice.window(lattice, 0, 2, 0))
    return reach


def _diagnose(call: FailedCall, _ops: Sequence[Op]) -> Failure:
    shape = shape_text(call.input_shapes[0])
    return Failure(call.name, call.type, Message("{shape} cannot be halved.", shape=shape))


@pytest.fixture
def halving() -> Iterator[Operation]:
    with temporarily(
        modules=(Halve,),
        kind="pooling",
        explain=_explain,
        reach=_reach,
        diagnose=(_diagnose,),
        macs=lambda _arguments, _received, given: 7 * given,
    ) as entry:
        yield entry


def test_an_operation_that_is_registered_in_one_place_is_known_everywhere(halving: Operation) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), Halve())
    traced = trace(model, (1, 8, 8))
    op = traced.ops[1]
    assert (op.type, op.kind, op.macs) == ("Halve", "pooling", 7 * 2 * 3 * 3)
    assert operation_of(op) is halving
    assert "Halve" in table_text(traced)
    step = derive(traced, 1).steps[-1]
    assert (step.rule, step.substituted, step.text) == ("n/2", "6/2 = 3", "It halves.")
    field = receptive_fields(traced)[1]
    assert (field.size, field.jump) == ((3, 3), (2, 2))


def test_its_diagnosis_is_told_where_it_fails(halving: Operation) -> None:
    traced = trace(nn.Sequential(nn.Conv2d(1, 2, 3), Halve()), (1, 9, 9))
    assert traced.failure is not None
    assert traced.failure.message == "2 x 7 x 7 cannot be halved."
    assert derive_failure(traced).steps[-1].result == (2, 7, 7)


def test_afterwards_it_is_gone() -> None:
    assert named(Halve) is UNKNOWN
    assert [op.type for op in trace(nn.Sequential(Halve()), (1, 8, 8)).ops] == ["getitem"]
