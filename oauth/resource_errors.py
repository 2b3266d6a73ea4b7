"""What a protected resource answers to a caller that it refuses: the errors and their challenges. RFC 6750 §3, RFC 9449 §7 and §9."""

from clients.scope import parse_scope
from oauth import reasons
from oauth.errors import REALM, InvalidClientError, InvalidDPoPProofError, OAuthError, UseDPoPNonceError
from oauth.jose import SIGNATURE_ALGORITHMS
from oauth.reasons import Reason
from oauth.registration import RegisteredClient

BEARER = "Bearer"
DPOP = "DPoP"

# Characters of required scopes that a challenge repeats.
MAX_REPEATED = 1_000

_ALGS = f'algs="{" ".join(SIGNATURE_ALGORITHMS)}"'


def _challenge(used: str, parameters: str = "") -> tuple[str, str]:
    """Both schemes in one header (RFC 9110 §11.6.1), because nginx's auth_request passes on only one. parameters: for the scheme that the request used.

    The scheme that the request used comes first, because some libraries only read the first. algs: RFC 9449 §7.1.
    """
    if used == BEARER:
        return "WWW-Authenticate", f'Bearer realm="{REALM}"{parameters}, DPoP realm="{REALM}", {_ALGS}'
    return "WWW-Authenticate", f'DPoP realm="{REALM}"{parameters}, {_ALGS}, Bearer realm="{REALM}"'


class MissingTokenError(OAuthError):
    """RFC 6750 §3.1: without any credentials the challenge carries no error code."""

    error = "invalid_token"
    status = 401

    def __init__(self) -> None:
        super().__init__("Send an access token or a client's credentials in the Authorization header.")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (_challenge(BEARER),)


_REFUSED = (
    "The token or key is malformed, unknown, expired, revoked or not meant for this resource. "
    "The client's owner can look up the reason in the dashboard by this response's X-Request-Id."
)
_INVALID_TOKEN = f', error="invalid_token", error_description="{_REFUSED}"'


class InvalidTokenError(OAuthError):
    """RFC 6750 §3.1. Like InvalidClientError, it takes no description. scheme: the one that the request used."""

    error = "invalid_token"
    status = 401

    def __init__(self, reason: Reason, *, scheme: str = BEARER, client: RegisteredClient | None = None, credential_id: str = "") -> None:
        super().__init__(_REFUSED, reason=reason, client=client, credential_id=credential_id)
        self.scheme = scheme

    def under(self, scheme: str) -> "InvalidTokenError":
        return InvalidTokenError(self.reason, scheme=scheme, client=self.client, credential_id=self.credential_id)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (_challenge(self.scheme, _INVALID_TOKEN),)


class InvalidAPIKeyError(InvalidClientError):
    """A secret used as a bearer token: answered like InvalidTokenError, counted like InvalidClientError."""

    error = "invalid_token"

    def __init__(self, refused: InvalidClientError) -> None:
        super().__init__(
            refused.reason,
            client=refused.client,
            named_client_id=refused.named_client_id,
            secret_id=refused.secret_id,
            credential_id=refused.credential_id,
            is_proved=refused.is_proved,
        )
        self.description = _REFUSED

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (_challenge(BEARER, _INVALID_TOKEN),)


class InvalidDPoPProofAtResourceError(InvalidDPoPProofError):
    """RFC 9449 §7.1."""

    status = 401

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (_challenge(DPOP, f', error="{self.error}", error_description="{self.description}"'),)


class UseDPoPNonceAtResourceError(UseDPoPNonceError):
    """RFC 9449 §9."""

    status = 401

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (*super().headers, _challenge(DPOP, f', error="{self.error}", error_description="{self.description}"'))


class InsufficientScopeError(OAuthError):
    """RFC 6750 §3.1. required: as the API or proxy sent it; shown: as it may be stored. scheme: the one that the request used."""

    error = "insufficient_scope"
    status = 403

    def __init__(self, required: tuple[str, ...], *, shown: str, scheme: str, client: RegisteredClient, credential_id: str) -> None:
        demanded = " ".join(required)
        super().__init__(
            "The credentials are valid but lack a scope that is required here.",
            reason=reasons.INSUFFICIENT_SCOPE.say(required=shown),
            client=client,
            credential_id=credential_id,
        )
        self.required = demanded
        self.shown = shown
        self.scheme = scheme

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        # The required text may not be a scope at all. Only a well-formed one may go into a header, and only one that may be stored is repeated. Proxies don't
        # hold long headers.
        is_repeated = self.required == self.shown and len(self.required) <= MAX_REPEATED and parse_scope(self.required)
        scope = f', scope="{self.required}"' if is_repeated else ""
        return (_challenge(self.scheme, f', error="insufficient_scope"{scope}'),)


class _ForbiddenError(OAuthError):
    """The credentials are valid, and more scopes wouldn't help. RFC 6750 §3.1 has no better code. scheme: the one that the request used."""

    error = "insufficient_scope"
    status = 403

    def __init__(self, description: str, reason: Reason, *, scheme: str, client: RegisteredClient, credential_id: str) -> None:
        super().__init__(description, reason=reason, client=client, credential_id=credential_id)
        self.scheme = scheme

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (_challenge(self.scheme, f', error="{self.error}"'),)


class OtherEnvironmentError(_ForbiddenError):
    """A test client is used though a live one is required, or the other way round."""

    def __init__(self, *, scheme: str, client: RegisteredClient, credential_id: str) -> None:
        super().__init__(
            f"The credentials are valid, but they belong to a {client.environment} client, which may not call here.",
            reasons.OTHER_ENVIRONMENT.say(environment=client.environment),
            scheme=scheme,
            client=client,
            credential_id=credential_id,
        )


class ImpossibleDemandError(_ForbiddenError):
    """The gateway's requirements make no sense, so every caller is refused."""

    def __init__(self, reason: Reason, *, scheme: str, client: RegisteredClient, credential_id: str) -> None:
        super().__init__(
            "The credentials are valid, but no client can meet this requirement. The gateway is misconfigured.",
            reason,
            scheme=scheme,
            client=client,
            credential_id=credential_id,
        )
