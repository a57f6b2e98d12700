"""The answers are PyTorch's, and every mistake that is told of leads to its own answer."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnviz import architectures
from cnnviz.language import Message
from cnnviz.lessons.exercises import counts, question, sizes, updates
from cnnviz.lessons.exercises import shapes as shapes_
from cnnviz.lessons.exercises.catalogue import COURSE, KINDS, LARGEST_SEED
from cnnviz.lessons.exercises.generating import questions
from cnnviz.lessons.exercises.question import Level, Question, Slip, check
from cnnviz.lessons.exercises.source import Source
from cnnviz.operations.window_arithmetic import Side
from cnnviz.tracing.trace import trace
from tests.lessons.exercises.networks import source
from tests.networks import on_meta

LONG = 1_000
"""Sets in the long mode."""
NETWORKS = (*COURSE, "lenet-cifar", "alexnet", "mlp", "densenet")
SETS = LONG if os.environ.get("CNNVIZ_LONG_EXERCISES") else 6

seeds = st.integers(0, LARGEST_SEED)
levels = st.sampled_from([1, 2, 3])


def executed(line: str) -> nn.Module:
    """The layer that a line of code makes, executed by Python, without memory for its weights."""
    with torch.device("meta"):
        return cast(nn.Module, eval(line, {"nn": nn}))


def side_behind(lines: tuple[str, ...], size: int) -> int:
    x = torch.empty(1, 8, size, size, device="meta")
    for line in lines:
        x = executed(line)(x)
    return x.shape[-1]


def field_of(lines: tuple[str, ...]) -> int:
    """How many pixels of a side have a gradient, through layers that are executed, from one value in the middle."""
    x = torch.zeros(1, 8, 99, 99, dtype=torch.float64, requires_grad=True)
    y: Tensor = x
    for line in lines:
        layer = cast(nn.Module, eval(line, {"nn": nn})).double()
        if isinstance(layer, nn.MaxPool2d):  # the largest alone would have a gradient
            layer = nn.AvgPool2d(layer.kernel_size, layer.stride)
        for weights in layer.parameters():
            nn.init.ones_(weights)
        y = layer(y)
    y[0, 0, y.shape[2] // 2, y.shape[3] // 2].backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return int(x.grad[0, 0].any(dim=0).sum())


def module_of(asked: Question) -> nn.Module:
    network = on_meta(architectures.get(cast(str, asked.network)))
    op = source(cast(str, asked.network)).trace.op(cast(str, asked.layer))
    return network.get_submodule(cast(str, op.module))


def macs_of(asked: Question) -> int:
    op = source(cast(str, asked.network)).trace.op(cast(str, asked.layer))
    layer = module_of(asked)
    with FlopCounterMode(display=False) as counted:
        layer(torch.empty(1, *op.input_shapes[0], device="meta"))
    return int(counted.get_total_flops() // 2)


def shape_of(asked: Question) -> tuple[int, ...]:
    op = source(cast(str, asked.network)).trace.op(cast(str, asked.layer))
    if op.module is None:  # flatten and cat
        arrived = [torch.empty(1, *shape, device="meta") for shape in op.input_shapes]
        found = torch.cat(arrived, 1) if op.type == "cat" else arrived[0].flatten(1)
    else:
        found = module_of(asked).eval()(torch.empty(1, *op.input_shapes[0], device="meta"))
    return tuple(found.shape[1:])


def largest_of(asked: Question) -> str:
    network = on_meta(architectures.get(cast(str, asked.network)))
    return max(
        asked.choices, key=lambda name: sum(p.numel() for p in network.get_submodule(name).parameters())
    )


def value_of(asked: Question) -> int:
    """What PyTorch's convolution gives for the numbers that the question shows."""
    rows = [[int(number) for number in line.split()] for line in asked.given]
    side = len(rows)
    patch, kernel = (torch.tensor([row[start : start + side] for row in rows]) for start in (0, side))
    bias = torch.tensor([cast(int, asked.prompt.values.get("bias", 0))])
    value = F.conv2d(patch[None, None].float(), kernel[None, None].float(), bias.float())
    return int(value.relu() if asked.level == 3 else value)


