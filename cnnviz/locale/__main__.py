"""Bring the Chinese catalogue up to date with the source: ``python -m cnnviz.locale``.

Extracts every message, adds the new ones to the catalogue, drops those that are gone, compiles it, and lists
what has no translation yet. Exit status 1 then, or if ``--check`` (which writes nothing) finds a difference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cnnviz.language import LOCALE_DIRECTORY
from cnnviz.lessons.course.lesson import texts
from cnnviz.lessons.course.shelf import shipped
from cnnviz.settings import PROJECT_DIRECTORY

CATALOGUE = LOCALE_DIRECTORY / "zh" / "LC_MESSAGES" / "cnnviz.po"
KEYWORDS: Mapping[str, None] = dict.fromkeys(("_", "Message", "translate"))
"""The functions whose first argument is a message."""


@cache
def messages() -> frozenset[str]:
    """Every message that stands in ``app.py``, ``pages/`` and ``cnnviz/``, and every text of the course's lessons."""
    folders = [
        message
        for name in ("cnnviz", "pages")
        for _, _, message, _, _ in extract_from_dir(
            PROJECT_DIRECTORY / name, [("**.py", "python")], keywords=KEYWORDS
        )
    ]
    landing_page = extract_from_file("python", PROJECT_DIRECTORY / "app.py", keywords=KEYWORDS)
    found = [*folders, *(message for _, message, _, _ in landing_page), *texts(shipped())]
    return frozenset(message for message in found if isinstance(message, str) and message)


def updated(catalogue: Catalog) -> Catalog:
    """``catalogue`` with exactly the messages of the source, the translations that it has kept."""
    template = Catalog(creation_date=catalogue.creation_date)
    for message in messages():
        template.add(message)
    catalogue.update(template, no_fuzzy_matching=True)
    return catalogue


def untranslated(catalogue: Catalog) -> list[str]:
    """The messages without a translation, or with one that is marked as a guess."""
    return sorted(str(entry.id) for entry in catalogue if entry.id and (entry.fuzzy or not entry.string))


def main(arguments: Sequence[str] | None = None, path: Path = CATALOGUE) -> int:
    """Update and compile the catalogue at ``path``; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m cnnviz.locale", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; say whether anything would change"
    )
    check = parser.parse_args(arguments).check

    before = path.read_bytes()
    catalogue = updated(read_po(BytesIO(before), locale="zh", domain="cnnviz"))
    text, compiled = BytesIO(), BytesIO()
    write_po(text, catalogue, width=0, no_location=True, sort_output=True, ignore_obsolete=True)
    write_mo(compiled, catalogue)
    stale = []
    for file, content in ((path, text.getvalue()), (path.with_suffix(".mo"), compiled.getvalue())):
        if not file.exists() or file.read_bytes() != content:
            stale.append(file.name)
            if not check:
                file.write_bytes(content)

    missing = untranslated(catalogue)
    for message in missing:
        print(message)
    verb = "not up to date" if check else "written"
    told = f"{verb}: {', '.join(stale)}" if stale else "up to date"
    print(f"{len(catalogue):,} messages, {len(missing):,} without a translation; {told}", file=sys.stderr)
    return int(bool(missing or (check and stale)))


if __name__ == "__main__":
    sys.exit(main())
