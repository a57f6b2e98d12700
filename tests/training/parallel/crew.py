"""Processes that many tests train with: each takes seconds to start."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.parallel.group import Group, meet, part_company
from cnnviz.training.parallel.part import Part
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.snapshots import State

LARGEST = 4


class Crew:
    """Takes the place of :func:`cnnviz.training.worker.together.together`, with processes that are there already."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._trainings = 0
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.training.parallel.following", str(number)],
                env={**os.environ, "PYTHONPATH": str(PROJECT_DIRECTORY)},
                cwd=PROJECT_DIRECTORY,
                stdin=subprocess.PIPE,
                text=True,
            )
            for number in range(1, LARGEST)
        ]

    @contextlib.contextmanager
    def together(self, recipe: Recipe, start: State | None) -> Iterator[Group | None]:
        """The group of processes that train by ``recipe``, which this one leads; None where it trains alone."""
        if recipe.workers == 1:
            yield None
            return
        self._trainings += 1
        folder = self._folder / str(self._trainings)
        folder.mkdir()
        if start is not None:
            (folder / "state").write_bytes(start.to_bytes())
        for process in self._processes[: recipe.workers - 1]:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"recipe": recipe.to_dict(), "folder": str(folder)}) + "\n")
            process.stdin.flush()
        try:
            yield meet(folder, Part(0, recipe.workers), recipe.device)
        finally:
            part_company()

    def leave(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.communicate()