def updated_by(asked: Question) -> Decimal:
    """What PyTorch makes of the weight in the question: the lines are executed, and its own optimizer makes the step."""
    known: dict[str, Any] = {"__builtins__": {}}
    for line in asked.given:
        name, _, value = line.partition(" = ")
        if name.strip() in ("w", "kernel", "x", "target"):
            known[name.strip()] = torch.tensor(eval(value), dtype=torch.float64)
        elif name == "lr":
            known["lr"] = float(value)
    weight = known["kernel" if asked.level == 3 else "w"].requires_grad_()
    if asked.level == 3:
        known["y"] = F.conv1d(known["x"][None, None], weight[None, None])[0, 0]
        shown = (
            next(line for line in asked.given if line.startswith("y ")).partition("=")[2].partition("#")[0]
        )
        assert eval(shown) == pytest.approx(known["y"].tolist())
    elif asked.level == 2:
        known["y"] = eval(asked.given[1].partition(" = ")[2], known)
    written = next(line for line in asked.given if line.startswith("loss = "))
    eval(written.partition(" = ")[2], known).backward()
    if asked.level == 1:
        assert asked.given[2].endswith(
            f"w.grad: {question.decimal_text(round(Decimal(float(weight.grad)), 6))}"
        )
    torch.optim.SGD([weight], lr=known["lr"]).step()
    return round(Decimal(float(weight.detach().reshape(-1)[0])), 9)


def answer_of(asked: Question) -> object:
    """What PyTorch answers."""
    if asked.kind == "weight-update":
        return updated_by(asked)
    if asked.kind == "output-size":
        return side_behind(asked.given, cast(int, asked.prompt.values["size"]))
    if asked.kind == "one-value":
        return value_of(asked)
    if asked.kind == "receptive-field":
        return field_of(asked.given)
    if asked.kind == "shape":
        return shape_of(asked)
    if asked.kind == "in-features":
        return module_of(asked).in_features
    if asked.kind == "parameters":
        return sum(weights.numel() for weights in module_of(asked).parameters())
    if asked.kind == "multiply-adds":
        return macs_of(asked)
    return largest_of(asked)


@settings(max_examples=SETS, deadline=None)
@given(seed=seeds, level=levels, network=st.sampled_from(NETWORKS))
def test_answers_are_those_of_pytorch(seed: int, level: Level, network: str) -> None:
    apart = ("breaking-layer", "mending-number", "match-curve", "match-filters", "match-confusion")
    kinds = [kind for kind in KINDS if kind not in apart]
    for asked in questions(seed, level, kinds, [network], source):
        assert asked.answer == answer_of(asked), asked
        if asked.kind == "parameters":  # what is shown is enough to work it out
            shown = executed("nn." + asked.given[0].partition(" = ")[2])
            assert sum(weights.numel() for weights in shown.parameters()) == asked.answer


@settings(max_examples=SETS, deadline=None)
@given(seed=seeds, level=levels)
def test_what_breaks_is_what_pytorch_refuses(seed: int, level: Level) -> None:
    asked = questions(
        seed, level, ["breaking-layer", "mending-number"], ["chain"], lambda _name: source("basic-cnn"), 4
    )
    assert len(asked) == 4
    for each in asked:
        layers = [line.partition(" = ")[2] for line in each.given if " = " in line]
        names = [line.partition(" = ")[0] for line in each.given if " = " in line]
        refused = first_refused(layers)
        assert names[refused] == each.layer
        if each.kind == "mending-number":
            layers[refused] = with_number(layers[refused], cast(int, each.answer))
            assert first_refused(layers) != refused


def first_refused(lines: list[str]) -> int:
    x = torch.empty(1, 1, 28, 28, device="meta")
    for index, line in enumerate(lines):
        try:
            layer = executed("nn." + line.partition("  ")[0])
            x = layer(x.flatten(1) if isinstance(layer, nn.Linear) else x)
        except RuntimeError:
            return index
    return len(lines)


