"""A small OpenID Connect provider: it lets everybody choose who they are, and checks what a client must send."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "cnnviz", "a secret of both"
ALGORITHM = "RS256"


@dataclass
class Provider:
    """What the provider knows: its ``people`` by subject, where they may be sent back to, and what has gone wrong."""

    people: Mapping[str, Mapping[str, Any]]
    callback: str
    issuer: str = ""
    problems: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from joserfc.jwk import RSAKey

        self.key = RSAKey.generate_key(2048, {"kid": "1", "alg": ALGORITHM, "use": "sig"}, private=True)

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, asked: Mapping[str, str]) -> str:
        """The page on which a person chooses who they are."""
        expected = {
            "client_id": CLIENT,
            "redirect_uri": self.callback,
            "response_type": "code",
            "code_challenge_method": "S256",
        }
        self._check({name: asked.get(name) for name in expected} == expected, f"authorize: {asked}")
        self._check("openid" in asked.get("scope", "").split(), "the scope openid")
        ways = []
        for subject, person in self.people.items():
            code = secrets.token_urlsafe(16)
            self.codes[code] = {**asked, "subject": subject}
            back = f"{self.callback}?{urlencode({'code': code, 'state': asked['state']})}"
            ways.append(f'<p><a href="{html.escape(back)}">{html.escape(person["name"])}</a></p>')
        return "<title>Who are you?</title>" + "".join(ways)

    def token(self, sent: Mapping[str, str], authorization: str) -> dict[str, Any]:
        """The tokens for a code, which is good for one time."""
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = authorization == f"Basic {basic}" or sent.get("client_secret") == SECRET
        self._check(known, f"the client's secret: {authorization}")
        asked = self.codes.pop(sent["code"])
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest())
        self._check(challenge.rstrip(b"=").decode() == asked["code_challenge"], "the code's verifier")
        self._check(sent.get("redirect_uri") == self.callback, "the address to come back to")
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 600,
            "id_token": self._id_token(asked),
        }

    def _id_token(self, asked: Mapping[str, str]) -> str:
        from joserfc import jwt

        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": asked["subject"],
            "aud": CLIENT,
            "iat": now,
            "exp": now + 600,
            "nonce": asked["nonce"],
            **self.people[asked["subject"]],
        }
        return jwt.encode({"alg": ALGORITHM, "kid": "1"}, claims, self.key)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def _check(self, holds: bool, what: str) -> None:
        if not holds:
            self.problems.append(what)
            raise ValueError(what)


@contextmanager
def provide(people: Mapping[str, Mapping[str, Any]], callback: str) -> Iterator[Provider]:
    """A provider on a free port, at its ``issuer``, for the duration of the block."""
    provider = Provider(people, callback)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            match parts.path:
                case "/.well-known/openid-configuration":
                    self.answer(json.dumps(provider.discovery()))
                case "/jwks":
                    self.answer(json.dumps(provider.jwks()))
                case "/authorize":
                    self.answer(provider.authorize(asked), "text/html")
                case _:
                    self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(json.dumps(provider.token(sent, self.headers.get("Authorization", ""))))

        def answer(self, text: str, kind: str = "application/json") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
