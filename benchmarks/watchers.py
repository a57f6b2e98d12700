"""Many people who watch one live run over several servers: what the database is asked, and how late their curves are.

Usage: python -m benchmarks.watchers [--watchers N ...] [--servers N] [--seconds N] [--skip-steering]

The servers are behind Caddy, on one folder of runs and a PostgreSQL of their own, which writes down every statement with
the server that it is from. Watchers are sessions over Streamlit's own protocol, as their browsers are, and stay with
their server by Caddy's cookie. At first a run that is started at one server is watched, paused, given another learning
rate and stopped at another one. Everything shares the machine, those who watch too, whose part is told.
Exit status 1 if the statements grow with the watchers rather than with the servers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import sqlalchemy as sa
from streamlit.proto.WidgetStates_pb2 import WidgetState

from benchmarks.load import speed, training
from benchmarks.people import Person
from benchmarks.protocol import Page, connect
from benchmarks.sessions import percentile95
from benchmarks.several_servers import Site, database, several_servers
from cnnviz.training.store.runs import Status
from cnnviz.training.store.store import open_store

MOST_POLLS = 2.0
"""Transactions a second that a server may make for one live run and the list of runs, however many watch,"""
PAGE_POLLS = 3
"""and for each page that runs as a whole, as it does for its person alone."""

_OPEN_AT_ONCE = 4
_SETTLE_SECONDS, _WARM_SECONDS = 30.0, 30.0
_STEER_SECONDS = 60.0
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 100.0  # of a busy server
_LEASE_SECONDS = "300"
_PRESSED = WidgetState(trigger_value=True)
_LINE = re.compile(r"^app=(?P<who>\S*) \S+ +LOG: +(?:statement|execute [^:]*): (?P<first>\w+)", re.MULTILINE)
_TRANSACTION = ("BEGIN", "COMMIT", "ROLLBACK")


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--watchers", type=int, nargs="+", default=[300])
    parser.add_argument("--servers", type=int, default=4)
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="how long each number of them is measured"
    )
    parser.add_argument("--skip-steering", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, database() as url:
        os.environ |= {"CNNVIZ_RUNS_DIR": f"{folder}/runs", "CNNVIZ_DATABASE_URL": url}
        os.environ["CNNVIZ_LEASE_SECONDS"] = (
            _LEASE_SECONDS  # those who watch take the worker's processor, too
        )
        open_store()
        journal = Journal.begin(url)
        with several_servers(Path(folder), options.servers, {}) as site:
            try:
                return asyncio.run(_measure(site, journal, options))
            except RuntimeError:
                print(site.logs(), file=sys.stderr)
                raise


async def _measure(site: Site, journal: Journal, options: argparse.Namespace) -> int:
    if not options.skip_steering:
        await steer_from_elsewhere(site)
    with training() as (store, run_id):
        await speed(store, run_id, 1.0)  # it has begun
        await asyncio.gather(*(_load_everything(server.url, run_id) for server in site.servers))
        met = [await watch(site, journal, run_id, count, options.seconds) for count in options.watchers]
    return 0 if all(met) else 1


# -- what the database is asked -----------------------------------------------------------------------


@dataclass(frozen=True)
class Journal:
    """The log of a PostgreSQL that writes down every statement."""

    path: Path

    @classmethod
    def begin(cls, url: str) -> Journal:
        """Let the database at ``url`` write down every statement from now on."""
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("ALTER SYSTEM SET log_statement = 'all'")
            connection.exec_driver_sql("ALTER SYSTEM SET log_line_prefix = 'app=%%a %%p '")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            data = Path(str(connection.exec_driver_sql("SHOW data_directory").scalar()))
        engine.dispose()
        return cls(data.parent / "log")

    def size(self) -> int:
        """Bytes that are written so far."""
        return self.path.stat().st_size

    def since(self, size: int) -> Mapping[str, Counter[str]]:
        """By who asked: how many statements of each kind, by their first word, came after the first ``size`` bytes."""
        with self.path.open("rb") as file:
            file.seek(size)
            text = file.read().decode("utf-8", "replace")
        found: dict[str, Counter[str]] = {}
        for line in _LINE.finditer(text):
            found.setdefault(line["who"], Counter())[line["first"].upper()] += 1
        return found


async def _load_everything(url: str, run_id: str) -> None:
    """Somebody looks at the run at the server of this ``url`` until that has loaded and timed what it needs."""
    async with connect(url) as session:
        person = Person(session, random.Random(0))
        await person.open("train", f"run={run_id}")
        await person.read(_WARM_SECONDS)


# -- who watches --------------------------------------------------------------------------------------


@dataclass
class Watching:
    """A person who watches a run, and what their browser got."""

    person: Person
    updates: int = 0
    pages: int = 0
    said: str = ""
    """The run's state and what stands around it."""
    _figures: str = ""

    def see(self, page: Page) -> None:
        """Count the updates of the curves, and keep what is said."""
        self.pages += page.whole
        words = "\n".join(element.markdown.body for element in page.elements)
        if "-badge[" in words:
            self.said = words
        for element in page.elements:
            component = element.bidi_component
            if component.component_name.endswith("live_figures") and component.json != self._figures:
                self.updates += 1
                self._figures = component.json


