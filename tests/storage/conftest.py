from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from benchmarks.object_store import NoObjectStoreError, ObjectStore, object_store

_NUMBERS = count()


@pytest.fixture(scope="session")
def server() -> Iterator[ObjectStore]:
    """A real S3 server."""
    pytest.importorskip("s3fs")
    try:
        with object_store() as store:
            yield store
    except NoObjectStoreError as error:
        pytest.skip(str(error))


@pytest.fixture
def address(server: ObjectStore) -> str:
    """An address below which there is nothing yet."""
    return f"{server.url}/test-{next(_NUMBERS)}"
