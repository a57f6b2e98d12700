"""A real S3 server of this machine, for tests and benchmarks: moto's, in a thread of this process."""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from unittest import mock

from benchmarks.serving import free_port


class NoObjectStoreError(Exception):
    """The packages for it are not installed."""


class ObjectStore:
    """Answers while it is started; what it keeps outlives :meth:`stop`."""

    def __init__(self) -> None:
        try:
            from moto.server import ThreadedMotoServer
        except ImportError as problem:
            raise NoObjectStoreError(f"{problem}: pip install moto[server] s3fs") from problem
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._kind = ThreadedMotoServer
        self._port = free_port()
        self.bucket = f"cnnviz-{secrets.token_hex(4)}"  # all servers of a process keep the same buckets
        self.url = f"s3://{self.bucket}"
        self.start()

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which it is found."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Answer."""
        self._server = self._kind(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """An S3 server with an empty bucket; the environment names it."""
    import fsspec

    store = ObjectStore()
    try:
        with mock.patch.dict(os.environ, store.variables):
            fsspec.filesystem("s3", skip_instance_cache=True).mkdir(store.bucket)
            yield store
    finally:
        store.stop()


@contextmanager
def object_store_apart() -> Iterator[tuple[str, dict[str, str]]]:
    """:func:`object_store` in a process of its own, which holds up nobody who measures: its URL and the environment."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def _serve(teller: Connection) -> None:
    with object_store() as store:
        teller.send((store.url, store.variables))
        threading.Event().wait()
