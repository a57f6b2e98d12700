"""What is said of each kind of operation; formulas are checked against PyTorch's own numbers."""

from __future__ import annotations

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.operations.window_arithmetic import Side, adaptive_windows
from cnnviz.shapes.derivation import Step, derive
from cnnviz.tracing.trace import trace


class Calls(nn.Module):
    """A network that is one function."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)  # type: ignore[operator, no-any-return]


def told(model: nn.Module, *shape: int) -> Step:
    traced = trace(model, shape)
    assert traced.failure is None
    return derive(traced, len(traced.ops) - 1).steps[-1]


BATCH = ("over batch x 4 x 4 values", "in evaluation it uses these averages", "6 of each")


@pytest.mark.parametrize(
    ("layer", "rule", "words"),
    [
        (
            nn.BatchNorm2d(6),
            "y = (x - mean)/√(var + 1e-05) * gamma + beta",
            (*BATCH, "each of the 6 channels"),
        ),
        (nn.BatchNorm2d(6, eps=0.5, affine=False), "y = (x - mean)/√(var + 0.5)", ("nothing is learned",)),
        (nn.BatchNorm2d(6, track_running_stats=False), "+ beta", ("always those of the current batch",)),
        (nn.LayerNorm([6, 4, 4]), "* gamma + beta", ("6 x 4 x 4 = 96 values of each image", "96 of each")),
        (nn.LayerNorm(4, elementwise_affine=False), "(var + 1e-05)", ("each 4 of the last", "alike")),
        (nn.GroupNorm(3, 6), "* gamma + beta", ("each of 3 groups of 2 channels", "6 of each", "alike")),
        (
            nn.InstanceNorm2d(6),
            "(var + 1e-05)",
            ("each map of each image", "4 x 4 = 16 values", "nothing is learned"),
        ),
        (nn.RMSNorm([4]), "mean(x²)", ("root mean square",)),
        (
            nn.LocalResponseNorm(5),
            "y = x/(1 + 0.0001/5 * Σ x²)^0.75",
            ("the 5 channels around it", "no parameters"),
        ),
    ],
)
def test_normalisations(layer: nn.Module, rule: str, words: tuple[str, ...]) -> None:
    step = told(layer, 6, 4, 4)
    assert rule in step.substituted
    assert step.result == (6, 4, 4)
    for word in words:
        assert word in step.text


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(),
        nn.ReLU6(),
        nn.LeakyReLU(0.2),
        nn.PReLU(),
        nn.ELU(1.5),
        nn.CELU(1.5),
        nn.SELU(),
        nn.GELU(),
        nn.GELU(approximate="tanh"),
        nn.SiLU(),
        nn.Mish(),
        nn.Sigmoid(),
        nn.Tanh(),
        nn.Softplus(2.0),
        nn.Softsign(),
        nn.Hardtanh(-0.5, 0.7),
        nn.Hardswish(),
        nn.Hardsigmoid(),
        nn.Hardshrink(0.3),
        nn.Softshrink(0.3),
        nn.Tanhshrink(),
        nn.LogSigmoid(),
        nn.Threshold(0.1, 20.0),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_formulas_of_activations_are_pytorchs(layer: nn.Module) -> None:
    step = told(layer, 3, 4, 4)
    assert step.rule in step.text
    formula = step.rule.removeprefix("y = ")
    formula = (
        re.sub(r"\|x\|", "abs(x)", formula)
        .replace("Φ", "phi")
        .replace("ln(", "log(")
        .replace("≤", "<=")
        .replace("x^3", "x**3")
    )
    formula = re.sub(r"e\^\(([^()]*)\)", r"exp(\1)", formula).replace("e^x", "exp(x)")
    for value in (-4.0, -0.6, -0.2, 0.0, 0.05, 0.6, 4.0, 7.0):
        names = {
            "x": value,
            "a": 0.25,
            "phi": lambda z: (1 + math.erf(z / math.sqrt(2))) / 2,
            "sign": lambda z: (z > 0) - (z < 0),
        }
        computed = eval(formula, vars(math) | names)
        assert computed == pytest.approx(layer(torch.tensor([value])).item(), abs=1e-4)


@pytest.mark.parametrize(
    ("layer", "rule", "words"),
    [
        (nn.Softmax(dim=1), "y = e^x / Σ e^x", "turns 5 scores into probabilities"),
        (nn.LogSoftmax(dim=1), "y = x - ln Σ e^x", "NLLLoss"),
        (nn.Softmin(dim=1), "y = e^(-x) / Σ e^(-x)", "add up to 1"),
        (nn.GLU(dim=1), "y = a/(1 + e^(-b)), n/2", "halves"),
    ],
)
def test_activations_over_several_values(layer: nn.Module, rule: str, words: str) -> None:
    step = told(layer, 5 + isinstance(layer, nn.GLU))
    assert step.rule == rule
    assert words in step.text


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.Dropout(0.25), ("probability 0.25", "1/(1 - 0.25) = 1.333", "In evaluation it does nothing")),
        (nn.Dropout2d(0.5), ("whole channels", "1/(1 - 0.5) = 2")),
        (nn.AlphaDropout(0.1), ("fixed negative number", "In evaluation it does nothing")),
        (nn.Dropout(1.0), ("every value to zero", "probability is 1")),
        (nn.Identity(), ("passes its input on unchanged",)),
    ],
)
def test_dropout(layer: nn.Module, words: tuple[str, ...]) -> None:
    text = told(layer, 3, 4, 4).text
    for word in words:
        assert word in text


WINDOWS = [
    (nn.Conv2d(1, 2, 11, 4), (224, 224), "⌊(224 - 11)/4⌋ + 1 = 54", "only 223 x 223 of 224 x 224 is read"),
    (nn.MaxPool2d(3, 2), (12, 11), "⌊(12 - 3)/2⌋ + 1 = 5, (11 - 3)/2 + 1 = 5", "bottom: 1; columns left over on the right: 0"),
    (nn.Conv1d(1, 2, 3, 2), (10,), "⌊(10 - 3)/2⌋ + 1 = 4", "only 9 of 10 is read, 1 left over"),
    (nn.Conv2d(1, 2, 5, padding=2), (9, 9), "(9 + 2*2 - 5)/1 + 1 = 9", "padding of 2 on each side makes up for what the 5 x 5"),
    (nn.Conv2d(1, 2, 4, padding="same"), (9, 9), "(9 + 3 - 4)/1 + 1 = 9", "The padding makes up for what the 4 x 4"),
    (nn.Conv2d(1, 2, 3, padding="valid"), (9, 9), "(9 - 3)/1 + 1 = 7", "2 kernels give 2 channels"),
    (nn.Conv2d(1, 2, 3, dilation=2), (9, 9), "(9 - 2*(3 - 1) - 1)/1 + 1 = 5", "3 x 3 weights span 5 x 5"),
    (nn.Conv2d(1, 2, 1, stride=2), (9, 9), "(9 - 1)/2 + 1 = 5", "between two windows are never read"),
    (nn.Conv2d(1, 7, 1), (9, 9), "(9 - 1)/1 + 1 = 9", "turns the single channel into 7 multiples of it"),
    (nn.MaxPool2d(2, ceil_mode=True), (5, 5), "⌈(5 - 2)/2⌉ + 1 = 3", "last window extends past the edge"),
    (nn.AvgPool2d(3, padding=1), (9, 9), "⌊(9 + 2*1 - 3)/3⌋ + 1 = 3", "mean includes the zeros of the padding"),
    (nn.LPPool2d(2, 2), (4, 4), "(4 - 2)/2 + 1 = 2", "reduces each 2 x 2 window to one value"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # of an even kernel PyTorch says that it is slow
@pytest.mark.parametrize(("layer", "size", "numbers", "words"), WINDOWS)
def test_windows(layer: nn.Module, size: tuple[int, ...], numbers: str, words: str) -> None:
    step = told(layer, 1, *size)
    assert step.substituted == numbers
    assert words in step.text


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (8, "depthwise"),
        (2, "divided into 2 groups, and each kernel sees only the 4 channels of its own group"),
    ],
)
def test_groups(groups: int, words: str) -> None:
    assert words in told(nn.Conv2d(8, 8, 3, groups=groups), 8, 9, 9).text


@given(
    size=st.integers(1, 30),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 6),
    padding=st.integers(0, 4),
    dilation=st.integers(1, 3),
)
@settings(max_examples=200, deadline=None)
def test_what_is_read_is_what_the_gradient_reaches(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    side = Side(size, kernel, stride, padding, padding, dilation, ceil_mode=False)
    if side.room < 0:
        return
    layer = nn.Conv1d(1, 1, kernel, stride, padding, dilation)
    nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, size, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    read = x.grad[0, 0].nonzero()
    assert side.read == (int(read.max()) + 1 if len(read) else 0)


@given(size=st.integers(1, 20), count=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_adaptive_windows_are_pytorchs(size: int, count: int) -> None:
    values = torch.arange(size, dtype=torch.float64)
    pooled = nn.AdaptiveAvgPool1d(count)(values[None])[0]
    means = [values[first : last + 1].mean().item() for first, last in adaptive_windows(size, count)]
    assert means == pytest.approx(pooled.tolist())


def test_adaptive_pooling_names_its_windows() -> None:
    step = told(nn.AdaptiveAvgPool2d(3), 4, 7, 9)
    assert step.substituted == "7 x 9 -> 3 x 3"
    assert "0-2, 2-4, 4-6; 0-2, 3-5, 6-8" in step.text
    assert "7 x 7 = 49 values" in told(nn.AdaptiveAvgPool2d(1), 4, 7, 7).text
    assert "largest of all 7 x 7 = 49 values" in told(nn.AdaptiveMaxPool2d(1), 4, 7, 7).text


@given(
    size=st.integers(1, 9),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    extra=st.integers(0, 1),
)
@settings(max_examples=100, deadline=None)
def test_transposed_convolutions(
    size: int, kernel: int, stride: int, padding: int, dilation: int, extra: int
) -> None:
    layer = nn.ConvTranspose2d(2, 3, kernel, stride, padding, extra, dilation=dilation)
    traced = trace(layer, (2, size, size))
    expected = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1
    if expected < 1 or extra >= max(stride, dilation):
        assert traced.failure is not None
    else:
        assert layer(torch.zeros(1, 2, size, size)).shape[-1] == expected
        assert derive(traced, 0).steps[-1].substituted.endswith(f" = {expected}")


@pytest.mark.parametrize(
    ("model", "substituted", "words"),
    [
        (nn.ZeroPad2d((1, 2, 0, 0)), "1 + 4 + 2 = 7", "pads 6 x 4 x 4 with zeros"),
        (nn.ReflectionPad2d(1), "1 + 4 + 1 = 6", "pads 6 x 4 x 4 with more values"),
        (Calls(lambda x: nn.functional.pad(x, (0, 0, 0, 0, 0, 3))), "0 + 6 + 3 = 9", "pads 6 x 4 x 4 with zeros"),
        (nn.Upsample(scale_factor=2), "4*2 = 8", "resizes the maps (mode nearest)"),
        (nn.PixelUnshuffle(2), "6*2² x 4/2 x 4/2 = 24 x 2 x 2", "turns each 2 x 2 pixels into channels"),
        (Calls(lambda x: x.mean((2, 3))), "6 x 4 x 4 -> 6", "averages 4 x 4 = 16 values"),
        (Calls(lambda x: x.mean(-1, keepdim=True)), "6 x 4 x 4 -> 6 x 4 x 1", "averages 4 values"),
        (Calls(lambda x: x.permute(0, 2, 3, 1)), "6 x 4 x 4 -> 4 x 4 x 6", "reorders the dimensions"),
        (Calls(lambda x: x.transpose(1, 3)), "6 x 4 x 4 -> 4 x 4 x 6", "reorders the dimensions"),
        (Calls(lambda x: x.flatten(1)), "6 x 4 x 4 = 96", "arranges the 96 values"),
        (Calls(lambda x: x.view(x.size(0), -1)), "6 x 4 x 4 = 96", "-1 stands for"),
        (Calls(lambda x: x.reshape(x.size(0), 2, 48)), "6 x 4 x 4 -> 2 x 48", "without losing any"),
        (Calls(lambda x: x.chunk(2, dim=1)[0]), "6 x 4 x 4 -> 3 x 4 x 4", "selects part of"),
        (Calls(lambda x: x[:, :2]), "6 x 4 x 4 -> 2 x 4 x 4", "selects part of"),
        (Calls(lambda x: torch.stack([x, x], 1)), "2 x (6 x 4 x 4)", "along a new dimension"),
        (Calls(lambda x: torch.cat([x, x], 2)), "4 + 4 = 8", "Their sizes add up"),
        (Calls(lambda x: x @ x.transpose(2, 3)), "(6 x 4 x 4) * (6 x 4 x 4) = 6 x 4 x 4", "sum of 4 products"),
        (Calls(lambda x: x * 2 + 1), "6 x 4 x 4", "each value separately"),
        (nn.Linear(4, 9), "Linear(4, 9)", "last dimension only, 6 x 4 times"),
    ],
)  # fmt: skip
def test_other_operations(model: nn.Module, substituted: str, words: str) -> None:
    step = told(model, 6, 4, 4)
    assert step.substituted == substituted
    assert words in step.text


def test_a_layer_of_ones_own_that_does_something_else_is_not_explained_by_the_wrong_formula() -> None:
    class Cropped(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)[:, :, 1:-1, 1:-1]

    step = told(Cropped(1, 2, 3), 1, 9, 9)
    assert step.substituted == "1 x 9 x 9 -> 2 x 5 x 5"


def test_what_holds_for_every_op_of_a_kind_is_told_once() -> None:
    model = nn.Sequential(*(layer for _ in range(3) for layer in (nn.BatchNorm2d(2), nn.ReLU())))
    steps = derive(trace(model, (2, 4, 4)), 5).steps
    assert ["running averages" in step.text for step in steps] == [True, False, False, False, False, False]
    asked = derive(trace(model, (2, 4, 4)), 4).steps
    assert "running averages" in asked[-1].text  # the op that was asked about tells everything


def test_a_function_drops_in_evaluation_unless_it_is_told_not_to() -> None:
    warning = "drops values in evaluation too"
    assert warning in told(Calls(lambda x: F.dropout(x)), 6).text
    assert warning in told(Calls(lambda x: F.dropout(x, 0.2, True)), 6).text
    assert "F.dropout2d(x, training=self.training)" in told(Calls(lambda x: F.dropout2d(x)), 6, 4, 4).text
    for quiet in (lambda x: F.dropout(x, training=False), lambda x: F.alpha_dropout(x)):
        text = told(Calls(quiet), 6).text
        assert warning not in text
        assert "In evaluation it does nothing" in text


def test_a_dropout_of_everything_divides_by_nothing() -> None:
    step = told(nn.Dropout(1.0), 6)
    assert step.substituted == "y = 0"
    assert "1 - 1" not in step.text


@pytest.mark.parametrize(
    ("function", "shape", "over_the_batch", "scores"),
    [
        (lambda x: F.softmax(x, 0), (6,), True, 0),
        (lambda x: F.log_softmax(x, dim=-2), (6,), True, 0),
        (lambda x: F.softmax(x, 1), (6, 4), False, 6),
        (lambda x: F.softmax(x, -1), (6, 4), False, 4),
        (lambda x: F.softmax(x.permute(1, 0, 2), 0), (6, 4), False, 6),
        (lambda x: F.softmax(x.permute(1, 0, 2), 1), (6, 4), True, 0),
    ],
)
def test_a_softmax_over_the_batch_is_warned_of(
    function: object, shape: tuple[int, ...], over_the_batch: bool, scores: int
) -> None:
    text = told(Calls(function), *shape).text
    assert ("over the images of the batch" in text) is over_the_batch
    assert over_the_batch or f"turns {scores} scores" in text


NOT_VALUE_BY_VALUE = [
    (nn.LSTM(4, 4, batch_first=True), (6, 4), "reads the 6 steps of the sequence, 4 values each, one after the other"),
    (nn.GRU(4, 2, batch_first=True, bidirectional=True), (6, 4), "2 x 2 values, which depend on all the others"),
    (nn.LSTMCell(4, 4), (4,), "does one step"),
    (Calls(lambda x: F.scaled_dot_product_attention(x, x, x)), (2, 6, 4), "attend to all the others"),
    (Calls(lambda x: x.cumsum(1)), (6, 4), "itself and all values before it"),
    (Calls(lambda x: x.new_zeros(x.shape)), (6, 4), "creates new values, whatever its input"),
    (Calls(lambda x: torch.cat([x], 1)), (6, 4), "passes its input on unchanged"),
    (Calls(lambda x: x.detach()), (6, 4), "passes its input on unchanged"),
    (Calls(lambda x: F.normalize(x)), (6, 4), "by their norm"),
    (Calls(lambda x: x.flip(1)), (6, 4), "reverses the order"),
    (Calls(lambda x: x.roll(1, 1)), (6, 4), "re-enters at the other"),
    (Calls(lambda x: x.tril()), (6, 4), "(tril) does not change the shape"),
    (Calls(lambda x: x.sum()), (6, 4), "of all images of the batch to a single one"),
]  # fmt: skip


@pytest.mark.parametrize(("network", "shape", "words"), NOT_VALUE_BY_VALUE)
def test_only_what_works_on_single_values_is_said_to(
    network: nn.Module, shape: tuple[int, ...], words: str
) -> None:
    text = told(network, *shape).text
    assert words in text
    assert "each value separately" not in text


@pytest.mark.parametrize(
    ("function", "formula"),
    [
        (lambda x: F.softplus(x, 2.0), "ln(1 + e^(2 * x))/2"),
        (lambda x: F.softshrink(x, 0.3), "max(0, |x| - 0.3)"),
        (lambda x: F.hardshrink(x, 0.3), "(|x| > 0.3)"),
        (lambda x: F.gelu(x, approximate="tanh"), "0.044715"),
    ],
)
def test_arguments_of_activations_are_read_by_position(function: object, formula: str) -> None:
    assert formula in told(Calls(function), 6).rule


def test_formulas_name_a_bias_and_a_momentum_where_there_is_one() -> None:
    assert "y = W x." in told(nn.Linear(4, 3, bias=False), 4).text
    assert "y = W x + b." in told(nn.Linear(4, 3), 4).text
    text = told(nn.BatchNorm2d(6, momentum=None), 6, 4, 4).text
    assert "their average over all batches so far" in text
    statistics = told(Calls(lambda x: F.batch_norm(x, None, None, training=True)), 6, 4, 4).text
    assert "even in evaluation it uses the statistics of the current batch" in statistics


@given(
    size=st.integers(1, 12),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 5),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
)
@settings(max_examples=150, deadline=None)
def test_formulas_of_ceil_mode_add_up(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    side = Side(size, kernel, stride, min(padding, kernel // 2), min(padding, kernel // 2), dilation, True)
    if side.room < 0:
        return
    left, _, right = side.formula.rpartition(" = ")
    left = left.replace("⌈", "ceil(").replace("⌉", ")").replace("⌊", "floor(").replace("⌋", ")")
    assert eval(left, vars(math)) == int(right) == side.count


def test_a_dropped_window_is_explained() -> None:
    step = told(nn.MaxPool2d(2, 3, 1, ceil_mode=True), 1, 4, 4)
    assert step.substituted == "⌈(4 + 2*1 - 2)/3⌉ + 1 - 1 = 2"
    assert "hence the - 1" in step.text


def test_the_place_of_the_batch_is_told() -> None:
    windows = Calls(lambda x: x.reshape(-1, 2, 4))
    assert "merged into dimension 0, which has 3 rows per image" in told(windows, 6, 4).text
    turned = told(Calls(lambda x: x.permute(1, 2, 0)), 6, 4)
    assert turned.rule == "n1 x n2 -> n1 x n2"
    assert "it is dimension 2" in turned.text
    assert "all images share it" in told(Calls(lambda x: torch.zeros(3, 5, device=x.device)), 4).text
    assert "The batch" not in told(nn.Linear(4, 2), 4).text


def test_norms_of_channels_in_front_are_not_said_to_work_on_the_last_dimension() -> None:
    class LayerNorm2d(nn.LayerNorm):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    assert "the 6 channels of each pixel" in told(LayerNorm2d(6), 6, 4, 5).text
