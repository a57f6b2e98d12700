"""The Chinese catalogue uses the words of docs/glossary.md, and the Glossary page explains them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from babel.messages.pofile import read_po

from cnnviz.glossary import SUBJECTS, TERMS, find
from cnnviz.language import set_language
from cnnviz.locale.__main__ import CATALOGUE
from cnnviz.settings import PROJECT_DIRECTORY

GLOSSARY = (PROJECT_DIRECTORY / "docs" / "glossary.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Entry:
    """One row: a term, as it is written in English, and what stands for it in Chinese."""

    forms: tuple[str, ...]
    chinese: tuple[str, ...]
    not_in: tuple[str, ...]
    """English phrases in which the word means something else."""


def entries(table: str) -> list[Entry]:
    found = []
    for english, chinese, notes in re.findall(r"^\| (.+?) \| (.+?) \| ?(.*?) ?\|$", table, re.MULTILINE):
        if english == "English":
            continue
        parts = [part.strip() for part in notes.split(";")]
        others = [
            word for part in parts if part.startswith("or ") for word in part.removeprefix("or ").split(", ")
        ]
        phrases = re.findall("“(.+?)”", "".join(part for part in parts if part.startswith("not in ")))
        found.append(Entry(tuple(english.split(", ")), (chinese, *others), tuple(phrases)))
    return found


ENTRIES = entries(GLOSSARY)


def strangers(catalogue: Mapping[str, str], glossary: list[Entry]) -> list[tuple[str, str, str]]:
    """Term, English and Chinese of every message whose translation has another word for the term."""
    return [
        (entry.forms[0], message, text)
        for message, text in catalogue.items()
        for entry in terms(message, glossary)
        if not any(squeezed(word) in squeezed(text) for word in entry.chinese)
    ]


def terms(message: str, glossary: list[Entry]) -> list[Entry]:
    """The terms in a message as whole words, with their plurals; of a term inside of a longer one, the longer."""
    by_form = {form.lower(): entry for entry in glossary for form in entry.forms}
    longest_first = "|".join(map(re.escape, sorted(by_form, key=len, reverse=True)))
    # Not in code: no part of a name, no argument, no call.
    pattern = re.compile(rf"(?<![\w.-])({longest_first})(?:s|es)?(?![\w(=]|[-.']\w)", re.IGNORECASE)
    text = re.sub(r"\{[^}]*\}|`[^`]*`", "_", message)
    found = []
    for match in pattern.finditer(text):
        entry = by_form[match[1].lower()]
        around = text[max(0, match.start() - 30) : match.end() + 30].lower()
        if not any(phrase.lower() in around for phrase in entry.not_in):
            found.append(entry)
    return found


def squeezed(text: str) -> str:
    return text.replace(" ", "").lower()


def catalogue() -> dict[str, str]:
    with CATALOGUE.open("rb") as file:
        return {str(entry.id): str(entry.string) for entry in read_po(file) if entry.id}


def test_the_table_is_in_order() -> None:
    firsts = [entry.forms[0] for entry in ENTRIES]
    assert len(firsts) >= 100
    assert firsts == sorted(firsts, key=str.lower)
    forms = [form for entry in ENTRIES for form in entry.forms]
    assert len(forms) == len(set(forms))
    assert all(re.search(r"[\u4e00-\u9fff]", entry.chinese[0]) for entry in ENTRIES)


def test_the_catalogue_uses_the_glossarys_words() -> None:
    messages = catalogue()
    used = {entry.forms[0] for message in messages for entry in terms(message, ENTRIES)}
    assert len(used) >= 80
    wrong = strangers(messages, ENTRIES)
    assert not wrong, "\n".join(" | ".join(each) for each in wrong)


EVERYDAY = {
    "autograd", "auxiliary classifier", "block", "bounding box", "branch", "broadcasting", "canvas", "contrast",
    "correct", "crop", "data set", "dimension", "distribution", "elementwise", "evaluation", "experiment", "flip",
    "fully connected", "height", "histogram", "in place", "input", "interpolation", "matrix", "mean", "memory",
    "metadata", "misclassified", "network", "operation", "output", "pause", "permutation", "pixel", "probability",
    "queue", "recurrent", "resume", "root mean square", "rotation", "run", "score", "standard deviation", "stroke",
    "test image", "trace", "training image", "trash", "untrained", "variance", "width", "window", "worker",
}  # fmt: skip
"""Rows that the Glossary page leaves out."""


def test_the_page_and_the_table_have_the_same_words() -> None:
    messages = catalogue()
    table = {form: entry for entry in ENTRIES for form in entry.forms}
    for term in TERMS.values():
        assert messages[term.word.template] == table[term.word.template].chinese[0]
        of_the_same = {entry.chinese[0] for form in term.forms if (entry := table.get(form))}
        assert of_the_same <= {table[term.word.template].chinese[0]}, term.key
    explained = {
        table[form] for term in TERMS.values() for form in (term.word.template, *term.forms) if form in table
    }
    assert {entry.forms[0] for entry in ENTRIES if entry not in explained} == EVERYDAY


def test_every_term_has_an_anchor_of_its_own() -> None:
    keys = [term.key for subject in SUBJECTS for term in subject.terms]
    assert len(keys) == len(set(keys)) == len(TERMS)
    assert all(re.fullmatch(r"[a-z][a-z-]*", key) for key in keys)


@pytest.mark.parametrize(
    ("code", "text", "keys"),
    [
        ("en", "Kernels slide over the batch; a kernel has weights.", ["kernel", "batch", "weight"]),
        ("en", "Batch normalisation of a feature map", ["batch-normalisation", "feature-map"]),
        ("en", "kernel_size=3, conv.kernel, `stride`, dropout(x), striding", []),
        ("zh", "卷积核以步幅 2 滑动，卷积核有权重", ["kernel", "stride", "weight"]),
        ("zh", "每层", []),
    ],
)
def test_terms_are_found_in_a_sentence(code: str, text: str, keys: list[str]) -> None:
    set_language(code)
    try:
        assert [found.term.key for found in find(text)] == keys
    finally:
        set_language("en")


MADE_UP = entries(
    "| English | Chinese | notes |\n"
    "|---|---|---|\n"
    "| kernel | 卷积核 | or 核 |\n"
    "| mean | 均值 | not in “did you mean” |\n"
    "| mean squared error | 均方误差 | |\n"
)


@pytest.mark.parametrize(
    ("english", "chinese", "wrong"),
    [
        ("A kernel of {k}", "大小为 {k} 的卷积核", []),
        ("Two Kernels.", "两个核。", []),
        ("Two kernels.", "两个滤波器。", ["kernel"]),
        ("The kernel's mean", "卷积核的平均", ["mean"]),
        ("mean squared error", "均方误差", []),
        ("mean squared error", "均值", ["mean squared error"]),
        ("did you mean {word}?", "是否指 {word}？", []),
        ("kernel_size=3 and conv.kernel(2)", "无", []),
        ("{kernel}, `kernel`", "无", []),
    ],
)
def test_another_word_is_found(english: str, chinese: str, wrong: list[str]) -> None:
    assert [term for term, _, _ in strangers({english: chinese}, MADE_UP)] == wrong
