from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import Message
from cnnviz.settings import PROJECT_DIRECTORY, Settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store import runs
from cnnviz.training.store import store as store_module
from cnnviz.training.store.runs import Kind, Status, Watched, message_from_json, message_to_json
from cnnviz.training.store.store import RunStore

EPOCH = EpochMetrics(1, 0.5, 0.8, 0.4, 0.9, 2.0, 1000.0)


@pytest.fixture
def other_server(configuration: Settings) -> Iterator[RunStore]:
    """A second server on the same folder."""
    other = RunStore(configuration)
    yield other
    other.close()


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_a_run_comes_back_with_its_recipe(store: RunStore, other_server: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    run = other_server.get(run_id)
    assert Recipe.from_dict(run.recipe) == recipe
    assert (run.status, run.epoch, run.test_accuracy) == (Status.QUEUED, 0, None)
    assert abs(run.created_at - time.time()) < 60


def test_newest_runs_come_first(store: RunStore, recipe: Recipe) -> None:
    ids = [store.create(recipe) for _ in range(3)]
    assert [run.id for run in store.list()] == ids[::-1]
    assert [run.id for run in store.list(limit=1)] == ids[-1:]


def test_an_unknown_run_is_named_with_the_closest_one(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    with pytest.raises(UnknownKeyError, match=f"did you mean '{run_id}'"):
        store.get(run_id[:-1])


CLAIM = """
import sys, threading, uuid
from cnnviz.settings import settings
from cnnviz.training.store.store import RunStore
from cnnviz.training.store.database import SCHEMA_VERSION

stores = [RunStore(settings()) for _ in range(4)]
print("ready", flush=True)
sys.stdin.readline()
won = []
def claim(store):
    if store.claim(sys.argv[1], uuid.uuid4().hex):
        won.append(1)
threads = [threading.Thread(target=claim, args=(store,)) for store in stores]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(won))
"""


def test_of_many_processes_and_threads_one_gets_the_run(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, run_id],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT_DIRECTORY,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    wins = [int(process.communicate("go\n", timeout=60)[0]) for process in processes]
    assert sorted(wins) == [0, 0, 0, 1]
    assert store.get(run_id).status == Status.STARTING


def test_two_servers_never_take_the_same_run(store: RunStore, other_server: RunStore, recipe: Recipe) -> None:
    ids = {store.create(recipe) for _ in range(6)}
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: (store, other_server)[n % 2].take_next(4), range(16)))
    started = [run_id for run_id in taken if run_id is not None]
    assert len(started) == len(set(started)) == 4  # no more than there are workers
    assert set(started) < ids


def test_the_queue_is_first_come_first_served(store: RunStore, recipe: Recipe) -> None:
    first, second, third = (store.create(recipe) for _ in range(3))
    assert [store.queue_position(run_id) for run_id in (first, second, third)] == [1, 2, 3]
    assert store.take_next(1) == first
    assert store.take_next(1) is None
    assert [store.queue_position(run_id) for run_id in (first, second, third)] == [None, 1, 2]
    assert store.claim(first, "w")
    assert store.finish(first, "w", Status.FINISHED)
    assert store.take_next(1) == second


def test_the_queue_moves_where_a_turn_has_come_a_worker_is_gone_or_a_cluster_has_not_begun(
    store: RunStore, recipe: Recipe, wait: Callable[[float], None]
) -> None:
    assert not store.queue_moves(1)
    run_id = store.create(recipe)
    assert store.queue_moves(1)
    assert store.take_next(1) == run_id
    later = store.create(recipe)
    assert not store.queue_moves(1)  # there is no room
    assert store.queue_moves(2)
    assert store.claim(run_id, "w")
    assert store.begin(run_id, "w", 100)
    wait(1.1 * store.settings.lease_seconds)
    assert store.queue_moves(1)
    assert [run.id for run in store.interrupt_lost()] == [run_id]
    assert store.take_next(1, "ray") == later
    assert not store.queue_moves(1)
    assert store.queue_moves(1, "ray")  # somebody asks the cluster what becomes of it
    assert store.claim(later, "w")
    assert not store.queue_moves(1, "ray")


