"""Connects Django to the endpoints: Django's request in, Django's response out."""

from collections.abc import Callable
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from oauth.messages import MAX_BODY_BYTES, Request, Response


def view(endpoint: Callable[[Request], Response]) -> Callable[..., HttpResponse]:
    """The middleware has set request.connection."""

    @csrf_exempt
    def serve(http_request: HttpRequest, *_: str, **__: str) -> HttpResponse:
        response = endpoint(
            Request(
                method=http_request.method or "",
                path=http_request.path,
                query=http_request.META.get("QUERY_STRING", ""),
                headers={name.lower(): value for name, value in http_request.headers.items()},
                body=_read_body(http_request),
                connection=http_request.connection,  # type: ignore[attr-defined]  # set by the middleware
                now=datetime.now(UTC),
                used_jwts=set(),
            )
        )
        answer = HttpResponse(response.body, status=response.status)
        del answer["Content-Type"]
        for name, value in response.headers:
            answer[name] = value
        return answer

    return serve


def _read_body(http_request: HttpRequest) -> bytes | None:
    """The body; None if it is too long, which is known before all of it is read."""
    body = http_request.read(MAX_BODY_BYTES + 1)
    return body if len(body) <= MAX_BODY_BYTES else None
