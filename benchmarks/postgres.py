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


class Postgres:
    """A cluster of databases in a ``folder``; the URL of one is ``url.format(database=...)``.

    Raises:
        NoPostgresError: it is not installed, or may not run as this user.
    """

    def __init__(self, folder: str) -> None:
        self._folder, self._programs, self._prefix = folder, programs(), _without_rights(folder)
        self.socket = f"{folder}/.s.PGSQL.5432"
        self.url = f"postgresql+psycopg://{USER}@/{{database}}?host={quote(folder)}"
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", USER, "--no-sync")

    def start(self) -> None:
        """Answer."""
        options = f"-c listen_addresses='' -k {self._folder} -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", f"{self._folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """Answer no more, at once."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    @property
    def _data(self) -> str:
        return f"{self._folder}/data"

    def _run(self, program: str, *words: str) -> None:
        command = [*self._prefix, str(self._programs / program), *words]
        subprocess.run(command, check=True, cwd=self._folder, stdout=subprocess.DEVNULL)


@contextmanager
def running() -> Iterator[Postgres]:
    """A cluster for as long as the block lasts."""
    # short, as a socket's path has some 100 characters at most
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        cluster = Postgres(folder)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def postgres() -> Iterator[str]:
    """:func:`running`, of which only the URL is wanted."""
    with running() as cluster:
        yield cluster.url


def _without_rights(folder: str) -> list[str]:
    """PostgreSQL refuses to run as root: the words before a command that make it somebody else, whose ``folder`` is."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise NoPostgresError("PostgreSQL does not run as root, and setpriv is not installed")
    shutil.chown(folder, "nobody")
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
