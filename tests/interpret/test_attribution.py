from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.interpret.attribution import (
    Question,
    cam_of,
    cam_ops,
    centres,
    grad_cam,
    input_gradient,
    integrated_gradients,
    is_quick,
    occlusion,
    occlusion_passes,
    placed,
    usual_cam_op,
    usual_steps,
    usual_stride,
    usual_window,
)
from cnnviz.shapes.receptive_field import ReceptiveField, receptive_fields
from cnnviz.tracing.trace import trace
from tests.networks import NETWORKS, each, on_meta

SMALL = each(
    tuple(
        architectures.get(key) for key in ("mlp", "basic-cnn", "inception-mini", "resnet-mini", "lenet-cifar")
    )
)


def ask(model: nn.Module, shape: tuple[int, ...], target: int = 3, seed: int = 0) -> Question:
    model = model.eval().requires_grad_(False)
    x = torch.rand(1, *shape, generator=torch.Generator().manual_seed(seed))
    return Question(model, trace(model, shape), x, torch.full_like(x, -0.4), target)


def about(architecture: Architecture, **changes: int) -> Question:
    return ask(architecture.build_seeded(3), architecture.input_shape, **changes)


def logits(question: Question, x: Tensor) -> Tensor:
    """The scores of the model; a log-softmax at its end is left out."""
    if question.trace.ops[-1].type != "log_softmax":
        return question.model(x)
    fc1, fc2, fc3 = (getattr(question.model, name) for name in ("fc1", "fc2", "fc3"))
    return fc3(F.relu(fc2(F.relu(fc1(x.flatten(1))))))


@SMALL
def test_the_input_gradient_is_autograd_s(architecture: Architecture) -> None:
    question = about(architecture)
    x = question.x.clone().requires_grad_()
    gradient = torch.autograd.grad(logits(question, x)[0, 3], x)[0][0]
    found = input_gradient(question)
    strongest = gradient.abs().max(dim=0).values
    assert np.allclose(np.abs(found.values), strongest.numpy(), atol=1e-6)
    if len(gradient) == 1:
        assert np.allclose(found.values, gradient[0].numpy(), atol=1e-6)
    assert found.score == pytest.approx(logits(question, question.x)[0, 3].item(), abs=1e-5)


@SMALL
def test_integrated_gradients_are_complete(architecture: Architecture) -> None:
    question = about(architecture)
    parts: list[float] = []
    found = integrated_gradients(question, 200, parts.append)
    assert found.black_score == pytest.approx(logits(question, question.black)[0, 3].item(), abs=1e-5)
    assert found.total == pytest.approx(found.values.sum(), abs=1e-4)
    difference = found.score - float(found.black_score or 0)
    assert found.total == pytest.approx(difference, abs=0.02 * max(1, abs(difference)))
    assert parts == sorted(parts)
    assert parts[0] == 0


def test_integrated_gradients_of_a_linear_network_are_exact() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    question = ask(model, (1, 4, 4), target=1)
    found = integrated_gradients(question, 10)
    expected = model[1].weight[1].view(4, 4) * (question.x - question.black)[0, 0]
    assert np.allclose(found.values, expected.numpy(), atol=1e-6)


@SMALL
def test_occlusion_is_the_fall_of_the_score(architecture: Architecture) -> None:
    question = about(architecture)
    side = architecture.input_shape[1]
    window = side // 2
    parts: list[float] = []
    found = occlusion(question, window, window, parts.append)
    for row in (0, 1):
        for column in (0, 1):
            covered = question.x.clone()
            place = np.s_[..., row * window : (row + 1) * window, column * window : (column + 1) * window]
            covered[place] = question.black[place]
            fall = (logits(question, question.x) - logits(question, covered))[0, 3].item()
            assert np.allclose(found.values[place[1:]], fall, atol=1e-5)
    assert parts == sorted(parts)


