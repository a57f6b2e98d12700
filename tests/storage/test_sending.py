"""What a worker writes, and what is sent of it: over an object store in this process's memory."""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path

import pytest

from cnnviz.errors import CnnvizError
from cnnviz.files import StorageError, write_whole
from cnnviz.storage import bucket as bucket_module
from cnnviz.storage import objects, parts, sending
from cnnviz.storage.bucket import Bucket
from cnnviz.storage.objects import Objects
from cnnviz.storage.sending import Sender
from cnnviz.storage.storage import Edition, SilentError
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import open_store
from cnnviz.training.worker import worker as worker_module
from tests.training.watching import until

RUN = "20260101-abcdef"
OVER = Edition("finished", is_open=False)


@pytest.fixture
def address() -> str:
    return f"memory://{secrets.token_hex(4)}"


@pytest.fixture
def worker(address: str, tmp_path: Path) -> Objects:
    found = Objects(tmp_path / "worker", address)
    found.folder(RUN).mkdir(parents=True)
    return found


@pytest.fixture
def server(address: str, tmp_path: Path) -> Objects:
    return Objects(tmp_path / "server", address)


def seen(server: Objects, name: str) -> bytes:
    return server.file(RUN, name, Edition(secrets.token_hex(4), is_open=False)).read_bytes()


def test_whoever_begins_a_file_anew_is_above_all_that_was_sent_before(
    address: str, worker: Objects, server: Objects
) -> None:
    Bucket(address).put(f"{RUN}/{parts.name_of('steps.bin', 7, 0)}", b"of an earlier attempt")
    with worker.sending(RUN) as sent:
        (worker.folder(RUN) / "steps.bin").write_bytes(b"new")
        sent.settle()
    assert seen(server, "steps.bin") == b"new"


def test_a_file_that_was_cut_is_sent_anew_and_one_that_was_removed_goes_with_all_its_parts(
    worker: Objects, server: Objects
) -> None:
    path = worker.folder(RUN) / "steps.bin"
    with worker.sending(RUN) as sent:
        path.write_bytes(b"0123456789")
        sent.settle()
        os.truncate(path, 4)
        sent.settle()
        with path.open("ab") as file:
            file.write(b"abcdefgh")
        sent.settle()
        assert seen(server, "steps.bin") == b"0123abcdefgh"
        path.unlink()
        sent.settle()
    assert server.size(RUN) == 0


