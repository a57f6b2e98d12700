"""A class at its server, at human pace and on all pages, without and with a training beside it.

Usage: python -m benchmarks.load [--people N] [--servers N] [--seconds N] [--changes N] [--costs]

People are sessions over Streamlit's own protocol, as their browsers are: they open pages, move what is there, read for
2 to 10 seconds, and their pages ask by themselves for what changes. Printed are how long they wait, the server's
processor time and memory, and which part of its speed a training keeps. ``--costs`` prints what each page costs the
server's processor, for one person and nothing else: the figure to look at where other work keeps the machine busy.
``--servers 2`` puts two servers behind Caddy, on one folder of runs and a PostgreSQL of their own; each person's browser
comes back to its server by Caddy's cookie.
Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.people import LINKS, Person, Waited
from benchmarks.protocol import connect
from benchmarks.serving import train_for_show
from benchmarks.sessions import percentile95
from benchmarks.several_servers import Site, database, one_server, several_servers
from cnnviz.settings import Settings, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.metrics import STEPS_FILE, read_steps
from cnnviz.training.store.runs import processor_seconds
from cnnviz.training.store.store import RunStore, open_store
from cnnviz.training.worker.dispatching import start_queued
from cnnviz.training.worker.processes import end_standby

ALONE_SECONDS, BESIDE_SECONDS = 0.5, 1.0
"""The 95th percentile of waiting, without and with a training."""
TRAINING_KEEPS = 0.7
SESSION_BYTES = 10e6
"""Memory of the server for each session, above the server at rest."""
FLAT = 0.03
"""By how much the memory may grow from a tenth of the page changes to their end."""

_PAUSE = (2.0, 10.0)
_QUIET_SECONDS = 10.0


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=30, help="0: only the page changes")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long people are there, each time")
    parser.add_argument(
        "--changes", type=int, default=1000, help="page changes over which memory is compared"
    )
    parser.add_argument("--costs", action="store_true", help="only the processor time of each page")
    parser.add_argument("--servers", type=int, default=1, help="more than one: behind Caddy, with PostgreSQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), options.servers) as served:
        if options.costs:
            asyncio.run(costs(served))
            return 0
        try:
            met = asyncio.run(measure(served, options))
        except RuntimeError:
            print(served.logs(), file=sys.stderr)
            raise
    if hasattr(os, "getloadavg"):
        print(f"load average of the machine at the end: {os.getloadavg()[0]:.1f}")
    return 0 if all(met) else 1


@contextmanager
def site(folder: Path, servers: int) -> Iterator[Site]:
    """What the class opens, with a finished run; this process has the same runs."""
    os.environ |= {"CNNVIZ_TEACHER_PASSWORD": "for a benchmark alone", "CNNVIZ_RUNS_DIR": f"{folder}/runs"}
    with ExitStack() as stack:
        if servers > 1:
            os.environ["CNNVIZ_DATABASE_URL"] = stack.enter_context(database())
        train_for_show(folder, epochs=1, learning_rate=0.01)
        served = several_servers(folder, servers, {}) if servers > 1 else one_server(folder, {})
        yield stack.enter_context(served)


async def measure(site: Site, options: argparse.Namespace) -> list[bool]:
    """Print all figures; which targets are met."""
    for server in site.servers:
        await visit_all(server.url)
    at_rest = site.memory()
    print(f"at rest, every page seen once: {at_rest / 1e6:,.0f} MB")
    met = []
    if options.people:
        met.append(await without_training(site, options, at_rest))
        met.append(await with_training(site, options))
    met.append(await page_changes(site, options.changes))
    return met


async def visit_all(url: str, rounds: int = 1) -> None:
    """One person sees every page of the server at ``url``."""
    async with connect(url) as session:
        person = Person(session, random.Random(0))
        for _ in range(rounds):
            for page, query in LINKS:
                await person.open(page, query)
                await person.change()


async def without_training(site: Site, options: argparse.Namespace, at_rest: int) -> bool:
    """A class alone."""
    used = site.processor_seconds()
    waited, held = await crowd(site, options.people, options.seconds)
    used = site.processor_seconds() - used
    each = (held - at_rest) / options.people
    met = told(f"{options.people} people", waited, ALONE_SECONDS)
    print(f"{'':<24} processor {used / options.seconds:.2f} cores, {used / len(waited) * 1e3:.0f} ms a rerun")
    print(f"{'':<24} memory {each / 1e6:.1f} MB a session  (target {SESSION_BYTES / 1e6:.0f})")
    return met and each <= SESSION_BYTES


async def with_training(site: Site, options: argparse.Namespace) -> bool:
    """The same with a training, whose speed without the class is measured before and after."""
    with training() as (store, run_id):
        rates = [await speed(store, run_id, options.seconds / 4)]
        before, start = progress(store, run_id), time.monotonic()
        waited, _ = await crowd(site, options.people, options.seconds)
        seconds = time.monotonic() - start
        beside, processor = (
            (now - then) / seconds for now, then in zip(progress(store, run_id), before, strict=True)
        )
        rates.append(await speed(store, run_id, options.seconds / 4))
    alone, alone_processor = (statistics.mean(values) for values in zip(*rates, strict=True))
    met = told(f"{options.people} people, one training", waited, BESIDE_SECONDS)
    kept = beside / alone
    print(
        f"{'':<24} training keeps {kept:.0%} of its speed (target {TRAINING_KEEPS:.0%}); it gets {processor:.2f} "
        f"cores, alone {alone_processor:.2f}"
    )
    return met and kept >= TRAINING_KEEPS


async def crowd(site: Site, people: int, seconds: float) -> tuple[list[Waited], int]:
    """What ``people`` waited for who are there for ``seconds``, and the server's memory before they leave."""
    async with AsyncExitStack() as stack:
        cookies = [await asyncio.to_thread(site.cookie) for _ in range(people)]
        sessions = [await stack.enter_async_context(connect(site.url, cookie)) for cookie in cookies]
        persons = [Person(session, random.Random(number)) for number, session in enumerate(sessions)]
        await asyncio.gather(*(_stay(person, time.monotonic() + seconds) for person in persons))
        held = site.memory()
    if len(site.servers) > 1:
        print(f"{'':<24} people at each server: {', '.join(map(str, Counter(cookies).values()))}")
    return [waited for person in persons for waited in person.waited], held


