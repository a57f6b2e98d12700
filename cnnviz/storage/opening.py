"""The storage that the settings name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from cnnviz.settings import settings
from cnnviz.storage.folder import Folder
from cnnviz.storage.storage import Storage


def storage() -> Storage:
    """Where the runs of the settings in force are kept.

    Raises:
        UsageError: the package for such an address is missing, or nobody knows it.
    """
    chosen = settings()
    return storage_at(chosen.runs_dir, chosen.runs_url)


@lru_cache(maxsize=8)
def storage_at(runs_dir: Path, runs_url: str | None) -> Storage:
    """The storage at an address, or in a folder where there is none; ``runs_dir`` is where files of this machine lie."""
    if runs_url is None:
        return Folder(runs_dir)
    from cnnviz.storage.objects import Objects

    return Objects(runs_dir, runs_url)
