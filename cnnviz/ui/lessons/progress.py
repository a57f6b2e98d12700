"""How far a person has come in each lesson: in the session, and in the local storage of their browser."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import streamlit as st

from cnnviz.lessons.course.reading import MOST_STEPS
from cnnviz.ui.shared.problems import note_run_again

NOT_YET, SEEN, SHOWN, RIGHT = "-", "s", "a", "r"
"""What a person has done with a step: nothing; it has no question; the answer was shown; found it."""

_KEPT, _COMPONENT = "_lessons", "lessons-kept"
_STEPS = re.compile(rf"[{NOT_YET}{SEEN}{SHOWN}{RIGHT}]{{0,{MOST_STEPS}}}")
_MOST_LESSONS = 200
_LONGEST_KEY = 100
_LONGEST = 50_000
_MOST_ROUNDS = 1_000_000


@dataclass(frozen=True)
class Progress:
    """One lesson: a sign for each step (``steps``), the step that was looked at last, from 1, and how often the lesson was
    begun anew: of two that differ in that, the later one counts.
    """

    steps: str = ""
    at: int = 1
    round: int = 0

    def of(self, number: int) -> str:
        """The sign of a step, from 1."""
        return self.steps[number - 1] if number <= len(self.steps) else NOT_YET

    def marked(self, number: int, sign: str) -> Progress:
        """With a step at ``sign``, unless more is known of it."""
        steps = self.steps.ljust(number, NOT_YET)
        best = max(self.of(number), sign, key=(NOT_YET + SEEN + SHOWN + RIGHT).index)
        return replace(self, steps=steps[: number - 1] + best + steps[number:])


_SCRIPT = """
const PLACE = 'cnnviz-lessons', ORDER = '-sar';

export default function ({ data, parentElement, setStateValue }) {
  if (parentElement.step !== undefined && parentElement.step !== data.step) {
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0); // another step begins at its top
  }
  parentElement.step = data.step;
  try {
    const kept = parsed(localStorage.getItem(PLACE));
    const both = { ...kept };
    for (const [lesson, known] of Object.entries(data.known)) both[lesson] = merged(kept[lesson], known);
    const text = JSON.stringify(both);
    if (text !== JSON.stringify(kept)) localStorage.setItem(PLACE, text);
    const isNews = Object.keys(both).some((lesson) => JSON.stringify(both[lesson]) !== JSON.stringify(data.known[lesson]));
    if (isNews && parentElement.told !== text) {
      parentElement.told = text;
      setStateValue('kept', text);
    }
  } catch {
    // a browser that keeps nothing: what was done lasts as long as the page is open
  }
}

function parsed(text) {
  const found = JSON.parse(text ?? '{}');
  return found !== null && typeof found === 'object' && !Array.isArray(found) ? found : {};
}

/* What is known of a lesson, from before and now: the later round, or the better sign of each step. */
function merged(kept, known) {
  if (!kept || typeof kept.steps !== 'string' || !(kept.round >= known.round)) return known;
  if (kept.round > known.round) return kept;
  const count = Math.max(kept.steps.length, known.steps.length);
  const steps = Array.from({ length: count }, (_, step) => {
    const signs = [kept.steps[step] ?? '-', known.steps[step] ?? '-'];
    return signs[ORDER.indexOf(signs[0]) > ORDER.indexOf(signs[1]) ? 0 : 1];
  });
  return { steps: steps.join(''), at: known.at, round: known.round };
}
"""

_browser = st.components.v2.component("cnnviz_lessons", js=_SCRIPT)


def of(lesson: str) -> Progress:
    """How far this person has come in the lesson with this key."""
    return _known().get(lesson, Progress())


def put(lesson: str, progress: Progress) -> None:
    """Note how far this person has come."""
    _known()[lesson] = progress


def begin_anew(lesson: str) -> None:
    """Forget what was done in a lesson; for callbacks."""
    put(lesson, Progress(round=of(lesson).round + 1))


def keep(place: str = "") -> None:
    """Let the browser keep what is known, and tell what it has kept; once on a page, at its end.

    ``place`` names what the page shows: where that changes, the page begins at its top.
    """
    known = {lesson: asdict(progress) for lesson, progress in _known().items()}
    _browser(data={"known": known, "step": place}, key=_COMPONENT, on_kept_change=_take)


def _known() -> dict[str, Progress]:
    found: dict[str, Progress] = st.session_state.setdefault(_KEPT, {})
    return found


def _take() -> None:
    note_run_again()
    for lesson, progress in read(st.session_state[_COMPONENT].get("kept")).items():
        put(lesson, progress)


def read(text: object) -> Mapping[str, Progress]:
    """What a browser tells of its lessons; whatever is none is left out."""
    try:
        told = json.loads(text) if isinstance(text, str) and len(text) <= _LONGEST else {}
    except (ValueError, RecursionError):
        told = {}
    items = list(told.items())[:_MOST_LESSONS] if isinstance(told, dict) else []
    return {
        lesson: Progress(**kept) for lesson, kept in items if len(lesson) <= _LONGEST_KEY and _is_one(kept)
    }


def _is_one(kept: object) -> bool:
    if not isinstance(kept, dict) or kept.keys() != {"steps", "at", "round"}:
        return False
    steps, at, rounds = kept["steps"], kept["at"], kept["round"]
    return (
        isinstance(steps, str)
        and _STEPS.fullmatch(steps) is not None
        and type(at) is int
        and 1 <= at <= MOST_STEPS
        and type(rounds) is int
        and 0 <= rounds <= _MOST_ROUNDS
    )