async def watch(site: Site, journal: Journal, run_id: str, count: int, seconds: float) -> bool:
    """Let ``count`` people watch the run, and print what they got and what it took; whether the database's work is
    bounded by the number of servers.
    """
    async with _watchers(site, run_id, count) as (watchers, cookies):
        await _all_read(watchers, _SETTLE_SECONDS)
        for watcher in watchers:
            watcher.updates = watcher.pages = 0
            watcher.person.waited.clear()
        begin, used, own = journal.size(), site.processor_seconds(), time.process_time()
        started = time.monotonic()
        await _all_read(watchers, seconds)
        taken = time.monotonic() - started
        used, own = site.processor_seconds() - used, time.process_time() - own
        asked, held = journal.since(begin), site.memory()
    if not (run := open_store().get(run_id)).is_open:
        raise RuntimeError(f"The run that they watch has ended: {run.status}, {run.reason}")
    print(f"load average of the machine: {os.getloadavg()[0]:.1f}")
    print(f"{count} watchers, at each server: {', '.join(str(n) for n in Counter(cookies).values())}")
    delays = [one.seconds for watcher in watchers for one in watcher.person.waited]
    each = [watcher.updates / taken for watcher in watchers]
    print(
        f"    reruns a second {len(delays) / taken:.0f}; delay p50 {statistics.median(delays):.3f} s  "
        f"p95 {percentile95(delays):.3f} s; updates of the curves each got: one in "
        f"{1 / max(statistics.median(each), 1e-9):.1f} s; {sum(not one for one in each)} got none"
    )
    print(
        f"    servers: {used / taken:.2f} cores, {used / len(delays) * 1e3:.1f} ms a rerun, {held / 1e6:,.0f} MB; "
        f"those who watch: {own / taken:.2f} cores"
    )
    pages = sum(watcher.pages for watcher in watchers)
    total = _told(asked, taken)
    most = MOST_POLLS * len(site.servers) * taken + PAGE_POLLS * pages
    print(
        f"    all servers  {total / taken:7.1f} transactions a second, {pages} whole pages among what they were for "
        f"(target: at most {most / taken:.1f})"
    )
    return total <= most


def _told(asked: Mapping[str, Counter[str]], seconds: float) -> int:
    """Print what the database was asked a second; the number of all servers' transactions."""
    for who, kinds in sorted(asked.items()):
        statements = kinds.total() - sum(kinds[word] for word in _TRANSACTION)
        print(
            f"    {who or 'other':<12} {kinds['BEGIN'] / seconds:7.1f} transactions, "
            f"{statements / seconds:7.1f} statements a second"
        )
    return sum(kinds["BEGIN"] for who, kinds in asked.items() if who.startswith("server-"))


@asynccontextmanager
async def _watchers(site: Site, run_id: str, count: int) -> AsyncIterator[tuple[list[Watching], list[str]]]:
    """People who have opened the page of the run, a few at a time, and the cookie of each."""
    async with AsyncExitStack() as stack:
        cookies = [await asyncio.to_thread(site.cookie) for _ in range(count)]
        gate = asyncio.Semaphore(_OPEN_AT_ONCE)

        async def come(number: int, cookie: str) -> Watching:
            async with gate:
                watcher = Watching(await stack.enter_async_context(_person(site, cookie, number)))
                watcher.person.see, watcher.person.patience = watcher.see, _PATIENCE_SECONDS
                await watcher.person.open("train", f"run={run_id}")
            return watcher

        yield list(await asyncio.gather(*(come(*known) for known in enumerate(cookies)))), cookies


@asynccontextmanager
async def _person(site: Site, cookie: str, number: int = 0) -> AsyncIterator[Person]:
    async with connect(site.url, cookie) as session:
        yield Person(session, random.Random(number))


async def _all_read(watchers: list[Watching], seconds: float) -> None:
    await asyncio.gather(*(watcher.person.read(seconds) for watcher in watchers))


# -- who steers ---------------------------------------------------------------------------------------


async def steer_from_elsewhere(site: Site) -> None:
    """A run that somebody starts at one server is watched, paused, given another learning rate, resumed and stopped by
    somebody at another one; print after how long the first one sees each.

    Raises:
        RuntimeError: something of that does not happen.
    """
    cookies = sorted({site.cookie() for _ in range(4 * len(site.servers))})
    if len(cookies) < 2:
        raise RuntimeError("Caddy led everybody to one server")
    async with _person(site, cookies[0]) as first, _person(site, cookies[1]) as second:
        owner, other = Watching(first), Watching(second)
        first.see, second.see = owner.see, other.see
        await first.open("train", "model=basic-cnn&dataset=mnist-sample&epochs=500")
        await first.use("start", _PRESSED)
        await _until(owner, "running")
        (run_id,) = parse_qs(first.query)["run"]
        await second.open("train", f"run={run_id}")
        await second.use("steer-others", WidgetState(bool_value=True))
        for key, words in (("pause", "paused"), ("resume", "running")):
            await second.use(key, _PRESSED)
            print(f"{key:<14} seen at the other server after {await _until(owner, words):.2f} s")
            await _until(other, words)
        await second.use(f"new-rate-{run_id}", WidgetState(double_value=0.005))
        await second.use("change-rate", _PRESSED)
        print(f"learning rate  seen at the other server after {await _until(owner, '0.005'):.2f} s")
        await second.use("stop", _PRESSED)
        print(f"stop           seen at the other server after {await _until(owner, 'stopped'):.2f} s")
        if open_store().get(run_id).status != Status.STOPPED:
            raise RuntimeError("The page says that the run was stopped, and the store does not")


async def _until(watcher: Watching, words: str) -> float:
    """Read until what is said of the run has these ``words``; the seconds that it took."""
    start = time.monotonic()
    while words not in watcher.said:
        if time.monotonic() - start > _STEER_SECONDS:
            raise RuntimeError(f"{words!r} did not come; the page says: {watcher.said}")
        await watcher.person.read(_LOOK_SECONDS)
    return time.monotonic() - start


if __name__ == "__main__":
    sys.exit(main())
