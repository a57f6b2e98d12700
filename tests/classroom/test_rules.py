from pathlib import Path

import pytest

from cnnviz.classroom.limits import LIMITS, LimitError, check, is_shared, limit, usual
from cnnviz.classroom.password import HOURS, PasswordError, Teachers
from cnnviz.classroom.presence import FORGOTTEN_AFTER, Presence
from cnnviz.classroom.rules import Rules, invite, rules, set_rules
from cnnviz.language import Message
from cnnviz.settings import settings


@pytest.fixture(autouse=True)
def _a_class(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("CNNVIZ_TEACHER_PASSWORD", "correct horse")


def test_what_was_set_is_there_after_a_restart() -> None:
    set_rules(hidden=("train",), limits={"epochs": 3})
    first, second = invite("draw"), invite("draw?digit=4")
    assert first.invitation is not None
    assert second.invitation is not None
    assert second.invitation.number == first.invitation.number + 1
    set_rules(controls=("export",), presented=("choices", "training"))
    assert rules() == Rules(
        ("train",), {"epochs": 3}, second.invitation, ("export",), ("choices", "training")
    )


def test_a_file_from_before_there_were_rules_of_controls_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "class.json").write_text('{"hidden": ["draw"], "limits": {}, "invitation": null}')
    assert rules() == Rules(("draw",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"hidden": [1], "limits": {}, "invitation": null}',
        '{"hidden": [], "limits": {}, "invitation": null, "controls": 3}',
    ],
)
def test_a_damaged_file_hides_nothing_and_can_be_written_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "class.json").write_text(text)
    assert rules() == Rules()
    assert set_rules(hidden=("data",)).hidden == ("data",) == rules().hidden


def test_the_teacher_s_limit_counts_before_the_settings_and_none_where_a_person_is_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CNNVIZ_CLASS_EPOCHS", "7")
    assert limit("epochs") == 7
    set_rules(limits={"epochs": 3})
    assert limit("epochs") == 3
    check("epochs", 3, Message("at most {limit}"))
    with pytest.raises(LimitError, match="4 of 3"):
        check("epochs", 4, Message("{value} of {limit}"))
    monkeypatch.setenv("CNNVIZ_TEACHER_PASSWORD", "")
    assert limit("epochs") is None
    check("epochs", 10**9, Message("at most {limit}"))


def test_every_limit_has_a_setting() -> None:
    assert all(usual(name) > 0 for name in LIMITS)


def test_a_teacher_is_one_for_some_hours_or_until_the_page_is_locked() -> None:
    now = [0.0]
    teachers = Teachers(lambda: now[0])
    assert not teachers.has("me")
    teachers.unlock("correct horse", "me", "here")
    teachers.unlock("correct horse", "colleague", "here")
    assert teachers.has("me")
    teachers.lock("me")
    assert not teachers.has("me")
    now[0] += HOURS * 3_600
    assert not teachers.has("colleague")


def test_without_a_password_nobody_becomes_the_teacher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_TEACHER_PASSWORD", "")
    assert not is_shared()
    monkeypatch.setenv("CNNVIZ_SHARED", "1")
    assert is_shared()
    teachers = Teachers()
    with pytest.raises(PasswordError, match="has no teacher's password"):
        teachers.unlock("", "me", "here")
    assert not teachers.has("me")
    monkeypatch.delenv("CNNVIZ_SHARED")
    monkeypatch.setenv("CNNVIZ_TEACHERS", " , ")
    assert not is_shared()
    monkeypatch.setenv("CNNVIZ_TEACHERS", "Ann@school.example,")
    assert is_shared()
    assert settings().teachers == ("ann@school.example",)


def test_a_person_with_two_tabs_is_there_once_where_they_were_last() -> None:
    now = [0.0]
    presence = Presence(lambda: now[0])
    presence.note("tab 1", "ann", "train")
    now[0] = 1.0
    presence.note("tab 2", "ann", "draw", "Ann A.")
    presence.note("tab 3", "bob", "data")
    now[0] = 3.0
    assert [(seen.name, seen.page, seen.seconds, seen.title) for seen in presence.people()] == [
        ("bob", "data", 2.0, ""),
        ("ann", "draw", 2.0, "Ann A."),
    ]
    now[0] = 1.0 + FORGOTTEN_AFTER
    assert presence.people() == []
