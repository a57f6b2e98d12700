from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.operations.op import Failure
from cnnviz.tracing.edits import edited
from cnnviz.tracing.trace import trace
from tests.networks import MINI, each


def failure_of(model: nn.Module, shape: tuple[int, ...]) -> Failure:
    failure = trace(model, shape).failure
    assert failure is not None
    return failure


def test_the_linear_of_inception_mini_at_32_pixels() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 32, 32))
    failure = traced.failure
    assert failure is not None
    assert failure.name == "fc"
    assert (failure.expected, failure.received) == (1408, 2200)
    assert "88 x 5 x 5 = 2200" in failure.message
    assert failure.fix is not None
    assert (failure.fix.path, failure.fix.value) == ("fc.in_features", 2200)
    assert failure.fix.text == "Linear(2200, 10)"
    assert traced.ops[-1].name == "flatten"


@each(MINI)
def test_the_fix_mends_every_architecture(architecture: Architecture) -> None:
    channels, height, width = architecture.input_shape
    shape = (channels, height + 12, width + 12)
    model = architecture.build()
    failure = failure_of(model, shape)
    assert failure.fix is not None
    mended = trace(edited(model, {failure.fix.path: failure.fix.value}), shape)
    assert mended.failure is None
    assert mended.ops[-1].output_shape == (architecture.classes,)


@each(MINI)
@pytest.mark.parametrize("channels", [2, 3])
def test_wrong_channels_are_named(architecture: Architecture, channels: int) -> None:
    failure = failure_of(architecture.build(), (channels, *architecture.input_shape[1:]))
    assert (failure.expected, failure.received) == (architecture.input_shape[0], channels)
    expected = architecture.input_shape[0]
    assert f"expects {expected} channel{'s' if expected > 1 else ''}, but its input" in failure.message


def test_long_numbers_have_separators_and_one_is_told_as_one() -> None:
    message = failure_of(nn.Sequential(nn.Flatten(), nn.Linear(150_528, 3)), (1, 225, 675)).message
    assert "1 x 225 x 675 = 151,875 features, but Linear(150528, 3) expects 150,528" in message
    assert "The 1 channel and the size 225 x 675 come from the input" in message
    message = failure_of(nn.Sequential(nn.Conv1d(3, 1, 1), nn.Conv1d(3, 1, 1)), (3, 8)).message
    assert "The 1 channel comes from 0" in message.replace("Conv1d 0", "0")


@each(MINI)
def test_an_input_smaller_than_the_first_kernel(architecture: Architecture) -> None:
    failure = failure_of(architecture.build(), (architecture.input_shape[0], 4, 4))
    assert "window, which is larger than its" in failure.message
    assert failure.expected == (5, 5)


class Branches(nn.Module):
    def __init__(self, padding: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(1, 2, 3, padding=padding)
        self.b = nn.Conv2d(1, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.a(x), self.b(x)], dim=1)


class Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


