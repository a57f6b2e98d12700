from __future__ import annotations

from pathlib import Path

import pytest

from cnnviz.errors import UsageError
from cnnviz.settings import settings


def test_the_database_lies_in_the_runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.delenv("CNNVIZ_DATABASE_URL", raising=False)
    assert settings().database_url == f"sqlite:///{tmp_path / 'runs.sqlite3'}"
    monkeypatch.setenv("CNNVIZ_DATABASE_URL", "postgresql://elsewhere/cnnviz")
    assert settings().database_url == "postgresql://elsewhere/cnnviz"


@pytest.mark.parametrize("text", ["0", "-1", "many", "nan", "1.5"])
def test_a_number_that_is_none_is_refused_by_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_MAX_WORKERS", text)
    with pytest.raises(UsageError, match=f"CNNVIZ_MAX_WORKERS is '{text}'"):
        settings()


def test_one_worker_for_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNVIZ_MAX_WORKERS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert settings().max_workers == 4
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert settings().max_workers == 1
