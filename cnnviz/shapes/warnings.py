"""Warnings about a network that runs, but hardly does what its author meant.

Each rule is a function that reads a trace and yields warnings; a rule speaks only where it is sure of what it says.
Add one to ``_RULES`` and it appears below the table, on the page, in the command line's text and in its JSON.
Importing this imports no torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnviz.language import Message, sentences
from cnnviz.operations.batch_axis import FRONT
from cnnviz.operations.dropout import drops_in_evaluation
from cnnviz.operations.op import MODEL_INPUT, Op, product, shape_text
from cnnviz.operations.operation import operation_of
from cnnviz.operations.rereading import flattened_in_order_of_one, reread, takes_batch_for_channels
from cnnviz.operations.window_diagnosis import of_dimensions

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace
    from cnnviz.tracing.unregistered import Unregistered
    from cnnviz.tracing.unused import UnusedLayer


@dataclass(frozen=True)
class NetworkWarning:
    """Something that a network's author has probably not meant.

    ``code`` names the rule (stable, for scripts); ``op`` is the index of the op that it is about, None where it is
    about no single op, and ``name`` that op's name or the path of a layer or tensor. ``text`` says what is the case,
    ``reason`` why that matters and what to do.
    """

    code: str
    name: str
    text: Message
    reason: Message
    op: int | None = None

    def __str__(self) -> str:
        return sentences((self.text, self.reason))


_MOST_NAMED = 6

Rule = Callable[["_Network"], Iterator[NetworkWarning]]


class _Network:
    """A trace as rules read it: forwards and backwards."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.ops = trace.ops
        self.uses = Counter(source for op in trace.ops for source in set(op.inputs))
        self.reached = _reached(trace.ops)

    def before(self, op: Op, *also: str) -> Op | None:
        """The op whose values ``op`` receives, over those that change no value (or are of a kind in ``also``).

        None where it is the model's input, where there are several, or where the values also go elsewhere.
        """
        while len(op.inputs) == 1 and op.inputs[0] != MODEL_INPUT:
            op = self.ops[op.inputs[0]]
            if self.uses[op.index] > 1 or any(output.op == op.index for output in self.trace.outputs):
                return None
            if not (_keeps_values(op) or op.kind in also):
                return op
        return None

    def returned(self) -> Iterator[Op]:
        """The ops whose outputs the model returned, before anything that changes no value."""
        for output in self.trace.outputs:
            if output.op is None or output.op == MODEL_INPUT:
                continue
            op = self.ops[output.op]
            while _keeps_values(op) and len(op.inputs) == 1 and op.inputs[0] != MODEL_INPUT:
                op = self.ops[op.inputs[0]]
            yield op

    def leads_to(self, source: int, target: int) -> bool:
        """Whether the op ``target`` was computed from what ``source`` gave."""
        waiting, seen = [target], set()
        while waiting:
            index = waiting.pop()
            if index == source:
                return True
            if index > source and index not in seen:
                seen.add(index)
                waiting += self.ops[index].inputs
        return False


def _reached(ops: Sequence[Op]) -> frozenset[int]:
    """The ops (and -1) whose values depend on the model's input."""
    found = {MODEL_INPUT}
    for op in ops:
        if not found.isdisjoint(op.inputs):
            found.add(op.index)
    return frozenset(found)


def _keeps_values(op: Op) -> bool:
    """Whether, in evaluation, the same values come out in the same order."""
    return op.kind == "dropout" or op.base == "Identity" or operation_of(op).keeps_order


def warnings(trace: Trace) -> tuple[NetworkWarning, ...]:
    """All warnings about a network, in the order of the rules; for one that fails, those about the ops before."""
    network = _Network(trace)
    return tuple(warning for rule in _RULES for warning in rule(network))


# -- the end of the network ----------------------------------------------------------------------------


def floor(classes: int) -> float:
    """The smallest cross-entropy, in nats, where probabilities of so many ``classes`` are taken for scores.

    The best there is are 1 for the true class and 0 for the others: -ln(e / (e + classes - 1)).
    """
    return math.log(math.e + classes - 1) - 1