class Raises(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("no such thing")


class View(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(2, 321)


def test_branches_of_different_size() -> None:
    failure = failure_of(Branches(padding=0), (1, 8, 8))
    assert failure.name == "cat"
    assert "a 2 x 6 x 6, b 2 x 8 x 8" in failure.message
    assert trace(Branches(padding=1), (1, 8, 8)).failure is None


def test_addition_of_unlike_shapes() -> None:
    failure = failure_of(Shortcut(), (1, 8, 8))
    assert failure.type == "add"
    assert (failure.expected, failure.received) == ((1, 8, 8), (4, 6, 6))


def test_view_to_another_number_of_values() -> None:
    assert "64 values per image" in failure_of(View(), (1, 8, 8)).message


def test_an_error_of_the_forward_itself_is_quoted() -> None:
    failure = failure_of(Raises(), (1, 8, 8))
    assert "KeyError" in failure.message
    assert failure.fix is None


def test_the_second_call_of_a_layer_can_fail() -> None:
    layer = nn.Linear(4, 3)
    failure = failure_of(nn.Sequential(layer, layer), (4,))
    assert (failure.expected, failure.received) == (4, 3)
    assert failure.fix is not None
    assert (failure.fix.path, failure.fix.value) == (
        "0.out_features",
        4,
    )  # in_features = 3 breaks the first call


class NotFlattened(nn.Module):
    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(in_features, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x))


@pytest.mark.parametrize(
    ("in_features", "advice"),
    [(256, "the layer must be Linear(288, 10)"), (288, "as Linear(288, 10) expects")],
)
def test_a_forgotten_flatten_is_named(in_features: int, advice: str) -> None:
    failure = failure_of(NotFlattened(in_features), (1, 8, 8))
    assert "flatten(1) is missing" in failure.message
    assert "8 x 6 x 6 = 288" in failure.message
    assert advice in failure.message
    assert failure.fix is None  # no change of an argument mends it


def test_a_dilated_pooling_is_mended_by_half_of_its_kernel() -> None:
    fix = failure_of(nn.Sequential(nn.MaxPool2d(3, padding=2, dilation=2)), (3, 9, 9)).fix
    assert fix is not None
    assert (fix.path, fix.value) == ("0.padding", 1)


@pytest.mark.filterwarnings("ignore:input's size at dim=1")
def test_an_instance_normalisation_without_weights_takes_any_channels() -> None:
    message = failure_of(nn.Sequential(nn.InstanceNorm2d(4)), (3, 1, 1)).message
    assert "a 1 x 1 map is a single value" in message
    assert "channels" not in message


def test_padding_is_mentioned_where_there_is_some() -> None:
    assert "with padding)" not in failure_of(nn.Conv2d(1, 1, 5), (1, 4, 4)).message
    assert "4 x 4 input (6 x 6 with padding)" in failure_of(nn.Conv2d(1, 1, 7, padding=1), (1, 4, 4)).message


@pytest.mark.parametrize(
    ("layers", "shape", "words"),
    [
        ([nn.Flatten(), nn.Conv2d(1, 2, 3)], (1, 8, 8), "gets a row of 64 values"),
        ([nn.Flatten(), nn.BatchNorm2d(4)], (1, 8, 8), "before the flatten"),
        ([nn.Conv1d(8, 2, 3)], (1, 8, 8), "expects 2 dimensions besides the batch, but its input 1 x 8 x 8 has 3"),
        ([nn.BatchNorm2d(4)], (3, 8, 8), "was made for 4 channels, but its input 3 x 8 x 8 has 3"),
        ([nn.LayerNorm([4, 4])], (3, 8, 8), "normalises 4 x 4, but the last dimensions of its input 3 x 8 x 8 are 8 x 8"),
        ([nn.InstanceNorm2d(3)], (3, 1, 1), "a 1 x 1 map is a single value"),
        ([nn.MaxPool2d(3, padding=2)], (3, 8, 8), "pooling allows at most half of its kernel of 3 x 3"),
        ([nn.MaxPool2d(3, padding=2, dilation=2)], (3, 9, 9), "pooling allows at most half of its kernel of 3 x 3"),
        ([nn.PReLU(5)], (3, 8, 8), "was made for 5 channels"),
        ([nn.Conv2d(3, 2, 9, padding=1, dilation=2)], (3, 8, 8), "a 17 x 17 window, which is larger than its 8 x 8 input (10 x 10"),
    ],
)  # fmt: skip
def test_rules_that_layers_break(layers: list[nn.Module], shape: tuple[int, ...], words: str) -> None:
    assert words in failure_of(nn.Sequential(*layers), shape).message


def test_a_functional_normalisation_that_does_not_fit() -> None:
    class Groups(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.group_norm(x, 4)

    assert "6 channels into 4 groups, but 6/4 is not an integer" in failure_of(Groups(), (6, 4, 4)).message


def test_where_a_failing_call_got_its_numbers() -> None:
    concatenated = failure_of(nn.Sequential(Branches(padding=1), nn.Conv2d(3, 1, 1)), (1, 8, 8)).message
    assert "The 4 channels come from 0.cat (2 + 2)" in concatenated
    small = failure_of(nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(1, 1, 5)), (1, 8, 8)).message
    assert "The size 4 x 4 comes from MaxPool2d 0 (MaxPool2d(2))" in small
    assert "The size 4 x 4 comes from the input" in failure_of(nn.Conv2d(1, 1, 5), (1, 4, 4)).message


def test_a_layer_is_called_by_its_type_where_its_name_is_a_number() -> None:
    assert failure_of(nn.Sequential(nn.Linear(4, 3)), (5,)).message.startswith("Linear 0 receives 5 features")


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return x * mask


class TwoInside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.two = TwoInputs()

    def forward(self, x: Tensor) -> Tensor:
        return self.two(x)  # type: ignore[no-any-return]


class Optional(nn.Module):
    def forward(self, x: Tensor, mask: Tensor | None = None, *rest: Tensor, scale: float = 1.0) -> Tensor:
        return x * scale


def test_a_model_with_two_inputs_is_told_what_to_do() -> None:
    message = failure_of(TwoInputs(), (1, 8, 8)).message
    assert "takes: 2 (x, mask). Inputs that it got: 1." in message
    assert "--input once for each" in message
    assert "raises TypeError in test_diagnosis.py, line" in failure_of(TwoInside(), (1, 8, 8)).message
    assert trace(Optional(), (1, 8, 8)).failure is None


def test_the_line_of_ones_own_code_that_raised_is_named() -> None:
    message = failure_of(Raises(), (1, 8, 8)).message
    line = inspect.getsourcelines(Raises.forward)[1] + 1
    assert f"raises KeyError in test_diagnosis.py, line {line}: 'no such thing'" in message


class Forward(nn.Module):
    """A forward that a test gives, with a few layers."""

    def __init__(self, function: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(3, 4, 3)
        self.pair = nn.Conv2d(2, 4, 3)
        self.fc = nn.Linear(144, 10)
        self.small = nn.Linear(4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, 36))

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (
            lambda net, x: net.fc(torch.flatten(net.conv(x), 0, 1)),
            (3, 8, 8),
            "flatten flattens from dimension 0, the batch, so the images are merged with their channels, and fc does "
            "not get the features of one image. Flattening gives 4 x 6 x 6 = 144 features, as Linear(144, 10) "
            "expects. Start at dimension 1: torch.flatten(x, 1).",
        ),
        (
            lambda net, x: [net.pair(part) for part in x.chunk(2)],
            (4, 8, 8),
            "chunk splits along dimension 0, the batch: it takes the images apart, and pair (Conv2d) gets all 4 "
            "channels of each. Split along dimension 1: x.chunk(2, dim=1).",
        ),
        (
            lambda net, x: net.pair(x.split(2)[0]),
            (4, 8, 8),
            "split splits along dimension 0, the batch: it takes the images apart, and pair (Conv2d) gets all 4 "
            "channels of each. Split along dimension 1: x.split(2, dim=1).",
        ),
        (
            lambda net, x: torch.cat([net.token, net.conv(x).flatten(2)], 1),
            (3, 8, 8),
            "cat joins a parameter with a single row, 1 x 1 x 36, to a batch: cat does not repeat it for each image. "
            "Repeat it first: parameter.expand(x.size(0), -1, -1).",
        ),
        (
            lambda net, x: torch.cat([net.conv(x), net.small(net.conv(x).mean((2, 3)))], 1),
            (3, 8, 8),
            "cat concatenates inputs of different sizes (conv 4 x 6 x 6, small 4): they may differ only in the "
            "concatenated dimension. Flatten the maps first: x.flatten(1) gives 144 values.",
        ),
        (
            lambda net, x: net.conv(x) * net.small(net.conv(x).mean((2, 3))).sigmoid(),
            (3, 8, 8),
            "mul combines inputs of different shapes (conv 4 x 6 x 6, sigmoid 4) element by element: the shapes must "
            "match. Give the 4 values the dimensions of the maps: s[:, :, None, None].",
        ),
    ],
)
def test_images_and_values_in_the_wrong_arrangement(
    function: Callable[[Any, Tensor], Any], shape: tuple[int, ...], message: str
) -> None:
    assert failure_of(Forward(function), shape).message == message


