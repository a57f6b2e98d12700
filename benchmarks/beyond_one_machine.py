"""What a cluster costs, beside one machine: PostgreSQL, an S3 server and Ray against SQLite, a folder and local workers.

    python -m benchmarks.beyond_one_machine [--reruns 40] [--runs 3] [--without-ray]

Three figures, each with both sides in turn: the server time of a rerun of the Train page, while a run trains and when it is
over; images a second in training; and the seconds from Start to the first point of a curve. Exit status 1 if one misses its
target. Nodes are as nice to the server as local workers are. Everything is on this machine, so the S3 server and the head of the cluster take their part of its cores, too.

Needs ``requirements-cluster.txt`` and PostgreSQL, and moto.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest import mock

from benchmarks.object_store import object_store_apart
from benchmarks.postgres import running
from benchmarks.protocol import connect
from benchmarks.ray_cluster import RayCluster
from benchmarks.serving import serve
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.dispatching import start_queued
from cnnviz.training.worker.processes import STEP_BACK

MOST_WATCHING, LEAST_TRAINING, MOST_LATER_SECONDS = 1.3, 0.97, 3.0
_REST_SECONDS = 10.0  # until a standby worker stands ready again
_LOOK_SECONDS = 0.05
_PAUSE_SECONDS = 0.2
_POINTS = 200
_WARM = 3
_PATIENCE_SECONDS = 600.0

Side = Mapping[str, str]
"""The settings of one side, as variables."""


@contextlib.contextmanager
def sides(with_ray: bool) -> Iterator[tuple[Side, Side]]:
    """The settings of one machine, and those of a cluster."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        database = stack.enter_context(running())
        url, keys = stack.enter_context(object_store_apart())
        common = {"CNNVIZ_THREADS": "1", "CNNVIZ_MAX_WORKERS": "1"}
        away = {
            "CNNVIZ_RUNS_DIR": f"{folder}/away",
            "CNNVIZ_RUNS_URL": f"{url}/course",
            "CNNVIZ_DATABASE_URL": database.url.format(database="postgres"),
            **keys,
        }
        if with_ray:
            cluster = RayCluster(nodes=1, niceness=STEP_BACK)
            stack.callback(cluster.close)
            away |= {"CNNVIZ_EXECUTOR": "ray", "CNNVIZ_RAY_ADDRESS": cluster.address}
        yield {**common, "CNNVIZ_RUNS_DIR": f"{folder}/here"}, {**common, **away}


@contextlib.contextmanager
def on(side: Side) -> Iterator[RunStore]:
    """The store of a side, whose settings are in force."""
    with mock.patch.dict(os.environ, side):
        yield open_store()


def start(store: RunStore, epochs: int, batch_size: int = 50) -> str:
    """Start a run, as the button does."""
    recipe = Recipe.default(
        "basic-cnn", dataset="mnist-sample", epochs=epochs, batch_size=batch_size, threads=1
    )
    run_id = store.create(recipe)
    start_queued()
    return run_id


def points(store: RunStore, run_id: str) -> int:
    """How many points a page could draw now."""
    return len(read_steps(store.file(store.get(run_id), STEPS_FILE)))


