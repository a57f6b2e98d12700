"""A PostgreSQL of one's own, for benchmarks and tests: an empty cluster that listens on a socket alone."""

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
def postgres() -> Iterator[str]:
    """Run a cluster for as long as the block lasts; the URL of a database is ``yielded.format(database=...)``.

    Raises:
        NoPostgresError: it is not installed, or may not run as this user.
    """
    there = programs()
    # short, as a socket's path has some 100 characters at most
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        prefix = _without_rights(folder)

        def run(program: str, *words: str) -> None:
            command = [*prefix, str(there / program), *words]
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

        data = f"{folder}/data"
        run("initdb", "-D", data, "-A", "trust", "-U", USER, "--no-sync")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{USER}@/{{database}}?host={quote(folder)}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")


def _without_rights(folder: str) -> list[str]:
    """PostgreSQL refuses to run as root: the words before a command that make it somebody else, whose ``folder`` is."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise NoPostgresError("PostgreSQL does not run as root, and setpriv is not installed")
    shutil.chown(folder, "nobody")
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
