"""The error decoder knows the error, names the value at fault, and gives the right advice.

What PyTorch can raise here is provoked, so that the wording of another version makes the test speak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn

from cnnviz import error_messages
from cnnviz.error_messages import Decoded, decode
from cnnviz.error_messages.pasted import readings
from cnnviz.language import set_language
from tests.error_messages.other_versions import MESSAGES
from tests.error_messages.provoked_layers import PROVOKED as OF_LAYERS
from tests.error_messages.provoked_training import PROVOKED as OF_TRAINING
from tests.error_messages.test_error_messages import OF_OTHER_VERSIONS, raised
from tests.error_messages.test_error_messages import PROVOKED as OF_SHAPES

PROVOKED: Mapping[str, tuple[Callable[[], object], str, str | None]] = {**OF_TRAINING, **OF_LAYERS}


def said_of(found: Decoded | None) -> tuple[str, list[str]]:
    assert found is not None
    codes = [line for reason in found.reasons if reason.code for line in reason.code.splitlines()]
    return " ".join([str(found.meaning), *(str(reason.text) for reason in found.reasons)]), codes


def check(message: str, words: str, code: str | None) -> None:
    said, codes = said_of(decode(message))
    assert words in said
    assert code is None or code in codes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROVOKED)
def test_errors_that_pytorch_raises(name: str) -> None:
    provoke, words, code = PROVOKED[name]
    error = raised(provoke)
    check(f"{type(error).__name__}: {error}", words, code)


@pytest.mark.parametrize(("message", "words", "code"), MESSAGES)
def test_errors_of_other_versions(message: str, words: str, code: str | None) -> None:
    check(message, words, code)


@pytest.mark.filterwarnings("ignore")
def test_every_entry_is_tried_and_every_explanation_can_be_written_in_chinese() -> None:
    errors = [raised(provoke) for provoke, *_ in (*PROVOKED.values(), *OF_SHAPES)]
    texts = [f"{type(error).__name__}: {error}" for error in errors]
    texts += [message for message, *_ in (*MESSAGES, *OF_OTHER_VERSIONS)]
    lines = [next(readings(text)) for text in texts]
    known = error_messages._ENTRIES
    assert not [each.pattern.pattern for each in known if not any(map(each.pattern.search, lines))]
    set_language("zh")
    try:
        assert all(said_of(decode(text))[0] for text in texts)
    finally:
        set_language(None)


def test_a_word_that_is_looked_for_first_is_in_all_that_the_pattern_finds() -> None:
    lines = [next(readings(message)) for message, *_ in MESSAGES]
    for each in error_messages._ENTRIES:
        assert not [line for line in lines if each.pattern.search(line) and each.word not in line.lower()]


@pytest.mark.parametrize("size", [9, 10, 11, 12])
def test_what_takes_the_place_of_same_with_a_stride_halves_the_image(size: int) -> None:
    _said, codes = said_of(decode("padding='same' is not supported for strided convolutions"))
    assert [code.startswith("nn.Conv2d") for code in codes] == [
        True,
        False,
    ]  # of an odd kernel, of an even one
    for code in codes:
        with torch.device("meta"):
            output = eval(code, {"nn": nn})(torch.ones(1, 16, size, size))
        assert output.shape == (1, 32, -(-size // 2), -(-size // 2))
