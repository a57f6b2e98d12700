"""Own networks that are kept: a JSON file each in ``networks`` below ``CNNVIZ_RUNS_DIR``. Imports no torch.

Files are named by the key of the definition in them, so that the same network kept twice is one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cnnviz.classroom.people import stored
from cnnviz.errors import CnnvizError, UnknownKeyError, UsageError, shortened
from cnnviz.files import json_bytes
from cnnviz.language import Message, translate
from cnnviz.own.definition import MOST_BYTES, PREFIX, Definition
from cnnviz.own.facts import Facts, facts_of, fields_of
from cnnviz.storage.opening import storage

if TYPE_CHECKING:
    from cnnviz.own.reading import Reading

LONGEST_TITLE = 80
_KEY = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
FOLDER = "networks"
"""Below ``CNNVIZ_RUNS_DIR``; it changes whenever a network is kept or changed."""

_LARGEST_FILE = 10 * MOST_BYTES
"""Bytes; JSON writes some characters in six."""


class DamagedError(CnnvizError):
    """The file of a kept network cannot be used; the others go on working."""

    def __init__(self, key: str, reason: Message) -> None:
        super().__init__(Message("The kept network {key} cannot be used: {reason}.", key=key, reason=reason))
        self.key = key


class NotKeptError(UnknownKeyError):
    """No network of this key is kept here."""

    def __init__(self, key: str) -> None:
        super().__init__(Message("network"), key, ())
        self.message = Message(
            "The network {key} is not kept on this server. Open it again from its code.", key=shortened(key)
        )


@dataclass(frozen=True)
class Kept(Facts):
    """A kept network.

    ``owners`` are the browsers' names of those who have kept it, the first one first; times are ISO 8601 in UTC.
    ``replaced_by`` is the key of a later version, which is listed in its place; one that is deleted (``deleted_at``)
    is not listed either, and both can still be opened by their keys.
    """

    title: str
    owners: tuple[str, ...]
    created_at: str
    replaced_by: str | None = None
    deleted_at: str | None = None

    @property
    def owner(self) -> str | None:
        """Who kept it first."""
        return self.owners[0] if self.owners else None

    @property
    def shown_title(self) -> str:
        """The title; a text that has no class as yet has none."""
        return self.title or translate("Network")

    @property
    def facts(self) -> Facts:
        """What must be known to build it, without what people have made of it."""
        return Facts(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Facts)})

    @property
    def is_listed(self) -> bool:
        """Whether lists of networks offer it."""
        return self.replaced_by is None and self.deleted_at is None

    def to_dict(self) -> dict[str, Any]:
        """The network as plain JSON values, as they stand in its file."""
        added = {name: getattr(self, name) for name in ("title", "created_at", "replaced_by", "deleted_at")}
        return {**super().to_dict(), **added, "owners": list(self.owners)}

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """The network that :meth:`to_dict` wrote.

        Raises:
            UsageError, TypeError: it is none.
        """
        facts = fields_of(values)
        assert isinstance(values, Mapping)
        texts: dict[str, Any] = {name: values.get(name) for name in ("title", "created_at")}
        optional: dict[str, Any] = {name: values.get(name) for name in ("replaced_by", "deleted_at")}
        owners = values.get("owners")
        if not (
            all(isinstance(text, str) for text in (*texts.values(), *(owners or ())))
            and all(text is None or isinstance(text, str) for text in optional.values())
            and isinstance(owners, list)
        ):
            raise UsageError(Message("title, owners and times must be text"))
        return cls(**facts, **texts, **optional, owners=tuple(map(stored, owners)))


@dataclass(frozen=True)
class Listing:
    """All networks that lists offer, the newest first, and what is wrong with damaged files."""

    networks: tuple[Kept, ...]
    problems: tuple[DamagedError, ...]


def keep(
    definition: Definition, reading: Reading, owner: str | None = None, replaces: str | None = None
) -> Kept:
    """Keep the network of ``definition``, of which ``reading`` tells; kept again, it is listed again.

    ``owner`` is the name of the person's browser. ``replaces`` is the key of an earlier version, which lists leave out
    from now on; a title that a person gave it goes over to this one.

    Raises:
        UsageError: the text is too long.
        StorageError: the disk is full or the folder cannot be written.
    """
    if len(definition.text.encode()) > MOST_BYTES:
        raise UsageError(Message("The text has more than {most:,} bytes.", most=MOST_BYTES))
    facts = facts_of(definition, reading)
    known, earlier = find(facts.key), None if replaces in (None, facts.key) else find(str(replaces))
    title = facts.name
    if known is not None:
        title = known.title
    elif earlier is not None and earlier.title != earlier.name:
        title = earlier.title
    owners = (*(known.owners if known is not None else ()), *([owner] if owner is not None else []))
    created = datetime.now(UTC).isoformat(timespec="microseconds") if known is None else known.created_at
    made = Kept(
        **{field.name: getattr(facts, field.name) for field in dataclasses.fields(Facts)},
        title=title,
        owners=tuple(dict.fromkeys(owners)),
        created_at=created,
    )
    if made != known:
        _write(made)
    if earlier is not None:
        _write(dataclasses.replace(earlier, replaced_by=made.key))
    return made


def get(key: str) -> Kept:
    """The kept network of this ``key``, listed or not.

    Raises:
        NotKeptError: there is none.
        DamagedError: its file cannot be used.
    """
    if not _KEY.fullmatch(key):  # a key is never a path
        raise NotKeptError(key)
    try:
        status = _path(key).stat()
    except OSError:
        raise NotKeptError(key) from None
    found = _read(_path(key), status.st_mtime_ns, status.st_size)
    if isinstance(found, DamagedError):
        raise found
    return found


def find(key: str) -> Kept | None:
    """The kept network of this ``key``; None where there is none that can be used."""
    try:
        return get(key)
    except CnnvizError:
        return None


def scan() -> Listing:
    """All kept networks that lists offer; only files that have changed are read again."""
    found = [_read(*entry) for entry in _files()]
    networks = [network for network in found if isinstance(network, Kept) and network.is_listed]
    networks.sort(key=lambda network: (network.created_at, network.key), reverse=True)
    return Listing(tuple(networks), tuple(each for each in found if isinstance(each, DamagedError)))


def listed(owner: str | None = None) -> tuple[Kept, ...]:
    """The networks that lists offer: those of ``owner`` first, the newest first."""
    return tuple(sorted(scan().networks, key=lambda network: owner not in network.owners))


def labels(networks: Iterable[Kept]) -> dict[str, str]:
    """What lists call these networks, by key: the title, numbered from the second oldest of the same title on."""
    found: dict[str, str] = {}
    seen: dict[str, int] = {}
    for network in sorted(networks, key=lambda known: (known.created_at, known.key)):
        title = network.shown_title
        number = seen[title] = seen.get(title, 0) + 1
        found[network.key] = title if number == 1 else f"{title} ({number})"
    return found


def rename(key: str, title: str) -> Kept:
    """Give the network another title.

    Raises:
        UsageError: the title is empty or too long.
        NotKeptError: there is no such network.
        DamagedError: its file cannot be used.
        StorageError: the disk is full or the folder cannot be written.
    """
    plain = " ".join(title.split())
    if not 0 < len(plain) <= LONGEST_TITLE:
        raise UsageError(Message("A title has 1 to {most} characters.", most=LONGEST_TITLE))
    return _write(dataclasses.replace(get(key), title=plain))


def delete(key: str) -> Kept:
    """Leave the network out of lists; what was made of it goes on working, and :func:`restore` takes it back.

    Raises:
        NotKeptError: there is no such network.
        DamagedError: its file cannot be used.
        StorageError: the disk is full or the folder cannot be written.
    """
    return _write(dataclasses.replace(get(key), deleted_at=datetime.now(UTC).isoformat(timespec="seconds")))


def leave(key: str, owner: str) -> Kept:
    """Let the network be no longer one of ``owner``'s; it stays the others' who wrote the same text.

    Raises:
        NotKeptError: there is no such network.
        DamagedError: its file cannot be used.
        StorageError: the disk is full or the folder cannot be written.
    """
    known = get(key)
    return _write(dataclasses.replace(known, owners=tuple(name for name in known.owners if name != owner)))


def restore(key: str) -> Kept:
    """Take :func:`delete` back.

    Raises:
        NotKeptError: there is no such network.
        DamagedError: its file cannot be used.
        StorageError: the disk is full or the folder cannot be written.
    """
    return _write(dataclasses.replace(get(key), deleted_at=None))


def discard(key: str) -> None:
    """Forget a version for good that nobody has seen; one that is not there is no problem."""
    if _KEY.fullmatch(key):
        storage().share(f"{FOLDER}/{key}.json", None)


def _path(key: str) -> Path:
    return storage().shared(FOLDER) / f"{key}.json"


def _write(network: Kept) -> Kept:
    storage().share(f"{FOLDER}/{network.key}.json", json_bytes(network.to_dict()))
    return network


def _files() -> Iterator[tuple[Path, int, int]]:
    """The files of kept networks, with when they changed (ns) and their bytes."""
    folder = storage().shared(FOLDER)
    try:
        paths = sorted(path for path in folder.iterdir() if _is_kept(path.name))
    except OSError:  # nothing is kept
        return
    for path in paths:
        with contextlib.suppress(OSError):  # removed at this moment
            status = path.stat()
            yield path, status.st_mtime_ns, status.st_size


def _is_kept(name: str) -> bool:
    return name.endswith(".json") and _KEY.fullmatch(name.removesuffix(".json")) is not None


@lru_cache(maxsize=4096)
def _read(path: Path, changed: int, size: int) -> Kept | DamagedError:
    """The network in ``path``, or why there is none; other arguments make a changed file another entry."""
    key = path.stem
    if size > _LARGEST_FILE:
        return DamagedError(key, Message("{path} is too large", path=path.name))
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        network = Kept.from_dict(values)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, CnnvizError) as error:
        return DamagedError(key, Message("{path} cannot be parsed ({error})", path=path.name, error=error))
    if network.key != key:
        return DamagedError(
            key, Message("{path} describes a different network, {other}", path=path.name, other=network.key)
        )
    if values["owners"] != list(network.owners):  # versions before kept the browsers' secrets
        with contextlib.suppress(CnnvizError):
            _write(network)
    return network
