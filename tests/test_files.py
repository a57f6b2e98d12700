import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnnviz.files import StorageError, remove_unfinished, write_json, write_whole
from cnnviz.settings import PROJECT_DIRECTORY

KILLED = """
import os, pathlib, sys
from cnnviz.files import write_whole
os.fsync = lambda descriptor: os._exit(9)
write_whole(pathlib.Path(sys.argv[1]), b"new")
"""


def test_a_file_is_replaced_as_a_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "facts.json"
    write_json(path, {"名字": 1})
    write_json(path, {"名字": 2})
    assert json.loads(path.read_text(encoding="utf-8")) == {"名字": 2}
    assert [entry.name for entry in path.parent.iterdir()] == ["facts.json"]


def test_a_full_disk_keeps_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.bin"
    write_whole(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"disk is full: .*weights\.bin was not written"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    write_whole(path, b"old")
    (tmp_path / ".mine.part").write_text("a person's")
    before = set(tmp_path.iterdir())
    command = [sys.executable, "-c", KILLED, str(path)]
    assert subprocess.run(command, cwd=PROJECT_DIRECTORY, check=False).returncode == 9
    assert len(set(tmp_path.iterdir()) - before) == 1
    remove_unfinished(tmp_path)
    assert set(tmp_path.iterdir()) == before
    assert path.read_bytes() == b"old"
    remove_unfinished(tmp_path / "nowhere")


def test_a_folder_that_is_none_is_explained(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StorageError, match="Cannot write"):
        write_whole(tmp_path / "taken" / "weights.bin", b"")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_that_other_programs_cannot_read_is_never_written(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "facts.json", {"loss": value})
    assert list(tmp_path.iterdir()) == []
