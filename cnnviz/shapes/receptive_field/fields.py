"""The receptive field of every op of a trace, one op after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import overload

from cnnviz.operations.batch_layout import FRONT
from cnnviz.operations.elementwise import CONSTANT, is_pointwise
from cnnviz.operations.op import MODEL_INPUT, Op, Shape
from cnnviz.operations.receptive_field import mixing, rearranging, windows
from cnnviz.operations.receptive_field.call import Call
from cnnviz.operations.receptive_field.reach import Reach, bounded, of_constant, of_input
from cnnviz.shapes.receptive_field.field import ReceptiveField, field_of
from cnnviz.tracing.trace import Trace

_Rule = Callable[[Call], Reach]


def _each(rule: _Rule, names: str) -> dict[str, _Rule]:
    return dict.fromkeys(names.split(), rule)


_RULES: Mapping[str, _Rule] = {
    **_each(windows.convolution, "Conv1d Conv2d Conv3d conv1d conv2d conv3d"),
    **_each(
        windows.transposed_convolution,
        "ConvTranspose1d ConvTranspose2d ConvTranspose3d conv_transpose1d conv_transpose2d conv_transpose3d",
    ),
    **_each(
        windows.pooling,
        "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d LPPool3d max_pool1d "
        "max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d",
    ),
    **_each(
        windows.adaptive_pooling,
        "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d "
        "AdaptiveMaxPool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d "
        "adaptive_max_pool2d adaptive_max_pool3d",
    ),
    **_each(
        windows.padded,
        "pad ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d "
        "ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d CircularPad1d "
        "CircularPad2d CircularPad3d",
    ),
    **_each(windows.resized, "Upsample UpsamplingNearest2d UpsamplingBilinear2d interpolate upsample"),
    **_each(windows.unfolded, "Unfold unfold"),
    **_each(windows.folded, "Fold fold"),
    **_each(
        rearranging.reshaped,
        "Flatten Unflatten flatten unflatten view reshape squeeze unsqueeze view_as reshape_as ravel",
    ),
    **_each(rearranging.reordered, "permute transpose swapaxes swapdims movedim moveaxis T mT H mH t"),
    **_each(rearranging.indexed, "getitem"),
    **_each(rearranging.selected, "select unbind"),
    **_each(rearranging.part, "chunk split narrow"),
    **_each(rearranging.flipped, "flip"),
    **_each(rearranging.rolled, "roll"),
    **_each(rearranging.expanded, "expand expand_as broadcast_to"),
    **_each(rearranging.tiled, "repeat tile"),
    **_each(rearranging.each_repeated, "repeat_interleave"),
    **_each(rearranging.joined_behind, "cat concat concatenate stack"),
    **_each(rearranging.shuffled_pixels, "PixelShuffle PixelUnshuffle pixel_shuffle pixel_unshuffle"),
    **_each(rearranging.shuffled_channels, "ChannelShuffle channel_shuffle"),
    **_each(mixing.linear, "Linear linear Bilinear bilinear"),
    **_each(mixing.matrix_product, "matmul mm bmm"),
    **_each(mixing.summed_products, "einsum"),
    **_each(mixing.attention, "MultiheadAttention"),
    **_each(mixing.dot_product_attention, "scaled_dot_product_attention"),
    **_each(mixing.recurrent, "LSTM GRU RNN"),
    **_each(mixing.cell, "LSTMCell GRUCell RNNCell"),
    **_each(
        mixing.shares,
        "Softmax Softmax2d LogSoftmax Softmin softmax log_softmax softmin gumbel_softmax normalize",
    ),
    **_each(mixing.gated, "GLU glu"),
    **_each(
        mixing.reduced,
        "mean sum amax amin max min prod std var argmax argmin norm logsumexp all any median nanmean",
    ),
    **_each(mixing.running, "cumsum cumprod cummax cummin logcumsumexp"),
    **_each(mixing.batch_norm, "BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm batch_norm"),
    **_each(mixing.instance_norm, "InstanceNorm1d InstanceNorm2d InstanceNorm3d instance_norm"),
    **_each(mixing.group_norm, "GroupNorm group_norm"),
    **_each(mixing.layer_norm, "LayerNorm LayerNorm2d layer_norm RMSNorm rms_norm"),
    **_each(mixing.local_response_norm, "LocalResponseNorm local_response_norm"),
}
"""By an op's type; what is in no rule and no list of value-wise functions has a field that is not known."""


