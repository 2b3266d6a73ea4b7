"""The frame of every protocol endpoint: the rules that all endpoints share.

An endpoint is a function from Request (and Form) to Response. To refuse a request it raises OAuthError; the frame renders the error, logs its reason
and stores it for the client's owner. RFC 6749 §3.2 and §5.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import update_wrapper
from time import monotonic, perf_counter

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from clients.database_fault import find_fault
from clients.services import usage
from oauth import failures, reasons
from oauth.errors import (
    REALM,
    ContentTooLargeError,
    ForeignHostError,
    ForeignPageError,
    InsecureTransportError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    OAuthError,
    ServerError,
    TemporarilyUnavailableError,
)
from oauth.form import Form, may_carry_credentials, parse_form, peek_client_id, peek_parameter, refuse_credentials_in_query
from oauth.issuer import insert_well_known, issuer_origin
from oauth.messages import NO_STORE, Request, Response
from oauth.metrics import observe
from oauth.overdue import overdue_log
from oauth.reasons import Reason

# Fetch §3.2.2: before another site's page may send a header such as MCP-Protocol-Version, the browser asks, and caches the answer for a day.
PREFLIGHT_HEADERS = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Headers", "*"), ("Access-Control-Max-Age", "86400"))

logger = logging.getLogger("tokenos.oauth")


class Endpoint:
    """One path's endpoint: called with a Request, it always returns a Response, even after an unexpected error. name: as in UsageBucket.endpoint."""

    __name__: str

    def __init__(self, name: str, function: Callable[..., Response], checked: Callable[[Request], Response], *, is_resource: bool = False) -> None:
        """is_resource: whether its challenges name our resource metadata."""
        update_wrapper(self, function)
        self._name = name
        self._checked = checked
        self._is_resource = is_resource

    def __call__(self, request: Request) -> Response:
        begun = perf_counter()
        error = ""
        try:
            try:
                response = _run(self._checked, request)
            except OAuthError as refused:
                response, error = self._refuse(refused, request)
        except Exception as failed:  # noqa: BLE001  # every error is answered in JSON
            answered = _explain(failed, self._name, request)
            response, error = _render(answered), answered.error
        self._observe(request, response, error, perf_counter() - begun)
        return response

    def _refuse(self, refused: OAuthError, request: Request) -> tuple[Response, str]:
        """A function of its own, so that this frame isn't in the error's traceback: the error and the frame would keep each other and the request alive."""
        answered = _record(refused, self._name, request)
        return _render(answered, is_resource=self._is_resource), answered.error

    def attempt(self, request: Request) -> Response | None:
        """The response to a request that can be granted without waiting. None for any other request: then at most a mark was written, and __call__ starts from
        the beginning.

        For a caller on an event loop, where Django refuses everything that might block.
        """
        begun = perf_counter()
        try:
            response = self._checked(request)
        except Exception:  # noqa: BLE001  # __call__ meets the error again and reports it
            return None
        self._observe(request, response, "", perf_counter() - begun)
        return response

    def give_up(self, request: Request, reason: Reason) -> Response:
        """The response to a request that took too long, or that came when too many were waiting. Its work is never started, or its own response is dropped."""
        overdue_log.write(self._name, reason, request_id=request.connection.request_id, now=monotonic())
        refused = TemporarilyUnavailableError(reason)
        response = _render(refused)
        self._observe(request, response, refused.error, (datetime.now(UTC) - request.now).total_seconds())
        return response

    def _observe(self, request: Request, response: Response, error: str, seconds: float) -> None:
        observe(self._name, response.status, error, seconds)
        usage.record_time(self._name, seconds, request.now, is_failure=response.status >= 500)


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def endpoint(
    name: str, *, methods: tuple[str, ...] | None, is_for_every_origin: bool = False, is_resource: bool = False, takes_every_host: bool = False
) -> Callable[[Callable[[Request], Response]], Endpoint]:
    """The frame of an endpoint that reads no body. methods: None for any. is_for_every_origin: whether other sites' pages may send their own headers.

    is_resource: as in Endpoint. takes_every_host: for responses that don't contain our address.
    """

    def decorate(function: Callable[[Request], Response]) -> Endpoint:
        def checked(request: Request) -> Response:
            if not request.connection.is_secure:
                raise InsecureTransportError(settings.ISSUER_URL, had_credentials=may_carry_credentials(request))
            if not request.connection.is_own_host and not takes_every_host:
                raise ForeignHostError
            if methods is not None and request.method not in methods:
                if is_for_every_origin and _is_preflight(request):
                    return Response(204, headers=(*PREFLIGHT_HEADERS, ("Access-Control-Allow-Methods", ", ".join(methods))))
                raise MethodNotAllowedError(methods)
            return function(request)

        return Endpoint(name, function, checked, is_resource=is_resource)

    return decorate


