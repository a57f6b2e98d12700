"""What thousands of runs cost the Train page, beside fifty.

Usage: python -m benchmarks.many_runs [--runs N] [--reruns N]

Compared is the server's processor time of a rerun, and how much it sends. Exit status 1 if the target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.protocol import Session, connect
from benchmarks.serving import Server, serve, train_for_show
from cnnviz.training.store.runs import processor_seconds

FEW = 50
SLOWER = 1.2
"""Times that a rerun may take with many runs, beside few."""


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--reruns", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run_id = train_for_show(Path(folder), epochs=1, learning_rate=0.01)
        multiply(Path(folder) / "runs", run_id, FEW)
        with serve(Path(folder)) as server:
            few = asyncio.run(measure(server, options.reruns))
            multiply(Path(folder) / "runs", run_id, options.runs - FEW)
            many = asyncio.run(measure(server, options.reruns))
    for count, (seconds, sent) in ((FEW, few), (options.runs, many)):
        print(f"{count:>6} runs: {seconds * 1e3:.0f} ms of the processor a rerun, {sent / 1e3:.0f} kB")
    slower = many[0] / few[0]
    print(f"{slower:.2f} times (target {SLOWER}): {'reached' if slower <= SLOWER else 'MISSED'}")
    return 0 if slower <= SLOWER else 1


def multiply(runs: Path, run_id: str, count: int) -> None:
    """Add ``count`` runs as the finished one, each with a checkpoint of its own."""
    facts = json.loads((runs / run_id / f"{run_id}.json").read_text(encoding="utf-8"))
    facts.pop("seal", None)
    with closing(sqlite3.connect(runs / "runs.sqlite3")) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(runs)")]
        row = dict(
            zip(names, database.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone(), strict=True)
        )
        known = database.execute("SELECT count(*) FROM runs").fetchone()[0]
        kept = [name for name in names if name != "number"]
        marks = ", ".join("?" * len(kept))
        for number in range(known, known + count):
            copy = {**row, "id": f"20260101-{number:06}"}
            database.execute(
                f"INSERT INTO runs ({', '.join(kept)}) VALUES ({marks})", [copy[name] for name in kept]
            )
            folder = runs / copy["id"]
            folder.mkdir()
            (folder / f"{copy['id']}.json").write_text(
                json.dumps({**facts, "id": copy["id"]}), encoding="utf-8"
            )


async def measure(server: Server, count: int) -> tuple[float, float]:
    """The median processor seconds of a rerun, and the bytes of its elements."""
    async with connect(server.url) as session:
        for _ in range(3):
            await session.run("train")
        found = [await _rerun(server, session) for _ in range(count)]
    return statistics.median(seconds for seconds, _ in found), statistics.median(sent for _, sent in found)


async def _rerun(server: Server, session: Session) -> tuple[float, int]:
    before = processor_seconds(server.pid) or 0.0
    page = await session.run("train")
    used = (processor_seconds(server.pid) or 0.0) - before
    return used, sum(element.ByteSize() for element in page.elements)


if __name__ == "__main__":
    sys.exit(main())
