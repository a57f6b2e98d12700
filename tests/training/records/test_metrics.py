from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cnnviz.errors import CnnvizError
from cnnviz.training.records import metrics
from cnnviz.training.records.metrics import STEP, MetricsWriter, read_steps


def write(path: Path, first: int, last: int) -> None:
    with MetricsWriter(path) as writer:
        for step in range(first, last + 1):
            writer.add(step, 1 + step // 1000, 1 / step, 0.5, step * 0.01)


def test_steps_come_back_as_they_were_written(tmp_path: Path) -> None:
    write(tmp_path / "steps", 1, 1500)
    steps = read_steps(tmp_path / "steps")
    assert steps["step"].tolist() == list(range(1, 1501))
    np.testing.assert_array_equal(steps["loss"], np.float32(1 / np.arange(1, 1501)))
    assert steps["epoch"][[998, 999]].tolist() == [1, 2]
    assert steps["seconds"][-1] == 15.0


def test_a_file_that_is_not_there_has_no_steps(tmp_path: Path) -> None:
    assert len(read_steps(tmp_path / "steps")) == 0


def test_whoever_reads_while_the_file_is_shortened_goes_on_reading(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    write(path, 1, 5000)
    seen = np.memmap(path, np.uint8, mode="r")
    MetricsWriter(path, keep_until=10).close()
    assert int(seen.sum(dtype=np.int64)) > 0  # a mapping whose file was cut short would end this process
    assert read_steps(path)["step"].tolist() == list(range(1, 11))


def test_readers_see_steps_within_the_flush_interval(tmp_path: Path) -> None:
    now = [0.0]
    with MetricsWriter(tmp_path / "steps", clock=lambda: now[0]) as writer:
        writer.add(1, 1, 1.0, 0.0, 0.1)
        assert len(read_steps(tmp_path / "steps")) == 0
        now[0] = metrics.FLUSH_SECONDS
        writer.add(2, 1, 1.0, 0.0, 0.2)
        assert len(read_steps(tmp_path / "steps")) == 2


@pytest.mark.parametrize("count", [1999, 2000, 2001, 4001, 93_800])
def test_a_long_curve_is_thinned_out_and_keeps_its_last_point(tmp_path: Path, count: int) -> None:
    write(tmp_path / "steps", 1, count)
    picked = read_steps(tmp_path / "steps", max_points=2000)["step"]
    assert min(count, 1000) <= len(picked) <= 2001
    assert (picked[0], picked[-1]) == (1, count)
    assert len(set(np.diff(picked[:-1]))) == 1


def million(path: Path) -> None:
    """A file of a million steps, as a writer leaves it."""
    steps = np.zeros(1_000_000, STEP)
    steps["step"] = np.arange(1, 1_000_001)
    steps["loss"] = 1 / steps["step"]
    steps["check"] = metrics._check_words(steps)
    write(path, 1, 1)
    with path.open("ab") as file:
        file.write(steps[1:].tobytes())


def test_a_million_steps_are_read_as_quickly_as_a_thousand(tmp_path: Path) -> None:
    write(tmp_path / "short", 1, 1000)
    million(tmp_path / "long")
    seconds = {}
    for name in ("short", "long"):
        begins = []
        for _ in range(7):
            begin = time.perf_counter()
            steps = read_steps(tmp_path / name)
            begins.append(time.perf_counter() - begin)
        seconds[name] = min(begins)
        assert len(steps) <= metrics.MAX_POINTS + 1
        assert steps["step"][[0, -1]].tolist() == [1, {"short": 1000, "long": 1_000_000}[name]]
    assert seconds["long"] < seconds["short"] + 0.02  # reading all of it takes longer


def test_points_stay_where_they_are_while_a_run_grows(tmp_path: Path) -> None:
    write(tmp_path / "steps", 1, 5000)
    before = read_steps(tmp_path / "steps", max_points=1000)["step"][:-1]
    write(tmp_path / "steps", 5001, 9000)
    after = read_steps(tmp_path / "steps", max_points=1000)["step"]
    kept = set(after[after <= 5000])
    assert len(kept) > 100
    assert kept <= set(before)


@given(cut=st.integers(1, 40 * STEP.itemsize), junk=st.binary(max_size=200))
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_happens_to_the_tail_the_rest_is_read(tmp_path: Path, cut: int, junk: bytes) -> None:
    path = tmp_path / "steps"
    path.unlink(missing_ok=True)
    write(path, 1, 50)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut] + junk)
    kept = 50 - -(-cut // STEP.itemsize)
    assert read_steps(path)["step"].tolist() == list(range(1, kept + 1))


def test_a_tail_of_zeros_is_cut_off_when_a_writer_reopens(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    write(path, 1, 10)
    good = path.stat().st_size
    with path.open("ab") as file:  # what a file system may leave after a power cut
        file.write(bytes(5 * STEP.itemsize + 3))
    assert len(read_steps(path)) == 10
    with MetricsWriter(path):
        assert path.stat().st_size == good
    write(path, 11, 12)
    assert read_steps(path)["step"].tolist() == list(range(1, 13))


@pytest.mark.parametrize("step", [0, 1, 7, 10, 99])
def test_a_writer_goes_on_after_a_step_and_forgets_what_came_later(tmp_path: Path, step: int) -> None:
    write(tmp_path / "steps", 1, 10)
    with MetricsWriter(tmp_path / "steps", keep_until=step) as writer:
        writer.add(100, 1, 1.0, 0.0, 0.1)
    assert read_steps(tmp_path / "steps")["step"].tolist() == [*range(1, min(step, 10) + 1), 100]


def test_a_damaged_record_in_the_middle_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    write(path, 1, 10)
    data = bytearray(path.read_bytes())
    data[(1 + 4) * STEP.itemsize + 9] ^= 1
    path.write_bytes(data)
    assert read_steps(path)["step"].tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_a_file_of_another_kind_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "steps"
    path.write_bytes(b"somebody's notes" * 10)
    with pytest.raises(CnnvizError, match="no metrics that this version"):
        read_steps(path)
    with pytest.raises(CnnvizError, match="no metrics that this version"):
        MetricsWriter(path)
    assert path.read_bytes() == b"somebody's notes" * 10


def test_a_full_disk_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "steps"
    write(path, 1, 10)
    write_some, room = os.write, [3 * STEP.itemsize + 5]

    def full(file: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write_some(file, data[: room[0]])  # a disk takes what still fits
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        write(path, 11, 20)
    monkeypatch.undo()
    assert read_steps(path)["step"].tolist() == list(range(1, 14))
