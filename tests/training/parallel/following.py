"""A process of :class:`tests.training.parallel.crew.Crew`: follows one training after the other.

Each line of its standard input is a training; it ends with its input.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from cnnviz import datasets
from cnnviz.training.loop.loop import follow
from cnnviz.training.parallel.group import meet, part_company
from cnnviz.training.parallel.part import Part
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.snapshots import State

for line in sys.stdin:
    wanted = json.loads(line)
    recipe, folder = Recipe.from_dict(wanted["recipe"]), Path(wanted["folder"])
    state = folder / "state"
    start = State.from_bytes(state.read_bytes()) if state.exists() else None
    with contextlib.suppress(RuntimeError):  # the leader has stopped, and left
        group = meet(folder, Part(int(sys.argv[1]), recipe.workers), recipe.device)
        follow(recipe, datasets.load(recipe.dataset), group, start)
    part_company()
