"""A code says what was solved, and nobody but the server can make one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.lessons.exercises.receipts import CodeError, Receipt, read, sign

RECEIPT = Receipt("Zoë 王", 8, 5, 10, 123, 2, "course", ("shape", "in-features"), 29_000_000)
KEY = bytes(range(32))


def test_a_code_says_what_was_solved() -> None:
    assert read(f"  {sign(RECEIPT, KEY)}\n", KEY) == RECEIPT
    assert RECEIPT.time.isoformat() == "2025-02-19T21:20:00+00:00"


@given(st.integers(0, 400), st.characters())
def test_a_code_in_which_a_character_is_another_one_is_refused(place: int, character: str) -> None:
    code = sign(RECEIPT, KEY)
    place %= len(code)
    changed = code[:place] + character + code[place + 1 :]
    if changed.strip() != code:
        with pytest.raises(CodeError):
            read(changed, KEY)


@pytest.mark.parametrize("name", ["A", "AB", "ABC"])
def test_a_code_that_ends_otherwise_is_refused_though_it_says_the_same(name: str) -> None:
    begin, content, mark = sign(replace(RECEIPT, name=name), KEY).split(".")
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if letter != content[-1]:
            with pytest.raises(CodeError):
                read(".".join((begin, content[:-1] + letter, mark)), KEY)


@given(st.text(max_size=200))
def test_what_is_no_code_is_refused(text: str) -> None:
    for code in (text, f"cnnviz.{text}", f"cnnviz.{text}.{text}"):
        with pytest.raises(CodeError):
            read(code, KEY)


def test_another_servers_code_is_refused() -> None:
    with pytest.raises(CodeError):
        read(sign(RECEIPT, KEY), bytes(32))