def _classes(op: Op) -> int | None:
    """How many values a softmax makes into probabilities; None where that cannot be told."""
    full = op.layout.full(op.output_shape, 2)
    if not full:  # a single number, such as the mean of all
        return None
    dim = op.arguments.get("dim")
    axis = op.layout.axis(dim if isinstance(dim, int) else 1, len(full))
    return None if axis is None else op.output_shape[axis]


def _softmax_at_the_end(network: _Network) -> Iterator[NetworkWarning]:
    """A loss that computes the softmax itself computes it a second time."""
    ends = {op.index: op for op in network.returned()}
    for op in ends.values():
        gives, classes = operation_of(op).gives, _classes(op)
        if not gives or not classes or classes < 2 or network.trace.loss_fits:
            continue
        if op.inputs and op.inputs[0] in ends:  # with the scores beside it, one may take either
            continue
        values = {"name": op.title, "count": classes}
        if gives == "log probabilities":
            text = Message("{name} ends the network in log-probabilities of {count} classes.", **values)
            reason = Message(
                "NLLLoss is the loss for these. CrossEntropyLoss takes scores and computes the log-softmax itself, so "
                "with it you can leave this one out."
            )
        else:
            text = Message("{name} ends the network in probabilities of {count} classes.", **values)
            reason = Message(
                "CrossEntropyLoss takes scores and computes the softmax itself. Given probabilities, it cannot fall "
                "below {floor:.4f}, even if every answer is correct, and the network learns slowly. Return the "
                "scores, and apply the softmax only to show probabilities.",
                floor=floor(classes),
            )
        yield NetworkWarning("softmax-before-loss", op.name, text, reason, op.index)


# -- the images of a batch -----------------------------------------------------------------------------


def _mixed_images(network: _Network) -> Iterator[NetworkWarning]:
    """An output without a row for each image."""
    name = network.trace.mixing_op
    if name is None:
        return
    text = Message(
        "{op} mixes the images of a batch, so the output no longer has one row per image.", op=name
    )
    reason = Message("Use flatten(1) or view(x.size(0), -1) to keep the batch dimension.")
    yield NetworkWarning("mixed-images", name, text, reason, network.trace.op(name).index)


def _images_as_steps(network: _Network) -> Iterator[NetworkWarning]:
    """A recurrent layer or an attention with the steps in front, which is given the batch in front."""
    told: set[str] = set()
    for op in network.ops:
        layouts = op.input_layouts or (FRONT,)
        if (
            op.arguments.get("batch_first") is not False
            or layouts[0] != FRONT
            or len(op.input_shapes[0]) != 2
            or op.type in told  # a deep network repeats it in every block
        ):
            continue
        told.add(op.type)
        text = Message(
            "{name} ({type}) takes the images of the batch for the steps of a sequence.",
            name=op.title,
            type=op.type,
        )
        reason = Message(
            "Without batch_first=True it expects (steps, batch, features), so the answer for an image depends on the "
            "other images. Set batch_first=True."
        )
        yield NetworkWarning("images-as-steps", op.name, text, reason, op.index)


def _no_values(network: _Network) -> Iterator[NetworkWarning]:
    """Maps without a pixel, which nothing refuses."""
    op = next((op for op in network.ops if 0 in op.output_shape), None)
    if op is not None:
        text = Message(
            "{name} outputs {shape}: no values are left.", name=op.title, shape=shape_text(op.output_shape)
        )
        reason = Message("Use less padding, a larger kernel or a larger input.")
        yield NetworkWarning("no-values", op.name, text, reason, op.index)


# -- what PyTorch does not find ------------------------------------------------------------------------

_NOT_FOUND = Message("It is neither trained, nor saved, nor moved to the GPU with the model.")
_LAYERS_IN: Mapping[str, Message] = {
    "dict": Message("Use nn.ModuleDict in place of the plain dict."),
    "object": Message("Make the layers attributes of the module itself."),
    "attribute": Message("Make it an attribute of the module."),
}
_TENSORS_IN: Mapping[str, Message] = {
    "dict": Message("Use nn.ParameterDict in place of the plain dict."),
    "object": Message("Make the tensors attributes of the module itself, as nn.Parameter."),
    "attribute": Message(
        "Make it an nn.Parameter, or a buffer (register_buffer) if it is not to be trained."
    ),
}