def with_number(line: str, number: int) -> str:
    name, _, rest = line.partition("(")
    return f"{name}({number},{rest.partition(',')[2]}"


@settings(max_examples=SETS, deadline=None)
@given(seed=seeds, level=levels, network=st.sampled_from(NETWORKS))
def test_every_mistake_is_told_of_and_every_form_is_right(seed: int, level: Level, network: str) -> None:
    for asked in questions(seed, level, list(KINDS), [network], source):
        assert check(asked, asked.answer_text).is_right
        for slip in asked.slips:
            verdict = check(asked, question.answer_text(slip.answer))
            assert not verdict.is_right
            assert slip.sentence in verdict.told
        if isinstance(asked.answer, int):
            assert check(asked, str(asked.answer)).is_right
        if isinstance(asked.answer, Decimal):
            assert asked.answer == round(asked.answer, updates.DECIMALS)
            plain = question.decimal_text(asked.answer)
            for form in (
                plain,
                plain.replace("0.", ".", 1),
                plain.replace(".", ","),
                f"{asked.answer:.6f}",
                f"w = {plain}",
            ):
                assert check(asked, form).is_right, form
        if isinstance(asked.answer, tuple):
            assert check(asked, str(asked.answer)).is_right
            assert check(asked, str((None, *asked.answer))).is_right
            assert check(asked, str((64, *asked.answer))).told[-1:] == (question.READ_AS_BATCH,)
        assert all(str(line) for line in asked.solution)


def test_a_link_gives_everybody_the_same_questions() -> None:
    sets = [questions(7, 2, list(KINDS), COURSE, source) for _ in range(2)]
    assert sets[0] == sets[1]
    assert len(sets[0]) == 10
    assert len({asked.kind for asked in sets[0]}) == min(10, len(KINDS))
    assert questions(8, 2, list(KINDS), COURSE, source) != sets[0]


def test_a_network_that_offers_no_question_gives_none() -> None:
    assert questions(1, 1, ["in-features"], ["dense-block"], source) == ()
    assert questions(1, 1, [], COURSE, source) == ()


def slips_of(asked: Question) -> dict[object, set[Message]]:
    found: dict[object, set[Message]] = {}
    for slip in asked.slips:
        found.setdefault(slip.answer, set()).add(slip.sentence)
    return found


def asked_of(kind: str, level: Level, layer: str, network: str = "inception-mini") -> Question:
    """The question of a ``kind`` about a ``layer``, whatever the seed is that asks it."""
    for seed in range(400):
        for asked in questions(seed, level, [kind], [network], source):
            if asked.layer == layer:
                return asked
    raise AssertionError(layer)


def test_mistakes_with_1408() -> None:
    told = slips_of(asked_of("in-features", 1, "fc"))
    assert told[88] == {shapes_.ONLY_CHANNELS}
    assert told[16] == {shapes_.ONE_MAP}
    assert told[88 * 4] == {shapes_.ONE_SIDE}
    assert told[88 + 4 + 4] == {shapes_.ADDED_UP}


def test_a_layer_without_a_bias_says_so() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", bias=False), nn.Flatten(), nn.Linear(4 * 28 * 28, 10, bias=False)
    )
    plain = Source("plain", "Plain", lambda _edits: trace(network, (1, 28, 28)))
    asked = {each.layer: each for each in questions(1, 1, ["parameters"], ["plain"], lambda _name: plain)}
    assert asked["0"].given == ('0 = Conv2d(1, 4, kernel_size=3, padding="same", bias=False)',)
    assert slips_of(asked["0"])[36 + 4] == {counts.HAS_NO_BIAS}
    assert asked["2"].given == ("2 = Linear(3136, 10, bias=False)",)
    assert slips_of(asked["2"])[31360 + 10] == {counts.HAS_NO_BIAS}


