from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cnnviz import settings as settings_module
from cnnviz.errors import UsageError
from cnnviz.settings import settings
from cnnviz.training.store.store import RunStore


def test_the_database_lies_in_the_runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.delenv("CNNVIZ_DATABASE_URL", raising=False)
    assert settings().database_url == f"sqlite:///{tmp_path / 'runs.sqlite3'}"
    monkeypatch.setenv("CNNVIZ_DATABASE_URL", "postgresql://elsewhere/cnnviz")
    assert settings().database_url == "postgresql://elsewhere/cnnviz"


@pytest.mark.parametrize("folder", ["st a/r?x=1", "50%/a+b", "100%25/c#d&e@f", "文/r"])
def test_the_runs_folder_may_have_any_name(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / folder))
    RunStore(settings()).close()
    assert (tmp_path / folder / "runs.sqlite3").is_file()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNS_DIR", "DATABASE_URL", "DATA_DIR", "CHECKPOINTS_DIR", "MAX_WORKERS", "THREADS"):
        monkeypatch.delenv(f"CNNVIZ_{name}", raising=False)
    unset = settings()
    for name in ("RUNS_DIR", "DATABASE_URL", "DATA_DIR", "CHECKPOINTS_DIR", "MAX_WORKERS", "THREADS"):
        monkeypatch.setenv(f"CNNVIZ_{name}", "")
    assert settings() == unset


def test_a_process_with_their_variables_reads_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("CNNVIZ_SPARE_WORKERS", "1")
    monkeypatch.setenv("CNNVIZ_LEASE_SECONDS", "2.5")
    chosen = settings()
    for name, value in chosen.variables().items():
        monkeypatch.delenv(name, raising=False)
        assert f"\n{name} " in str(settings_module.__doc__)
        monkeypatch.setenv(name, value)
    assert settings() == chosen
    monkeypatch.setenv("CNNVIZ_SPARE_WORKERS", "0")
    assert settings() != chosen


def test_reading_the_settings_loads_nothing_slow() -> None:
    code = (
        "import sys; from cnnviz.settings import settings; settings(); assert 'sqlalchemy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("text", ["0", "-1", "many", "nan", "1.5"])
def test_a_number_that_is_none_is_refused_by_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_MAX_WORKERS", text)
    with pytest.raises(UsageError, match=f"CNNVIZ_MAX_WORKERS must be a number greater than 0; got '{text}'"):
        settings()


@pytest.mark.parametrize(
    ("cores", "max_workers", "expected"),
    [
        (16, "", (8, 2)),
        (2, "", (1, 2)),
        (1, "", (1, 1)),
        (16, "1", (1, 16)),
        (2, "4", (4, 1)),
        (7, "2", (2, 3)),
    ],
)
def test_the_workers_share_the_cores(
    cores: int, max_workers: str, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_MAX_WORKERS", max_workers)
    monkeypatch.delenv("CNNVIZ_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)  # of which this process may not use all
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert (settings().max_workers, settings().threads) == expected
    monkeypatch.setenv("CNNVIZ_THREADS", "5")
    assert settings().threads == 5


def test_where_cores_cannot_be_taken_away_all_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNVIZ_MAX_WORKERS", raising=False)
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert settings().max_workers == 4


def test_an_address_that_lacks_a_stroke_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_URL", "s3:/bucket/prefix")
    with pytest.raises(
        UsageError, match="must be a folder or an address such as s3://bucket/prefix; got 's3:/bucket/"
    ):
        settings()