def _unregistered(network: _Network) -> Iterator[NetworkWarning]:
    """Layers and tensors that take part, although the model's ``parameters()`` do not have them."""
    for found in network.trace.unregistered:
        if not found.layers:
            yield _of_tensors(found)
        elif found.place in ("forward", "first forward", "outside"):
            yield _of_one_layer(found)
        elif found.params or any("Dropout" in layer for layer in found.layers):
            yield _of_layers(found)


def _of_layers(found: Unregistered) -> NetworkWarning:
    layers = ", ".join(found.layers[:_MOST_NAMED]) + (", …" if len(found.layers) > _MOST_NAMED else "")
    mend = _LAYERS_IN.get(
        found.place, Message("Use nn.ModuleList in place of the plain {place}.", place=found.place)
    )
    if not found.params:
        text = Message(
            "{name} is a plain {place}, so PyTorch does not find the layers in it ({layers}).",
            name=found.name,
            place=found.place,
            layers=layers,
        )
        reason = Message("eval() does not reach them: dropout stays on. {mend}", mend=mend)
        return NetworkWarning("unregistered", found.name, text, reason)
    text = Message(
        "{name} is a plain {place}, so PyTorch does not find the layers in it ({layers}): {params:,} parameters are "
        "not registered.",
        name=found.name,
        place=found.place,
        layers=layers,
        params=found.params,
    )
    reason = Message(
        "They are neither trained, nor saved, nor moved to the GPU, and eval() does not reach them. {mend}",
        mend=mend,
    )
    return NetworkWarning("unregistered", found.name, text, reason)


def _of_tensors(found: Unregistered) -> NetworkWarning:
    if found.place == "attribute":
        text = Message(
            "{name} is a plain tensor ({params:,} values), not a parameter of the model.",
            name=found.name,
            params=found.params,
        )
    else:
        text = Message(
            "{name} is a plain {place}, so PyTorch does not find the tensors in it ({params:,} values).",
            name=found.name,
            place=found.place,
            params=found.params,
        )
    mend = _TENSORS_IN.get(
        found.place, Message("Use nn.ParameterList in place of the plain {place}.", place=found.place)
    )
    reason = Message("{lost} {mend}", lost=_NOT_FOUND, mend=mend)
    return NetworkWarning("unregistered", found.name, text, reason)


def _of_one_layer(found: Unregistered) -> NetworkWarning:
    values = {"layer": found.name, "params": found.params}
    if found.place == "forward":
        text = Message("forward makes a new {layer} ({params:,} parameters) in every pass.", **values)
        reason = Message(
            "Its weights are random each time and never trained. Make it once, in __init__: self.layer = "
            "nn.{layer}(...).",
            **values,
        )
    elif found.place == "first forward":
        text = Message("forward makes a {layer} ({params:,} parameters) when it first runs.", **values)
        reason = Message(
            "An optimizer made before that does not have these parameters, and load_state_dict does not find them. "
            "Make it in __init__; lazy layers such as nn.LazyLinear find the size of their input themselves."
        )
    else:
        text = Message(
            "forward uses a {layer} ({params:,} parameters) that is not part of the model.", **values
        )
        reason = Message("{lost} {mend}", lost=_NOT_FOUND, mend=Message("Assign it to self in __init__."))
    return NetworkWarning("unregistered", found.name, text, reason)


# -- values in the wrong order -------------------------------------------------------------------------


def _reread_memory(network: _Network) -> Iterator[NetworkWarning]:
    """A view where the dimensions should have been reordered."""
    for op in network.ops:
        found = reread(op, network.ops) if op.input_shapes else None
        if found is None:
            continue
        text = Message(
            "{name} cuts the same row of values differently, from {before} to {after}: the sizes change places, the values do "
            "not.",
            name=op.title,
            before=shape_text(found.before),
            after=shape_text(found.after),
        )
        if found.order is None:
            reason = Message("So values of all channels and positions get mixed. Use permute before it.")
        else:
            reason = Message(
                "So values of all channels and positions get mixed. To reorder the dimensions, write "
                "x.permute({order}) instead.",
                order=", ".join(map(str, found.order)),
            )
        yield NetworkWarning("reread-memory", op.name, text, reason, op.index)


