"""The language in which a person reads cnnviz.

Core functions return numbers and :class:`Message` templates; a template becomes a sentence only when
it is shown, in the language of the context that shows it. So a cached result serves every language.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
LANGUAGE_TAGS: Mapping[str, str] = {"en": "en", "zh": "zh-CN"}
"""As browsers and screen readers call the languages (BCP 47)."""
DEFAULT_LANGUAGE = "en"
LOCALE_DIRECTORY = Path(__file__).parent / "locale"

_language: ContextVar[str] = ContextVar("cnnviz_language", default=DEFAULT_LANGUAGE)


def language() -> str:
    """The code of the current context's language: ``en`` or ``zh``."""
    return _language.get()


def set_language(code: str | None) -> None:
    """Set the current context's language; an unknown code (from an old link, say) means English."""
    _language.set(code if code is not None and code in LANGUAGES else DEFAULT_LANGUAGE)


@lru_cache(maxsize=len(LANGUAGES))
def _catalogue(code: str) -> gettext.NullTranslations:
    if code == DEFAULT_LANGUAGE:  # English is what stands in the source
        return gettext.NullTranslations()
    # Better English than no page, should an installation lack the compiled catalogue.
    return gettext.translation("cnnviz", LOCALE_DIRECTORY, languages=[code], fallback=True)


def translate(template: str, **values: object) -> str:
    """``template`` in the current language, its ``{names}`` filled in from ``values``."""
    text = _catalogue(language()).gettext(template) if template else template
    return text.format(**values) if values else text


def sentences(parts: Iterable[object]) -> str:
    """Sentences one after the other in the current language, those that are None or empty left out.

    Chinese has its space in the mark at a sentence's end.
    """
    found = ""
    for part in parts:
        text = "" if part is None else str(part)
        found += f" {text}" if found and text and found[-1] not in _WIDE_ENDS else text
    return found


_WIDE_ENDS = "。！？："


@dataclass(frozen=True)
class Message:
    """A sentence that is not written yet: a template, and the values that go into it.

    ``str(message)`` writes it in the current language. Values that are messages themselves are
    written in the same language.
    """

    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __init__(self, template: str, **values: object) -> None:
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "values", values)

    def __str__(self) -> str:
        return translate(self.template, **self.values)

    def __hash__(self) -> int:
        return hash((self.template, tuple(sorted((k, str(v)) for k, v in self.values.items()))))
