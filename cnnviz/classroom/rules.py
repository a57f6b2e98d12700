"""What a teacher has set for the class: kept in one file beside the runs, so that a restart forgets nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from cnnviz.errors import UsageError
from cnnviz.files import json_bytes
from cnnviz.language import Message
from cnnviz.storage.opening import storage

_FILE = "class.json"
_DAMAGED = Message("The rules of the class are damaged.")


@dataclass(frozen=True)
class Invitation:
    """A link that everybody is asked to open: ``address`` as in the browser's address bar, from the page's name on.

    ``number`` grows with each invitation, so that each is followed once.
    """

    number: int
    address: str


@dataclass(frozen=True)
class Rules:
    """What holds for the class: ``hidden`` pages by name, ``limits`` in place of the settings' own, the invitation.

    ``controls`` are the kinds of controls (:class:`~cnnviz.classroom.controls.Control`) that the class is not offered,
    ``presented`` those that stay on a page while it is presented.
    """

    hidden: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    invitation: Invitation | None = None
    controls: tuple[str, ...] = ()
    presented: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The rules as plain JSON values."""
        return {
            **dataclasses.asdict(self),
            "hidden": list(self.hidden),
            "controls": list(self.controls),
            "presented": list(self.presented),
        }

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """The rules that :meth:`to_dict` wrote.

        Raises:
            UsageError: they are none.
        """
        match values:
            # A file from before there were rules of controls has none.
            case {"hidden": hidden, "limits": dict() as limits, "invitation": invitation, **rest} if all(
                type(limit) is int and limit > 0 for limit in limits.values()
            ):
                return cls(
                    _names(hidden),
                    limits,
                    _invitation(invitation),
                    _names(rest.get("controls", [])),
                    _names(rest.get("presented", [])),
                )
        raise UsageError(_DAMAGED)


def _names(values: object) -> tuple[str, ...]:
    if isinstance(values, list) and all(isinstance(name, str) for name in values):
        return tuple(values)
    raise UsageError(_DAMAGED)


def _invitation(values: object) -> Invitation | None:
    match values:
        case None:
            return None
        case {"number": int() as number, "address": str() as address}:
            return Invitation(number, address)
    raise UsageError(_DAMAGED)


def rules() -> Rules:
    """The rules in force; none where nothing was set, and where the file is damaged."""
    path = storage().shared(_FILE)
    try:
        status = path.stat()
    except OSError:
        return Rules()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, changed: int, size: int) -> Rules:
    try:
        return Rules.from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, UsageError):
        return Rules()


def set_rules(**changes: Any) -> Rules:
    """Change some of the rules, and keep them.

    Raises:
        StorageError, SilentError: the file cannot be written.
    """
    changed = dataclasses.replace(rules(), **changes)
    storage().share(_FILE, json_bytes(changed.to_dict()))
    return changed


def invite(address: str) -> Rules:
    """Ask everybody to open ``address``."""
    known = rules().invitation
    return set_rules(invitation=Invitation(1 if known is None else known.number + 1, address))
