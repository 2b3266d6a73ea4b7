"""The responses to failed requests: JSON for programs, a page for people. Both only say what to do next.

The pages are rendered without context processors, and refer to their stylesheet and script by plain paths, so that the error page doesn't need anything that
may have failed. Only the page about a missing role has the usual frame, because there a view has already identified the user.
"""

import logging
import sys
from typing import Any

from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse

from clients.database_fault import CANCELLED, DEADLOCK, DISK_FULL, LOCKED, READ_ONLY, TOO_MANY_CONNECTIONS, Fault, find_fault
from dashboard.frame.context import theme_of
from dashboard.frame.entries import sort_out
from dashboard.people.caller import origin_of
from dashboard.people.permissions import LAST_WORKSPACE, NotAllowedError
from oauth.urls import is_protocol_path

RETRY_AFTER = 10

logger = logging.getLogger("tokenos.dashboard")


def _is_for_a_program(request: HttpRequest) -> bool:
    return is_protocol_path(request.path) or request.path.startswith("/api/")


def _answer(request: HttpRequest, status: int, error: str, description: str, *, template: str, **said: Any) -> HttpResponse:
    if _is_for_a_program(request):
        response: HttpResponse = JsonResponse({"error": error, "error_description": description}, status=status)
    else:
        # The failure may have happened before ConnectionMiddleware set it.
        connection = getattr(request, "connection", None)
        # Only the server's own failures are in the log under this ID.
        request_id = connection.request_id if connection and status >= 500 else ""
        context = {"request_id": request_id, "theme": theme_of(request), "method": request.method, **said}
        response = HttpResponse(render_to_string(template, context), status=status)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, SessionInterrupted):
        fault = _find_within(exception)
        if fault is not None:
            return _lost_database(request, fault)
        return _answer(request, 400, "invalid_request", "The session has ended. Sign in again.", template="400_session.html")
    return _answer(request, 400, "invalid_request", "The request is malformed, or its Host isn't a name of this instance.", template="400.html")


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, NotAllowedError) and not _is_for_a_program(request):
        return render(request, "403_role.html", {"permission": exception.permission.name}, status=403)
    return _answer(request, 403, "access_denied", "You may not do this.", template="403.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django's signature
    """Offers to send the entries again, except secrets and files, if they come from one of our pages: another site's form must not get such a button."""
    found = sort_out(request.POST) if _is_from_our_page(request) else None
    said = {
        "can_send_again": found is not None and not found.is_too_long,
        "kept": found.kept if found is not None else [],
        "lacks_secrets": found is not None and found.lacks_secrets,
        "lacks_files": bool(request.FILES),
        "action": request.get_full_path(),
        "csrf_token": get_token(request),
    }
    return _answer(request, 403, "access_denied", "The request has no valid CSRF token.", template="403_csrf.html", **said)


def _is_from_our_page(request: HttpRequest) -> bool:
    """This uses the Origin header: every current browser sends it with a form, and pages can't forge it."""
    return request.headers.get("Origin") == origin_of(request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """Links to the search of the last visited workspace, because a thing may have moved to another address."""
    slug = request.session.get(LAST_WORKSPACE) if hasattr(request, "session") else None
    search = reverse("search", args=[slug]) if slug else ""
    return _answer(request, 404, "not_found", "There is nothing at this address.", template="404.html", search=search)


def method_not_allowed(request: HttpRequest) -> HttpResponse:
    """This mostly happens if signing in leads back to an address that only takes forms."""
    return _answer(request, 405, "invalid_request", "This address doesn't accept that method.", template="405.html")


# After these errors, nothing was changed. After all others, a commit may have succeeded without being reported.
_UNDONE = (CANCELLED, DEADLOCK, DISK_FULL, LOCKED, READ_ONLY, TOO_MANY_CONNECTIONS)


def server_error(request: HttpRequest) -> HttpResponse:
    """A lost database gives 503, because then repeating the request helps."""
    fault = find_fault(sys.exc_info()[1])
    if fault is not None:
        return _lost_database(request, fault)
    return _answer(request, 500, "server_error", "The server failed. Look up the cause in its log by this response's X-Request-Id.", template="500.html")


def _lost_database(request: HttpRequest, fault: Fault) -> HttpResponse:
    request_id = getattr(getattr(request, "connection", None), "request_id", None)
    logger.error("database unavailable: %s", fault.code, extra={"request_id": request_id, "reason": f"{fault.sentence} {fault.fix}"})
    description = f"{fault.sentence} Repeat the request later."
    said = {"seconds": RETRY_AFTER, "fault": fault.code, "is_open": fault not in _UNDONE}
    response = _answer(request, 503, "temporarily_unavailable", description, template="503.html", **said)
    response["Retry-After"] = str(RETRY_AFTER)
    if request.method == "GET":
        response["Refresh"] = str(RETRY_AFTER)
    return response


def _find_within(error: BaseException | None) -> Fault | None:
    """If the database couldn't write a session, Django says that the session was deleted, so the cause is looked up here."""
    return (find_fault(error) or _find_within(error.__context__)) if error is not None else None
