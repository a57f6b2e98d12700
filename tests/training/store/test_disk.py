from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cnnviz.errors import UnknownKeyError
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store import disk
from cnnviz.training.store.disk import SPARED_SECONDS, Use, make_room, use, was_put_aside
from cnnviz.training.store.runs import Member, Status
from cnnviz.training.store.store import RunStore

KB = 1_000
Finish = Callable[..., str]


@pytest.fixture
def finish(store: RunStore, recipe: Recipe) -> Finish:
    """A finished run whose files have 10 kB."""

    def finish_(run_id: str | None = None, **facts: object) -> str:
        chosen = store.create(recipe, **facts) if run_id is None else run_id
        store.claim(chosen, "w")
        store.finish(chosen, "w", Status.FINISHED)
        (store.folder(chosen) / "snapshots").mkdir(parents=True)
        (store.folder(chosen) / "snapshots" / "1").write_bytes(b"." * (10 * KB))
        return chosen

    return finish_


def listed(store: RunStore) -> list[str]:
    return [run.id for run in store.list()][::-1]


def test_the_oldest_finished_runs_without_a_name_or_note_go_to_the_trash(
    store: RunStore, recipe: Recipe, finish: Finish
) -> None:
    named, noted = finish(name="mine"), finish()
    store.describe(noted, None, "look at the second layer")
    origin = finish()
    waiting = store.create(recipe, origin=(origin, 5))
    old, newer = finish(), finish()
    assert use(store) == Use(50 * KB, 0)
    assert make_room(store, 63 * KB) == Use(50 * KB, 0)  # four fifths of it
    assert make_room(store, 62 * KB) == Use(40 * KB, 10 * KB)
    assert listed(store) == [named, noted, origin, waiting, newer]
    assert was_put_aside(store, store.get(old))
    assert make_room(store, 10 * KB) == Use(30 * KB, 20 * KB)  # the trash is younger than an hour
    assert listed(store) == [named, noted, origin, waiting]


def test_an_experiment_goes_as_one_and_only_when_it_is_over(
    store: RunStore, recipe: Recipe, finish: Finish
) -> None:
    group = store.create_group([Member(recipe, f"with {count}", {}) for count in (1, 2)])
    first, second = (run.id for run in store.group(group))
    finish(first)
    assert make_room(store, 1) == Use(10 * KB, 0)
    finish(second)
    assert make_room(store, 20 * KB) == Use(0, 20 * KB)
    store.restore_group(group)
    assert make_room(store, 1) == Use(20 * KB, 0)


def test_what_somebody_restores_stays(store: RunStore, finish: Finish) -> None:
    by_a_person, put_aside, third = finish(), finish(), finish()
    store.delete(by_a_person)
    assert make_room(store, 20 * KB) == Use(10 * KB, 20 * KB)
    assert [was_put_aside(store, store.get(run)) for run in (by_a_person, put_aside)] == [False, True]
    store.restore(by_a_person)
    store.restore(put_aside)
    assert make_room(store, 30 * KB) == Use(20 * KB, 10 * KB)
    assert listed(store) == [put_aside, third]


def test_the_trash_is_emptied_the_oldest_first_when_an_hour_has_passed(
    store: RunStore, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, kept = finish(), finish(), finish(name="mine")
    store.delete(second)
    store.delete(first)
    assert make_room(store, 20 * KB) == Use(10 * KB, 20 * KB)
    now = time.time() + SPARED_SECONDS + 1
    monkeypatch.setattr(disk, "time", type("Later", (), {"time": staticmethod(lambda: now)}))
    assert make_room(store, 20 * KB) == Use(10 * KB, 10 * KB)
    assert not store.storage.size(second)
    with pytest.raises(UnknownKeyError):
        store.get(second)
    store.restore(first)
    assert listed(store) == [first, kept]
