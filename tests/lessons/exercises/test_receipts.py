"""A code says what was solved, and nobody but the server can make one."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnviz.files import StorageError
from cnnviz.lessons.exercises.receipts import KEY_FILE, CodeError, Receipt, read, server_key, sign

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


def test_servers_on_one_folder_have_one_key_that_others_cannot_read(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: server_key(tmp_path), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 32
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        server_key(tmp_path / "file")