class ReceptiveFields(Sequence[ReceptiveField]):
    """The receptive fields of all ops of a trace, by index, each worked out when it is asked for."""

    def __init__(self, trace: Trace) -> None:
        shape = (1, *trace.input_shape)
        sides = range(min(2, max(1, len(shape) - 2)), len(shape))
        self._image = tuple(shape[side] for side in sides)
        self._ops = trace.ops
        self._input = of_input(shape, sides)
        self._reaches: list[Reach] = []
        self._parts: dict[tuple[int, int, Shape], Reach] = {}
        self._fields: dict[int, ReceptiveField] = {}
        self._lock = Lock()  # several sessions may look at one trace

    def __len__(self) -> int:
        return len(self._ops)

    @overload
    def __getitem__(self, index: int) -> ReceptiveField: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ReceptiveField, ...]: ...
    def __getitem__(self, index: int | slice) -> ReceptiveField | tuple[ReceptiveField, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = range(len(self))[index]
        with self._lock:
            for op in self._ops[len(self._reaches) : number + 1]:
                self._reaches.append(self._through(op, op.layout.full(op.output_shape), 0))
            if number not in self._fields:
                self._fields[number] = field_of(self._reaches[number], self._image, self._ops[number].layout)
            return self._fields[number]

    def _through(self, op: Op, shape: Shape, part: int) -> Reach:
        """The reach of the output number ``part`` of ``op``."""
        if not op.inputs or op.type in CONSTANT:
            return of_constant(shape, len(self._image))
        sources = tuple(self._source(op, number) for number in range(len(op.inputs)))
        if all(source.nothing for source in sources):  # whatever is made of constants is one
            return of_constant(shape, len(self._image))
        rule = _rule(op.type, len(sources))
        if rule is not None and not op.layout.mixed and all(source.known for source in sources):
            try:
                found = rule(Call(op, sources, shape, part))
            except (ValueError, IndexError, KeyError, TypeError, AttributeError):
                return bounded(sources, shape)  # arguments that the rule does not foresee
            if found.shape == shape:
                return found
        return bounded(sources, shape)

    def _source(self, op: Op, number: int) -> Reach:
        """The reach of the input ``number`` of ``op``."""
        index = op.inputs[number]
        if index == MODEL_INPUT:
            return self._input
        part = op.parts[number] if op.parts else 0
        layout = op.input_layouts[number] if op.input_layouts else FRONT
        shape = layout.full(op.input_shapes[number])
        if part == 0 and self._reaches[index].shape == shape:
            return self._reaches[index]
        key = (index, part, shape)
        if key not in self._parts:
            self._parts[key] = self._through(self._ops[index], shape, part)
        return self._parts[key]


def _rule(type_name: str, inputs: int) -> _Rule | None:
    """What is known of an op of this type; ``max`` of two tensors is no sum over one of them."""
    rule = _RULES.get(type_name)
    if (rule is None and is_pointwise(type_name)) or (rule is mixing.reduced and inputs > 1):
        return mixing.value_by_value
    return rule


_REMEMBERED = 8
_lock = Lock()
_found: dict[int, tuple[Trace, ReceptiveFields]] = {}
"""Of the traces that were asked about last: a page asks again at every click."""


def receptive_fields(trace: Trace) -> Sequence[ReceptiveField]:
    """The receptive field of every op of ``trace``, by index.

    The sides of the input are height and width of an image, the length of a vector, all sides of a volume; both
    sizes of an input of two, such as a sequence of features.
    """
    with _lock:
        known = _found.pop(id(trace), None) or (trace, ReceptiveFields(trace))
        _found[id(trace)] = known
        while len(_found) > _REMEMBERED:
            del _found[next(iter(_found))]
    return known[1]
