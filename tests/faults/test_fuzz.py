"""Nasty links, words, files and code: all of them end in a sentence, soon, and in no traceback.

``CNNVIZ_LONG_FAULTS=1`` tries 10,000 of each kind.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
from PIL import Image

from cnnviz.cli.main import main
from cnnviz.drawing.pictures import read_reduced
from cnnviz.errors import CnnvizError
from cnnviz.own import reading, sandbox
from cnnviz.own.definition import Definition
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.checkpoints.uploading import read_upload
from cnnviz.training.loop.optimisation import initial_network
from cnnviz.training.recipe.recipe import Recipe, read_recipe
from tests.faults.nasty import NASTY, link
from tests.pages.opening import opened

LONG = bool(os.environ.get("CNNVIZ_LONG_FAULTS"))
SECONDS = 5.0
"""In which everything has to be answered; of the processor, as other tests may keep the machine busy."""
STUDENTS = PROJECT_DIRECTORY / "tests" / "own" / "students"
RECIPE = Recipe.default("basic-cnn", dataset="mnist-sample")


def tried(
    count: int, make: Callable[[random.Random], object], use: Callable[[object], object]
) -> Iterator[object]:
    """Use ``count`` things that :func:`random` makes; what is at fault is named."""
    chance = random.Random(18)
    for _ in range(10_000 if LONG else count):
        thing, begin = make(chance), time.process_time()
        result: object = None
        try:
            result = use(thing)
        except CnnvizError as problem:
            result = str(problem).strip()
            if not result:
                raise
        except Exception as problem:
            raise AssertionError(f"{type(problem).__name__} for {str(thing)[:2000]!r}") from problem
        yield result
        assert time.process_time() - begin < SECONDS, f"slow: {str(thing)[:2000]!r}"


def spoiled(data: bytes, chance: random.Random) -> bytes:
    """``data`` with some bytes changed, cut out, repeated, or an end that is missing."""
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        place, length = chance.randrange(len(changed) or 1), chance.randrange(1, 65)
        kind = chance.randrange(5)
        if kind == 0:
            del changed[place : place + length]
        elif kind == 1:
            changed[place:place] = changed[place : place + length] * chance.randrange(1, 4)
        elif kind == 2 and chance.random() < 0.3:
            del changed[place:]
        elif changed:
            for at in range(place, min(place + length // 8 + 1, len(changed))):
                changed[at] = chance.randrange(256)
    return bytes(changed)


# -- links ---------------------------------------------------------------------------------------------


def test_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    from cnnviz.ui.train import estimates, runs

    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.setattr(runs, "keep_standby", lambda: None)
    monkeypatch.setattr(estimates, "show", lambda _recipe: True)

    def open_(found: object) -> None:
        page, parameters = found  # type: ignore[misc]
        opened(page, parameters)

    assert sum(1 for _ in tried(100, link, open_)) > 0


# -- the command line ------------------------------------------------------------------------------------

COMMANDS = (
    "list",
    "summary",
    "why",
    "evaluate",
    "predict",
    "runs",
    "own",
    "page",
    "worker",
    "nonsense",
    "--lang",
    "-h",
)
OPTIONS = (
    "--json", "--input", "--set", "--layer", "--format", "--dataset", "--model", "--class", "--output", "--lang", "--unknown",
)  # fmt: skip


def words(chance: random.Random) -> list[str]:
    found = [chance.choice(COMMANDS)]
    for _ in range(chance.randrange(5)):
        kind = chance.randrange(3)
        found.append(chance.choice(OPTIONS) if kind == 0 else chance.choice(NASTY).replace("\0", ""))
    return found


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def call(found: object) -> int:
        assert isinstance(found, list)
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                status = main(found)
            except SystemExit as end:
                status = int(end.code or 0)
        said = errors.getvalue()
        assert "Traceback" not in said
        assert "should not have" not in said, said
        assert status in (0, 1, 2)
        assert status == 0 or said.strip() or output.getvalue().strip()
        return status

    assert {0, 2} <= set(tried(300, words, call))


# -- files ---------------------------------------------------------------------------------------------


def test_recipe_files() -> None:
    whole = json.dumps(RECIPE.to_dict(), indent=1).encode()
    assert read_recipe(whole) == RECIPE

    def make(chance: random.Random) -> bytes:
        if chance.random() < 0.5:
            return spoiled(whole, chance)
        values = RECIPE.to_dict()
        for _ in range(chance.randrange(1, 4)):
            values[chance.choice([*values, "new"])] = chance.choice(
                (None, -1, 1e308, float("nan"), 10**30, [], {}, {"a": [1]}, *NASTY)
            )
        return json.dumps(values).encode()

    taken = list(tried(400, make, lambda data: read_recipe(data)))  # type: ignore[arg-type]
    for recipe in taken:
        if isinstance(recipe, Recipe):
            with contextlib.suppress(CnnvizError):
                recipe.validate()


def pictures() -> list[bytes]:
    found = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        file = io.BytesIO()
        noise = np.random.default_rng(18).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(noise).save(file, kind)
        found.append(file.getvalue())
    return found


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # what it thinks of the files
def test_pictures() -> None:
    whole = pictures()

    def read(data: object) -> None:
        pixels, _ = read_reduced(data, "picture.png", 64)  # type: ignore[arg-type]
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 4

    for _ in tried(400, lambda chance: spoiled(chance.choice(whole), chance), read):
        pass


def test_weights() -> None:
    whole = safetensors.torch.save(initial_network(RECIPE).state_dict())
    facts = json.dumps({"recipe": RECIPE.to_dict()}).encode()
    read_upload("w.safetensors", whole, None, RECIPE)

    def make(chance: random.Random) -> tuple[bytes, bytes | None]:
        # Names, types and shapes stand in the beginning.
        head = 2000 if chance.random() < 0.7 else len(whole)
        return spoiled(whole[:head], chance) + whole[head:], chance.choice(
            (None, facts, spoiled(facts, chance))
        )

    def read(found: object) -> None:
        data, beside = found  # type: ignore[misc]
        read_upload("w.safetensors", data, beside, RECIPE)

    for _ in tried(300, make, read):
        pass


# -- code ----------------------------------------------------------------------------------------------


def code(chance: random.Random) -> str:
    texts: Sequence[Path] = sorted(STUDENTS.glob("*.py"))
    text = chance.choice(texts).read_text(encoding="utf-8")
    lines = text.splitlines()
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(lines))
        kind = chance.randrange(4)
        if kind == 0:
            del lines[at : at + chance.randrange(1, 4)]
        elif kind == 1:
            lines.insert(at, chance.choice(lines))
        elif kind == 2:
            numbers = [place for place, letter in enumerate(lines[at]) if letter.isdigit()]
            if numbers:
                place = chance.choice(numbers)
                lines[at] = (
                    lines[at][:place]
                    + chance.choice(("0", "-1", "1e9", "10**9", "x"))
                    + lines[at][place + 1 :]
                )
        else:
            lines[at] = spoiled(lines[at].encode(), chance).decode("utf-8", "replace") if lines[at] else "("
        lines = lines or ["pass"]
    return "\n".join(lines)


@pytest.mark.filterwarnings("ignore::SyntaxWarning")  # what Python thinks of the texts
def test_pasted_code() -> None:
    """In the short form most are read in this process: a new one for each is what takes the time."""
    turns = itertools.count()

    def read(text: object) -> None:
        read_it = sandbox.read if LONG or next(turns) % 20 == 0 else reading.read
        found = read_it(Definition(str(text)))
        assert found.trace is not None or found.problem is not None

    for _ in tried(300, code, read):
        pass
