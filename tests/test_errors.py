"""What is said of a name that nobody knows."""

from __future__ import annotations

import pytest

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message

NETWORKS = ("basic-cnn", "densenet", "googlenet", "inception-mini", "resnet18", "untrained-densenet")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("goglenet", "googlenet"),
        ("resnet", "resnet18"),
        ("inceptoin-mini", "inception-mini"),
        ("den", "densenet"),
    ],
)
def test_a_name_that_is_nearly_right_is_put_right(key: str, meant: str) -> None:
    assert f"did you mean '{meant}'" in str(UnknownKeyError(Message("network"), key, NETWORKS))


@pytest.mark.parametrize("key", ["nonsense", "x", "", "alexandria"])
def test_of_a_name_like_none_all_that_there_are_are_told(key: str) -> None:
    told = str(UnknownKeyError(Message("network"), key, NETWORKS))
    assert "did you mean" not in told
    assert "basic-cnn, densenet" in told


def test_of_very_many_names_some_are_told_and_how_many_there_are() -> None:
    told = str(UnknownKeyError(Message("network"), "nonsense", [f"vgg{number:02}" for number in range(99)]))
    assert told.endswith(
        "there are 99, including: " + ", ".join(f"vgg{number:02}" for number in range(40)) + "."
    )
