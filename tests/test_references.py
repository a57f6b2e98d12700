"""Docstrings that refer to other code refer to what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnnviz.settings import PROJECT_DIRECTORY
from tests.imports import modules_of

TEXTS = {name: path.read_text(encoding="utf-8") for name, path in modules_of(PROJECT_DIRECTORY).items()}
REFERENCE = re.compile(r":(?:mod|func|class|meth|data|attr|exc):`~?(cnnviz\.[\w.]+)`")


def references() -> Iterator[tuple[str, str]]:
    """Every module with a reference, and what it refers to."""
    for module, text in TEXTS.items():
        for reference in REFERENCE.findall(text):
            yield module, reference


def there(reference: str) -> bool:
    module = reference
    while module not in TEXTS:
        module = module.rpartition(".")[0]
    names = reference.removeprefix(module).strip(".").split(".")
    return all(defines(TEXTS[module], name) for name in names if name)


def defines(text: str, name: str) -> bool:
    return (
        re.search(rf"^ *(?:def |class |from .* import .*|)\b{name}\b(?:[(:,]| =|$)", text, re.M) is not None
    )


def test_every_reference_leads_somewhere() -> None:
    found = set(references())
    assert len(found) > 50
    assert not [f"{module} refers to {reference}" for module, reference in found if not there(reference)]


def test_what_is_not_there_is_noticed() -> None:
    assert there("cnnviz.tracing.trace.trace")
    assert not there("cnnviz.tracing.trace.retrace")
    assert not there("cnnviz.elsewhere.trace")
