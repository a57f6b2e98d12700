"""The names of people. Without accounts each browser keeps a secret token, and cnnviz its digest.

What is stored with a run or a network is the digest alone, so that whoever reads the database or a file learns nothing
that would let them act in another person's place.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable

_TOKEN = re.compile(r"[0-9a-f]{32}")


def new_token() -> str:
    """A token that nobody has: 128 random bits, 32 hexadecimal digits."""
    return secrets.token_hex(16)


def is_token(text: object) -> bool:
    """Whether ``text`` is a token as :func:`new_token` makes them."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


def name_of(token: str) -> str:
    """The name under which a token's person is stored: its SHA-256, 64 hexadecimal digits.

    A token has 128 random bits, so that guessing it from its digest is out of reach without any salt.
    """
    return hashlib.sha256(token.encode()).hexdigest()


def name_of_account(issuer: str, subject: str) -> str:
    """The name under which the person of an OpenID Connect account is stored: the digest of who vouches for it, and of
    what they call it, which together never change.
    """
    return hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()


def stored(name: str) -> str:
    """What a stored ``name`` is today: versions before stored the token itself."""
    return name_of(name) if is_token(name) else name


def is_among(name: str, owners: Iterable[str | None]) -> bool:
    """Whether ``name`` is one of ``owners``, compared in a time that does not depend on how they differ."""
    found = False
    for owner in owners:
        found |= owner is not None and hmac.compare_digest(owner.encode(), name.encode())
    return found
