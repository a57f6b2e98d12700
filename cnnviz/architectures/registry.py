"""All architectures that cnnviz knows, told in :mod:`cnnviz.architectures.catalogue`.

The list imports no torch: a network's file is imported when the network is built. So pages and the
command line can offer the choice at once.
"""

from __future__ import annotations

from types import MappingProxyType

from cnnviz.architectures.architecture import Architecture
from cnnviz.architectures.catalogue import blocks, large, small
from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message

_ARCHITECTURES = (*small.ARCHITECTURES, *large.ARCHITECTURES, *blocks.ARCHITECTURES)
_BY_KEY = MappingProxyType({architecture.key: architecture for architecture in _ARCHITECTURES})


def registered(group: str | None = None) -> tuple[Architecture, ...]:
    """All architectures, in the order in which a course meets them; or those of a ``group`` alone."""
    return tuple(known for known in _ARCHITECTURES if group in (None, known.group))


def keys(group: str | None = None) -> tuple[str, ...]:
    """The keys of all architectures, or of a group's, in the same order."""
    return tuple(known.key for known in registered(group))


def get(key: str) -> Architecture:
    """The architecture registered under ``key``.

    Raises:
        UnknownKeyError: there is none; the message names the closest key.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownKeyError(Message("architecture"), key, _BY_KEY) from None