def test_mistakes_with_parameters() -> None:
    told = slips_of(asked_of("parameters", 2, "conv2"))  # Conv2d(88, 20, kernel_size=5)
    assert told[5 * 5 * 88 * 20] == {counts.NO_BIAS}
    assert told[5 * 5 * 88 * 20 + 1] == {counts.ONE_BIAS}
    assert told[(5 * 5 + 1) * 20] == {counts.ONE_CHANNEL}
    assert told[5 * 5 * 88 + 1] == {counts.ONE_KERNEL}
    assert told[(5 * 88 + 1) * 20] == {counts.NOT_SQUARED}
    assert told[5 * 5 * 88 * 20 * 8 * 8] == {counts.THOSE_ARE_MACS}


@pytest.mark.parametrize("level", [1, 2, 3])
def test_mistakes_with_an_update(level: Level) -> None:
    asked = questions(5, level, ["weight-update"], COURSE, source, 1)[0]
    told, answer = slips_of(asked), cast(Decimal, asked.answer)
    old, rate, gradient = step_of(asked)
    assert answer == old - rate * gradient
    assert updates.ADDED in told[old + rate * gradient]
    assert updates.NO_RATE in told[old - gradient]
    assert updates.RATE_TWICE in told[old - rate * rate * gradient]
    assert updates.ONLY_STEP in told[rate * gradient]
    assert updates.ONLY_GRADIENT in told[gradient]
    if level == 2:
        assert updates.NO_FACTOR in told[old - rate * gradient / 2]
    if level == 3:
        errors, row = listed(asked.solution[0]), listed(asked.given[0])
        assert updates.ONE_PLACE in told[old - rate * errors[0] * row[0]]
        assert (
            updates.OTHER_WEIGHT
            in told[old - rate * sum(e * x for e, x in zip(errors, row[1:], strict=True))]
        )
        assert updates.NO_INPUT in told[old - rate * sum(errors)]


def step_of(asked: Question) -> tuple[Decimal, Decimal, Decimal]:
    """The old weight, the learning rate and the gradient, as the last line of the solution has them."""
    old, _minus, rate, _times, gradient, _is, _new = str(asked.solution[-1]).split(" ")
    return Decimal(old), Decimal(rate), Decimal(gradient.strip("()"))


def listed(line: object) -> tuple[Decimal, ...]:
    return tuple(Decimal(number) for number in str(line).partition("[")[2].partition("]")[0].split(", "))


@pytest.mark.parametrize(
    ("line", "size", "wrong", "sentence"),
    [
        ("nn.Conv2d(8, 16, kernel_size=5)", 28, 23, sizes.FORGOT_ONE),
        ("nn.Conv2d(8, 16, kernel_size=5, padding=2)", 28, 24, sizes.FORGOT_PADDING),
        ("nn.Conv2d(8, 16, kernel_size=5, padding=2)", 28, 26, sizes.PADDED_ONE_END),
        ("nn.Conv2d(8, 16, kernel_size=3, stride=2)", 28, 14, sizes.ROUNDED_UP),
        ("nn.MaxPool2d(2, ceil_mode=True)", 13, 6, sizes.ROUNDED_DOWN),
        ("nn.Conv2d(8, 16, kernel_size=3, stride=2)", 28, 26, sizes.FORGOT_STRIDE),
        ("nn.MaxPool2d(2)", 28, 27, sizes.POOLING_STRIDE),
        ("nn.Conv2d(8, 16, kernel_size=3, dilation=2)", 28, 26, sizes.FORGOT_DILATION),
    ],
)
def test_mistakes_with_windows(line: str, size: int, wrong: int, sentence: Message) -> None:
    side = Side(size, **window_of(executed(line)))
    found = sizes.wrong_counts(side, "Pool" in line)
    assert side.count == side_behind((line,), size)
    assert (wrong, sentence) in found
    assert Slip(wrong, sentence) in question.slips(side.count, found)


def window_of(layer: Any) -> dict[str, Any]:
    """A square layer's window, as one of its sides has it."""
    padding = _single(layer.padding)
    return {
        "kernel": _single(layer.kernel_size),
        "stride": _single(layer.stride),
        "before": padding,
        "after": padding,
        "dilation": _single(layer.dilation),
        "ceil_mode": getattr(layer, "ceil_mode", False),
    }


def _single(value: Any) -> int:
    return int(value if isinstance(value, int) else value[0])