def _view_of_one_channel(network: _Network) -> Iterator[NetworkWarning]:
    """A view behind a permute, which works as long as there is a single channel."""
    for op in network.ops:
        maker = flattened_in_order_of_one(op, network.ops)
        if maker is None:
            continue
        text = Message(
            "{name} works after {maker} only because one of the sizes {shape} is 1.",
            name=op.title,
            maker=maker.title,
            shape=shape_text(maker.output_shape),
        )
        reason = Message(
            "With one channel, {maker} does not change the order of the values in memory; with more it does, and view "
            "fails. reshape and flatten(1) work for any number.",
            maker=maker.title,
        )
        yield NetworkWarning("view-of-one-channel", op.name, text, reason, op.index)


def _batch_as_channels(network: _Network) -> Iterator[NetworkWarning]:
    """A pooling that takes a batch of rows for a single image."""
    for op in network.ops:
        if not op.input_shapes or not takes_batch_for_channels(op):
            continue
        values = {"name": op.title, "type": op.type, "shape": shape_text(op.input_shapes[0])}
        text = Message(
            "{name} ({type}) gets {shape} for each image, one dimension fewer than it is made for: it takes the batch "
            "for the channels of a single image.",
            **values,
        )
        sibling = of_dimensions(op.type, operation_of(op).dimensions - 1)
        reason = Message("So it pools over channels as well. Move it to where there are maps.")
        if sibling is not None:
            reason = Message("So it pools over channels as well. Use {sibling}.", sibling=sibling)
        yield NetworkWarning("batch-as-channels", op.name, text, reason, op.index)


# -- layers in an odd order ----------------------------------------------------------------------------

_AT_LEAST_ZERO = frozenset(("ReLU", "relu", "ReLU6", "relu6", "Sigmoid", "sigmoid", "Softplus", "softplus"))
_OF_NEGATIVES = frozenset(("ReLU", "relu", "LeakyReLU", "leaky_relu"))
"""Activations that leave what is not negative as it is."""
_MEANT_TOGETHER = frozenset((("softplus", "tanh"), ("exp", "log"), ("logsigmoid", "exp"), ("exp", "exp")))
"""The first and the second of two functions of which one makes a third, as Mish is x * tanh(softplus(x))."""


def _two_activations(network: _Network) -> Iterator[NetworkWarning]:
    """An activation of what an activation gives, with no layer between."""
    for op in network.ops:
        if op.kind != "activation" or op.index not in network.reached:
            continue
        before = network.before(op)
        if before is None or before.kind != "activation" or _pair(before, op) in _MEANT_TOGETHER:
            continue
        text = Message(
            "{second} follows {first} directly: two activations in a row.",
            first=before.title,
            second=op.title,
        )
        yield NetworkWarning("two-activations", op.name, text, _why_not_both(before, op), op.index)


def _pair(first: Op, second: Op) -> tuple[str, str]:
    return first.base.lower(), second.base.lower()


def _why_not_both(first: Op, second: Op) -> Message:
    if operation_of(first).gives == "probabilities" and operation_of(second).gives:
        return Message("The second softmax makes the probabilities nearly equal. Remove one of the two.")
    if first.base in _AT_LEAST_ZERO and second.base in _OF_NEGATIVES:
        return Message("The second changes nothing, since nothing is negative after the first. Remove it.")
    if first.base in ("ReLU", "relu") and second.base in ("Sigmoid", "sigmoid"):
        return Message(
            "After a ReLU nothing is negative, so the sigmoid gives at least 0.5. Remove the ReLU."
        )
    if first.base in ("ReLU", "relu") and operation_of(second).gives:
        return Message(
            "The ReLU makes all negative scores equal, which the softmax then cannot tell apart. Remove it."
        )
    return Message("There is no layer with weights between them; one of the two is probably left over.")


