"""What is answered when a request fails: JSON to programs, a page to people. Neither says more than what to do next.

The pages are rendered without request and context processors, and name their one stylesheet by its plain path: nothing that may have failed is needed
to say that something failed.
"""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from oauth.urls import is_protocol_path

RETRY_AFTER = 10


def _answer(request: HttpRequest, status: int, error: str, description: str, *, template: str) -> HttpResponse:
    if is_protocol_path(request.path) or request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse({"error": error, "error_description": description}, status=status)
    else:
        # The failure may have come before ConnectionMiddleware had set it.
        connection = getattr(request, "connection", None)
        response = HttpResponse(render_to_string(template, {"request_id": connection.request_id if connection else ""}), status=status)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return _answer(request, 400, "invalid_request", "The request is malformed, or its Host isn't a name of this instance.", template="400.html")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return _answer(request, 403, "access_denied", "You may not do this.", template="403.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's signature
    return _answer(request, 403, "access_denied", "The request lacks a valid CSRF token.", template="403_csrf.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    return _answer(request, 404, "not_found", "There is nothing at this address.", template="404.html")


def server_error(request: HttpRequest) -> HttpResponse:
    """A lost database is 503: repeating helps there, and only there."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        response = _answer(request, 503, "temporarily_unavailable", "The database can't be reached. Repeat the request later.", template="503.html")
        response["Retry-After"] = str(RETRY_AFTER)
        if request.method == "GET":
            response["Refresh"] = str(RETRY_AFTER)
        return response
    return _answer(request, 500, "server_error", "This failed on our side. The log has the cause under the X-Request-Id of this answer.", template="500.html")
