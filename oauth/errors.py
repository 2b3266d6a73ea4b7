"""The errors of the endpoints and their responses. RFC 6749 §5.2, RFC 8707 §2, RFC 9449 §5 and §8. Those of protected resources are in oauth.resource_errors.

Each error has two texts: the description goes to the caller, the reason to the log and to the RecordedRequest that the client's owner finds by its request ID.
InvalidClientError takes no description, so that it can't say which part of a credential was wrong.
"""

from typing import ClassVar

from oauth import reasons
from oauth.reasons import Reason
from oauth.registration import RegisteredClient

REALM = "TokenOS"


class OAuthError(Exception):
    """description: only characters of RFC 6749 §5.2, so no quotes and no backslashes.

    client, credential_id: the request's sender, as far as known. named_client_id, secret_id: the IDs in the request, even if they don't exist.
    """

    error: ClassVar[str]
    status: int = 400

    def __init__(
        self,
        description: str,
        *,
        reason: Reason | None = None,
        client: RegisteredClient | None = None,
        named_client_id: str = "",
        secret_id: str = "",
        credential_id: str = "",
    ) -> None:
        super().__init__(description)
        self.description = description
        self.reason = reason or Reason(self.error, description)
        self.client = client
        self.named_client_id = named_client_id
        self.secret_id = secret_id
        self.credential_id = credential_id

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return ()


class InvalidRequestError(OAuthError):
    error = "invalid_request"


class InsecureTransportError(InvalidRequestError):
    """had_credentials: True if unsure."""

    def __init__(self, url: str, *, had_credentials: bool) -> None:
        refusal = reasons.CREDENTIALS_OVER_PLAIN_HTTP if had_credentials else reasons.PLAIN_HTTP
        leaked = " and treat the credentials that were sent without TLS as leaked" if had_credentials else ""
        super().__init__(f"The request came over plain HTTP. Use {url}{leaked}.", reason=refusal.say())


class ForeignHostError(InvalidRequestError):
    def __init__(self) -> None:
        super().__init__(
            "The Host of this request isn't a name of this server. Use the address that its administrator gave you.",
            reason=reasons.FOREIGN_HOST.say(),
        )


class ForeignPageError(InvalidRequestError):
    def __init__(self) -> None:
        super().__init__(
            "A web page of another site sent this request. Send it from a server: a client's credentials don't belong in a browser.",
            reason=reasons.FOREIGN_PAGE.say(),
        )


class CredentialsInQueryError(InvalidRequestError):
    """allowed: the endpoint's methods if the request's method is wrong as well."""

    def __init__(self, *, named_client_id: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(
            "Credentials must not be in the URL. Treat the ones that you sent as leaked, and send new ones in a header or the body.",
            reason=reasons.CREDENTIALS_IN_QUERY.say(),
            named_client_id=named_client_id,
        )
        self.allowed = allowed
        self.status = 405 if allowed else 400

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Allow", ", ".join(self.allowed)),) if self.allowed else ()


class MethodNotAllowedError(InvalidRequestError):
    status = 405

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"This endpoint accepts only {' and '.join(allowed)} requests.")
        self.allowed = allowed

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Allow", ", ".join(self.allowed)),)


class ContentTooLargeError(InvalidRequestError):
    status = 413

    def __init__(self) -> None:
        super().__init__("The body is longer than 64 KiB.")


class NotFoundError(InvalidRequestError):
    status = 404

    def __init__(self) -> None:
        super().__init__("There is no endpoint at this path. /.well-known/oauth-authorization-server lists the endpoints.")


class UnsupportedResponseTypeError(OAuthError):
    """RFC 6749 §4.1.2.1, for every response type."""

    error = "unsupported_response_type"

    def __init__(self) -> None:
        super().__init__("People can't sign in here: this server issues tokens to programs only. Use grant_type=client_credentials at the token endpoint.")


class UnsupportedGrantTypeError(OAuthError):
    error = "unsupported_grant_type"


class InvalidScopeError(OAuthError):
    error = "invalid_scope"


class InvalidTargetError(OAuthError):
    error = "invalid_target"


class InvalidDPoPProofError(OAuthError):
    """RFC 9449 §5. Like InvalidClientError, it takes no description."""

    error = "invalid_dpop_proof"

    def __init__(self, reason: Reason, *, client: RegisteredClient, credential_id: str) -> None:
        super().__init__(
            "The DPoP proof is missing, malformed, expired, used before, or not meant for this request.",
            reason=reason,
            client=client,
            credential_id=credential_id,
        )


class UseDPoPNonceError(OAuthError):
    """RFC 9449 §8. nonce: the one to use."""

    error = "use_dpop_nonce"

    def __init__(self, nonce: str, *, client: RegisteredClient, credential_id: str) -> None:
        super().__init__(
            "The DPoP proof needs the nonce in the DPoP-Nonce header.",
            reason=reasons.USE_DPOP_NONCE.say(),
            client=client,
            credential_id=credential_id,
        )
        self.nonce = nonce

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("DPoP-Nonce", self.nonce),)


class InvalidClientError(OAuthError):
    """is_proved: whether the sender proved a credential of the client and was refused for another reason."""

    error = "invalid_client"
    status = 401

    def __init__(
        self,
        reason: Reason,
        *,
        client: RegisteredClient | None = None,
        named_client_id: str = "",
        secret_id: str = "",
        credential_id: str = "",
        is_proved: bool = False,
    ) -> None:
        super().__init__(
            "Client authentication failed. The client's owner can look up the reason in the dashboard by this response's X-Request-Id.",
            reason=reason,
            client=client,
            named_client_id=named_client_id,
            secret_id=secret_id,
            credential_id=credential_id,
        )
        self.is_proved = is_proved

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("WWW-Authenticate", f'Basic realm="{REALM}", charset="UTF-8"'),)


class TooManyFailuresError(OAuthError):
    error = "invalid_client"
    status = 429

    def __init__(self, *, retry_after: int, client: RegisteredClient | None = None) -> None:
        super().__init__(
            f"Too many authentication attempts from this address have failed, for this client or in total. Wait {retry_after} s.",
            reason=reasons.THROTTLED.say(),
            client=client,
        )
        self.retry_after = retry_after

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", str(self.retry_after)),)


class TemporarilyUnavailableError(OAuthError):
    error = "temporarily_unavailable"
    status = 503

    def __init__(self, reason: Reason) -> None:
        super().__init__("The service is temporarily unavailable. Repeat the request after the time in Retry-After.", reason=reason)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("Retry-After", "2"),)


class ServerError(OAuthError):
    error = "server_error"
    status = 500

    def __init__(self) -> None:
        super().__init__("The server failed, and nothing was changed. Look up the cause in its log by this response's X-Request-Id.")
