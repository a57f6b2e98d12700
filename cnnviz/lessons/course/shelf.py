"""The lessons that there are: the course's, and those in a teacher's own folder. Imports no torch."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from cnnviz.language import Message
from cnnviz.lessons.course.lesson import Lesson
from cnnviz.lessons.course.reading import LessonError, name_of, read_lesson

SHIPPED = Path(__file__).parent / "shipped"
OWN = "own-"
"""What the keys of a teacher's own lessons begin with."""
MOST_OWN = 100


@cache
def shipped() -> tuple[Lesson, ...]:
    """The course's lessons, in their order."""
    return tuple(read_lesson(path) for path in _files(SHIPPED))


def own(folder: Path | None) -> tuple[list[Lesson], list[LessonError]]:
    """The lessons in ``folder``, by file name, and what is wrong with files that are none; nothing without a folder."""
    lessons: list[Lesson] = []
    errors: list[LessonError] = []
    for path in _files(folder)[:MOST_OWN] if folder is not None and folder.is_dir() else ():
        try:
            lesson = read_lesson(path, OWN)
            if lesson.key in [other.key for other in lessons]:
                raise LessonError(
                    Message(
                        "{file} has the same name as another file, but for the number in front: rename it.",
                        file=name_of(path),
                    )
                )
            lessons.append(lesson)
        except LessonError as error:
            errors.append(error)
    return lessons, errors


def _files(folder: Path) -> list[Path]:
    """The files of lessons, as people count: 2 before 10."""
    parts = {path: re.split(r"(\d+)", path.name) for path in folder.glob("*.toml") if path.is_file()}
    return sorted(
        parts, key=lambda path: [part.zfill(20) if part.isdigit() else part for part in parts[path]]
    )
