"""Traces as plain data: what comes back is what was sent, and what is not that is refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from cnnviz import architectures
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.models import traced
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Problem, Reading, read
from cnnviz.own.sandbox.plain import MOST_BYTES, UnusableAnswerError, codec, decoded, encoded
from cnnviz.shapes.blame import compare
from cnnviz.shapes.derivation import derive, derive_failure
from cnnviz.shapes.graph import graph
from cnnviz.shapes.receptive_field import receptive_fields
from cnnviz.shapes.text import derivation_text, summary_document, table_text
from cnnviz.tracing.trace import Trace, trace
from tests.shapes.random_networks import Case, cases

STUDENTS = sorted((Path(__file__).parent / "students").glob("*.py"))


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same types all the way down: True is not 1, a list no tuple."""
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and same(list(one.items()), list(other.items()))
    if type(one) is not type(other):
        return {type(one), type(other)} == {tuple, torch.Size} and tuple(one) == tuple(other)
    if isinstance(one, (tuple, list)):
        return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one):
        names = [known.name for known in fields(one) if known.compare]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    return bool(one == other) or one != one


def travelled(found: Trace) -> Trace:
    result = decoded(encoded(found, Trace), Trace)
    assert isinstance(result, Trace)
    return result


@pytest.mark.parametrize(
    "name", [*architectures.keys(), "torchvision:googlenet", "torchvision:swin_t", "torchvision:vit_b_16"]
)
def test_a_trace_comes_back_as_it_was(name: str) -> None:
    found = traced(name, {}, None)
    assert same(travelled(found), found)


@pytest.mark.parametrize("path", STUDENTS, ids=lambda path: path.stem)
def test_a_reading_comes_back_as_it_was(path: Path) -> None:
    found = read(Definition(path.read_text(encoding="utf-8")))
    back = decoded(encoded(found, Reading), Reading)
    assert same(back, found)
    assert back == found
    assert back.trace is None or back.trace.raised is None


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@pytest.mark.filterwarnings("ignore::UserWarning")
@given(cases())
def test_whatever_is_read_off_a_trace_is_read_off_it_when_it_is_back(case: Case) -> None:
    found = trace(case.network, case.shape)
    back = travelled(found)
    assert same(back, found)
    assert everything(back) == everything(found)


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "densenet"])
def test_whatever_is_read_off_a_network_of_the_course_is_the_same(name: str) -> None:
    found = traced(name, {}, None)
    assert everything(travelled(found)) == everything(found)


def everything(found: Trace) -> list[Any]:
    other = replace(found, ops=found.ops[:-1])
    return [
        table_text(found),
        summary_document("x", found),
        graph(found),
        [] if found.failure else list(receptive_fields(found)),
        [derivation_text(derive(found, op.index)) for op in found.ops],
        derivation_text(derive_failure(found)) if found.failure else "",
        compare(found, other),
    ]


class Odd(nn.Module):
    """Arguments of every kind that an operation keeps."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.softmax(x[..., None, 1:-1:2, :], dim=1, dtype=torch.float32)
        return F.hardtanh(x, -float("inf"), 0.1).permute([0, 2, 1, 3, 4])[:, torch.tensor([0, 1])]


def test_arguments_of_every_kind_come_back() -> None:
    found = trace(Odd(), (3, 8, 8))
    back = travelled(found)
    kept = [value for op in back.ops for value in op.arguments.values()]
    assert torch.float32 in kept
    assert any(isinstance(value, tuple) and slice(1, -1, 2) in value and ... in value for value in kept)
    assert float("-inf") in kept
    assert all(not isinstance(value, torch.Tensor) for value in kept)


def test_sentences_come_back_with_the_sentences_in_them() -> None:
    inner = Message("{count:,} rows", count=20_000)
    message = Message("{what} and {list!r}", what=inner, list=[1, (2.5, None)])
    back = decoded(encoded(message, Message), Message)
    assert back == message
    assert str(back) == "20,000 rows and [1, (2.5, None)]"


# -- what is refused --------------------------------------------------------------------------------


def valid() -> Any:
    """A reading of a failing network as JSON's values."""
    text = next(path for path in STUDENTS if path.stem == "wrong_linear").read_text(encoding="utf-8")
    return json.loads(encoded(read(Definition(text)), Reading))


VALID = valid()
TRACE = [known.name for known in fields(Reading)].index("trace")
OPS = [known.name for known in fields(Trace)].index("ops")
PROBLEM = [None, Message("{a}", a=1), None]


def message(template: object, **values: object) -> Any:
    """A reading whose problem is this sentence."""
    return [[], None, [], None, ["limit", [template, values], None], []]


def with_op(place: int, value: object) -> Any:
    """The valid reading, with a field of its first operation replaced."""
    changed = json.loads(json.dumps(VALID))
    changed[TRACE][OPS][0][place] = value
    return changed


def laughing(depth: int) -> Any:
    """A sentence that holds one twice, which holds one twice, and so on."""
    told: Any = ["message", "", {}]
    for _ in range(depth):
        told = ["message", "{a}{a}", {"a": told}]
    return told


