"""A network within a link: it comes back as it was, and nothing in its place can do any harm."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.errors import UsageError
from cnnviz.own.definition import Definition
from cnnviz.own.link import LONGEST_IN_LINK, packed, unpacked

NETWORK = """import torch.nn as nn


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.fc = nn.Linear(784, classes)  # 全连接层

    def forward(self, x):
        return self.fc(x.flatten(1))
"""
NAMES = st.from_regex(r"[a-zA-Z_]\w{0,8}", fullmatch=True).filter(str.isidentifier)
DEFINITIONS = st.builds(
    Definition,
    st.text(),
    st.none() | NAMES,
    st.dictionaries(NAMES, st.integers() | st.booleans() | st.text()).map(
        lambda found: tuple(sorted((name, json.dumps(value)) for name, value in found.items()))
    ),
    st.none() | st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=4).map(tuple),
)


def in_a_link(data: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(data, wbits=-zlib.MAX_WBITS)).rstrip(b"=").decode()


@given(DEFINITIONS)
def test_a_network_comes_back_from_a_link_as_it_was(definition: Definition) -> None:
    assert unpacked(packed(definition)) == definition


def test_a_link_needs_no_escapes_and_is_shorter_than_the_text() -> None:
    code = packed(Definition(NETWORK * 20))
    assert code.replace("-", "").replace("_", "").isalnum()
    assert len(code) < 400 < LONGEST_IN_LINK < len(NETWORK * 30)


@given(st.text())
def test_what_is_no_network_gets_a_sentence(code: str) -> None:
    with pytest.raises(UsageError):
        unpacked(code)


@given(st.data())
def test_damage_gets_a_sentence_or_changes_a_sign(data: st.DataObject) -> None:
    code = packed(Definition(NETWORK, "Net", (), (1, 28, 28)))
    place = data.draw(st.integers(0, len(code) - 1))
    sign = data.draw(st.sampled_from("abcXYZ019-_ ="))
    for damaged in (code[:place], code[:place] + sign + code[place + 1 :]):
        with suppress(UsageError):
            assert isinstance(unpacked(damaged), Definition)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b'{"text": 3}',
        b'{"text": "\\ud800"}',
        b'{"text": "a", "class_name": "\\ud800"}',
        b'{"text": "a", "input_shape": [' + b"9" * 5000 + b"]}",
        b"\xff",
    ],
)
def test_json_that_is_no_network_gets_a_sentence(data: bytes) -> None:
    with pytest.raises(UsageError):
        unpacked(in_a_link(data))


def test_a_small_link_that_unfolds_to_gigabytes_is_not_unfolded() -> None:
    bomb = in_a_link(b'{"text": "' + b"a" * 30_000_000 + b'"}')
    assert len(bomb) < 50_000
    tracemalloc.start()
    with pytest.raises(UsageError, match="larger than any network"):
        unpacked(bomb)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_a_link_of_any_length_is_not_even_read() -> None:
    with pytest.raises(UsageError, match="larger than any network"):
        unpacked("A" * 100_000)