def _linear_after_linear(network: _Network) -> Iterator[NetworkWarning]:
    """Two linear layers with nothing between that is not linear."""
    for op in network.ops:
        before = network.before(op, "normalisation") if op.base == "Linear" else None
        if (
            before is None
            or before.base != "Linear"
            or not _only_batch_norm(network.ops[before.index + 1 : op.index])
            or _is_bottleneck(before, op)
        ):
            continue
        text = Message(
            "There is no activation between {first} and {second}.", first=before.title, second=op.title
        )
        reason = Message(
            "Two linear layers in a row compute no more than a single one could. Put an activation such as ReLU "
            "between them."
        )
        yield NetworkWarning("no-activation", op.name, text, reason, op.index)


def _is_bottleneck(first: Op, second: Op) -> bool:
    """Whether fewer features lie between two linear layers than before and behind: the code of an autoencoder."""
    between = first.output_shape[-1]
    return between < min(first.input_shapes[0][-1], second.output_shape[-1])


def _only_batch_norm(ops: Sequence[Op]) -> bool:
    """Whether every normalisation among ``ops`` is linear in evaluation; others divide by what they find in an image."""
    return all(op.base.startswith("BatchNorm") for op in ops if op.kind == "normalisation")


def _relu_at_the_end(network: _Network) -> Iterator[NetworkWarning]:
    """Scores that cannot be negative."""
    if len(network.trace.outputs) != 1:
        return
    for op in network.returned():
        before = network.before(op)
        if op.base not in ("ReLU", "relu", "ReLU6", "relu6") or before is None:
            continue
        if before.base in ("Linear", "linear") and len(op.output_shape) == 1:
            text = Message(
                "{relu} cuts off the output of the last layer, {layer}.", relu=op.title, layer=before.title
            )
            reason = Message(
                "As class scores, the negative ones all become 0 and get no gradient, so the network may stop learning. "
                "Return what {layer} gives.",
                layer=before.title,
            )
            yield NetworkWarning("relu-at-the-end", op.name, text, reason, op.index)


# -- values that are repeated, dropped or mixed --------------------------------------------------------


def _broadcast_sum(network: _Network) -> Iterator[NetworkWarning]:
    """A sum in which the single channel of one branch is added to every channel of the other."""
    for op in network.ops:
        if op.base not in ("add", "sub") or len(op.inputs) != 2 or not network.reached.issuperset(op.inputs):
            continue
        small, large = sorted(op.input_shapes, key=product)
        if len(small) != len(large) or len(large) < 2 or not op.layout.alone:
            continue
        repeated = [(b, axis) for axis, (a, b) in enumerate(zip(small, large, strict=True)) if a == 1 != b]
        which = op.inputs[op.input_shapes.index(small)]
        other = op.inputs[op.input_shapes.index(large)]
        channels = bool(repeated) and repeated[0][1] == 0
        if not repeated or product(small) == 1 or not (channels or network.leads_to(which, other)):
            continue  # one value for the whole image, or a value for each channel that is computed of the maps, and added to all of their pixels
        text = Message(
            "{name} adds {small} to {large}, so the smaller one is repeated {count:,} times.",
            name=op.title,
            small=shape_text(small),
            large=shape_text(large),
            count=product(large) // product(small),
        )
        reason = Message(
            "PyTorch repeats sizes of 1 (broadcasting) without a word. If this is a shortcut, give it the same shape, "
            "for example with a 1x1 convolution."
        )
        yield NetworkWarning("broadcast-sum", op.name, text, reason, op.index)


def _dropout_in_evaluation(network: _Network) -> Iterator[NetworkWarning]:
    """Dropout that a call of ``eval()`` does not end."""
    for op in network.ops:
        if op.module is not None or op.index not in network.reached:
            continue
        given = op.arguments
        if (
            op.base == "scaled_dot_product_attention"
            and isinstance(p := given.get("dropout_p"), float)
            and p > 0
        ):
            mend = Message("Write dropout_p={p} if self.training else 0.0.", p=p)
        elif op.kind == "dropout" and drops_in_evaluation(op):
            mend = Message(
                "F.{type} defaults to training=True: write F.{type}(x, training=self.training), or use a layer made in "
                "__init__.",
                type=op.type,
            )
        else:
            continue
        text = Message("{name} drops values in evaluation, too.", name=op.title)
        reason = Message("The answers are then different each time, and worse. {mend}", mend=mend)
        yield NetworkWarning("dropout-in-evaluation", op.name, text, reason, op.index)