def until_over(store: RunStore, run_id: str) -> None:
    """Wait for a run's end."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (run := store.get(run_id)).is_open:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{run_id} is {run.status}: {run.waits}")
        start_queued()
        time.sleep(0.5)
    if run.status != Status.FINISHED:
        raise RuntimeError(f"{run_id} is {run.status}: {run.reason}")


def first_point(side: Side) -> float:
    """Seconds from Start to the first point of the curve."""
    with on(side) as store:
        begin = time.monotonic()
        run_id = start(store, epochs=2)
        while points(store, run_id) == 0:
            time.sleep(_LOOK_SECONDS)
            start_queued()
        seconds = time.monotonic() - begin
        until_over(store, run_id)
    return seconds


def images_per_second(side: Side) -> float:
    """The median over the epochs of a run, without the first."""
    with on(side) as store:
        run_id = start(store, epochs=15)
        until_over(store, run_id)
        return statistics.median(epoch.images_per_second for epoch in store.epochs(run_id)[1:])


def reruns(sides: Sequence[Side], rounds: int, count: int) -> tuple[list[float], list[float]]:
    """Median seconds of a rerun of the Train page on each side: while a run trains, and when it is over."""
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(_server(side)) for side in sides]
        live: list[list[float]] = [[] for _ in sides]
        shown = [""] * len(sides)
        for _ in range(rounds):
            for index, side in enumerate(sides):
                with on(side) as store:
                    shown[index] = start(store, epochs=100)
                    while points(store, shown[index]) < _POINTS:
                        time.sleep(_LOOK_SECONDS)
                    live[index] += asyncio.run(_reruns([urls[index]], [shown[index]], count))[0]
                    store.request_stop(shown[index])
                    while store.get(shown[index]).is_open:
                        time.sleep(_LOOK_SECONDS)
        over = asyncio.run(_reruns(urls, shown, rounds * count))
    return [statistics.median(times) for times in live], [statistics.median(times) for times in over]


@contextlib.contextmanager
def _server(side: Side) -> Iterator[str]:
    """A server of a side, which on a cluster has no folder in common with anybody; its address."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"CNNVIZ_RUNS_DIR": f"{folder}/server"} if "CNNVIZ_RUNS_URL" in side else {}
        with serve(Path(folder), {**side, **own}) as server:
            yield server.url


async def _reruns(urls: Sequence[str], run_ids: Sequence[str], count: int) -> list[list[float]]:
    """Seconds of ``count`` reruns of each server's page, in turn."""
    times: list[list[float]] = [[] for _ in urls]
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(connect(url)) for url in urls]
        for number in range(count + _WARM):
            for index, (session, run_id) in enumerate(zip(sessions, run_ids, strict=True)):
                await asyncio.sleep(_PAUSE_SECONDS)
                seconds = (await session.run("train", f"run={run_id}")).seconds
                if number >= _WARM:
                    times[index].append(seconds)
    return times


def main() -> int:
    """Measure and print; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reruns", type=int, default=20, help="of each side and run")
    parser.add_argument(
        "--runs", type=int, default=3, help="of each side, for training and for the first point"
    )
    parser.add_argument("--without-ray", action="store_true", help="local workers on both sides")
    options = parser.parse_args()
    good = True
    with sides(not options.without_ray) as (here, away):
        live, over = reruns((here, away), options.runs, options.reruns)
        for what, (near, far) in (("while a run trains", live), ("of a run that is over", over)):
            ratio = far / near
            good &= ratio <= MOST_WATCHING
            print(
                f"rerun {what}: {near * 1e3:.0f} ms here, {far * 1e3:.0f} ms away, "
                f"{ratio:.2f} times (at most {MOST_WATCHING:g})",
                flush=True,
            )
        speeds = [(images_per_second(here), images_per_second(away)) for _ in range(options.runs)]
        ratio = statistics.median(away / here for here, away in speeds)
        good &= ratio >= LEAST_TRAINING
        print(
            f"training: {statistics.median(here for here, _ in speeds):,.0f} images a second here, "
            f"{statistics.median(away for _, away in speeds):,.0f} away, {ratio:.3f} times (at least {LEAST_TRAINING:g})",
            flush=True,
        )
        waits = []
        for _ in range(options.runs + 1):  # the first is cold
            time.sleep(_REST_SECONDS)
            waits.append((first_point(here), first_point(away)))
        later = statistics.median(away - here for here, away in waits[1:])
        good &= later <= MOST_LATER_SECONDS
        print(
            f"first point: {statistics.median(here for here, _ in waits[1:]):.1f} s here, "
            f"{statistics.median(away for _, away in waits[1:]):.1f} s away, {later:.1f} s later "
            f"(at most {MOST_LATER_SECONDS:g})"
        )
    print("reached" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
