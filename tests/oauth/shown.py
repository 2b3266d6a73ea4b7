"""Requests as people paste them, and what an endpoint says of the same."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from clients.models import RecordedRequest
from oauth.examination import Examination
from oauth.messages import Connection, Request
from oauth.token import token

FORM = {"content-type": "application/x-www-form-urlencoded"}
ADDRESS = "203.0.113.7"
GRANT = {"grant_type": "client_credentials"}


def make_request(
    now: Any,
    form: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    *,
    path: str = "/oauth2/token",
    method: str = "POST",
    query: str = "",
    is_secure: bool = True,
    certificate: bytes | None = None,
    address: str = ADDRESS,
    body: str | None = None,
) -> Request:
    lowered = {name.lower(): value for name, value in (headers or {}).items()}
    content = urlencode({**GRANT, **(form or {})}) if body is None else body
    connection = Connection(remote_address=address, is_secure=is_secure, client_certificate=certificate, request_id="shown")
    return Request(method, path, query, {**FORM, **lowered}, content.encode(), connection, now, set())


def reason_in(examination: Examination) -> str:
    return examination.reason.code if examination.reason is not None else ""


def ask(request: Request, endpoint: Callable[[Request], Any] = token) -> str:
    """The endpoint's reason for a refusal; "" if it grants."""
    RecordedRequest.objects.all().delete()
    answer = endpoint(request)
    if answer.status < 400:
        return ""
    return RecordedRequest.objects.get(request_id="shown").reason


def checked(examination: Examination) -> dict[str, str]:
    """The reason by subject; "" for valid, “open” for unknown."""
    return {check.subject.name: "open" if check.is_open else check.reason.code if check.reason else "" for check in examination.checks}
