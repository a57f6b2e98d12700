"""What a class opens: one address, with one server behind it, or several behind Caddy on one folder and PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.postgres import postgres
from benchmarks.serving import (
    ROOT,
    START_SECONDS,
    Server,
    end,
    free_port,
    memory,
    serve,
    wait_until_healthy,
)
from cnnviz.training.store.runs import processor_seconds

_WORDS = ("-m", "cnnviz", "app", "--no-browser", "--port")
_BY_NAME = re.compile(r"dynamic a \{.*?\n\t\t\}", re.DOTALL)
"""The part of ``deploy/Caddyfile`` that asks Docker for the servers' addresses."""


@dataclass(frozen=True)
class Site:
    """An address and the servers behind it."""

    url: str
    servers: tuple[Server, ...]

    def memory(self) -> int:
        """Resident memory of all servers, in bytes."""
        return sum(memory(server.pid) or 0 for server in self.servers)

    def processor_seconds(self) -> float:
        """What all servers have used of the processor."""
        return sum(processor_seconds(server.pid) or 0.0 for server in self.servers)

    def logs(self) -> str:
        """The end of each server's log."""
        return "\n".join(server.log.read_text(encoding="utf-8")[-4000:] for server in self.servers)

    def cookie(self) -> str:
        """What a new browser is given that leads it back to its server; "" where there is one server alone."""
        with urllib.request.urlopen(self.url, timeout=START_SECONDS) as answer:
            return str(answer.headers.get("Set-Cookie", "")).partition(";")[0]


@contextmanager
def one_server(folder: Path, variables: Mapping[str, str]) -> Iterator[Site]:
    """A server for as long as the block lasts; runs and log are written to ``folder``."""
    with serve(folder, variables, _WORDS) as server:
        yield Site(server.url, (server,))


@contextmanager
def several_servers(folder: Path, count: int, variables: Mapping[str, str]) -> Iterator[Site]:
    """``count`` servers with the runs of ``folder``, behind Caddy as ``deploy`` sets it up.

    Their database is the environment's, ``CNNVIZ_DATABASE_URL``, which knows each of them as ``server-NUMBER``.
    """
    shared = {**variables, "CNNVIZ_RUNS_DIR": str(folder / "runs")}
    with ExitStack() as stack:
        servers = tuple(
            stack.enter_context(serve(folder / name, {**shared, "PGAPPNAME": name}, _WORDS))
            for name in (f"server-{number}" for number in range(count))
        )
        yield Site(stack.enter_context(_caddy(folder, servers)), servers)


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database in a PostgreSQL of its own."""
    with postgres() as url:
        yield url.format(database="postgres")


@contextmanager
def _caddy(folder: Path, servers: tuple[Server, ...]) -> Iterator[str]:
    """Caddy with the settings of ``deploy/Caddyfile`` before these servers; its address."""
    text, replaced = _BY_NAME.subn(
        "to " + " ".join(server.url.removeprefix("http://") for server in servers),
        (ROOT / "deploy" / "Caddyfile").read_text("utf-8"),
    )
    if replaced != 1:
        raise RuntimeError("deploy/Caddyfile does not ask for its servers by name")
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n}\n" + text, encoding="utf-8")
    url = f"http://127.0.0.1:{free_port()}"
    variables = {**os.environ, "SITE": url, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    log = folder / "caddy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"],
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_healthy(Server(url, process.pid, log), process)
        yield url
    finally:
        end(process)
