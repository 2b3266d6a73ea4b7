"""An OpenID provider whose every response a test can change: what no real one would send must be refused too. A real one is in tests/servers."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from clients import base64url
from oauth.jose import generate_private_key, load_private_key, sign

CLIENT_ID = "tokenos"
SECRET = "only for tests: ü/+~"


def make_key(algorithm: str = "ES256"):
    return generate_private_key(algorithm)


@dataclass
class Provider:
    """claims, userinfo, metadata, tokens: what a test puts over what is usual; None leaves a member out. replies: whole answers by path, before any other.

    requests: path, header fields and form of each that came. asked: the last authorization request. codes: the nonce of each code.
    """

    port: int
    key: Any = field(default_factory=make_key)
    algorithm: str = "ES256"
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] | None = None
    replies: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], dict[str, list[str]]]] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}/realms/acme"

    def authorize(self, url: str, **changed: str | None) -> str:
        """The path and query with which the browser comes back. The person signs in automatically."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == f"https://localhost:{self.port}"
        self.asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = self.asked["nonce"]
        answer = {"code": code, "state": self.asked["state"], "iss": self.issuer, **changed}
        callback = urlsplit(self.asked["redirect_uri"])
        return f"{callback.path}?{urlencode({name: value for name, value in answer.items() if value is not None})}"

    def id_token(self, nonce: str | None) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "00u1ada",
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": nonce,
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
            **self.claims,
        }
        present = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            return ".".join((base64url.encode(b'{"alg":"none"}'), base64url.encode(json.dumps(present).encode()), ""))
        return sign(present, key=load_private_key(self.key.private_key), algorithm=self.algorithm, kid=self.key.kid, typ="JWT")

    def answer(self, path: str, form: dict[str, list[str]]) -> dict[str, Any] | None:
        if path.endswith("/.well-known/openid-configuration"):
            usual: dict[str, Any] = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            }
        elif path.endswith("/token"):
            nonce = self.codes.get(form.get("code", [""])[0])
            usual = {"access_token": "access-token", "token_type": "Bearer", "id_token": self.id_token(nonce), **self.tokens}
        elif path.endswith("/keys"):
            usual = {"keys": [self.key.public_jwk] if self.published is None else self.published}
        elif path.endswith("/userinfo"):
            usual = {"sub": self.claims.get("sub", "00u1ada"), **self.userinfo}
        else:
            return None
        return {name: value for name, value in usual.items() if value is not None}

    def forms(self, path: str) -> list[dict[str, list[str]]]:
        return [form for asked, _, form in self.requests if asked.endswith(path)]

    def headers(self, path: str) -> dict[str, str]:
        return next(headers for asked, headers, _ in reversed(self.requests) if asked.endswith(path))


def respond(body: bytes | str, *, status: int = 200, content_type: str = "application/json", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    content = body.encode() if isinstance(body, str) else body

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return reply


class Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        self._serve("")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _serve(self, body: str) -> None:
        provider = self.provider
        form = parse_qs(body, keep_blank_values=True)
        provider.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, form))
        for path, reply in provider.replies.items():
            if self.path.endswith(path):
                reply(self)
                return
        answer = provider.answer(self.path, form)
        respond(json.dumps(answer) if answer is not None else "{}", status=200 if answer is not None else 404)(self)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing on the screen."""


def serve(certificate: tuple[str, str]) -> tuple[ThreadingHTTPServer, Provider]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # What a client doesn't trust or hangs up on is the test's doing.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    provider = Provider(server.server_address[1])
    return server, provider
