"""The process in which networks as text are read: it tells what reading here tells, and nothing gets out of it."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cnnviz.errors import CnnvizError
from cnnviz.own import sandbox
from cnnviz.own.building import built as made
from cnnviz.own.changes import changes
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Problem, Reading, read
from cnnviz.own.sandbox.fresh import FreshProcesses
from cnnviz.own.sandbox.jobs import request
from cnnviz.own.sandbox.pool import Pool
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.shapes import graph, torchinfo_report
from cnnviz.tracing import edits
from tests.own.test_safety import ATTACKS, network

STUDENTS = Path(__file__).parent / "students"
SAMPLE = ("plain", "residual", "lstm_rows", "wrong_linear", "wrong_no_super", "wrong_cat", "data_dependent")
PATIENT, HASTY = 20.0, 0.5
"""Seconds: for what has to succeed, however busy the machine is, and for what takes forever."""


pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool("tests.own.broken_template", PATIENT)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CNNVIZ_SECRET", "a secret")
        environment.setenv("HTTPS_PROXY", "http://name:word@localhost")
        yield made
    made.close()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Pool]:
    made = Pool("tests.own.broken_template", HASTY)
    yield made
    made.close()


def definition(name: str) -> Definition:
    return Definition((STUDENTS / f"{name}.py").read_text(encoding="utf-8"))


def built(network: Definition) -> nn.Module:
    with torch.device("meta"):
        return made(network)


def problem_of(pool: Pool | FreshProcesses, act: str) -> Problem:
    found = sandbox.read(Definition(act), pool=pool).problem
    assert found is not None
    return found


def told_by(pool: Pool, act: str) -> Any:
    return json.loads(str(problem_of(pool, act).message))


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it holds within some seconds."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("name", SAMPLE)
def test_the_reading_is_that_of_this_process(pool: Pool, name: str) -> None:
    assert sandbox.read(definition(name), pool=pool) == read(definition(name))


def test_changes_of_the_text_come_back(pool: Pool) -> None:
    broken = definition("wrong_linear")
    assert sandbox.changes(broken, pool) == changes(broken) != ()
    assert sandbox.changes(Definition("no Python"), pool) == ()


def test_what_else_is_told_of_a_network_comes_back(pool: Pool) -> None:
    network, shape = definition("residual"), (1, 28, 28)
    model = built(network)
    assert sandbox.editable(network, pool) == edits.editable(model)
    report = sandbox.torchinfo_report(network, None, shape, pool)
    assert report == torchinfo_report.report(model, shape)
    colours = dict.fromkeys(graph.PARTS, ("#ffffff", "#000000"))
    dot = sandbox.autograd_dot(network, None, shape, colours, "#123456", pool)
    assert dot == graph.autograd_dot(model, shape, colours, "#123456")


def test_why_there_is_no_report_is_the_same_sentence(pool: Pool) -> None:
    broken, shape = definition("wrong_linear"), (1, 28, 28)
    with pytest.raises(CnnvizError) as here:
        torchinfo_report.report(built(broken), shape)
    with pytest.raises(CnnvizError) as there:
        sandbox.torchinfo_report(broken, None, shape, pool)
    assert there.value.message == here.value.message
    with pytest.raises(CnnvizError, match="defines no network"):
        sandbox.editable(Definition("x = 1"), pool)


def test_choices_and_edits_go_with_the_text(pool: Pool) -> None:
    chosen = Definition(definition("wrong_linear").text, "Net", (), (1, 32, 32))
    changed = {"conv1.kernel_size": [3, 3]}
    assert sandbox.read(chosen, changed, pool) == read(chosen, changed)
    assert read(chosen, changed) != read(chosen)


@pytest.mark.parametrize(
    ("act", "words"),
    [
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


@pytest.mark.parametrize("act", ["loop", "sleep"])
def test_what_takes_too_long_is_ended(hasty: Pool, act: str) -> None:
    found = problem_of(hasty, act)
    assert found.kind == "limit"
    assert "took more than 0.5 seconds" in str(found.message)
    assert "ZeroDivisionError" in str(problem_of(hasty, "fault").message)


def test_an_attack_ends_there_in_its_own_sentence(pool: Pool) -> None:
    """None needs a limit of the process: the language refuses it, or it fails as in Python. Every third is tried."""
    names = list(ATTACKS)[::3]
    texts = [Definition(network(ATTACKS[name])) for name in names]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda text: sandbox.read(text, pool=pool), texts))
    ends = {
        name: "through" if ended_well(reading) else kind(reading)
        for name, reading in zip(names, found, strict=True)
    }
    assert len(ends) > 40
    assert set(ends.values()) <= {"refused", "failed"}, ends


def kind(reading: Reading) -> str:
    return "failed" if reading.problem is None else reading.problem.kind


def ended_well(reading: Reading) -> bool:
    return reading.trace is not None and reading.trace.failure is None


def test_many_threads_are_served_at_once_each_with_its_own(pool: Pool) -> None:
    names = SAMPLE * 3
    with ThreadPoolExecutor(len(names) + 1) as threads:
        crashing = threads.submit(problem_of, pool, "segmentation fault")
        found = list(threads.map(lambda name: sandbox.read(definition(name), pool=pool), names))
    assert found == [read(definition(name)) for name in names]
    assert "SIGSEGV" in str(crashing.result().message)


def test_the_template_is_started_anew_when_it_was_killed(pool: Pool) -> None:
    first = told_by(pool, "template")
    os.kill(first, signal.SIGKILL)
    assert sandbox.read(definition("plain"), pool=pool) == read(definition("plain"))
    assert told_by(pool, "template") != first


def test_a_template_that_was_started_ahead_is_the_one_that_is_asked() -> None:
    begin = time.monotonic()
    with closing(Pool("tests.own.broken_template", PATIENT)) as made:
        made.start()
        assert time.monotonic() - begin < 1  # nobody waits for it
        while made._process is None:
            time.sleep(0.01)
        started = made._process.pid
        assert told_by(made, "template") == started


def test_what_is_asked_of_a_template_that_is_killed_is_asked_again(hasty: Pool) -> None:
    first = told_by(hasty, "template")
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(problem_of, hasty, "sleep")
        time.sleep(0.3)
        os.kill(first, signal.SIGKILL)
        assert "took more than" in str(waiting.result().message)


def test_nothing_of_the_server_is_in_sight(pool: Pool) -> None:
    seen = told_by(pool, "surroundings")
    assert seen["environment"] == {}
    assert seen["files"] == []
    assert seen["descriptors"] == [0, 1, 2, 3]
    assert eventually(lambda: not Path(seen["folder"]).exists())
    assert os.environ["CNNVIZ_SECRET"]
    begun_with = Path(f"/proc/{told_by(pool, 'template')}/environ").read_bytes()
    assert b"secret" not in begun_with
    assert b"name:word" not in begun_with


def test_no_way_leads_out(pool: Pool) -> None:
    """On Linux all of them are closed by the filter of system calls; elsewhere nothing can be written at least."""
    outcomes = told_by(pool, "doors")
    if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64"):
        refused = dict.fromkeys(outcomes, "PermissionError")
        assert outcomes == refused | {"thread": "RuntimeError"}
    assert outcomes["write"] in ("PermissionError", "OSError")


def test_with_landlock_nothing_but_packages_can_be_read(pool: Pool) -> None:
    sandlock = pytest.importorskip("sandlock")
    if sandlock.landlock_abi_version() < sandlock.min_landlock_abi():
        pytest.skip("this kernel lacks Landlock")
    assert list(told_by(pool, "reading").values()) == ["done", "done", "PermissionError", "PermissionError"]


def test_no_process_is_left_behind(pool: Pool) -> None:
    template = told_by(pool, "template")
    for act in ("segmentation fault", "exit", "garbage"):
        problem_of(pool, act)
    told_by(pool, "template")
    children = Path(f"/proc/{template}/task/{template}/children")
    assert eventually(lambda: children.read_text() == "")


def test_the_template_ends_with_its_server() -> None:
    code = (
        "import sys, time\nfrom cnnviz.own.sandbox.pool import Pool\n"
        "print(Pool('tests.own.broken_template').ask(sys.argv[1].encode()), flush=True)\ntime.sleep(60)"
    )
    asked = request("read", Definition("template"), None, {}).decode()
    server = subprocess.Popen(
        [sys.executable, "-c", code, asked], stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIRECTORY
    )
    assert server.stdout is not None
    with server, server.stdout:
        template = Path("/proc", re.findall(r"\d+", server.stdout.readline())[-1])
        assert template.exists()
        server.kill()
    assert eventually(lambda: not template.exists())


def test_without_forks_a_new_process_is_asked() -> None:
    fresh = FreshProcesses("tests.own.broken_template", PATIENT)
    assert sandbox.read(definition("plain"), pool=fresh) == read(definition("plain"))
    assert "unfinished answer" in str(problem_of(fresh, "exit").message)
    hasty = FreshProcesses("tests.own.broken_template", HASTY)
    assert "took more than 0.5 seconds" in str(problem_of(hasty, "loop").message)