def test_no_pooling_is_offered_that_would_enlarge_maps() -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * 26 * 26, 10))
    assert "AdaptiveAvgPool2d(26)" not in failure_of(model, (4, 28, 28)).message


class StridedShortcut(nn.Module):
    def __init__(self, stride: int, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, channels, 3, stride=stride, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x))) + x


@pytest.mark.parametrize(
    ("stride", "channels", "projection"),
    [(2, 8, "nn.Conv2d(4, 8, kernel_size=1, stride=2)"), (1, 8, "nn.Conv2d(4, 8, kernel_size=1)")],
)
def test_a_shortcut_gets_the_projection_that_fits_first(stride: int, channels: int, projection: str) -> None:
    model = StridedShortcut(stride, channels)
    failure = failure_of(model, (4, 9, 9))
    texts = [str(mend.text) for mend, _ in failure.ways_out]
    assert texts[0] == f"Let the shortcut pass a 1x1 convolution that fits: {projection}."
    assert texts[0] in failure.message
    layer = nn.Conv2d(4, channels, kernel_size=1, stride=stride)
    x = torch.rand(2, 4, 9, 9)
    assert (model.second(model.first(x)) + layer(x)).shape == (2, channels, *layer(x).shape[2:])


def test_branches_that_do_not_lead_to_each_other_get_no_projection() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(4, 8, 3), nn.Conv2d(4, 6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.left(x) + self.right(x)

    assert "shortcut pass" not in failure_of(Branches(), (4, 9, 9)).message
