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
    assert store.get(before).group_id is None


def test_the_newest_groups_of_a_role_are_found(store: RunStore, recipe: Recipe) -> None:
    groups = [
        store.create_group(
            [Member(recipe, "a", {"experiment": name}), Member(recipe, "b", {"experiment": name})]
        )
        for name in ("width", "depth", "width", "width")
    ]
    store.create(recipe)
    found = store.grouped(("experiment", "width"), 2)
    assert [run.group_id for run in found] == [groups[3], groups[3], groups[2], groups[2]]
    assert [run.name for run in found] == ["b", "a", "b", "a"]
    assert [run.group_id for run in store.grouped(("experiment", "depth"), 2)] == [groups[1]] * 2
    for run in store.group(groups[3]):
        assert store.claim(run.id, "w")
        assert store.finish(run.id, "w", Status.FINISHED)
    store.delete_group(groups[3])
    assert {run.group_id for run in store.grouped(("experiment", "width"), 2)} == {groups[2], groups[0]}
    deleted = store.grouped(("experiment", "width"), 2, deleted=True)
    assert {run.group_id for run in deleted} == {groups[3]}


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
