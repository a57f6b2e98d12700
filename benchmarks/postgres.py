"""A PostgreSQL of one's own, for benchmarks and tests: an empty cluster that listens on a socket in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

USER = "cnnviz"


class NoPostgresError(RuntimeError):
    """PostgreSQL is not there, or can't be started."""


def programs() -> Path:
    """The folder of PostgreSQL's programs; Debian keeps them out of the PATH.

    Raises:
        NoPostgresError: they are not installed.
    """
    if (found := shutil.which("initdb")) is not None:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not installed:
        raise NoPostgresError("PostgreSQL is not installed")
    return installed[-1].parent


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a cluster with its data in an empty ``folder``; the URL of a database is ``yielded.format(database=...)``.

    A socket's path has some 100 characters at most: the folder's must be short.

    Raises:
        NoPostgresError: it is not installed, or may not run as this user.
    """
    there, prefix = programs(), _without_rights(folder)

    def run(program: str, *words: str) -> None:
        command = [*prefix, str(there / program), *words]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", USER, "--no-sync")
    options = f"-c listen_addresses='' -k {folder} -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql+psycopg://{USER}@/{{database}}?host={quote(str(folder))}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")


def _without_rights(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: the words before a command that make it somebody else."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise NoPostgresError("PostgreSQL does not run as root, and setpriv is not installed")
    shutil.chown(folder, "nobody")
    for parent in folder.parents:  # a folder made for a test is for its user alone
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o711)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
