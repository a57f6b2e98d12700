"""What training on a cluster withstands: runs on a local Ray cluster, with PostgreSQL and an S3 server, while each fails.

    python -m benchmarks.cluster_faults [--runs 30]

One after the other, while runs are training: a worker process is killed, a node, the head; the database is restarted, the
object store is silent for a while; a worker is cut off from the database, and another one stopped, each for longer than
its lease. In the end every run must have finished, with each epoch once and each step once, no epoch that anybody has seen
may have other figures than in the end, and no two processes may have trained a run at the same time.

Needs ``requirements-cluster.txt``, PostgreSQL and moto.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.object_store import ObjectStore, object_store
from benchmarks.postgres import Postgres, running
from benchmarks.ray_cluster import RayCluster, processes
from benchmarks.serving import free_port
from cnnviz.errors import CnnvizError
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store.runs import Run, Status
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.dispatching import start_queued

T = TypeVar("T")

LEASE_SECONDS = 6.0
EPOCHS = 8
_BUSY = 0.3  # of a core: a process that takes so much trains, or begins to
_OVERLAP_SECONDS = 1.0  # what a worker that has lost its run may need for its last step
_PATIENCE_SECONDS = 1_500.0


class Line:
    """Leads connections to PostgreSQL's socket, those of some processes nowhere."""

    def __init__(self, target: str) -> None:
        self.port = free_port()
        self._target = target
        self._cut: set[int] = set()
        server = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._listen, args=(server,), daemon=True).start()

    def cut(self, pid: int) -> None:
        """Let nothing through from or to a process."""
        self._cut.add(pid)

    def mend(self, pid: int) -> None:
        """Let everything through again."""
        self._cut.discard(pid)

    def _listen(self, server: socket.socket) -> None:
        while True:
            near, (_host, port) = server.accept()
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self._target)
            except OSError:  # it is not running
                near.close()
                continue
            pid = _owner(port)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target, pid), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, pid: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                while pid in self._cut:
                    time.sleep(0.1)
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.close()


