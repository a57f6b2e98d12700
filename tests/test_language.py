"""Every text that a person reads is in the Chinese catalogue, and fits its values."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from cnnviz.language import LOCALE_DIRECTORY, Message, language, set_language, translate
from cnnviz.settings import PROJECT_DIRECTORY
from tests.speaking import spoken

KEYWORDS = {"_": None, "Message": None, "translate": None}
PACKAGE = PROJECT_DIRECTORY / "cnnviz"
CATALOGUE = LOCALE_DIRECTORY / "zh" / "LC_MESSAGES" / "cnnviz.po"


def extracted() -> set[str]:
    messages: set[str] = set()
    for folder in ("cnnviz", "pages"):
        found = extract_from_dir(PROJECT_DIRECTORY / folder, [("**.py", "python")], keywords=KEYWORDS)
        messages |= {message for _, _, message, _, _ in found if isinstance(message, str)}
    found = extract_from_dir(PROJECT_DIRECTORY, [("app.py", "python")], keywords=KEYWORDS)
    return messages | {message for _, _, message, _, _ in found if isinstance(message, str)}


def catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id and not entry.fuzzy}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_message_has_a_translation() -> None:
    messages = extracted()
    assert len(messages) > 100
    translated = {message for message, text in catalogue().items() if text}
    assert not sorted(messages - translated)


def test_no_message_hides_from_the_extraction() -> None:
    # Babel does not look into the f-strings of Python 3.11.
    files = [
        PROJECT_DIRECTORY / "app.py",
        *(PROJECT_DIRECTORY / "pages").rglob("*.py"),
        *PACKAGE.rglob("*.py"),
    ]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    written = {
        node.args[0].value
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS
        if node.args and isinstance(node.args[0], ast.Constant)
    }
    assert len(written) > 1000
    assert not sorted(written - extracted())


def test_no_translation_is_left_over() -> None:
    assert len(catalogue()) > 1000
    assert not sorted(catalogue().keys() - extracted())


def test_translations_take_the_same_values() -> None:
    assert any(fields(message) for message in catalogue())
    wrong = {message: text for message, text in catalogue().items() if fields(message) != fields(text)}
    assert not wrong


def test_the_compiled_catalogue_is_up_to_date() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = {str(entry.id): str(entry.string) for entry in read_mo(file) if entry.id}
    assert compiled == catalogue()


def test_a_message_is_written_in_the_language_of_whoever_shows_it() -> None:
    message = Message("The architecture")
    assert str(message) == "The architecture"
    with spoken("zh"):
        assert str(message) == catalogue()["The architecture"]
    assert language() == "en"


@pytest.mark.parametrize("code", [None, "", "tlh", "zh_TW"])
def test_an_unknown_language_is_english(code: str | None) -> None:
    with spoken("zh"):
        set_language(code)
        assert language() == "en"


def test_text_without_values_keeps_its_braces() -> None:
    assert translate("{not filled in}") == "{not filled in}"


def test_there_is_a_catalogue_for_every_language() -> None:
    assert Path(CATALOGUE).exists()
