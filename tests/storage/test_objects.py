"""Runs in a real S3 server: what a worker writes is there for other machines, whole, and only what is new is fetched."""

from __future__ import annotations

import gc
import io
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest

from benchmarks.object_store import ObjectStore
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.files import StorageError
from cnnviz.storage import bucket as bucket_module
from cnnviz.storage import objects, parts, sending
from cnnviz.storage.bucket import Bucket
from cnnviz.storage.objects import Objects
from cnnviz.storage.storage import Edition, SilentError

pytestmark = pytest.mark.slow
RUN = "20260101-abcdef"
OPEN = Edition("running", is_open=True)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than needed."""
    monkeypatch.setattr(sending, "SECONDS", 0.05)
    monkeypatch.setattr(objects, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(objects, "FINAL_SECONDS", 0.0)
    monkeypatch.setattr(objects, "SHARED_SECONDS", 0.0)


@pytest.fixture
def worker(address: str, tmp_path: Path) -> Objects:
    return Objects(tmp_path / "worker", address)


@pytest.fixture
def server_a(address: str, tmp_path: Path) -> Objects:
    return Objects(tmp_path / "a", address)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each object that was fetched."""
    sizes: list[int] = []
    get = Bucket.get

    def counted(bucket: Bucket, name: str) -> bytes:
        data = get(bucket, name)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(Bucket, "get", counted)
    return sizes


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def write(storage: Objects, name: str, data: bytes) -> None:
    path = storage.folder(RUN) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)


def test_another_machine_sees_what_grows_and_fetches_only_what_is_new(
    worker: Objects, server_a: Objects, fetched: list[int]
) -> None:
    with worker.sending(RUN) as sending:
        write(worker, "steps.bin", b"0123")
        assert eventually(lambda: _read(server_a, "steps.bin") == b"0123")
        write(worker, "steps.bin", b"45")
        assert eventually(lambda: _read(server_a, "steps.bin") == b"012345")
        assert fetched == [4, 2]
        write(worker, "steps.bin", b"67")
        sending.settle()
    # of a run that is over there is one object, which holds all
    assert list(Bucket(server_a._bucket.url).names(RUN)) == [parts.name_of("steps.bin", 2, 0)]
    assert _read(server_a, "steps.bin") == b"01234567"
    assert not worker.folder(RUN).exists()


