"""Questions about how large a network is: parameters, multiply-adds, and which layer has the most of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from random import Random
from typing import cast

from cnnviz.language import Message
from cnnviz.lessons.exercises.question import Answer, Level, Question, slips
from cnnviz.lessons.exercises.source import Source, line
from cnnviz.operations.op import Op, product, shape_text
from cnnviz.shapes.counting import macs_formula, parameter_formula

Wrong = list[tuple[Answer | None, Message]]

NO_BIAS = Message("The bias is missing: one number for each output channel.")
NO_BIAS_OF_FEATURES = Message("The bias is missing: one number for each output feature.")
ONE_BIAS = Message("There is not one bias for all, but one for each output.")
HAS_NO_BIAS = Message("With bias=False there is no bias to be counted.")
BIAS_OF_INPUTS = Message("There is a bias for each output, not for each input.")
GROUPS_IGNORED = Message("With groups a kernel reads the channels of its own group alone.")
ONE_CHANNEL = Message("A kernel has weights for every input channel, not for one.")
ONE_KERNEL = Message("Those are the numbers of one kernel. There is one for each output channel.")
NOT_SQUARED = Message("A kernel of size k has k x k weights for each input channel.")
THOSE_ARE_MACS = Message(
    "Those are the multiply-adds. The same weights are used at every place, so they count once."
)
HALF = Message("Each channel has two parameters that are trained: a factor and a shift.")
RUNNING = Message("The running mean and variance are measured, not trained: they are not parameters.")

ONE_PLACE = Message("Those are the products for one place of the output. They are computed at every place.")
INPUT_PLACES = Message("The kernel is applied once for each place of the output, not of the input.")
WITH_BIAS = Message("Adding the bias is not counted as a multiply-add.")
DOUBLED = Message("A multiply and the add after it count as one multiply-add.")
THOSE_ARE_PARAMS = Message("Those are the parameters.")

_CHOICES = 4


def parameters(random: Random, level: Level, source: Source) -> Question | None:
    """How many parameters a layer has."""
    candidates = [op for op in source.trace.ops if _counts_parameters(op, level)]
    if not candidates:
        return None
    op = random.choice(candidates)
    prompt = Message(
        "How many parameters does {layer} of {network} have?", layer=op.name, network=source.title
    )
    return _asked(
        "parameters", level, source, op, prompt, op.params, _wrong_parameters(op), parameter_formula(op)
    )


def _asked(
    kind: str,
    level: Level,
    source: Source,
    op: Op,
    prompt: Message,
    answer: int,
    wrong: Wrong,
    formula: str | None,
) -> Question:
    """A question for a number of one layer; the ``formula`` is its solution."""
    return Question(
        kind=kind,
        level=level,
        form="number",
        prompt=prompt,
        answer=answer,
        slips=slips(answer, wrong),
        solution=(formula,) if formula else (),
        given=(line(op),),
        network=source.key,
        layer=op.name,
    )


def _counts_parameters(op: Op, level: Level) -> bool:
    if op.module is None or op.reused or parameter_formula(op) is None:
        return False
    if level == 1:
        return op.kind == "linear" or (op.kind == "convolution" and op.arguments.get("in_channels") == 1)
    return op.kind in ("convolution", "linear") or (level == 3 and op.kind == "normalisation")


def _wrong_parameters(op: Op) -> Wrong:
    if op.kind == "convolution":
        return _of_convolution(op)
    if op.kind == "linear":
        inputs, outputs = _number(op, "in_features"), _number(op, "out_features")
        weights = inputs * outputs
        if not op.arguments.get("bias"):
            return [(weights + outputs, HAS_NO_BIAS)]
        return [(weights, NO_BIAS_OF_FEATURES), (weights + 1, ONE_BIAS), (weights + inputs, BIAS_OF_INPUTS)]
    channels = op.params // 2
    return [(channels, HALF), (4 * channels, RUNNING)]


def _of_convolution(op: Op) -> Wrong:
    kernel = cast(tuple[int, ...], op.arguments["kernel_size"])
    inputs, outputs, groups = (_number(op, name) for name in ("in_channels", "out_channels", "groups"))
    bias = int(bool(op.arguments.get("bias")))
    window, read = prod(kernel), inputs // groups
    weights = window * read * outputs
    of_bias: Wrong = (
        [(weights, NO_BIAS), (weights + 1, ONE_BIAS)] if bias else [(weights + outputs, HAS_NO_BIAS)]
    )
    return [
        *of_bias,
        ((window * inputs + bias) * outputs, GROUPS_IGNORED),
        ((window + bias) * outputs, ONE_CHANNEL),
        (window * read + bias, ONE_KERNEL),
        ((kernel[0] * read + bias) * outputs, NOT_SQUARED),
        (op.macs, THOSE_ARE_MACS),
    ]


def multiply_adds(random: Random, level: Level, source: Source) -> Question | None:
    """How many multiply-adds a layer needs for one image."""
    candidates = [op for op in source.trace.ops if _counts_macs(op, level)]
    if not candidates:
        return None
    op = random.choice(candidates)
    prompt = Message(
        "In {network}, {layer} turns {input} into {output}. How many multiply-adds does that take for one image?",
        network=source.title,
        layer=op.name,
        input=shape_text(op.input_shapes[0]),
        output=shape_text(op.output_shape),
    )
    return _asked("multiply-adds", level, source, op, prompt, op.macs, _wrong_macs(op), macs_formula(op))


def _counts_macs(op: Op, level: Level) -> bool:
    if op.module is None or macs_formula(op) is None or "Transpose" in op.type:
        return False
    return op.kind == "linear" if level == 1 else op.kind == "convolution"


def _wrong_macs(op: Op) -> Wrong:
    wrong: Wrong = [
        (op.params, THOSE_ARE_PARAMS),
        (2 * op.macs, DOUBLED),
        (op.macs + product(op.output_shape), WITH_BIAS),
    ]
    if op.kind == "convolution":
        weights = op.macs // product(op.output_shape[1:])
        wrong[:0] = [(weights, ONE_PLACE), (weights * product(op.input_shapes[0][1:]), INPUT_PLACES)]
    return wrong


MOST_MACS = Message("It needs the most multiply-adds of these, but its few weights are used at many places.")
MOST_VALUES = Message(
    "It gives the most values of these; how many there are does not tell how many weights made them."
)


def most_parameters(random: Random, level: Level, source: Source) -> Question | None:
    """Which of some layers has the most parameters."""
    layers = [op for op in source.trace.ops if op.module and op.params and not op.reused]
    if len(layers) < 2:
        return None
    chosen = sorted(random.sample(layers, min(len(layers), _CHOICES)), key=lambda op: op.index)
    counted = {op.name: op.params for op in chosen}
    right = max(counted, key=counted.__getitem__)
    if list(counted.values()).count(counted[right]) > 1 or len(counted) < len(chosen):
        return None
    wrong: Wrong = [
        (max(chosen, key=lambda op: op.macs).name, MOST_MACS),
        (max(chosen, key=lambda op: product(op.output_shape)).name, MOST_VALUES),
    ]
    return Question(
        kind="most-parameters",
        level=level,
        form="choice",
        prompt=Message("Which of these layers of {network} has the most parameters?", network=source.title),
        answer=right,
        choices=tuple(counted),
        slips=slips(right, wrong),
        solution=_counted(chosen, counted),
        given=tuple(map(line, chosen)),
        network=source.key,
        layer=right,
    )


def _counted(ops: list[Op], counted: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{op.name}: {parameter_formula(op) or f'{counted[op.name]:,}'}" for op in ops)


def _number(op: Op, name: str) -> int:
    return cast(int, op.arguments.get(name, 1))
