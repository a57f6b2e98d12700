"""Backward by hand: the gradient of one weight as the sum of its contributions, and one step of gradient descent.

A weight is multiplied with another input value for each output value that it helps to compute. By the chain rule its
gradient is the sum, over all these output values, of the gradient of the loss by the output value times the input
value. It is the same arithmetic as in :mod:`cnnviz.interpret.pixel`, gone through the other way.

The loss is the cross-entropy of one image with a label. The network is in eval mode: dropout does nothing, and batch
normalisation uses its running statistics, so that its factors and shifts are weights like those of a 1 x 1 convolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.interpret.attribution import check_scores
from cnnviz.interpret.pixel import Arithmetic, Sums, Values, arithmetic_of_call, unsupported, whole
from cnnviz.operations.batch_axis import FRONT
from cnnviz.operations.op import Op
from cnnviz.tracing.weight_uses import WeightUse, scores_with, weight_gradients

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

Place = tuple[int, int, int]
"""A weight of an output channel: input channel (counted within its group), row and column of the kernel."""

_NORMALISATION = "batch_norm"
_NORMALISED_SIZE = 3  # of the shapes of images
_WITH_POSITIONS = 3  # dimensions of what a linear layer reads at several positions, with the batch


@dataclass(frozen=True)
class WeightAt:
    """Where one weight is: in which function's weights, of how many ``groups``, of which output ``channel``, whose weights
    have the ``shape`` (C / groups, kh, kw). ``place`` is None for the bias.
    """

    function: str
    groups: int
    shape: Place
    channel: int
    place: Place | None


@dataclass(frozen=True, eq=False)
class Use:
    """One call that read the weights: ``layer`` is its arithmetic, ``gradient`` (rows, columns) that of the loss by the
    values of the output channel.
    """

    layer: Arithmetic
    gradient: Values
    adds_bias: bool


@dataclass(frozen=True, eq=False)
class ChannelGradients:
    """The weights of one output ``channel`` of a layer, and the gradients of the loss for one image with a ``label``.

    ``function`` is the one that reads them. ``weights`` and ``computed`` (PyTorch's gradients): (C / groups, kh, kw) float32. ``bias`` and
    ``computed_bias`` are None where there is none. ``loss`` in nats. ``strongest`` is the output channel whose values
    have the largest gradients, by absolute sum. ``elsewhere``: the weights are read in another
    form as well, whose part is in PyTorch's gradient alone.
    """

    uses: tuple[Use, ...]
    function: str
    channel: int
    label: int
    loss: float
    strongest: int
    weights: Values
    computed: Values
    bias: float | None
    computed_bias: float | None
    elsewhere: bool

    def at(self, place: Place | None) -> WeightAt:
        """Where the weight at ``place`` is, or the bias."""
        sources, high, wide = self.weights.shape
        return WeightAt(self.function, self.uses[0].layer.groups, (sources, high, wide), self.channel, place)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(use.layer.nbytes + use.gradient.nbytes for use in self.uses) + 2 * self.weights.nbytes


@dataclass(frozen=True, eq=False)
class Contributions:
    """What one call contributes to the gradient of a weight; arrays are (rows, columns) of the layer's output.

    ``gradients`` of the loss by the output values; ``values``, the input values that the weight was multiplied with
    there, 0 where it lay in the padding (``inside`` is False), and 1 for a bias; ``products`` of the two, float64.
    """

    op: Op
    gradients: Values
    values: Values
    inside: NDArray[np.bool_]
    products: Sums


@dataclass(frozen=True, eq=False)
class WeightGradient:
    """The gradient of one weight: ``parts`` are the calls that it was read in, ``gradient`` the sum of all products.

    ``computed`` is what PyTorch's automatic differentiation gives for it.
    """

    parts: tuple[Contributions, ...]
    weight: float
    gradient: float
    computed: float

    @property
    def size(self) -> float:
        """The sum of the absolute contributions: what rounding is measured by."""
        return float(sum(np.abs(part.products).sum() for part in self.parts))

    @property
    def count(self) -> int:
        """How many contributions there are: places where the weight met an input value."""
        return sum(int(part.inside.sum()) for part in self.parts)


@dataclass(frozen=True)
class Contribution:
    """One of the contributions: its ``part``, and ``row`` and ``column`` of the output, from 0."""

    part: int
    row: int
    column: int
    gradient: float
    value: float
    product: float


def can_be_differentiated(op: Op) -> bool:
    """Whether the gradients of the op's weights can be taken apart: convolutions, linear layers, batch normalisation."""
    if op.layout != FRONT or op.input_layouts or op.call is None:
        return False
    few = all(len(shape) <= _NORMALISED_SIZE for shape in (*op.input_shapes, op.output_shape))
    return few and (
        op.kind in ("convolution", "linear") or (op.type.lower().startswith("batch") and op.params > 0)
    )


def channel_gradients(
    model: nn.Module, x: Tensor, trace: Trace, op: Op, label: int, channel: int
) -> ChannelGradients:
    """Differentiate the cross-entropy of one image by the weights of an output ``channel`` of ``op``.

    ``model`` is in eval mode; it is only called, and may be shared between threads. ``x`` is
    (1, *trace.input_shape) float32, normalised; ``trace`` is of the same model.

    Raises:
        ValueError: ``x`` is not one image.
        CnnvizError: the op has no weights that are taken apart, the network gives no class scores, or the pass
            differs from the trace.
    """
    if len(x) != 1:
        raise ValueError(f"x holds {len(x)} images; the gradient is of one")
    check_scores(trace)
    found = weight_gradients(model, x, trace, op, lambda scores: _loss(scores.float(), label))
    if found is None or not can_be_differentiated(op):
        raise unsupported(op)
    arriving = [_numpy(_maps(use.gradient, use.call.function)) for use in found.uses]
    uses = tuple(
        Use(_layer(use, trace), gradient[channel], use.adds_bias)
        for use, gradient in zip(found.uses, arriving, strict=True)
    )
    own = next(use.layer for use in uses if use.layer.op.index == op.index)
    function = next(use.call.function for use in found.uses if use.op.index == op.index)
    assert own.weight is not None
    weights, gradients = (
        _numpy(_of_channel(tensor, function, own.groups, own.weight.shape[1:], channel))
        for tensor in (found.weight, found.weight_gradient)
    )
    return ChannelGradients(
        uses=uses,
        function=function,
        channel=channel,
        label=label,
        loss=float(_loss(found.scores.double(), label)),
        strongest=int(sum(np.abs(gradient).sum(axis=(1, 2)) for gradient in arriving).argmax()),
        weights=weights,
        computed=gradients,
        bias=None if found.bias is None else float(found.bias[channel]),
        computed_bias=None if found.bias_gradient is None else float(found.bias_gradient[channel]),
        elsewhere=found.elsewhere,
    )


def weight_gradient(found: ChannelGradients, place: Place | None) -> WeightGradient:
    """Take apart the gradient of the weight at ``place``, or of the bias where that is None."""
    if place is None:
        assert found.bias is not None
        assert found.computed_bias is not None
        weight, computed = found.bias, found.computed_bias
        parts = tuple(_of_bias(use) for use in found.uses if use.adds_bias)
    else:
        weight, computed = float(found.weights[place]), float(found.computed[place])
        parts = tuple(_of_weight(use, found.channel, place) for use in found.uses)
    return WeightGradient(parts, weight, float(sum(part.products.sum() for part in parts)), computed)


def largest(found: WeightGradient, count: int) -> tuple[Contribution, ...]:
    """The ``count`` contributions with the largest absolute values, the largest first."""
    terms = [
        Contribution(
            number, int(row), int(column),
            float(part.gradients[row, column]), float(part.values[row, column]), float(part.products[row, column]),
        )
        for number, part in enumerate(found.parts)
        for row, column in _strongest(part, count)
    ]  # fmt: skip
    return tuple(sorted(terms, key=lambda term: -abs(term.product))[:count])


def stepped(found: WeightGradient, rate: float) -> float:
    """The weight after one step of gradient descent with the learning ``rate``, rounded as PyTorch's float32 is."""
    step = np.float32(rate) * np.float32(found.computed)
    return float(np.float32(found.weight) - step)


def loss_with(
    model: nn.Module, x: Tensor, trace: Trace, op: Op, label: int, at: WeightAt, weight: float
) -> float:
    """The loss of the image when one of the weights that ``op`` reads is ``weight`` instead.

    ``model``, ``x``, ``trace`` and ``op`` are those of :func:`channel_gradients`; the model keeps its weights.

    Raises:
        CnnvizError: the pass differs from the trace.
    """

    def change(tensor: Tensor) -> Tensor:
        if at.place is None:
            tensor[at.channel] = weight
        else:
            _of_channel(tensor, at.function, at.groups, at.shape, at.channel)[at.place] = weight
        return tensor

    changes = {"bias": change} if at.place is None else {"weight": change}
    return float(_loss(scores_with(model, x, trace, op, **changes).double(), label))


def _loss(scores: Tensor, label: int) -> Tensor:
    return F.cross_entropy(scores, torch.tensor([label]))


def _layer(use: WeightUse, trace: Trace) -> Arithmetic:
    """The arithmetic of a call: as of a pixel, and as a convolution whose kernel is a single cell where it is none."""
    given, function = use.call.arguments, use.call.function
    if function == _NORMALISATION:
        return _cell_by_cell(use, _normalised(given), given, len(given["weight"]))
    if function == "linear" and given["input"].dim() >= _WITH_POSITIONS:
        return _cell_by_cell(use, _maps(given["input"], function), given, 1)
    return arithmetic_of_call(use.op, use.call, trace)


def _cell_by_cell(use: WeightUse, x: Tensor, given: Mapping[str, Any], groups: int) -> Arithmetic:
    """A convolution whose kernel is a single cell: ``x`` is (C, H, W)."""
    output = _numpy(_maps(use.call.output, use.call.function))
    rows, columns = (whole(size).T for size in output.shape[1:])
    weight = given["weight"].reshape(len(output), -1, 1, 1)
    bias = given.get("bias")
    return Arithmetic(
        use.op,
        "sum",
        _numpy(x),
        output,
        rows,
        columns,
        _numpy(weight),
        np.zeros(len(output), np.float32) if bias is None else _numpy(bias),
        groups,
    )


def _normalised(given: Mapping[str, Any]) -> Tensor:
    """What a batch normalisation multiplies its factors with: (C, H, W), of mean 0 and variance 1 in training."""
    x: Tensor = _maps(given["input"], _NORMALISATION)
    mean, variance = given.get("running_mean"), given.get("running_var")
    if mean is None or variance is None or given.get("training"):
        mean, variance = x.mean(dim=(1, 2)), x.var(dim=(1, 2), unbiased=False)
    normalised: Tensor = (x - mean[:, None, None]) / (variance[:, None, None] + given.get("eps", 1e-5)).sqrt()
    return normalised


def _maps(tensor: Tensor, function: str) -> Tensor:
    """What goes in or comes out for one image as (C, H, W); along one dimension the height is 1, of a vector both are."""
    one = tensor[0]
    if function == "linear" and one.dim() > 1:  # features come last there
        one = one.reshape(-1, one.shape[-1]).T
    missing = _NORMALISED_SIZE - one.dim()
    return one.reshape(len(one), *(1,) * missing, *one.shape[1:])


def _of_channel(tensor: Tensor, function: str, groups: int, shape: Sequence[int], channel: int) -> Tensor:
    """The weights of an output channel, a view of ``tensor`` with the ``shape`` (C / groups, kh, kw)."""
    if function.startswith("conv_transpose"):  # (in, out / groups, kh, kw)
        group, place = divmod(channel, tensor.shape[1])
        return tensor.view(groups, -1, *tensor.shape[1:])[group, :, place].view(*shape)
    return tensor[channel].view(*shape)


def _of_weight(use: Use, channel: int, place: Place) -> Contributions:
    source, i, j = place
    rows, columns = use.layer.rows[:, i], use.layer.columns[:, j]
    inside = (rows >= 0)[:, None] & (columns >= 0)[None, :]
    x = use.layer.x[use.layer.sources(channel)[source]]
    values: Values = np.where(inside, x[np.maximum(rows, 0)][:, np.maximum(columns, 0)], np.float32(0))
    return _contributions(use, values, inside)


def _of_bias(use: Use) -> Contributions:
    return _contributions(use, np.ones_like(use.gradient), np.ones(use.gradient.shape, bool))


def _contributions(use: Use, values: Values, inside: NDArray[np.bool_]) -> Contributions:
    products = use.gradient.astype(np.float64) * values
    return Contributions(use.layer.op, use.gradient, values, inside, products)


def _strongest(part: Contributions, count: int) -> NDArray[np.int64]:
    """The places (n, 2) of the largest absolute products, at most ``count``."""
    order = np.argsort(-np.abs(part.products), axis=None, kind="stable")[:count]
    places = np.stack(np.unravel_index(order, part.products.shape), axis=1)
    found: NDArray[np.int64] = places[part.inside[tuple(places.T)]]
    return found


def _numpy(tensor: Tensor) -> Values:
    values: Values = tensor.detach().cpu().float().contiguous().numpy()
    return values