def _owner(port: int) -> int | None:
    """The process of this machine that has the local TCP ``port``."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port:
            mark = f"socket:[{fields[9]}]"
            for pid, _parent in processes():
                with contextlib.suppress(OSError):
                    if any(str(file.readlink()) == mark for file in Path(f"/proc/{pid}/fd").iterdir()):
                        return pid
    return None


@dataclass
class Witness:
    """What was seen of the runs on the way: figures of epochs, and how long two processes worked on one run at once."""

    epochs: dict[tuple[str, int], float] = field(default_factory=dict)
    changed: list[tuple[str, int]] = field(default_factory=list)
    overlap: dict[str, float] = field(default_factory=dict)
    attempts: dict[str, set[int]] = field(default_factory=dict)
    _used: dict[int, tuple[float, float]] = field(default_factory=dict)

    def look(self, store: RunStore, ids: list[str]) -> None:
        """Look once; to be called again and again."""
        for run_id in ids:
            for epoch in store.epochs(run_id):
                known = self.epochs.setdefault((run_id, epoch.epoch), epoch.train_loss)
                if abs(known - epoch.train_loss) > 1e-5 * max(1.0, abs(known)):
                    self.changed.append((run_id, epoch.epoch))

    def watch_processes(self) -> None:
        """Look at the processes of workers once."""
        now, busy = time.monotonic(), dict[str, list[int]]()
        step = 0.0
        for pid, run_id in workers():
            self.attempts.setdefault(run_id, set()).add(pid)
            used = _used(pid)
            before = self._used.get(pid)
            self._used[pid] = now, used
            if before is not None and now > before[0]:
                step = now - before[0]
                if (used - before[1]) / step > _BUSY:
                    busy.setdefault(run_id, []).append(pid)
        for run_id, pids in busy.items():
            if len(pids) > 1:
                self.overlap[run_id] = self.overlap.get(run_id, 0.0) + step


def workers() -> Iterator[tuple[int, str]]:
    """The processes that work on runs; each with its run."""
    for pid, _parent in processes():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            if words[-4:-2] == ["cnnviz", "worker"] and "python" in words[0]:
                yield pid, words[-2]


def _used(pid: int) -> float:
    """Seconds of the processor that a process has had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Scene:
    """All that may fail."""

    store: RunStore
    ids: list[str]
    cluster: RayCluster
    database: Postgres
    bucket: ObjectStore
    line: Line

    def training(self) -> list[Run]:
        """The runs that are training, and have finished an epoch."""
        with contextlib.suppress(CnnvizError):
            runs = [self.store.get(run_id) for run_id in self.ids]
            alive = {pid for pid, _run in workers()}
            return [
                run for run in runs if run.status == Status.RUNNING and run.epoch > 1 and run.pid in alive
            ]
        return []

    def one(self) -> Run:
        """A run that is training; waits for one."""
        return wait(lambda: next(iter(self.training()), None))

    def kill_worker(self) -> str:
        """A worker process is killed."""
        run = self.one()
        os.kill(run.pid or 0, signal.SIGKILL)
        return run.id

    def kill_node(self) -> str:
        """A node is killed with its job, and another one comes."""
        run = self.one()
        self.cluster.kill_node(0)
        self.cluster.add_node()
        return run.id

    def kill_head(self) -> str:
        """The head is killed; a new one, with two new nodes, comes after ten seconds."""
        run = self.one()
        self.cluster.kill_head()
        time.sleep(10)
        for _ in range(2):
            self.cluster.kill_node(0)
        self.cluster.start_head()
        for _ in range(2):
            self.cluster.add_node()
        return run.id

    def restart_database(self) -> str:
        """The database goes without a word, and comes back after two seconds."""
        run = self.one()
        self.database.stop()
        time.sleep(2)
        self.database.start()
        return run.id

    def silence_store(self) -> str:
        """The object store goes, and comes back after eight seconds."""
        run = self.one()
        self.bucket.stop()
        time.sleep(8)
        self.bucket.start()
        return run.id

    def cut_off(self) -> str:
        """A worker is cut off from the database for longer than its lease."""
        run = self.one()
        self.line.cut(run.pid or 0)
        time.sleep(2.5 * LEASE_SECONDS)
        self.line.mend(run.pid or 0)
        return run.id

    def suspend(self) -> str:
        """A worker stands still for longer than its lease, and wakes up."""
        run = self.one()
        os.kill(run.pid or 0, signal.SIGSTOP)
        time.sleep(2.5 * LEASE_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.kill(run.pid or 0, signal.SIGCONT)
        return run.id


def wait(look: Callable[[], T | None]) -> T:
    """What ``look`` gives, once it gives something."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError("nothing is training")
        time.sleep(0.2)
    return found


def main() -> int:
    """Run it; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=30)
    count = parser.parse_args().runs
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(running())
        bucket = stack.enter_context(object_store())
        line = Line(database.socket)
        os.environ |= {
            "CNNVIZ_RUNS_DIR": f"{folder}/server",
            "CNNVIZ_RUNS_URL": f"{bucket.url}/course",
            "CNNVIZ_DATABASE_URL": f"postgresql+psycopg://cnnviz@127.0.0.1:{line.port}/postgres?connect_timeout=3",
            "CNNVIZ_EXECUTOR": "ray",
            "CNNVIZ_MAX_WORKERS": "6",
            "CNNVIZ_THREADS": "1",
            "CNNVIZ_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        cluster = RayCluster(nodes=2)
        stack.callback(cluster.close)
        os.environ["CNNVIZ_RAY_ADDRESS"] = cluster.address
        return examine(open_store(), cluster, database, bucket, line, count)


def examine(
    store: RunStore, cluster: RayCluster, database: Postgres, bucket: ObjectStore, line: Line, count: int
) -> int:
    """Let ``count`` runs train through all faults, and say what has become of them."""
    recipe = Recipe.default("basic-cnn", dataset="mnist-sample", epochs=EPOCHS, batch_size=25, threads=1)
    ids = [store.create(recipe, owner=f"person-{number % 7}") for number in range(count)]
    scene, witness, over = Scene(store, ids, cluster, database, bucket, line), Witness(), threading.Event()
    begin = time.monotonic()

    def server() -> None:
        """What the pages of a server do again and again, whatever fails."""
        while not over.wait(0.5):
            with contextlib.suppress(CnnvizError):
                start_queued()
                witness.look(store, ids)

    def watch() -> None:
        while not over.wait(0.5):
            witness.watch_processes()

    threads = [threading.Thread(target=server), threading.Thread(target=watch)]
    for thread in threads:
        thread.start()
    try:
        for fault in (
            scene.kill_worker,
            scene.kill_node,
            scene.restart_database,
            scene.silence_store,
            scene.cut_off,
            scene.suspend,
            scene.kill_head,
        ):
            hit = fault()
            print(
                f"{time.monotonic() - begin:6.0f} s  {(fault.__doc__ or '').strip()} (run {hit})", flush=True
            )
            time.sleep(3)
        wait(lambda: True if _all_over(store, ids) else None)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return report(store, ids, witness, time.monotonic() - begin)


def _all_over(store: RunStore, ids: list[str]) -> bool:
    with contextlib.suppress(CnnvizError):
        return not any(store.get(run_id).is_open for run_id in ids)
    return False


def report(store: RunStore, ids: list[str], witness: Witness, seconds: float) -> int:
    """Say what has become of the runs; 0 where all is as it should be."""
    problems: list[str] = []
    for run_id in ids:
        run = store.get(run_id)
        steps = read_steps(store.file(run, STEPS_FILE), max_points=10**9)["step"].tolist()
        epochs = [epoch.epoch for epoch in store.epochs(run_id)]
        if run.status != Status.FINISHED:
            problems.append(f"{run_id} is {run.status}: {run.reason}")
        elif epochs != list(range(1, EPOCHS + 1)) or steps != list(range(1, run.total_steps + 1)):
            problems.append(f"{run_id} has epochs {epochs} and {len(steps)} of {run.total_steps} steps")
    problems += [f"epoch {epoch} of {run_id} was lost and made anew" for run_id, epoch in witness.changed]
    problems += [
        f"{run_id} was trained by two processes at once for {overlap:.1f} s"
        for run_id, overlap in witness.overlap.items()
        if overlap > _OVERLAP_SECONDS
    ]
    again = sum(1 for pids in witness.attempts.values() if len(pids) > 1)
    longest = max(witness.overlap.values(), default=0.0)
    print(
        f"{len(ids)} runs in {seconds:.0f} s; {again} went on in another process; the longest overlap {longest:.1f} s"
    )
    for problem in problems:
        print(problem)
    print("as it should be" if not problems else f"{len(problems)} problems")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
