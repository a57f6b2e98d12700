"""Everything that a class's server must bear, one figure after the other.

Usage: python -m benchmarks.class_proof [--only WORD ...] [--list]

Each line is a command of its own, whose output follows it; at the end stands which targets were met. All of it takes
hours, and the figures of time need a machine that does nothing else. Exit status 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from cnnviz.settings import PROJECT_DIRECTORY


@dataclass(frozen=True)
class Check:
    """What is checked, and the command that does it: words after ``python -m``."""

    title: str
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        """As one would type it."""
        return " ".join(("python -m", *self.words))


def _tests(*places: str) -> tuple[str, ...]:
    return ("pytest", "-q", "--numprocesses", "0", *places)


_STORE, _LINE = "tests/training/store/test_store.py", "tests/cli/test_command_line.py"
CHECKS: Mapping[str, Check] = {
    "kills": Check(
        "100 rounds of kill -9 of workers, of the sandbox, of the server",
        _tests("tests/faults/test_killed.py", "tests/faults/test_server.py"),
    ),
    "links": Check("2,700 nasty links: at most 400 MB above rest", ("benchmarks.nasty_links",)),
    "load": Check(
        "30 people, one training beside them; 3,000 page changes", ("benchmarks.load", "--changes", "3000")
    ),
    "start": Check(
        "a start never fails because the machine is busy",
        _tests(f"{_STORE}::test_a_start_is_given_up_for_its_own_processor_time_and_not_for_the_clock"),
    ),
    "runs": Check("the table of 10,000 runs beside that of 50", ("benchmarks.many_runs",)),
    "uploads": Check("20 uploads of 60 MB; files that no widget asked for", ("benchmarks.uploads",)),
    "pictures": Check("30 pictures of 25 megapixels at once", ("benchmarks.large_pictures",)),
    "files": Check("damaged files of runs and of data sets", ("benchmarks.damaged_files",)),
    "database": Check(
        "damaged databases, a clock set back, two servers", _tests("tests/faults/test_store.py")
    ),
    "language": Check("output in any encoding", _tests(f"{_LINE}::test_output_never_fails_for_its_encoding")),
    "fuzz": Check(
        "10,000 links, command lines, recipes, codes, pictures, weights", _tests("tests/faults/test_fuzz.py")
    ),
}


def main() -> int:
    """Run the checks; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS), metavar="WORD")
    parser.add_argument("--list", action="store_true", help="only print the commands")
    options = parser.parse_args()
    chosen = {word: CHECKS[word] for word in options.only}
    if options.list:
        print(
            "\n".join(f"{word:<10} {check.title}\n{'':<10} {check.command}" for word, check in chosen.items())
        )
        return 0
    results = {word: _run(check) for word, check in chosen.items()}
    print()
    for word, (met, seconds) in results.items():
        print(f"{'reached' if met else 'MISSED':<8} {CHECKS[word].title}  ({seconds / 60:.0f} min)")
    return 0 if all(met for met, _ in results.values()) else 1


def _run(check: Check) -> tuple[bool, float]:
    """Whether its target is met, and how many seconds it took."""
    print(f"\n== {check.title}\n{check.command}", flush=True)
    begin = time.monotonic()
    environment = {**os.environ, "CNNVIZ_LONG_FAULTS": "1"}
    ended = subprocess.run([sys.executable, "-m", *check.words], cwd=PROJECT_DIRECTORY, env=environment)
    return ended.returncode == 0, time.monotonic() - begin


if __name__ == "__main__":
    sys.exit(main())