def _batch_in_evaluation(network: _Network) -> Iterator[NetworkWarning]:
    """Values of one image that depend on the others: a softmax or a normalisation over the batch."""
    for op in network.ops:
        if op.index not in network.reached or not op.input_shapes:
            continue
        if op.module is None and op.base == "batch_norm" and op.arguments.get("training") is True:
            text = Message("{name} normalises by the images of the batch in evaluation, too.", name=op.title)
            mend = Message("Pass training=self.training, or use a layer made in __init__.")
        elif operation_of(op).gives and _over_images(op):
            text = Message("{name} normalises over the images of the batch.", name=op.title)
            mend = Message("Use dim=1 (or -1), the dimension of the classes.")
        else:
            continue
        reason = Message("The answer for an image then depends on the other images. {mend}", mend=mend)
        yield NetworkWarning("mixed-images", op.name, text, reason, op.index)


def _over_images(op: Op) -> bool:
    """Whether a softmax sums over the batch."""
    full = op.layout.full(op.output_shape, 2)
    usual = 0 if len(full) in (1, 3) else 1
    dim = op.arguments.get("dim")
    if op.base == "Softmax2d":
        return False
    return op.layout.axis(dim if isinstance(dim, int) else usual, len(full)) is None


def _mean_outside(network: _Network) -> Iterator[NetworkWarning]:
    """A normalisation inside of the network by a mean that pixels from 0 to 1 cannot have."""
    found = network.trace.subtracted
    if found is None or all(0 <= value <= 1 for value in found.values):
        return
    op = network.ops[found.op]
    text = Message(
        "{name} subtracts a mean of {mean} from the input.",
        name=op.title,
        mean=", ".join(f"{value:g}" for value in found.values),
    )
    reason = Message(
        "Pixels from ToTensor are between 0 and 1, and so is their mean. A mean above 1 is one of pixels from 0 to "
        "255: divide it, and the standard deviation, by 255."
    )
    if min(found.values) < 0:
        reason = Message("Pixels from ToTensor are between 0 and 1, and so is their mean; check its sign.")
    yield NetworkWarning("mean-outside", op.name, text, reason, op.index)


# -- layers without use --------------------------------------------------------------------------------


def _unused_layers(network: _Network) -> Iterator[NetworkWarning]:
    """Layers that ``__init__`` makes and ``forward`` does not call."""
    trace = network.trace
    if trace.failure is not None:
        return
    alike: dict[tuple[str, str], list[UnusedLayer]] = {}
    for layer in trace.unused_layers:
        if layer.type.endswith("Loss"):  # training calls it
            continue
        # Those of one block that is repeated are named together.
        alike.setdefault((layer.name.rpartition(".")[2], layer.type), []).append(layer)
    for found, *others in alike.values():
        text = Message("{name} ({type}) is declared and never used.", name=found.name, type=found.type)
        if others:
            text = Message(
                "{name} ({type}) and {count} more with this name are declared and never used.",
                name=found.name,
                type=found.type,
                count=len(others),
            )
        if found.params:
            reason = Message(
                "{params:,} parameters are counted and saved, but not trained. Call it in forward, or remove it.",
                params=sum(layer.params for layer in (found, *others)),
            )
        else:
            reason = Message("Call it in forward, or remove it.")
        yield NetworkWarning("unused-layer", found.name, text, reason)


_RULES: tuple[Rule, ...] = (
    _unregistered,
    _mixed_images,
    _images_as_steps,
    _no_values,
    _reread_memory,
    _view_of_one_channel,
    _batch_as_channels,
    _batch_in_evaluation,
    _softmax_at_the_end,
    _relu_at_the_end,
    _two_activations,
    _linear_after_linear,
    _broadcast_sum,
    _dropout_in_evaluation,
    _mean_outside,
    _unused_layers,
)