def form_endpoint(name: str) -> Callable[[Callable[[Request, Form], Response]], Endpoint]:
    """The frame of an endpoint that takes a form by POST and client authentication."""

    def decorate(function: Callable[[Request, Form], Response]) -> Endpoint:
        def checked(request: Request) -> Response:
            if not request.connection.is_secure:
                raise InsecureTransportError(settings.ISSUER_URL, had_credentials=may_carry_credentials(request))
            if not request.connection.is_own_host:
                raise ForeignHostError
            if _is_from_foreign_page(request):
                raise ForeignPageError
            # This is checked before the method: credentials in a URL often come with GET, and they are the worse mistake.
            if request.query:
                refuse_credentials_in_query(request.query, allowed=() if request.method == "POST" else ("POST",))
            if request.method != "POST":
                raise MethodNotAllowedError(("POST",))
            if request.body is None:
                raise ContentTooLargeError
            return function(request, parse_form(request))

        return Endpoint(name, function, checked)

    return decorate


def _is_from_foreign_page(request: Request) -> bool:
    """Any web page can make its visitors' browsers send a form here, so such failures don't count against the visitors' address. Browsers indicate
    this with Sec-Fetch-Site (Fetch Metadata §2.4), older ones only with Origin (RFC 6454 §7), which programs don't send.
    """
    site = request.headers.get("sec-fetch-site", "")
    if site:
        return site not in ("none", "same-origin")
    return request.method == "POST" and request.headers.get("origin", issuer_origin()) != issuer_origin()


def _run(checked: Callable[[Request], Response], request: Request) -> Response:
    """Run it again if the database connection turns out to be broken, as idle connections are after a failover of PostgreSQL.

    This is safe: an endpoint only counts requests that it has finished, and its changes (a revocation, the mark of a used JWT) have no effect the second time.
    It isn't run again if the database can't be reached at all (there is no connection), nor if it refuses a statement (the connection is usable, as with
    SQLite).
    """
    try:
        return checked(request)
    except (OperationalError, InterfaceError):
        if connection.connection is None or connection.is_usable():
            raise
    connection.close()  # pragma: no cover  # only a real PostgreSQL breaks a connection: tests/servers/test_lost_stores.py
    return checked(request)  # pragma: no cover


def _record(refused: OAuthError, name: str, request: Request) -> OAuthError:
    if isinstance(refused, InvalidRequestError) and refused.client is None:
        refused.named_client_id = refused.named_client_id or peek_client_id(request)
    scope = peek_parameter(request, "scope") if name == "token" else ""
    return failures.record_failure(refused, endpoint=name, connection=request.connection, scope=scope, now=request.now)


def _explain(failed: Exception, name: str, request: Request) -> OAuthError:
    """The error that answers a failure of the server. A lost connection is dropped, so that the next request of this thread opens a new one."""
    request_id = request.connection.request_id
    fault = find_fault(failed)
    if fault is None:
        logger.error("failed: %s", name, exc_info=failed, extra={"request_id": request_id, "endpoint": name})
        return ServerError()
    logger.error("database unavailable: %s", fault.code, extra={"request_id": request_id, "reason": f"{fault.sentence} {fault.fix}"})
    connection.close()
    return TemporarilyUnavailableError(reasons.DATABASE_UNAVAILABLE.say())


def _render(error: OAuthError, *, is_resource: bool = False) -> Response:
    headers = _name_metadata(error.headers) if is_resource else error.headers
    return Response.json({"error": error.error, "error_description": error.description}, status=error.status, headers=(*NO_STORE, *headers))


def _name_metadata(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """RFC 9728 §5.1. Each challenge names it, because some libraries only read the first."""
    realm = f'realm="{REALM}"'
    return tuple((name, value.replace(realm, f'{realm}, resource_metadata="{insert_well_known("oauth-protected-resource")}"')) for name, value in headers)


@endpoint("unknown", methods=None, takes_every_host=True)
def not_found(_request: Request) -> Response:
    raise NotFoundError
