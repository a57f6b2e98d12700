"""How the time of a long queue falls with the nodes of a cluster, and what the queue itself costs.

    python -m benchmarks.cluster_scaling [--runs 200] [--seconds 5] [--nodes 1,2,4] [--timed 50]

200 runs are queued in PostgreSQL for a Ray cluster of 1, 2 and 4 nodes of one core each. Where the machine has fewer cores
than that, nodes are simulated: a run's process is a real worker in the eyes of store and scheduler (it claims its run, renews
its lease, adds an epoch, finishes), but waits for five seconds instead of training, so that runs of several nodes do not
take the core from each other; what starts them does. Of the runs, 50 a node are timed, and the rest, which waits behind them, is reckoned from these.

Needs ``requirements-cluster.txt`` and PostgreSQL.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
import uuid
from unittest import mock

from benchmarks.postgres import running
from benchmarks.ray_cluster import RayCluster
from cnnviz.settings import settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics
from cnnviz.training.store.runs import Run, Status
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker import cluster as cluster_module
from cnnviz.training.worker.dispatching import start_queued
from cnnviz.training.worker.heartbeat import Heartbeat

_SECONDS = "CNNVIZ_BENCHMARK_SECONDS"
_LOOK_SECONDS = 0.5


def simulated_worker(run_id: str) -> None:
    """What a worker is to the store, without the training."""
    store, worker = open_store(), uuid.uuid4().hex
    if not store.claim(run_id, worker):
        return
    with Heartbeat(store, run_id, worker) as heartbeat:
        heartbeat.tell(RunStore.begin, 1, ())
        time.sleep(float(os.environ[_SECONDS]))
        heartbeat.tell(RunStore.add_epoch, EpochMetrics(1, 1.0, 0.5, 1.0, 0.5, 5.0, 100.0))
        store.finish(run_id, worker, Status.FINISHED)
    dispatch()


def dispatch() -> int:
    """What pages and ending workers do: start what may be started; returns how many that was."""
    words = [sys.executable, "-m", "benchmarks.cluster_scaling", "--worker"]
    with mock.patch.object(cluster_module, "command", lambda *given: [*words, given[-1]]):
        return len(start_queued())


def measure(nodes: int, runs: int, timed: int, seconds: float) -> None:
    """Let a cluster of ``nodes`` work on the queue, and say how long it takes."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(running())
        stack.enter_context(
            mock.patch.dict(os.environ, {_SECONDS: str(seconds)})
        )  # nodes hand it to their jobs
        cluster = RayCluster(nodes)
        stack.callback(cluster.close)
        chosen = {
            "CNNVIZ_RUNS_DIR": folder,
            "CNNVIZ_DATABASE_URL": database.url.format(database="postgres"),
            "CNNVIZ_EXECUTOR": "ray",
            "CNNVIZ_RAY_ADDRESS": cluster.address,
            "CNNVIZ_MAX_WORKERS": str(
                2 * nodes
            ),  # the next job of each node is known to Ray before it is free
            "CNNVIZ_THREADS": "1",
        }
        stack.enter_context(mock.patch.dict(os.environ, chosen))
        store = open_store(settings())
        recipe = Recipe.default("basic-cnn", dataset="mnist-sample", epochs=1, threads=1)
        ids = [store.create(recipe, owner=f"person-{number % 20}") for number in range(runs)]
        costs: list[float] = []
        while len(over := _over(store, ids)) < timed:
            begin = time.perf_counter()
            started = dispatch()
            if started:
                costs.append((time.perf_counter() - begin) / started)
            time.sleep(_LOOK_SECONDS)
        _say(nodes, runs, over, costs, seconds)


def _over(store: RunStore, ids: list[str]) -> list[Run]:
    found = [run for run in store.list() if run.id in set(ids)]
    wrong = [run for run in found if not run.is_open and run.status != Status.FINISHED]
    if wrong:
        raise RuntimeError(f"{wrong[0].id} is {wrong[0].status}: {wrong[0].reason}")
    return [run for run in found if run.status == Status.FINISHED]


def _say(nodes: int, runs: int, over: list[Run], costs: list[float], seconds: float) -> None:
    """Without the beginning, in which each node starts its first run."""
    ends = sorted(run.ended_at or 0.0 for run in over)
    timed = ends[nodes:]
    each = (timed[-1] - timed[0]) / (len(timed) - 1)
    print(
        f"{nodes} nodes: {len(over)} of {runs} runs timed, one every {each:.2f} s, so {runs} take {each * runs:,.0f} s; "
        f"a node is busy {seconds / (each * nodes):.0%} of the time; handing a run to the cluster takes a server "
        f"{statistics.median(costs):.2f} s",
        flush=True,
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--nodes", default="1,2,4")
    parser.add_argument("--timed", type=int, default=50, help="of the runs, so many a node are timed")
    parser.add_argument("--worker", metavar="RUN_ID", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        simulated_worker(options.worker)
        return 0
    for nodes in map(int, options.nodes.split(",")):
        measure(nodes, options.runs, min(options.runs, options.timed * nodes), options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
