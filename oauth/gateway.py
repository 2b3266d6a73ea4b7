"""/gateway/<workspace>/verify: forward authentication for nginx auth_request, Traefik, Caddy and Envoy, which appends the original path.

Answers 200 with the caller's identity, or 401 or 403 (RFC 6750 §3). The requirements in the query string and the headers add up, so a caller who can write to
them can only make them stricter. A requirement that makes no sense lets nobody in. Any method is accepted, because proxies pass on the original one; the body
isn't read. A DPoP proof is for the original request (RFC 9449 §4.3).
"""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs

from clients.foreign_text import shown
from clients.models import Workspace
from oauth import reasons
from oauth.caller_authentication import Caller, authenticate_caller
from oauth.dpop import InvalidProofError, Target, own_target
from oauth.dpop_nonce import nonce_headers
from oauth.endpoint import endpoint
from oauth.granted_requests import record_granted
from oauth.messages import Request, Response
from oauth.reasons import Reason
from oauth.required_scope_and_audience import require_audience, require_environment, require_scopes
from oauth.resource_errors import ImpossibleDemandError, InvalidTokenError

PREFIX = "/gateway/"

_DEMANDS = ("audience", "environment", "scope")
_HEADERS = {f"x-tokenos-require-{name}": name for name in _DEMANDS}
# A name that begins like this may have been meant as a requirement.
_LIKE_HEADERS, _LIKE_DEMANDS = "x-tokenos-require", ("aud", "env", "scop")


def is_verify_path(path: str) -> bool:
    """/gateway/<workspace>/verify and any path below it."""
    parts = path.split("/", 4)
    return path.startswith(PREFIX) and len(parts) >= 4 and parts[2] != "" and parts[3] == "verify"


@endpoint("gateway", methods=None, takes_every_host=True)
def verify(request: Request) -> Response:
    caller = authenticate_caller(request, takes_api_key_header=True, target=original_target)
    client = caller.client
    workspace = request.path.split("/", 3)[2]
    if workspace != client.workspace:
        raise InvalidTokenError(
            _find_reason(workspace),
            scheme=caller.scheme,
            client=client,
            credential_id=caller.credential_id,
        )
    demands = _read_demands(request, caller)
    for audience in demands["audience"]:
        require_audience(caller, audience)
    for environment in demands["environment"]:
        require_environment(caller, environment)
    # Only spaces separate: any other white space is part of a scope, and no caller has such a scope.
    require_scopes(caller, tuple(dict.fromkeys(scope for scope in " ".join(demands["scope"]).split(" ") if scope)))
    record_granted(request, client, caller.credential_id, endpoint="gateway", is_by_credential=caller.is_by_credential, scopes=caller.scopes)
    return Response(
        200,
        headers=(
            ("Cache-Control", "no-store"),
            ("X-TokenOS-Client-Id", client.client_id),
            ("X-TokenOS-Workspace", client.workspace),
            ("X-TokenOS-Scopes", " ".join(caller.scopes)),
            ("X-TokenOS-Environment", client.environment),
            *nonce_headers(request),
        ),
    )


def _read_demands(request: Request, caller: Caller) -> dict[str, list[str]]:
    """The requirements by each name of _DEMANDS. Raise ImpossibleDemandError for an empty one (perhaps from an unset variable) and for similar names."""
    said = parse_qs(request.query, keep_blank_values=True, errors="replace") if request.query else {}
    demands = {name: [*said.get(name, ()), *_header(request, header)] for header, name in _HEADERS.items()}
    reason = _find_blank(demands) or _find_unknown(request, said)
    if reason is not None:
        raise ImpossibleDemandError(reason, scheme=caller.scheme, client=caller.client, credential_id=caller.credential_id)
    return demands


def _find_blank(demands: Mapping[str, list[str]]) -> Reason | None:
    for name, values in demands.items():
        if not all(value.strip(" ") for value in values):
            return reasons.EMPTY_DEMAND.say(name=name)
    return None


def _find_unknown(request: Request, said: Iterable[str]) -> Reason | None:
    """said: the names of the parameters."""
    for name in request.headers:
        if name.startswith(_LIKE_HEADERS) and name not in _HEADERS:
            return reasons.UNKNOWN_DEMAND_BY_HEADER.say(name=shown(name, after=_LIKE_HEADERS))
    # Below this address the query is the caller's own, because Envoy appends the original one.
    for name in () if _path_below(request) else said:
        if name.lower().startswith(_LIKE_DEMANDS) and name not in _DEMANDS:
            return reasons.UNKNOWN_DEMAND.say(name=shown(name))
    return None


def _find_reason(workspace: str) -> Reason:
    # The reason distinguishes another workspace from one that doesn't exist. PostgreSQL doesn't accept NUL in text.
    if "\0" in workspace or not Workspace.objects.filter(slug=workspace).exists():
        return reasons.NO_WORKSPACE.say()
    return reasons.OTHER_WORKSPACE.say()


def original_target(request: Request) -> Target:
    """The request that the proxy asks about if a trusted proxy describes it; otherwise this request.

    nginx, Traefik and Caddy send X-Forwarded-Method and X-Forwarded-Uri; Envoy keeps the method and appends the original path. Raise InvalidProofError if these
    can't be read: no proof can match a malformed request.
    """
    connection = request.connection
    uri = connection.forwarded_uri or _path_below(request)
    if connection.has_malformed_target or (connection.forwarded_uri and not connection.forwarded_host):
        raise InvalidProofError(reasons.DPOP_TARGET_MALFORMED.say())
    if not connection.forwarded_host or not uri:
        return own_target(request)
    return Target(connection.forwarded_method or request.method, f"https://{connection.forwarded_host}{uri.partition('?')[0]}")


def _path_below(request: Request) -> str:
    """The path that Envoy appended, encoded; "" for none."""
    return "".join(f"/{path}" for path in request.encoded_path.split("/", 4)[4:])


def _header(request: Request, name: str) -> tuple[str, ...]:
    """A repeated header arrives joined by commas. A requirement that contains a comma can only be in the query string."""
    value = request.headers.get(name)
    return tuple(part.strip() for part in value.split(",")) if value is not None else ()
