"""The process in which networks as text are read: it tells what reading here tells, and nothing gets out of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cnnviz.own import sandbox
from cnnviz.own.changes import changes
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Problem, read
from cnnviz.own.sandbox.pool import Pool
from cnnviz.settings import PROJECT_DIRECTORY

STUDENTS = Path(__file__).parent / "students"
SAMPLE = ("plain", "residual", "lstm_rows", "wrong_linear", "wrong_no_super", "wrong_cat", "data_dependent")
SECONDS = 1.0


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool("tests.own.broken_template", SECONDS)
    yield made
    made.close()


def definition(name: str) -> Definition:
    return Definition((STUDENTS / f"{name}.py").read_text(encoding="utf-8"))


def problem_of(pool: Pool, act: str) -> Problem:
    found = sandbox.read(Definition(act), pool=pool).problem
    assert found is not None
    return found


def told_by(pool: Pool, act: str) -> Any:
    return json.loads(str(problem_of(pool, act).message))


@pytest.mark.parametrize("name", SAMPLE)
def test_the_reading_is_that_of_this_process(pool: Pool, name: str) -> None:
    assert sandbox.read(definition(name), pool=pool) == read(definition(name))


def test_changes_of_the_text_come_back(pool: Pool) -> None:
    broken = definition("wrong_linear")
    assert sandbox.changes(broken, pool) == changes(broken) != ()
    assert sandbox.changes(Definition("loop"), pool) == ()


def test_choices_and_edits_go_with_the_text(pool: Pool) -> None:
    chosen = Definition(definition("wrong_linear").text, "Net", (), (1, 32, 32))
    edits = {"conv1.kernel_size": [3, 3]}
    assert sandbox.read(chosen, edits, pool) == read(chosen, edits)
    assert read(chosen, edits) != read(chosen)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("loop", "took more than 1 seconds"),
        ("sleep", "took more than 1 seconds"),
        ("allocate", "more memory than the limit"),
        ("segmentation fault", "ended unexpectedly (SIGSEGV)"),
        ("exit", "ended unexpectedly (exit 3)"),
        ("fault", "ended unexpectedly (ZeroDivisionError)"),
        ("garbage", "ended unexpectedly"),
        ("too long", "ended unexpectedly"),
        ("half", "ended unexpectedly"),
        ("no JSON", "cannot be used (JSON)"),
        ("wrong class", "cannot be used (Reading)"),
    ],
)
def test_whatever_goes_wrong_costs_one_sentence(pool: Pool, act: str, words: str) -> None:
    found = problem_of(pool, act)
    assert found.kind == "limit"
    assert words in str(found.message)
    assert sandbox.read(definition("plain"), pool=pool).trace is not None


def test_many_threads_are_served_at_once_each_with_its_own(pool: Pool) -> None:
    names = SAMPLE * 3
    with ThreadPoolExecutor(len(names) + 1) as threads:
        hanging = threads.submit(problem_of, pool, "sleep")
        found = list(threads.map(lambda name: sandbox.read(definition(name), pool=pool), names))
    assert found == [read(definition(name)) for name in names]
    assert "took more than" in str(hanging.result().message)


def test_the_template_is_started_anew_when_it_was_killed(pool: Pool) -> None:
    first = told_by(pool, "template")
    os.kill(first, signal.SIGKILL)
    assert sandbox.read(definition("plain"), pool=pool) == read(definition("plain"))
    assert told_by(pool, "template") != first


def test_a_template_that_is_killed_while_it_is_asked_is_asked_again(pool: Pool) -> None:
    first = told_by(pool, "template")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(problem_of, pool, "sleep")
        time.sleep(0.3)
        os.kill(first, signal.SIGKILL)
        assert "took more than" in str(waiting.result().message)


def test_nothing_of_the_server_is_in_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_SECRET", "a secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://name:word@localhost")
    pool = Pool("tests.own.broken_template")
    try:
        seen = told_by(pool, "surroundings")
        template = told_by(pool, "template")
        begun_with = Path(f"/proc/{template}/environ").read_bytes()
    finally:
        pool.close()
    assert seen["environment"] == {}
    assert seen["files"] == []
    assert seen["descriptors"] == [0, 1, 2, 3]
    assert not Path(seen["folder"]).exists()
    assert b"secret" not in begun_with
    assert b"name:word" not in begun_with


def test_no_file_can_be_written(pool: Pool) -> None:
    assert told_by(pool, "writing") == ["OSError", "OSError"]


def test_no_process_is_left_behind(pool: Pool) -> None:
    template = told_by(pool, "template")
    for act in ("segmentation fault", "exit", "loop"):
        problem_of(pool, act)
    told_by(pool, "template")
    children = Path(f"/proc/{template}/task/{template}/children")
    deadline = time.monotonic() + 5
    while children.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert children.read_text() == ""


def test_the_template_ends_with_its_server() -> None:
    code = (
        "import time\nfrom cnnviz.own.sandbox.pool import Pool\nfrom tests.own.test_sandbox import told_by\n"
        "pool = Pool('tests.own.broken_template')\nprint(told_by(pool, 'template'), flush=True)\ntime.sleep(60)"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIRECTORY
    )
    assert server.stdout is not None
    with server, server.stdout:
        template = Path("/proc", server.stdout.readline().strip())
        assert template.exists()
        server.kill()
    deadline = time.monotonic() + 5
    while template.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not template.exists()