WRONG: Mapping[str, Any] = {
    "nothing": None,
    "a number": 1,
    "another class": ["Reading", 1],
    "too few fields": VALID[:-1],
    "too many fields": [*VALID, None],
    "an object": {"classes": []},
    "a list as a name": [[["Net", [], []]], None, [], None, None, []],
    "a text as an index": with_op(0, "0"),
    "true as an index": with_op(0, True),
    "an index of another place": with_op(0, 7),
    "a name that is a number": with_op(1, 1),
    "an unknown kind": with_op(3, "magic"),
    "an input that does not exist": with_op(4, [99]),
    "a size that is a fraction": with_op(6, [1.5]),
    "a huge number": with_op(7, 10**80),
    "an unknown tag": with_op(11, {"a": ["object", 1]}),
    "an untagged list": with_op(11, {"a": [1, 2]}),
    "an object as a value": with_op(11, {"a": {"b": 1}}),
    "a list as a key": with_op(11, {"a": ["dict", [["list"], 1]]}),
    "an unknown type of numbers": with_op(11, {"a": ["dtype", "torch.load"]}),
    "a slice of lists": with_op(11, {"a": ["slice", [], [], []]}),
    "an unknown problem": [[], None, [], None, ["fatal", ["a", {}], None], []],
    "an attribute in a sentence": message("{a.__class__}", a=1),
    "an index in a sentence": message("{a[0]}", a=1),
    "a width in a sentence": message("{a:>999999999}", a=1),
    "a small width in a sentence": message("{a:>9}", a=1),
    "another conversion": message("{a!a}", a=1),
    "a width from a value": message("{a:{b}}", a=1, b=999999999),
    "a place in a sentence": message("{0}", a=1),
    "a missing value": message("{a} {b}", a=1),
    "a text as a number": message("{a:,}", a="x"),
    "a brace": message("{", a=1),
    "a sentence that is a number": message(1),
    "a value called self": message("{self}", self=1),
    "a sentence that doubles": message("{a}", a=laughing(40)),
    "a long template": message("x" * 10_000),
    "a sentence that is long": message("{a}" * 1000, a="x" * 1000),
    "half a character": message("\ud800"),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_what_is_not_a_reading_is_refused(data: Any) -> None:
    with pytest.raises(UnusableAnswerError, match="cannot be used"):
        decoded(json.dumps(data).encode(), Reading)


def test_what_is_replaced_in_these_cases_is_a_reading_otherwise() -> None:
    assert decoded(json.dumps(VALID).encode(), Reading).trace.ops[0].index == 0
    assert str(decoded(json.dumps(message("{a:,}", a=1)).encode(), Reading).problem.message) == "1"
    assert decoded(json.dumps(with_op(11, {"a": ["dtype", "torch.int8"]})).encode(), Reading)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b"[" * 200_000, b"1" * 5000, b"[" * 99 + b"]" * 99, b" " * (MOST_BYTES + 1)],
    ids=["empty", "open", "no text", "deep", "long number", "nested", "too long"],
)
def test_bytes_that_break_readers_are_refused(data: bytes) -> None:
    with pytest.raises(CnnvizError, match="cannot be used"):
        decoded(data, Reading)


def test_the_sentence_tells_the_field() -> None:
    with pytest.raises(UnusableAnswerError, match=r"Reading.trace: Trace.ops: Op.kind: Literal"):
        decoded(json.dumps(with_op(3, "magic")).encode(), Reading)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("{a}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), _JSON)
def test_a_reading_in_which_anything_is_replaced_is_refused_or_one(random: Any, value: Any) -> None:
    changed = holder = json.loads(json.dumps(VALID))
    while True:
        place = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        if isinstance(holder[place], (list, dict)) and holder[place] and random.random() < 0.85:
            holder = holder[place]
            continue
        holder[place] = value
        break
    try:
        found = decoded(json.dumps(changed).encode(), Reading)
    except UnusableAnswerError:
        return
    assert isinstance(found, Reading)
    assert same(decoded(encoded(found, Reading), Reading), found)


def test_what_is_no_such_value_is_not_sent() -> None:
    with pytest.raises(UnusableAnswerError, match="Reading"):
        encoded(Problem("limit", Message("x")), Reading)
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(UnusableAnswerError):
        encoded(nested, object)


@dataclass(frozen=True)
class Unclear:
    one: tuple[int, ...] | frozenset[str]
    other: int = 0


@dataclass(frozen=True)
class Live:
    model: nn.Module
    other: int = 0


@dataclass(frozen=True)
class Hidden:
    one: int
    other: int
    live: object = field(compare=False)


@pytest.mark.parametrize("kind", [Unclear, Live, Hidden, nn.Module, tuple[nn.Module, ...]])
def test_a_class_without_a_codec_is_a_mistake_of_the_programmer(kind: Any) -> None:
    with pytest.raises(TypeError):
        codec(kind)