def test_of_a_run_that_is_over_nothing_is_asked_twice(
    worker: Objects, server_a: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker.sending(RUN) as sending:
        write(worker, "rates.json", b"{}")
        sending.settle()
    over = Edition("finished", is_open=False)
    assert server_a.file(RUN, "rates.json", over).read_bytes() == b"{}"
    assert not server_a.file(RUN, "samples.bin", over).exists()
    monkeypatch.setattr(Bucket, "_asked", lambda *_, **__: pytest.fail("asked again"))
    assert server_a.file(RUN, "rates.json", over).read_bytes() == b"{}"


def test_a_page_of_an_open_run_waits_for_nothing_once_it_has_seen_it(
    worker: Objects, server_a: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(worker, "steps.bin", b"0123")
    with worker.sending(RUN) as sending:
        write(worker, "steps.bin", b"4")
        sending.settle()
    assert server_a.file(RUN, "steps.bin", OPEN).read_bytes() == b"01234"
    names = Bucket.names

    def slow(bucket: Bucket, below: str) -> object:
        time.sleep(1.0)
        return names(bucket, below)

    monkeypatch.setattr(Bucket, "names", slow)
    begin = time.monotonic()
    assert server_a.file(RUN, "steps.bin", OPEN).read_bytes() == b"01234"
    assert time.monotonic() - begin < 0.5


def test_whoever_resumes_a_run_goes_on_with_its_files_and_late_parts_of_others_do_not_count(
    address: str, tmp_path: Path, worker: Objects, server_a: Objects
) -> None:
    with worker.sending(RUN, attempt=1) as first:
        write(worker, "steps.bin", b"0123456789")
        write(worker, "state.safetensors", b"state")
        write(worker, "reserve", b"room")
        write(worker, "events.out.tfevents.1", b"for TensorBoard")
        first.settle()
    elsewhere = Objects(tmp_path / "elsewhere", address)
    elsewhere.bring(RUN)
    steps = elsewhere.folder(RUN) / "steps.bin"
    assert (elsewhere.folder(RUN) / "state.safetensors").read_bytes() == b"state"
    assert {path.name for path in elsewhere.folder(RUN).iterdir()} == {"steps.bin", "state.safetensors"}
    with elsewhere.sending(RUN, attempt=2) as second:
        new = steps.with_name("new")
        new.write_bytes(b"01234")  # the metrics after the saved state are cut off
        new.replace(steps)
        second.settle()
        late = partial(parts.name_of, generation=199_999)  # of the first attempt
        Bucket(address).put(f"{RUN}/{late('steps.bin', offset=10)}", b"late")
        Bucket(address).put(f"{RUN}/{late('state.safetensors', offset=0)}", b"late")
        write(elsewhere, "steps.bin", b"abc")
        second.settle()
    assert _read(server_a, "steps.bin") == b"01234abc"
    assert _read(server_a, "state.safetensors") == b"state"


def test_whoever_resumes_a_run_has_its_state_also_when_it_is_just_replaced(
    address: str, tmp_path: Path, worker: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, get = Objects(tmp_path / "elsewhere", address), Bucket.get
    with worker.sending(RUN, attempt=1) as sent:
        write(worker, "state.safetensors", b"1")
        sent.settle()

        def late(bucket: Bucket, name: str) -> bytes:
            monkeypatch.setattr(Bucket, "get", get)
            write(worker, "state.safetensors", b"2")
            sent.settle()  # what is just to be fetched is removed
            return get(bucket, name)

        monkeypatch.setattr(Bucket, "get", late)
        elsewhere.bring(RUN)
    assert (elsewhere.folder(RUN) / "state.safetensors").read_bytes() == b"12"


def test_what_is_larger_than_memory_should_hold_goes_a_piece_at_a_time(
    address: str, tmp_path: Path, worker: Objects, server_a: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("put", "get"):
        monkeypatch.setattr(Bucket, method, _of_little(getattr(Bucket, method)))
    state, weights = secrets.token_bytes(60 * 2**20), secrets.token_bytes(33 * 2**20)
    with worker.sending(RUN, attempt=1) as sent:
        write(worker, "state.safetensors", state)
        write(worker, "checkpoint.safetensors", weights)
        sent.settle()
    elsewhere = Objects(tmp_path / "elsewhere", address)
    elsewhere.bring(RUN)
    assert (elsewhere.folder(RUN) / "state.safetensors").read_bytes() == state
    assert _read(server_a, "checkpoint.safetensors") == weights


def _of_little(method: Callable[..., Any]) -> Callable[..., Any]:
    def small(bucket: Bucket, name: str, *data: bytes) -> bytes:
        found: bytes = method(bucket, name, *data)
        assert len(data[0] if data else found) < 32 * 2**20
        return found

    return small


def test_of_what_was_not_sent_to_its_end_there_is_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.BytesIO):
        name = "weights"

        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= 32 * 2**20:
                raise OSError("the disk cannot be read")
            return super().read(size)

    bucket = Bucket(address)
    bucket.put("weights", b"before")
    with pytest.raises(StorageError, match="the disk cannot be read"):
        bucket.send("weights", Broken(bytes(40 * 2**20)))
    assert bucket.get("weights") == b"before"
    assert uploads(bucket) == []

    call, called = bucket._files._call_s3, list[str]()

    async def silent(method: str, *args: object, **facts: object) -> object:
        called.append(method)
        if called.count("upload_part") == 2:
            raise ConnectionError("no route to host")
        return await call(method, *args, **facts)

    with monkeypatch.context() as while_silent:
        while_silent.setattr(bucket._files, "_call_s3", silent)
        while_silent.setattr(
            bucket._files,
            "call_s3",
            lambda *args, **facts: fsspec.asyn.sync(bucket._files.loop, silent, *args, **facts),
        )
        with pytest.raises(SilentError, match="no route to host"):
            bucket.send("weights", io.BytesIO(bytes(60 * 2**20)))
        gc.collect()
    assert called.count("upload_part") == 2  # nothing more was sent when the upload was forgotten


def uploads(bucket: Bucket) -> list[object]:
    """Those that have begun and not ended."""
    name = bucket._root.partition("/")[0]
    found: dict[str, list[object]] = bucket._files.call_s3("list_multipart_uploads", Bucket=name)
    return found.get("Uploads", [])


def test_what_is_removed_goes_and_nothing_is_sent_by_whoever_has_lost_the_run(
    worker: Objects, server_a: Objects
) -> None:
    owns = True
    with worker.sending(RUN, may_send=lambda: owns) as sending:
        write(worker, "snapshots/000000001-0001.safetensors", b"one")
        write(worker, "snapshots/000000002-0001.safetensors", b"two!")
        sending.settle()
        assert {name: entry.size for name, entry in server_a.entries(RUN, "snapshots").items()} == {
            "000000001-0001.safetensors": 3,
            "000000002-0001.safetensors": 4,
        }
        (worker.folder(RUN) / "snapshots/000000001-0001.safetensors").unlink()
        sending.settle()
        assert list(server_a.entries(RUN, "snapshots")) == ["000000002-0001.safetensors"]
        owns = False
        write(worker, "state.safetensors", b"of a worker that was cut off")
        with pytest.raises(CnnvizError, match="no longer belongs to this worker"):
            sending.settle()
    assert (worker.folder(RUN) / "state.safetensors").exists()  # whoever has the run now may work there
    assert not server_a.file(RUN, "state.safetensors").exists()
    assert server_a.size(RUN) == 4
    server_a.remove(RUN)
    assert server_a.size(RUN) == 0


def test_while_the_store_is_silent_a_worker_keeps_what_it_writes(
    worker: Objects, server_a: Objects, server: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "_SILENT_SECONDS", 0.1)
    with worker.sending(RUN) as sending:
        write(worker, "steps.bin", b"01")
        assert eventually(lambda: _read(server_a, "steps.bin") == b"01")
        server.stop()
        try:
            write(worker, "steps.bin", b"23")
            with pytest.raises(CnnvizError, match=r"The storage of runs, s3://.* cannot be used"):
                server_a.entries("20260101-unseen", "snapshots")
            assert server_a.file(RUN, "steps.bin", OPEN).read_bytes() == b"01"
        finally:
            server.start()
        sending.settle()
    assert eventually(lambda: _read(server_a, "steps.bin") == b"0123")


def test_servers_share_what_a_class_has_in_common(server_a: Objects, address: str, tmp_path: Path) -> None:
    server_b = Objects(tmp_path / "b", address)
    assert not server_b.shared("networks").exists()
    server_a.shared("networks")
    server_a.share("networks/own-1.json", b"{}")
    assert eventually(lambda: (server_b.shared("networks") / "own-1.json").exists())
    server_a.share("networks/own-1.json", None)
    assert eventually(lambda: not (server_b.shared("networks") / "own-1.json").exists())


def test_servers_that_make_a_secret_at_the_same_moment_have_one(address: str, tmp_path: Path) -> None:
    servers = [Objects(tmp_path / str(number), address) for number in range(4)]
    for server in servers:
        assert not server.shared("a.key").exists()
    start = threading.Barrier(len(servers))

    def make() -> bytes:
        start.wait()  # all have seen that there is none
        return secrets.token_bytes(32)

    with ThreadPoolExecutor(len(servers)) as pool:
        found = set(pool.map(lambda server: server.secret("a.key", make), servers))
    assert len(found) == 1
    assert {server.secret("a.key", lambda: b"another") for server in servers} == found


def test_a_secret_is_made_once_also_where_a_store_knows_no_condition(
    server_a: Objects, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not server_a.shared("a.key").exists()
    monkeypatch.setattr(Bucket, "make", Bucket.put)
    monkeypatch.setattr(objects, "SHARED_SECONDS", 1_000.0)  # what was listed is old
    made = [server_a.secret("a.key", lambda: secrets.token_bytes(32)) for _person in range(3)]
    assert len(set(made)) == 1
    assert Objects(tmp_path / "b", address).secret("a.key", lambda: b"another") == made[0]


def test_parts_of_earlier_versions_are_read(server_a: Objects, address: str) -> None:
    Bucket(address).put(f"{RUN}/steps.bin/00001001-00000000000000", b"01")
    Bucket(address).put(f"{RUN}/steps.bin/00001001-00000000000002", b"23")
    assert _read(server_a, "steps.bin") == b"0123"


def test_a_bucket_that_is_not_there_is_no_empty_one(address: str) -> None:
    missing = Bucket(address.replace("cnnviz-", "missing-"))
    for ask in (lambda: missing.names(RUN), lambda: missing.put(f"{RUN}/steps.bin", b"0")):
        with pytest.raises(SilentError, match=r"The storage of runs, s3://missing-.*bucket does not exist"):
            ask()
        missing._failed = None


def test_marks_are_seen_elsewhere(server_a: Objects, worker: Objects) -> None:
    worker.mark(RUN, "put-aside")
    assert server_a.is_marked(RUN, "put-aside")
    worker.unmark(RUN, "put-aside")
    assert not server_a.is_marked(RUN, "put-aside")


def test_an_address_without_its_package_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pip install gcsfs"):
        Objects(tmp_path, "gs://bucket")
    with pytest.raises(
        UsageError, match=r"nowhere://bucket cannot be used \(Protocol not known: nowhere\)\. Write a folder"
    ):
        Objects(tmp_path, "nowhere://bucket")


def _read(storage: Objects, name: str) -> bytes | None:
    path = storage.file(RUN, name)
    return path.read_bytes() if path.exists() else None
