"""The only table of the errors that a caller may get, with the status, the cause and the advice for each.

It is Markdown, because make docs writes docs/errors.md from it. The reasons, which only the client's owner sees, are in oauth.reasons.
"""

from typing import NamedTuple


class ErrorCode(NamedTuple):
    status: int
    error: str
    when: str
    what_to_do: str


ERROR_CODES = (
    ErrorCode(
        400,
        "invalid_request",
        "a parameter is missing, repeated or malformed; two authentication methods at once; credentials in the URL; "
        "the request came over plain HTTP, or under a name that isn't in `ALLOWED_HOSTS`",
        "correct the request; the description says how. If credentials were in the URL or came without TLS, treat them as leaked: rotate",
    ),
    ErrorCode(
        400,
        "unsupported_grant_type",
        "`grant_type` isn't `client_credentials`",
        "send `grant_type=client_credentials`",
    ),
    ErrorCode(
        400,
        "unsupported_response_type",
        "a program sent a person to `/oauth2/authorize`, where nobody signs in",
        "set it up with client credentials, and have it use the token endpoint",
    ),
    ErrorCode(
        400,
        "invalid_scope",
        "the scope is malformed, unknown, or not one of the client's",
        "request less, or leave `scope` out to get all of the client's scopes",
    ),
    ErrorCode(
        400,
        "invalid_dpop_proof",
        "token endpoint: the DPoP proof is missing although the client needs one, malformed, expired, used before, or for another request",
        "make a new proof for each request, even for a repeated one",
    ),
    ErrorCode(
        400,
        "use_dpop_nonce",
        "token endpoint, with `DPOP_NONCE=on`: the proof has no nonce or an old one",
        "repeat the request with a new proof that has the nonce from `DPoP-Nonce`",
    ),
    ErrorCode(
        400,
        "invalid_target",
        "`resource` isn't one of the client's audiences",
        "leave `resource` out, or give the client that audience in its settings",
    ),
    ErrorCode(
        401,
        "invalid_client",
        "the credentials are missing, unknown, wrong, expired or revoked; the client is disabled or may not use this method",
        "don't repeat the request. [Find the reason](#find-the-reason)",
    ),
    ErrorCode(
        401,
        "invalid_token",
        "`/api/v1` and gateway: the token or key is malformed, unknown, expired, revoked, or for another resource",
        "get a new token and try once more",
    ),
    ErrorCode(
        401,
        "invalid_dpop_proof",
        "`/api/v1` and gateway: the DPoP proof for the token is missing, malformed, expired, used before, or for another request",
        "make a new proof for each request",
    ),
    ErrorCode(
        401,
        "use_dpop_nonce",
        "`/api/v1` and gateway, with `DPOP_NONCE=on`: the proof has no nonce or an old one",
        "repeat the request with a new proof that has the nonce from `DPoP-Nonce`",
    ),
    ErrorCode(
        403,
        "insufficient_scope",
        "`/api/v1` and gateway: the credentials are valid but lack a scope; gateway: "
        "a test client called where a live one is required, or the other way round, or the proxy's requirement is invalid",
        "get a token with the scope that `WWW-Authenticate` names; if it names none, "
        "call with a client of the other environment, or correct the proxy: [find the reason](#find-the-reason)",
    ),
    ErrorCode(
        404,
        "invalid_request",
        "there is no endpoint at this path",
        "use the paths in `/.well-known/oauth-authorization-server`",
    ),
    ErrorCode(
        405,
        "invalid_request",
        "the wrong method; `Allow` names the right one",
        "POST for `/oauth2/…`, GET for the rest. If credentials were in the URL, treat them as leaked: rotate",
    ),
    ErrorCode(
        413,
        "invalid_request",
        "the body is over 64 KiB",
        "send less",
    ),
    ErrorCode(
        429,
        "invalid_client",
        "too many authentication attempts from this address have failed, for this client or in total",
        "correct the credentials, then wait for as many seconds as `Retry-After` says",
    ),
    ErrorCode(
        500,
        "server_error",
        "the server failed; nothing was changed",
        "repeat once; if it happens again, report it with the `X-Request-Id`",
    ),
    ErrorCode(
        503,
        "temporarily_unavailable",
        "the database can't be reached, or no key can sign; `/oauth2/revoke`: the client has revoked 20,000 tokens in this hour, and this one is still valid",
        "repeat after as many seconds as `Retry-After` says",
    ),
)
