"""A network as text within a link: compact JSON, deflated, in letters that an address takes as they are."""

from __future__ import annotations

import base64
import binascii
import json
import zlib

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.own.definition import Definition

LONGEST_IN_LINK = 6_000
"""Characters; longer links are cut off by mail programs, chats and proxies."""

_LONGEST_READ = 60_000
_MOST_BYTES = 400_000
"""Of the JSON: a text of the largest size that is read, with every sign of it escaped."""
_RAW = -zlib.MAX_WBITS


def packed(definition: Definition) -> str:
    """The definition for a link; it may be longer than :data:`LONGEST_IN_LINK`."""
    deflated = zlib.compress(_json(definition), level=9, wbits=_RAW)
    return base64.urlsafe_b64encode(deflated).rstrip(b"=").decode()


def unpacked(code: str) -> Definition:
    """The definition that :func:`packed` wrote; whether its text is a network is not looked at.

    Raises:
        UsageError: the code is damaged, or far larger than any network's.
    """
    try:
        definition = Definition.from_dict(json.loads(_inflated(_bytes(code))))
        _json(definition)  # what cannot be written (half a sign, a lone surrogate) was not written by a page
    except (ValueError, zlib.error, RecursionError):
        raise _damaged() from None
    return definition


def _json(definition: Definition) -> bytes:
    values = {name: value for name, value in definition.to_dict().items() if value or name == "text"}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


def _bytes(code: str) -> bytes:
    if len(code) > _LONGEST_READ:
        raise _too_large()
    try:
        return base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _damaged() from None


def _inflated(data: bytes) -> bytes:
    """The JSON; it is never unfolded further than it may be large."""
    unfolding = zlib.decompressobj(wbits=_RAW)
    found = unfolding.decompress(data, _MOST_BYTES)
    if unfolding.unconsumed_tail:
        raise _too_large()
    if not unfolding.eof or unfolding.unused_data:
        raise _damaged()
    return found


def _damaged() -> UsageError:
    return UsageError(
        Message(
            "The code in the link is damaged, so the network cannot be read. Copy the whole link, or ask for it again."
        )
    )


def _too_large() -> UsageError:
    return UsageError(Message("The code in the link is larger than any network that this page reads."))
