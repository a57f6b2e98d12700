"""How many damaged files are refused: of a run, and of the data sets that everybody has.

Usage: python -m benchmarks.damaged_files [--rounds N]

Bytes at random places are changed or missing, each time others; what changes nothing that networks see counts as
refused. Exit status 1 if a file is taken that was damaged.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.faults.damage import RUN, of_a_run, of_data_sets, refused


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200, help="for each kind of file")
    options = parser.parse_args()
    met = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CNNVIZ_RUNS_DIR"] = folder
        for kind in (*of_a_run(Path(folder) / RUN), *of_data_sets(Path(folder) / "data")):
            count = refused(kind, options.rounds)
            met = met and count == options.rounds
            print(f"{kind.title:<40} {count} of {options.rounds} refused", flush=True)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
