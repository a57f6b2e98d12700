from __future__ import annotations

import pytest

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Kind, Member, Status
from cnnviz.training.store.store import RunStore


def members(recipe: Recipe, count: int = 3) -> list[Member]:
    return [Member(recipe, f"run {number}", {"variant": str(number)}) for number in range(count)]


def test_a_group_is_ordinary_runs_in_the_queue_in_their_order(store: RunStore, recipe: Recipe) -> None:
    before = store.create(recipe, owner="ann")
    group = store.create_group(members(recipe), owner="ann")
    runs = store.group(group)
    assert [run.role for run in runs] == [{"variant": "0"}, {"variant": "1"}, {"variant": "2"}]
    assert [run.name for run in runs] == ["run 0", "run 1", "run 2"]
    assert {run.owner for run in runs} == {"ann"}
    assert [store.take_next(9) for _ in range(4)] == [before, *(run.id for run in runs)]
    assert [run.id for run in store.grouped()] == [run.id for run in reversed(runs)]
    assert store.get(before).group_id is None


def test_a_group_is_stopped_as_one(store: RunStore, recipe: Recipe) -> None:
    group = store.create_group(members(recipe))
    done, working, waiting = (run.id for run in store.group(group))
    assert store.claim(done, "w")
    assert store.finish(done, "w", Status.FINISHED)
    assert store.claim(working, "w")
    store.stop_group(group)
    assert [store.get(run).status for run in (done, working, waiting)] == [
        Status.FINISHED,
        Status.STARTING,
        Status.STOPPED,
    ]
    assert store.requested(working) == [Kind.STOP]
    assert store.requested(done) == []


def test_a_group_is_deleted_and_brought_back_as_one(store: RunStore, recipe: Recipe) -> None:
    group = store.create_group(members(recipe, 2))
    other = store.create_group(members(recipe, 1))
    first, second = (run.id for run in store.group(group))
    store.request_stop(first)
    with pytest.raises(UsageError, match="stop them first"):
        store.delete_group(group)
    assert len(store.group(group)) == 2  # none of them, or all
    store.request_stop(second)
    store.delete_group(group)
    assert store.group(group) == []
    assert [run.group_id for run in store.list()] == [other]
    store.restore_group(group)
    assert [run.id for run in store.group(group)] == [first, second]
    with pytest.raises(UnknownKeyError):
        store.restore_group(group)
    with pytest.raises(UnknownKeyError):
        store.delete_group("group-of-nobody")
