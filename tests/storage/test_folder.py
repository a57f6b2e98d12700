from __future__ import annotations

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cnnviz.files import StorageError
from cnnviz.storage.folder import Folder


def test_servers_on_one_folder_have_one_secret_that_others_cannot_read(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(
            pool.map(lambda _: Folder(tmp_path).secret("a.key", lambda: secrets.token_bytes(32)), range(32))
        )
    assert len(found) == 1
    assert len(found.pop()) == 32
    assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        Folder(tmp_path / "file").secret("a.key", lambda: b"")
