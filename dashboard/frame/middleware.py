"""Rules for every page and API response, before any view: the connection, a request ID, no plain HTTP, and no access to a view that doesn't declare it."""

import codecs
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.core.exceptions import BadRequest, ImproperlyConfigured
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponsePermanentRedirect, JsonResponse
from django.middleware.common import CommonMiddleware
from django.urls import is_valid_path
from django.utils import timezone

from dashboard.frame.errors import method_not_allowed, not_found
from dashboard.people import user_sessions
from dashboard.people.caller import connection_of
from dashboard.server.connection import settle
from oauth import strict_transport
from oauth.messages import Connection
from oauth.urls import cut_issuer_path, is_protocol_path

GetResponse = Callable[[HttpRequest], HttpResponse]


class ConnectionMiddleware:
    """Sets request.connection, and X-Request-Id on the response. Under our server, asgi.py has already done it; with other servers it happens here."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        scope = request.META.get("asgi.scope")
        connection = scope["state"]["connection"] if scope else _settle_request(request)
        request.connection = connection  # type: ignore[attr-defined]  # dashboard.people.caller.connection_of reads it
        response = self.get_response(request)
        response["X-Request-Id"] = connection.request_id
        return response


class StrictTransportMiddleware:
    """Tells browsers to use HTTPS only. Django's own setting isn't used, because it does so for every host name, even localhost."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if strict_transport.is_strict(request.headers.get("Host", ""), is_secure=connection_of(request).is_secure):
            response[strict_transport.NAME] = strict_transport.VALUE
        return response


class SecureOnlyMiddleware:
    """Refuses plain HTTP and never redirects: people must notice that they send in clear text."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The protocol's endpoints refuse plain HTTP in their own way, and record it for the client's owner.
        if connection_of(request).is_secure or is_protocol_path(request.path):
            return self.get_response(request)
        description = f"Plain HTTP is not served. Use https:// instead, for example {settings.ISSUER_URL}."
        return JsonResponse({"error": "invalid_request", "error_description": description}, status=400, headers={"Cache-Control": "no-store"})


class ShortLocationMiddleware:
    """Keeps the URLs of redirects short. By default, nginx accepts 4 KB of header fields and treats a server whose response has more as failed: with a long
    URL, in which each character may become three, a stranger could make it stop using all servers.
    """

    MAX = 2_000

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        location = response.get("Location", "")
        if len(location) <= self.MAX:
            return response
        path, _, _ = location.partition("?")
        if len(path) > self.MAX:
            return not_found(request, Http404())
        response["Location"] = path
        return response


class FormEncodingMiddleware:
    """Refuses a form that declares an encoding other than UTF-8. Browsers send only UTF-8 to our pages. Django would decode a form with any codec of Python,
    perhaps into half characters, which no database accepts.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # None if the form declares nothing or an unknown encoding: then Django uses UTF-8.
        if request.encoding is not None and codecs.lookup(request.encoding).name != "utf-8" and not is_protocol_path(request.path):
            raise BadRequest("A form must be in UTF-8.")
        return self.get_response(request)


class HostMiddleware(CommonMiddleware):
    """Refuses a foreign Host like Django's middleware, but only for pages: the protocol's endpoints check the Host themselves."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if is_protocol_path(request.path) else super().process_request(request)


class AccessMiddleware:
    """Closes every view that declares no permission (dashboard.people.permissions). The admin and the protocol's endpoints check access themselves."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], _args: Any, _kwargs: Any) -> None:
        """Raise ImproperlyConfigured, which should only happen in a test."""
        match = request.resolver_match
        if hasattr(view, "access") or is_protocol_path(request.path) or (match is not None and match.app_name == "admin"):
            return
        raise ImproperlyConfigured(f"{request.path}: the view declares nothing about who may call it.")


class MethodNotAllowedMiddleware:
    """Refuses methods that no page has, because views may not handle them, and gives Django's empty 405 a page with the same Allow."""

    METHODS = ("GET", "HEAD", "POST", "OPTIONS")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_answered = request.method in self.METHODS or is_protocol_path(request.path) or not is_valid_path(request.path_info)
        response = self.get_response(request) if is_answered else HttpResponseNotAllowed(self.METHODS)
        if not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        page = method_not_allowed(request)
        page["Allow"] = response["Allow"]
        return page


class SessionKeyMiddleware:
    """Runs before SessionMiddleware and removes a cookie that can't be a session key, such as one with NUL, on which PostgreSQL fails."""

    KEY = re.compile(r"[a-z0-9]{32}", re.ASCII)

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self.KEY.fullmatch(request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")):
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return self.get_response(request)


class SessionActivityMiddleware:
    """Records when and from where a session was last used, at most once a minute, because recording is a write. The session then lasts SESSION_COOKIE_AGE
    again, but ends no later than SESSION_LONGEST_AGE after the sign-in.

    The time is kept in the session itself, so that most requests need no query.
    """

    EVERY = timedelta(minutes=1)

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A protocol response doesn't depend on a cookie, so it must not vary by one.
        if not is_protocol_path(request.path) and request.user.is_authenticated:
            request.META["tokenos.session"] = user_sessions.find_own(request)  # for dashboard.server.wsgi_call
            self._note(request, timezone.now())
        return self.get_response(request)

    def _note(self, request: HttpRequest, now: datetime) -> None:
        """If the database is read-only, pages still show its content, and that it is read-only."""
        if abs(now.timestamp() - request.session.get(user_sessions.NOTED, 0)) >= self.EVERY.total_seconds():
            session = UserSession.objects.filter(session_key=user_sessions.find_own(request))
            address = connection_of(request).remote_address or "0.0.0.0"  # noqa: S104
            with suppress(DatabaseError):
                if session.filter(last_seen_at__lt=now - self.EVERY).update(last_seen_at=now, ip=address):
                    request.session[user_sessions.NOTED] = now.timestamp()
                    user_sessions.limit(request, now=now)
                elif not session.exists():
                    # The owner of such a session couldn't see or end it, and no limit would apply to it.
                    logout(request)


def _settle_request(request: HttpRequest) -> Connection:
    """Determine the connection from META, as runserver and Django's test client fill it, and write back the values from a trusted proxy."""
    meta = request.META
    headers = [(key[5:].replace("_", "-").lower().encode(), str(value).encode("latin-1", "replace")) for key, value in meta.items() if key.startswith("HTTP_")]
    connection, kept = settle(meta.get("REMOTE_ADDR", ""), request.scheme or "http", headers, None)
    for key in [key for key in meta if key.startswith("HTTP_")]:
        del meta[key]
    for name, value in kept:
        meta["HTTP_" + name.decode().upper().replace("-", "_")] = value.decode("latin-1")
    meta["REMOTE_ADDR"] = connection.remote_address
    path = cut_issuer_path(request.path_info)
    if path != request.path_info:
        request.path = request.path_info = path
    meta["wsgi.url_scheme"] = "https" if connection.is_secure else "http"
    return connection