@settings(max_examples=15, deadline=None)
@given(side=st.integers(2, 9), window=st.integers(1, 9), stride=st.integers(1, 9), seed=st.integers(0, 99))
def test_occlusion_covers_as_many_places_as_it_says(side: int, window: int, stride: int, seed: int) -> None:
    window, stride = min(window, side), min(stride, window, side)
    seen: list[int] = []

    class Counting(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(len(x))
            return x.flatten(1).sum(1, keepdim=True)

    question = ask(Counting(), (1, side, side), target=0, seed=seed)
    seen.clear()
    found = occlusion(question, window, stride)
    assert sum(seen) == occlusion_passes((side, side), window, stride) + 2  # the image itself, twice
    assert np.isfinite(found.values).all()


@each(tuple(architectures.get(key) for key in ("basic-cnn", "lenet-cifar", "resnet-mini", "inception-mini")))
@pytest.mark.parametrize("target", [0, 7])
def test_grad_cam_is_captum_s_at_modules(architecture: Architecture, target: int) -> None:
    question = about(architecture, target=target)
    model = architecture.build_seeded(3).eval()
    compared = [op for op in cam_ops(question.trace) if op.kind == "convolution" and op.module is not None]
    assert compared
    for op in compared:
        assert op.module is not None
        found = grad_cam(question, op)
        layer = model.get_submodule(op.module)
        expected = LayerGradCam(model, layer).attribute(question.x, target, relu_attributions=True)
        assert found.grid is not None
        assert np.allclose(found.grid, expected[0, 0].detach().numpy(), atol=1e-5), op.name
        assert found.values.shape == architecture.input_shape[1:]


@given(seed=st.integers(0, 10_000), channels=st.integers(1, 5), side=st.integers(1, 4))
def test_grad_cam_by_hand(seed: int, channels: int, side: int) -> None:
    generator = np.random.default_rng(seed)
    maps, gradient = generator.normal(size=(2, channels, side, side)).astype(np.float32)
    expected = np.zeros((side, side))
    for channel in range(channels):
        weight = sum(gradient[channel].reshape(-1).tolist()) / side**2
        expected += weight * maps[channel]
    found = cam_of(torch.from_numpy(maps), torch.from_numpy(gradient))
    assert np.allclose(found.numpy(), np.maximum(expected, 0), atol=1e-5)


class Tangled(nn.Module):
    """A module that is called twice, activations in place, a residual and a branch that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.aside = nn.Conv2d(2, 2, 1)
        self.fc = nn.Linear(2 * 6 * 6, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.conv(x))
        self.aside(y)
        z = self.relu(self.conv(y))
        z += y
        return self.fc(F.relu(z, inplace=True).flatten(1))


def test_all_methods_at_reused_modules_and_ops_in_place() -> None:
    torch.manual_seed(0)
    question = ask(Tangled(), (2, 6, 6))
    model = question.model
    first = model.conv(question.x)
    second = model.conv(F.relu(first))
    for name, start, rest in (
        ("conv", first, lambda y: F.relu(model.conv(F.relu(y))) + F.relu(y)),
        ("conv_2", second, lambda z: F.relu(z) + F.relu(first)),
    ):
        leaf = start.clone().requires_grad_()
        score = model.fc(rest(leaf).relu().flatten(1))[0, 3]
        gradient = torch.autograd.grad(score, leaf)[0][0]
        found = grad_cam(question, question.trace.op(name))
        assert np.allclose(found.values, cam_of(leaf.detach()[0], gradient).numpy(), atol=1e-5)
    assert not grad_cam(question, question.trace.op("aside")).values.any()
    expected = question.model(question.x)[0, 3].item()
    for found in (
        input_gradient(question),
        integrated_gradients(question, 10),
        occlusion(question, 3, 1),
        grad_cam(question, question.trace.op("add")),
    ):
        assert found.score == pytest.approx(expected, abs=1e-5)
        assert found.values.shape == (6, 6)
        assert np.isfinite(found.values).all()


def test_a_layer_without_places_is_refused() -> None:
    question = about(architectures.get("basic-cnn"))
    with pytest.raises(CnnvizError, match="flatten has no spatial maps"):
        grad_cam(question, question.trace.op("flatten"))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("mlp", None),
        ("basic-cnn", "conv2"),
        ("inception-mini", "incep2.cat"),
        ("resnet-mini", "rblock2.relu_2"),
        ("resnet18", "stage4.1.relu_2"),
        ("googlenet", "inception5b.cat"),
        ("lenet-cifar", "relu_2"),
    ],
)
def test_the_layer_for_grad_cam_is_late_and_has_places(key: str, name: str | None) -> None:
    architecture = architectures.get(key)
    found = usual_cam_op(trace(on_meta(architecture), architecture.input_shape))
    assert (None if found is None else found.name) == name


@each(NETWORKS)
def test_larger_networks_are_asked_less(architecture: Architecture) -> None:
    traced = trace(on_meta(architecture), architecture.input_shape)
    side = architecture.input_shape[1]
    window = usual_window(traced)
    assert 1 <= usual_stride(window) <= window <= side
    passes = occlusion_passes((side, side), window, usual_stride(window))
    assert passes * traced.macs <= 1e12
    assert usual_steps(traced) * traced.macs <= 2e11
    op = usual_cam_op(traced)
    assert (op is None) == (architecture.key == "mlp")
    if architecture.key in ("mlp", "basic-cnn", "inception-mini", "resnet-mini"):
        assert is_quick(traced)
    if architecture.key in ("alexnet", "vgg16", "resnet18"):
        assert not is_quick(traced)


def test_many_threads_may_ask_one_shared_model_and_leave_it_as_it_was() -> None:
    architecture = architectures.get("resnet-mini")
    model = architecture.build_seeded(3).eval().requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    questions = [
        Question(
            model, trace(model, (1, 28, 28)), torch.rand(1, 1, 28, 28), torch.zeros(1, 1, 28, 28), n % 10
        )
        for n in range(8)
    ]
    op = usual_cam_op(questions[0].trace)
    assert op is not None

    def all_of(question: Question) -> list[np.ndarray]:
        return [
            input_gradient(question).values,
            integrated_gradients(question, 10).values,
            occlusion(question, 14, 14).values,
            grad_cam(question, op).values,
        ]

    expected = [all_of(question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(all_of, questions))
    for one, other in zip(expected, found, strict=True):
        assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(one, other, strict=True))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not model.training
    for module in model.modules():
        assert not {*module._forward_hooks, *module._forward_pre_hooks, *module._backward_hooks}
    for parameter in model.parameters():
        assert parameter.grad is None
        assert not parameter.requires_grad


def test_what_progress_raises_ends_the_work() -> None:
    class LeftError(Exception):
        pass

    def leave(part: float) -> None:
        raise LeftError

    question = about(architectures.get("basic-cnn"))
    with pytest.raises(LeftError):
        integrated_gradients(question, 10, leave)
    with pytest.raises(LeftError):
        occlusion(question, 7, 7, leave)


SIDE = 28


class Middle(nn.Module):
    """A convolution whose kernels look at nothing but their middle, and the sum of all that it finds."""

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, kernel, stride, padding, bias=False)
        self.fc = nn.LazyLinear(1, bias=False)
        self(torch.zeros(1, 1, SIDE, SIDE))
        with torch.no_grad():
            self.conv.weight.zero_()[0, 0, kernel // 2, kernel // 2] = 1
            self.fc.weight.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.fc(self.conv(x).flatten(1))
        return scores


def field_of(model: nn.Module, name: str, shape: tuple[int, ...] = (1, SIDE, SIDE)) -> ReceptiveField:
    traced = trace(model.eval(), shape)
    return receptive_fields(traced)[traced.op(name).index]


@given(
    kernel=st.sampled_from((1, 3, 5, 7)),
    stride=st.integers(1, 4),
    padded=st.booleans(),
    row=st.integers(0, 27),
    column=st.integers(0, 27),
)
def test_the_heat_of_a_single_place_lies_on_what_excites_it(
    kernel: int, stride: int, padded: bool, row: int, column: int
) -> None:
    padding = kernel // 2 if padded else 0
    model = Middle(kernel, stride, padding).eval().requires_grad_(False)
    count = (SIDE + 2 * padding - kernel) // stride + 1
    bright = tuple(place % count * stride + kernel // 2 - padding for place in (row, column))
    x = torch.zeros(1, 1, SIDE, SIDE)
    x[0, 0, bright[0], bright[1]] = 1
    traced = trace(model, (1, SIDE, SIDE))
    found = grad_cam(Question(model, traced, x, torch.zeros_like(x), 0), traced.op("conv"))
    assert found.placed
    assert np.unravel_index(found.values.argmax(), found.values.shape) == bright
    assert np.count_nonzero(found.values == found.values.max()) == 1


def test_every_place_of_the_small_network_peaks_at_its_receptive_field_s_centre() -> None:
    field = field_of(architectures.get("basic-cnn").build(), "conv2")
    found = centres(field, (8, 8))
    assert found is not None
    assert found[0].tolist() == found[1].tolist() == [6.5 + 2 * place for place in range(8)]
    pixels = np.arange(SIDE)
    for row, column in ((0, 0), (0, 7), (3, 5), (7, 7)):
        alone = np.zeros((8, 8), np.float32)
        alone[row, column] = 1
        heat = placed(alone, field, (SIDE, SIDE))
        assert heat is not None
        assert (heat.sum(1) @ pixels) / heat.sum() == pytest.approx(6.5 + 2 * row)
        assert (heat.sum(0) @ pixels) / heat.sum() == pytest.approx(6.5 + 2 * column)


def test_between_places_the_heat_is_linear() -> None:
    field = field_of(nn.Sequential(nn.Conv2d(1, 1, 1, stride=4)), "0", (1, 9, 5))
    heat = placed(np.array([[0, 0], [4, 8], [0, 0]], np.float32), field, (9, 5))
    assert heat is not None
    assert heat[4].tolist() == [4, 5, 6, 7, 8]
    assert heat[:, 0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1, 0]


class Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x.transpose(2, 3), 2)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Turned(), "avg_pool2d"),  # rows are columns
        (nn.Sequential(nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(7)), "1"),  # patches of different sizes
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=4)), "1"),  # all see everything
    ],
)
def test_places_without_a_place_in_the_image_have_no_centres(model: nn.Module, name: str) -> None:
    field = field_of(model, name)
    rows, columns = field.grid if len(field.grid) == 2 else (4, 4)
    assert placed(np.ones((rows, columns), np.float32), field, (SIDE, SIDE)) is None


def test_a_map_whose_places_are_nowhere_is_stretched_and_says_so() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(98, 3)).eval()
    traced = trace(model, (1, SIDE, SIDE))
    x = torch.rand(1, 1, SIDE, SIDE)
    found = grad_cam(Question(model, traced, x, torch.zeros_like(x), 0), traced.op("1"))
    assert not found.placed
    assert found.grid is not None
    expected = F.interpolate(torch.from_numpy(found.grid)[None, None], (SIDE, SIDE), mode="bilinear")
    assert np.allclose(found.values, expected[0, 0].numpy())


def test_a_network_that_gives_maps_has_no_class_to_explain() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 5, 3))
    question = ask(model, (1, 9, 9))
    for explain in (
        input_gradient,
        integrated_gradients,
        lambda asked: occlusion(asked, 3, 3),
        lambda asked: grad_cam(asked, asked.trace.ops[0]),
    ):
        with pytest.raises(
            CnnvizError, match="2 gives 5 x 5 x 5, not one score for each class, so there is no class"
        ):
            explain(question)