async def _stay(person: Person, end: float) -> None:
    await asyncio.sleep(person.chance.uniform(0, _PAUSE[1]))  # they don't all come at the same moment
    while time.monotonic() < end:
        await person.act()
        await person.read(person.chance.uniform(*_PAUSE))


def told(title: str, waited: list[Waited], target: float) -> bool:
    """Print how long people waited; whether the 95th percentile of what they did themselves is below ``target``."""
    by_what = {
        what: [one.seconds for one in waited if one.what == what] for what in ("open", "change", "timer")
    }
    own = by_what["open"] + by_what["change"]
    p95 = percentile95(own)
    print(
        f"{title:<24} {len(own)} reruns  p50 {statistics.median(own):.3f} s  p95 {p95:.3f} s  "
        f"last {max(own):.3f} s  (target p95 {target} s)"
    )
    for what, seconds in by_what.items():
        if seconds:
            p50, p95s = statistics.median(seconds), percentile95(seconds)
            print(f"{'':<24} {what:<7} {len(seconds):>5}  p50 {p50:.3f} s  p95 {p95s:.3f} s")
    return p95 < target


@contextmanager
def training() -> Iterator[tuple[RunStore, str]]:
    """A long training as the server would start it, while the block lasts."""
    chosen: Settings = replace(settings(), max_workers=1)
    store = open_store(chosen)
    run_id = store.create(replace(Recipe.default("basic-cnn", dataset="mnist-sample"), epochs=1000))
    start_queued(chosen)
    try:
        yield store, run_id
    finally:
        store.request_stop(run_id)
        while store.get(run_id).is_open:
            time.sleep(0.2)  # the run's end is a fact in the database
        end_standby()


def progress(store: RunStore, run_id: str) -> tuple[float, float]:
    """Steps and processor seconds of a run so far; (0, 0) before it has begun."""
    pid = store.get(run_id).pid
    with contextlib.suppress(OSError, IndexError):
        step = float(read_steps(store.folder(run_id) / STEPS_FILE)["step"][-1])
        return step, (processor_seconds(pid) or 0.0) if pid else 0.0
    return 0.0, 0.0


async def speed(store: RunStore, run_id: str, seconds: float) -> tuple[float, float]:
    """Steps and processor seconds a second, once it has begun."""
    while not progress(store, run_id)[0]:
        if not (run := store.get(run_id)).is_open:
            raise RuntimeError(f"The training has ended: {run.reason}")
        await asyncio.sleep(0.2)
    await asyncio.sleep(2.0)
    before, start = progress(store, run_id), time.monotonic()
    await asyncio.sleep(seconds)
    taken, after = time.monotonic() - start, progress(store, run_id)
    return (after[0] - before[0]) / taken, (after[1] - before[1]) / taken


async def page_changes(site: Site, count: int) -> bool:
    """One person after the other changes pages without a pause; whether the memory is flat after the first tenth."""
    if not count:
        return True
    chance, sizes = random.Random(1), []
    for _ in range(10):
        async with connect(site.url) as session:
            person = Person(session, chance)
            for _ in range(count // 10):
                await person.open(*chance.choice(LINKS))
        sizes.append(site.memory())
    growth = sizes[-1] / sizes[0] - 1
    print(
        f"{count} page changes       {sizes[0] / 1e6:,.0f} MB after a tenth, {sizes[-1] / 1e6:,.0f} MB at the end: "
        f"{growth:+.1%} (target within {FLAT:.0%})"
    )
    return growth <= FLAT


async def costs(site: Site) -> None:
    """Print the server's processor time for each page: opened, changed, and for its timers while nobody does anything."""
    await visit_all(site.url, rounds=2)
    await asyncio.sleep(_QUIET_SECONDS)  # what goes on in the background ends
    async with connect(site.url) as session:
        person = Person(session, random.Random(2))
        for page, query in LINKS:
            opened = await _cost(site, partial(person.open, page, query), 6)
            changed = await _cost(site, person.change, 6)
            resting = await _cost(site, partial(person.read, _QUIET_SECONDS), 1)
            print(
                f"{page + ('?' + query if query else ''):<58} open {opened * 1e3:5.0f} ms  change {changed * 1e3:5.0f} ms  "
                f"a second at rest {resting / _QUIET_SECONDS * 1e3:5.1f} ms",
                flush=True,
            )


async def _cost(site: Site, act: Callable[[], Awaitable[None]], times: int) -> float:
    before = site.processor_seconds()
    for _ in range(times):
        await act()
    return (site.processor_seconds() - before) / times


if __name__ == "__main__":
    sys.exit(main())
