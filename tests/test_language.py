"""Every text that a person reads is in the Chinese catalogue, and fits its values."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from cnnviz.language import Message, language, sentences, set_language, translate
from cnnviz.locale.__main__ import CATALOGUE, KEYWORDS, main, messages
from cnnviz.settings import PROJECT_DIRECTORY
from tests.speaking import spoken

PACKAGE = PROJECT_DIRECTORY / "cnnviz"


def catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id and not entry.fuzzy}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_message_has_a_translation() -> None:
    written = messages()
    assert len(written) > 1000
    translated = {message for message, text in catalogue().items() if text}
    assert not sorted(written - translated)


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
    assert not sorted(written - messages())


def test_no_translation_is_left_over() -> None:
    assert len(catalogue()) > 1000
    assert not sorted(catalogue().keys() - messages())


def test_translations_take_the_same_values() -> None:
    assert any(fields(message) for message in catalogue())
    wrong = {message: text for message, text in catalogue().items() if fields(message) != fields(text)}
    assert not wrong


def test_chinese_addresses_everybody_alike() -> None:
    texts = list(catalogue().values())
    assert any("你" in text for text in texts)
    assert not [text for text in texts if "您" in text]


def test_chinese_has_its_own_punctuation() -> None:
    narrow = re.compile(r"[\u4e00-\u9fff](?:[:;?!]|,(?! ))|[,:;?!][\u4e00-\u9fff]")  # (a, b) is code
    assert not [text for text in catalogue().values() if narrow.search(text)]


def test_the_compiled_catalogue_is_up_to_date() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = {str(entry.id): str(entry.string) for entry in read_mo(file) if entry.id}
    assert compiled == catalogue()


def test_the_command_has_nothing_to_do() -> None:
    assert main(["--check"]) == 0, "run python -m cnnviz.locale"


def test_the_command_adds_what_is_new_drops_what_is_gone_and_compiles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cnnviz.po"
    text = CATALOGUE.read_text(encoding="utf-8")
    entry = 'msgid "architecture"\nmsgstr "' + catalogue()["architecture"] + '"\n\n'
    assert entry in text
    path.write_text(text.replace(entry, 'msgid "Nobody says this"\nmsgstr "-"\n\n'), encoding="utf-8")
    before = path.read_bytes()

    assert main(["--check"], path) == 1
    printed = capsys.readouterr()
    assert printed.out == "architecture\n"
    assert "1 without a translation; not up to date: cnnviz.po, cnnviz.mo" in printed.err
    assert path.read_bytes() == before
    assert not path.with_suffix(".mo").exists()

    assert main([], path) == 1  # not translated yet
    assert capsys.readouterr().out == "architecture\n"
    untranslated = 'msgid "architecture"\nmsgstr ""\n\n'
    assert untranslated in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(untranslated, entry), encoding="utf-8")
    assert main([], path) == 0
    assert capsys.readouterr().out == ""
    assert path.read_bytes() == CATALOGUE.read_bytes()
    assert path.with_suffix(".mo").read_bytes() == CATALOGUE.with_suffix(".mo").read_bytes()


def test_a_message_is_written_in_the_language_of_whoever_shows_it() -> None:
    message = Message("architecture")
    assert str(message) == "architecture"
    with spoken("zh"):
        assert str(message) == catalogue()["architecture"]
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


def test_sentences_stand_apart_as_the_language_has_it() -> None:
    assert sentences(["One.", None, "", "Two."]) == "One. Two."
    assert sentences(["一。", "二。", "Conv2d(1)", "三。"]) == "一。二。Conv2d(1) 三。"
    assert sentences([None, ""]) == ""
