"""What a solved set of exercises came to, as a code that only this server can make. Imports no torch.

A person hands the code in; the teacher pastes many of them and sees names, scores and sets. It is signed with HMAC-SHA256
(RFC 2104) under a key that lies beside the runs, which every server of a class shares.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime

from cnnviz.errors import CnnvizError
from cnnviz.language import Message

LONGEST_NAME = 60
KEY_FILE = "exercises.key"

_BEGIN = "cnnviz"
_MARK_BYTES = 12
"""Of the signature: nobody guesses 96 bits, and the code stays short."""
_KEY_BYTES = 32
_LONGEST_CODE = 1_000


class CodeError(CnnvizError):
    """A code that this server has not made."""

    def __init__(self) -> None:
        super().__init__(
            Message("This is no code of this server: it was changed or cut, or comes from another one.")
        )


@dataclass(frozen=True)
class Receipt:
    """A person's result: ``right`` of ``count`` questions, ``at_once`` of them on the first try.

    ``seed``, ``level``, ``network`` (a name as links have it) and ``kinds`` are those of the set; ``minutes`` is the
    time since 1970 (UTC).
    """

    name: str
    right: int
    at_once: int
    count: int
    seed: int
    level: int
    network: str
    kinds: tuple[str, ...]
    minutes: int

    @property
    def time(self) -> datetime:
        """When the set was finished, in UTC."""
        return datetime.fromtimestamp(self.minutes * 60, UTC)


def new_key() -> bytes:
    """Another key."""
    return secrets.token_bytes(_KEY_BYTES)


def sign(receipt: Receipt, key: bytes) -> str:
    """The code of ``receipt``: letters, digits, ``-``, ``_`` and two dots."""
    text = json.dumps(astuple(receipt), ensure_ascii=False, separators=(",", ":")).encode()
    return ".".join((_BEGIN, _letters(text), _letters(_signature(text, key))))


def read(code: str, key: bytes) -> Receipt:
    """What ``code`` says.

    Raises:
        CodeError: it was not signed with ``key``, or is no code.
    """
    begin, _, rest = code.strip().partition(".")
    content, _, mark = rest.partition(".")
    if begin != _BEGIN or len(code) > _LONGEST_CODE:
        raise CodeError
    try:
        text, signature = _bytes(content), _bytes(mark)
    except ValueError:
        raise CodeError from None
    is_as_made = (content, mark) == (
        _letters(text),
        _letters(signature),
    )  # base64 has several ways to write the end
    if not is_as_made or not hmac.compare_digest(signature, _signature(text, key)):
        raise CodeError
    receipt = Receipt(*json.loads(text))
    return replace(receipt, kinds=tuple(receipt.kinds))


def _signature(text: bytes, key: bytes) -> bytes:
    return hmac.digest(key, text, hashlib.sha256)[:_MARK_BYTES]


def _letters(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(letters: str) -> bytes:
    return base64.b64decode(letters.encode() + b"=" * (-len(letters) % 4), altchars=b"-_", validate=True)
