"""The two doors to the endpoints, both called as the tests need them: Django's, by its test client, and the server's, as ASGI."""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from threading import Thread
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlencode

import jwt
from django.conf import settings
from django.db import connections
from django.test import Client, override_settings

from dashboard.server.connection import settle
from oauth import asgi
from oauth.messages import Request, Response
from oauth.threads import Threads

ADDRESS = "203.0.113.7"
ELSEWHERE = "198.51.100.20"
FORM = "application/x-www-form-urlencoded"

# RFC 9449 §7.2: a resource that takes both schemes says so in each challenge.
DPOP_CHALLENGE = 'DPoP realm="TokenOS", algs="ES256 ES384 ES512 PS256 PS384 PS512 RS256 RS384 RS512 EdDSA Ed25519"'

Parameters = Mapping[str, str] | Sequence[tuple[str, str]] | bytes


@dataclass(frozen=True)
class Answer:
    """headers: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def claims(self) -> dict[str, Any]:
        """Of the access token, unverified."""
        assert self.status == 200, self.body
        claims: dict[str, Any] = jwt.decode(self.json()["access_token"], options={"verify_signature": False})
        return claims

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.json()["error"]

    @property
    def challenges(self) -> str:
        """WWW-Authenticate without the resource metadata, which test_resource_metadata.py tests."""
        return re.sub(r', resource_metadata="[^"]*"', "", self.headers["www-authenticate"])

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]


@dataclass(frozen=True)
class Sender:
    """Sends requests through one door."""

    transport: Callable[..., Answer]

    def __call__(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        query: str = "",
        address: str = ADDRESS,
        secure: bool = True,
        certificate: bytes | None = None,
    ) -> Answer:
        """certificate: the caller's, in DER."""
        return self.transport(method, path, body, {name.lower(): value for name, value in (headers or {}).items()}, query, address, secure, certificate)

    def get(self, path: str, authorization: str | None = None, *, headers: Mapping[str, str] | None = None, **rest: Any) -> Answer:
        return self("GET", path, headers=_headers(authorization, headers), **rest)

    def post(
        self, path: str, parameters: Parameters = b"", authorization: str | None = None, *, headers: Mapping[str, str] | None = None, **rest: Any
    ) -> Answer:
        body = parameters if isinstance(parameters, bytes) else urlencode(parameters).encode()
        return self("POST", path, body=body, headers={"Content-Type": FORM, **_headers(authorization, headers)}, **rest)

    def token(self, authorization: str | None = None, parameters: Parameters = (), **rest: Any) -> Answer:
        """POST /oauth2/token for the client credentials grant."""
        assert not isinstance(parameters, bytes)
        pairs = list(parameters.items()) if isinstance(parameters, Mapping) else list(parameters)
        return self.post("/oauth2/token", [("grant_type", "client_credentials"), *pairs], authorization, **rest)


def _headers(authorization: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    return {**({} if authorization is None else {"Authorization": authorization}), **(headers or {})}


def basic(client_id: str, client_secret: str, *, encode: bool = True) -> str:
    """RFC 6749 §2.3.1."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}" if encode else f"{client_id}:{client_secret}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def bearer(credentials: str) -> str:
    return f"Bearer {credentials}"


def through_django(method: str, path: str, body: bytes, headers: dict[str, str], query: str, address: str, secure: bool, certificate: bytes | None) -> Answer:
    # As every server does, also for an empty body.
    content_type = headers.pop("content-type", "")
    extra = {"CONTENT_TYPE": content_type} | {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}
    # Django's own servers know no client certificates, so here the caller is its own trusted proxy.
    proxies = settings.TRUSTED_PROXIES
    if certificate is not None:
        proxies, extra["HTTP_CLIENT_CERT"] = [ip_network(address)], f":{base64.b64encode(certificate).decode()}:"
    with override_settings(TRUSTED_PROXIES=proxies):
        answer = Client().generic(method, quote(path, safe="/%"), body, content_type, secure=secure, QUERY_STRING=query, REMOTE_ADDR=address, **extra)
    return Answer(answer.status_code, {name.lower(): value for name, value in answer.items()}, answer.content)


def through_asgi(method: str, path: str, body: bytes, headers: dict[str, str], query: str, address: str, secure: bool, certificate: bytes | None) -> Answer:
    return run_asgi(
        [{"type": "http.request", "body": body, "more_body": False}],
        method=method,
        path=path,
        headers=headers,
        query=query,
        address=address,
        secure=secure,
        certificate=certificate,
    )


def run_asgi(
    events: list[dict[str, Any]],
    *,
    method: str = "POST",
    path: str = "/oauth2/token",
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    query: str = "",
    address: str = ADDRESS,
    secure: bool = True,
    certificate: bytes | None = None,
) -> Answer:
    """Call oauth.asgi.application as dashboard.asgi does. Fails if it asks for more events than there are."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    connection, kept = settle(address, "https" if secure else "http", raw, certificate)
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": kept,
        "state": {"connection": connection},
    }
    sent: list[Any] = []
    left = list(events)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    async def send(event: Any) -> None:
        sent.append(event)

    usual, asgi.threads = asgi.threads, _SharingThreads()
    try:
        asyncio.run(asgi.application(scope, receive, send))
    finally:
        asgi.threads = usual
    if not sent:
        return Answer(0, {}, b"")
    start, *parts = sent
    return Answer(start["status"], {name.decode(): value.decode("latin-1") for name, value in start["headers"]}, b"".join(part["body"] for part in parts))


class _SharingThreads(Threads):
    """Runs an endpoint in a thread like the server's, but in one that shares the test's database connection and its transaction."""

    def __init__(self) -> None:
        super().__init__(0, name="oauth", begin=list, most_waiting=0)
        # Inside the loop the same expression means another connection.
        self._shared = connections["default"]

    def run(self, endpoint: Callable[[Request], Response], request: Request, *, sender: str = "") -> "asyncio.Future[Response]":  # noqa: ARG002  # nobody waits
        answering = asyncio.get_running_loop().create_future()

        def share() -> None:
            connections["default"] = self._shared
            try:
                answering.set_result(endpoint(request))
            except BaseException as error:  # noqa: BLE001  # it goes to the caller, like from the real ones
                answering.set_exception(error)

        self._shared.inc_thread_sharing()
        thread = Thread(target=share)
        thread.start()
        thread.join()
        self._shared.dec_thread_sharing()
        return answering


DOORS = {"django": Sender(through_django), "asgi": Sender(through_asgi)}