def test_a_run_that_passes_the_queue_by_is_nobody_elses(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe, worker="terminal")
    assert store.take_next(5) is None
    assert not store.claim(run_id, "another")
    assert store.renew(run_id, "terminal", 0, 0)


def test_a_waiting_run_is_stopped_at_once(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    store.request_stop(run_id)
    assert store.get(run_id).status == Status.STOPPED
    assert store.take_next(1) is None
    assert not store.claim(run_id, "late")


def test_a_working_worker_hears_of_a_stop(store: RunStore, other_server: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe, worker="w")
    assert Kind.STOP not in store.requested(run_id)
    assert not store.is_stopping([run_id])
    other_server.request_stop(run_id)
    assert store.is_stopping([run_id])
    assert Kind.STOP in store.requested(run_id)
    assert store.get(run_id).is_open


def test_epochs_are_kept_and_the_last_accuracy_is_the_runs(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe, worker="w")
    second = dataclasses.replace(EPOCH, epoch=2, test_accuracy=0.95)
    assert store.add_epoch(run_id, "w", EPOCH)
    assert store.add_epoch(run_id, "w", second)
    assert store.epochs(run_id) == [EPOCH, second]
    assert store.get(run_id).test_accuracy == 0.95


def test_a_lease_that_is_renewed_holds(
    store: RunStore, recipe: Recipe, wait: Callable[[float], None]
) -> None:
    run_id = store.create(recipe, worker="w")
    for _ in range(3):
        wait(0.9 * store.settings.lease_seconds)
        assert store.reap() == []
        assert store.renew(run_id, "w", 1, 7)
    assert store.get(run_id).step == 7


def test_a_lease_that_ran_out_interrupts_the_run_and_its_worker_changes_nothing_more(
    store: RunStore, recipe: Recipe, wait: Callable[[float], None]
) -> None:
    run_id = store.create(recipe, worker="w")
    assert store.begin(run_id, "w", 100)
    assert store.add_epoch(run_id, "w", EPOCH)
    wait(1.1 * store.settings.lease_seconds)
    assert store.reap() == [run_id]
    run = store.get(run_id)
    assert run.status == Status.INTERRUPTED
    assert "not responded for too long" in str(run.reason)
    assert run.ended_at is not None
    assert not store.renew(run_id, "w", 1, 1)
    assert not store.add_epoch(run_id, "w", dataclasses.replace(EPOCH, epoch=2))
    assert not store.finish(run_id, "w", Status.FINISHED)
    assert store.get(run_id).status == Status.INTERRUPTED
    assert store.epochs(run_id) == [EPOCH]


def test_a_lease_that_is_renewed_while_it_is_judged_holds(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = store.create(recipe, worker="w")

    def late(_run: object) -> Message:
        assert store.renew(run_id, "w", 1, 7)  # the worker speaks up just before it is written off
        return Message("not responded")

    monkeypatch.setattr(store_module, "why_gone", late)
    assert store.reap() == []
    assert store.get(run_id).is_open


def test_runs_on_another_machine_take_no_place_of_this_one(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = (store.create(recipe) for _ in range(3))
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(store_module, "host", lambda: "elsewhere")
        assert store.take_next(1) == first
        assert store.take_next(1) is None
    assert store.take_next(1) == second
    assert store.take_next(1) is None


def test_a_worker_of_another_machine_is_judged_by_its_lease_alone(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, wait: Callable[[float], None]
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(runs, "host", lambda: "elsewhere")
        elsewhere.setattr(os, "getpid", dead_pid)
        silent = store.create(recipe, worker="b")
        wait(0.6 * store.settings.lease_seconds)
        alive = store.create(recipe, worker="a")
    wait(0.6 * store.settings.lease_seconds)
    assert store.reap() == [silent]
    assert store.get(alive).is_open


def test_a_dead_process_of_this_machine_is_noticed_at_once(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as process:
        process.setattr(os, "getpid", dead_pid)
        run_id = store.create(recipe, worker="w")
    assert store.reap() == [run_id]
    assert "killed" in str(store.get(run_id).reason)


def test_a_zombie_counts_as_dead(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe)
    assert store.take_next(1) == run_id
    process = subprocess.Popen([sys.executable, "-S", "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # ends when the process does; nobody has waited for it yet
    store.note_pid(run_id, process.pid)
    deadline = time.monotonic() + 10
    while not (reaped := store.reap()) and time.monotonic() < deadline:
        time.sleep(0.01)  # between closing its output and being a zombie there is a moment
    process.stdout.close()
    process.wait()
    assert reaped == [run_id]
    assert store.get(run_id).status == Status.QUEUED


def test_a_process_that_dies_before_it_begins_is_replaced_twice_and_the_run_keeps_its_turn(
    store: RunStore, recipe: Recipe
) -> None:
    run_id, later = store.create(recipe), store.create(recipe)
    for attempt in (1, 2, 3):
        assert store.take_next(1) == run_id
        assert store.get(run_id).starts == attempt
        store.note_pid(run_id, dead_pid())
        assert store.reap() == [run_id]
    run = store.get(run_id)
    assert run.status == Status.INTERRUPTED
    assert "before training began" in str(run.reason)
    assert store.take_next(1) == later
    store.resume(run_id)
    assert store.get(run_id).starts == 0


def test_a_run_that_is_stopped_while_its_process_dies_is_not_tried_again(
    store: RunStore, recipe: Recipe
) -> None:
    run_id = store.create(recipe)
    store.take_next(1)
    store.request_stop(run_id)
    store.note_pid(run_id, dead_pid())
    store.reap()
    assert store.get(run_id).status == Status.STOPPED


def test_a_start_is_given_up_for_its_own_processor_time_and_not_for_the_clock(
    store: RunStore, recipe: Recipe, wait: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    used = 50.0  # it stood by, and measured for others
    for module in (runs, store_module):
        monkeypatch.setattr(module, "processor_seconds", lambda _pid: used)
    run_id = store.create(recipe)
    assert store.take_next(1) == run_id
    store.note_pid(run_id, os.getpid())
    wait(200.0)  # a busy machine
    used += 29.0
    assert store.reap() == []
    run = store.get(run_id)
    assert (runs.start_waited(run), runs.start_used(run)) == (200.0, 29.0)
    used += 2.0
    assert store.reap() == [run_id]
    assert store.claim(run_id, "the first process, after all")


def test_a_process_that_does_nothing_at_all_is_given_up_after_a_while(
    store: RunStore, recipe: Recipe, wait: Callable[[float], None]
) -> None:
    run_id = store.create(recipe)
    for _ in range(runs.MOST_STARTS):
        assert store.take_next(1) == run_id
        wait(0.9 * runs.START_SECONDS)
        assert store.reap() == []
        wait(0.2 * runs.START_SECONDS)
        assert store.reap() == [run_id]
    assert "did not start in time" in str(store.get(run_id).reason)


def test_a_worker_that_still_loads_may_be_silent_for_long(
    store: RunStore, recipe: Recipe, wait: Callable[[float], None]
) -> None:
    run_id = store.create(recipe, worker="w")
    wait(store.settings.lease_seconds + 0.9 * runs.START_SECONDS)
    assert store.reap() == []
    assert store.begin(run_id, "w", 100)
    store.renew(run_id, "w", 0, 0)
    wait(1.1 * store.settings.lease_seconds)
    assert store.reap() == [run_id]


@pytest.mark.skipif(sys.platform != "linux", reason="told in /proc")
def test_the_processor_time_of_a_process_is_its_own() -> None:
    before, clock = runs.processor_seconds(os.getpid()), time.process_time()
    while time.process_time() < clock + 0.1:
        pass
    after = runs.processor_seconds(os.getpid())
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(0.1, abs=0.05)
    assert runs.processor_seconds(dead_pid()) is None


def test_a_reason_is_kept_as_a_message() -> None:
    reason = Message("{what} at step {step:,}", what=Message("trouble"), step=1234)
    assert str(message_from_json(message_to_json(reason))) == "trouble at step 1,234"


def test_people_take_turns(store: RunStore, recipe: Recipe) -> None:
    ann = [store.create(recipe, owner="ann") for _ in range(3)]
    bob = [store.create(recipe, owner="bob") for _ in range(2)]
    nobody = store.create(recipe)
    expected = [ann[0], bob[0], nobody, ann[1], bob[1], ann[2]]
    assert [store.queue_position(run_id) for run_id in expected] == [1, 2, 3, 4, 5, 6]
    started = []
    while (run_id := store.take_next(1)) is not None:
        started.append(run_id)
        assert store.claim(run_id, "w")
        assert store.finish(run_id, "w", Status.FINISHED)
    assert started == expected


def test_whoever_has_fewer_runs_at_work_is_next(store: RunStore, recipe: Recipe) -> None:
    ann = [store.create(recipe, owner="ann") for _ in range(3)]
    assert [store.take_next(2), store.take_next(2)] == ann[:2]
    assert store.claim(ann[0], "w")
    bob = [store.create(recipe, owner="bob") for _ in range(2)]
    assert store.finish(ann[0], "w", Status.FINISHED)
    assert [store.queue_position(run_id) for run_id in (bob[0], ann[2], bob[1])] == [1, 2, 3]
    assert store.take_next(2) == bob[0]


def test_a_resumed_run_queues_behind_the_others(store: RunStore, recipe: Recipe) -> None:
    first, second = store.create(recipe), store.create(recipe)
    store.request_pause(first)
    store.resume(first)
    assert [store.queue_position(second), store.queue_position(first)] == [1, 2]


def test_waiting_runs_count_for_their_owner_until_they_end_or_are_deleted(
    store: RunStore, recipe: Recipe
) -> None:
    first, second = store.create(recipe, owner="ann"), store.create(recipe, owner="ann")
    store.create(recipe, owner="bob")
    assert (store.count(owner="ann", only_open=True), store.count(owner="nobody", only_open=True)) == (2, 0)
    store.request_stop(first)
    assert store.count(owner="ann", only_open=True) == 1
    store.request_stop(second)
    store.delete(second)
    assert store.count(owner="ann", only_open=True) == 0


def test_a_run_has_a_name_and_a_note(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe, name="first try")
    assert store.get(run_id).name == "first try"
    store.describe(run_id, " two\nlines " + "x" * 300, "  what I saw:\n- much ")
    run = store.get(run_id)
    assert run.name is not None
    assert (run.name[:11], len(run.name), run.note) == ("two lines x", 200, "what I saw:\n- much")
    store.describe(run_id, "", None)
    assert (store.get(run_id).name, store.get(run_id).note) == (None, None)
    with pytest.raises(UnknownKeyError):
        store.describe("nonsense", "a", "b")


def test_a_deleted_run_comes_back_with_its_files(store: RunStore, recipe: Recipe) -> None:
    run_id, other = store.create(recipe, worker="w"), store.create(recipe)
    with pytest.raises(UsageError, match="is not over yet: stop it first"):
        store.delete(run_id)
    store.folder(run_id).mkdir(parents=True)
    (store.folder(run_id) / "steps.bin").write_text("curve")
    assert store.add_epoch(run_id, "w", EPOCH)
    assert store.finish(run_id, "w", Status.FINISHED)
    store.delete(run_id)
    assert [run.id for run in store.list()] == [other]
    assert [run.id for run in store.list(deleted=True)] == [run_id]
    assert not store.folder(run_id).exists()
    with pytest.raises(UsageError, match="start a new one"):
        store.resume(run_id)
    store.purge()
    store.restore(run_id)
    assert [run.id for run in store.list()] == [other, run_id]
    assert (store.folder(run_id) / "steps.bin").read_text() == "curve"
    assert store.epochs(run_id) == [EPOCH]


def test_a_deleted_run_is_gone_for_good_after_a_while(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create(recipe, worker="w")
    store.folder(run_id).mkdir(parents=True)
    assert store.add_epoch(run_id, "w", EPOCH)
    assert store.finish(run_id, "w", Status.FINISHED)
    store.delete(run_id)
    time.sleep(0.01)
    store.purge(keep_seconds=0)
    assert list(store.settings.runs_dir.rglob(run_id)) == []
    assert store.epochs(run_id) == []
    for gone in (store.get, store.restore, store.delete):
        with pytest.raises(UnknownKeyError):
            gone(run_id)


def test_many_servers_may_open_a_new_folder_at_once(configuration: Settings) -> None:
    barrier = threading.Barrier(8)

    def open_() -> list[object]:
        barrier.wait()
        opened = RunStore(configuration)
        try:
            return list(opened.list())
        finally:
            opened.close()

    with ThreadPoolExecutor(8) as pool:
        assert [future.result() for future in [pool.submit(open_) for _ in range(8)]] == [[]] * 8


def test_runs_are_counted_and_paged_by_the_database(store: RunStore, recipe: Recipe) -> None:
    ids = [store.create(recipe, owner="ann" if number % 2 else "bob") for number in range(5)][::-1]
    assert [run.id for run in store.list(2, skip=2)] == ids[2:4]
    assert [run.id for run in store.list(2, skip=1, owner="bob")] == [ids[2], ids[4]]
    store.request_stop(ids[0])
    assert [run.id for run in store.list(1, owner="bob", only_open=True)] == [ids[2]]
    assert (store.count(), store.count(owner="bob"), store.count(owner="ann", only_open=True)) == (5, 3, 2)
    store.delete(ids[0])
    assert (store.count(), store.count(owner="bob")) == (4, 2)


def test_of_people_who_ask_at_the_same_moment_none_passes_the_limit(store: RunStore, recipe: Recipe) -> None:
    class TooManyError(Exception):
        pass

    def at_most_three(count: int) -> None:
        if count > 3:
            raise TooManyError

    def ask(start: threading.Barrier) -> None:
        start.wait()
        for _ in range(3):
            with contextlib.suppress(TooManyError):
                store.create(recipe, owner="ann", admit=at_most_three)

    start = threading.Barrier(4)
    tabs = [threading.Thread(target=ask, args=(start,)) for _ in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert store.count(owner="ann") == 3
    store.create(recipe, owner="bob", admit=at_most_three)
    first, second, _third = (run.id for run in store.list(owner="ann"))
    for run_id in (first, second):
        store.request_stop(run_id)
    store.create(recipe, owner="ann", admit=at_most_three)
    with pytest.raises(TooManyError):
        store.resume(first, second, admit=at_most_three)  # one too many: none goes on
    assert [store.get(run_id).status for run_id in (first, second)] == [Status.STOPPED] * 2
    store.resume(first, admit=at_most_three)


def test_a_watched_run_takes_no_place_and_nobody_can_steer_it(store: RunStore, recipe: Recipe) -> None:
    run_id = store.create_watched(Watched("Mine", None, "train.py"), "watcher")
    asked = store.create(recipe)
    assert store.take_next(1) == asked
    for request in (
        store.request_stop,
        store.request_pause,
        store.request_step,
        lambda run_id: store.request_learning_rate(run_id, 0.1),
        store.resume,
    ):
        with pytest.raises(UsageError, match=r"a program of its own \(train\.py\)"):
            request(run_id)
    assert store.requested(run_id) == []
    assert store.finish(run_id, "watcher", Status.INTERRUPTED)
    assert not store.get(run_id).can_resume
    with pytest.raises(UsageError, match="train"):
        store.resume(run_id)