def test_a_saved_state_is_never_ahead_of_the_curves(
    address: str, worker: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, put, order = worker.folder(RUN), Bucket.put, list[str]()

    def training_goes_on(bucket: Bucket, name: str, data: bytes) -> None:
        """While curves are sent, more steps are made, and a state after them is saved."""
        order.append(name.removeprefix(f"{RUN}/"))
        if "steps.bin" in name:
            write_whole(folder / "state.safetensors", b"after 2")
        put(bucket, name, data)

    monkeypatch.setattr(Bucket, "put", training_goes_on)
    with worker.sending(RUN) as sent:
        (folder / "rates.json").write_bytes(b"[]")
        (folder / "state.safetensors").write_bytes(b"after 1")
        (folder / "steps.bin").write_bytes(b"1")
        sent.settle()
        first, second = (parts.name_of("state.safetensors", generation, 0) for generation in (2, 3))
        assert Bucket(address).get(f"{RUN}/{first}") == b"after 1"
        assert order == [parts.name_of("steps.bin", 1, 0), first, "rates.json"]
        sent.settle()
        assert Bucket(address).get(f"{RUN}/{second}") == b"after 2"


def test_a_state_is_sent_again_before_the_curves_of_the_next_attempt_and_goes_when_it_is_removed(
    address: str, worker: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, put, order = worker.folder(RUN), Bucket.put, list[str]()
    (folder / "state.safetensors").write_bytes(b"after 1")
    (folder / "steps.bin").write_bytes(b"1")

    def noted(bucket: Bucket, name: str, data: bytes) -> None:
        order.append(name.removeprefix(f"{RUN}/"))
        put(bucket, name, data)

    monkeypatch.setattr(Bucket, "put", noted)
    with worker.sending(RUN, attempt=3) as sent:
        with (folder / "steps.bin").open("ab") as file:
            file.write(b"2")
        sent.settle()
        assert order == [
            parts.name_of("state.safetensors", 300_001, 0),
            parts.name_of("steps.bin", 300_002, 0),
        ]
        (folder / "state.safetensors").unlink()
        sent.settle()
    assert list(Bucket(address).names(RUN)) == [parts.name_of("steps.bin", 300_002, 0)]


def test_nothing_counts_as_kept_that_was_left_out(worker: Objects) -> None:
    owns = False
    with worker.sending(RUN, may_send=lambda: owns) as sent:
        (worker.folder(RUN) / "state.safetensors").write_bytes(b"state")
        with pytest.raises(CnnvizError, match=f"Run {RUN} no longer belongs to this worker"):
            sent.settle()
    assert (worker.folder(RUN) / "state.safetensors").exists()


def test_a_file_that_cannot_be_read_is_named(worker: Objects) -> None:
    with worker.sending(RUN) as sent:
        (worker.folder(RUN) / "loop.json").symlink_to("loop.json")
        with pytest.raises(StorageError, match=r"loop\.json"):
            sent.settle()


def test_a_run_that_failed_says_why_though_its_files_could_not_be_sent(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("CNNVIZ_RUNS_URL", address)

    def silent(self: Bucket, name: str, data: bytes) -> None:
        raise SilentError(self.url, "no route to host")

    monkeypatch.setattr(Bucket, "put", silent)
    monkeypatch.setattr(Sender, "settle", lambda sender: sender._settle())
    for status, told in ((Status.FAILED, "the true reason"), (Status.FINISHED, "no route to host")):
        ending = worker_module._Ending(status, worker_module.Message("the true reason"))
        monkeypatch.setattr(
            worker_module, "_train_safely", lambda heartbeat, *_, ending=ending: _wrote(heartbeat, ending)
        )
        with pytest.raises(CnnvizError, match=told):
            worker_module.run_in_foreground(Recipe.default("basic-cnn", dataset="mnist-sample"))
    assert [run.status for run in open_store().list()] == [Status.INTERRUPTED, Status.FAILED]


def _wrote(heartbeat: worker_module.Heartbeat, ending: worker_module._Ending) -> worker_module._Ending:
    folder = heartbeat.store.folder(heartbeat.run_id)
    folder.mkdir(parents=True)
    (folder / "steps.bin").write_bytes(b"0")
    return ending


def test_a_copy_of_what_is_gone_is_none_for_a_server_that_starts_again(
    address: str, worker: Objects, server: Objects, tmp_path: Path
) -> None:
    with worker.sending(RUN) as sent:
        (worker.folder(RUN) / "steps.bin").write_bytes(b"0")
        sent.settle()
    assert server.file(RUN, "steps.bin", OVER).exists()
    worker.remove(RUN)
    assert not Objects(tmp_path / "server", address).file(RUN, "steps.bin", OVER).exists()


def test_nothing_is_written_for_all_servers_before_it_was_read(
    address: str, server: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bucket(address).put(".shared/class.json", b"rules")
    with monkeypatch.context() as while_silent:
        while_silent.setattr(Bucket, "names", lambda bucket, _: Bucket._asked(bucket, _fails))
        assert not server.shared("class.json").exists()
    with pytest.raises(SilentError, match="it has not answered since this server began"):
        server.share("class.json", b"other rules")
    monkeypatch.setattr(bucket_module, "_SILENT_SECONDS", 0.0)
    assert server.shared("class.json").read_bytes() == b"rules"
    server.share("class.json", b"other rules")
    assert Bucket(address).get(".shared/class.json") == b"other rules"


def _fails() -> None:
    raise ConnectionError("no route to host")


def test_what_killed_workers_have_left_on_a_node_goes_when_the_next_begins(
    worker: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SECONDS", 0.01)
    left, at_work = (worker.folder(f"2026010{day}-abcdef") for day in (2, 3))
    for folder in (left, at_work):
        folder.mkdir()
        os.utime(folder, (0, 0))
    with worker.sending(at_work.name):
        until(lambda: at_work.stat().st_mtime > 0)  # though it has written nothing for days
        worker.bring(RUN)
        assert not left.exists()
        assert at_work.exists()


def test_copies_that_nobody_looks_at_go_once_a_day(
    address: str, server: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run_id in (RUN, "20260102-abcdef"):
        Bucket(address).put(f"{run_id}/rates.json", b"[]")
        os.utime(server.file(run_id, "rates.json", OVER).parent, (0, 0))
    monkeypatch.setattr(objects, "_KEEP_SECONDS", 0.2)
    server.tidy()
    until(lambda: server.file(RUN, "rates.json", OVER) and not (tmp_path / "server/20260102-abcdef").exists())
    assert server.file(RUN, "rates.json", OVER).exists()
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer) and thread.function == server.tidy:
            thread.cancel()


def test_a_server_remembers_what_was_asked_for_last(server: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_MOST_COPIES", 2)
    for run_id in ("1", "2", "1", "3"):
        server.file(run_id, "steps.bin", OVER)
    assert list(server._copies) == ["1", "3"]
