"""What a caller may be answered instead of what it asked for: each error with its status, when that happens, and what to do. The one table of them.

Markdown, as docs/errors.md has it, which is made from here (make docs). The reasons, which only the client's owner learns, are in oauth.reasons.
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
        "the scope is malformed, unknown, or not the client's",
        "ask for less, or leave `scope` out for all that the client has",
    ),
    ErrorCode(
        400,
        "invalid_dpop_proof",
        "token endpoint: the DPoP proof is missing where the client needs one, malformed, expired, used before, or for another request",
        "make a new proof for each request, even a repeated one",
    ),
    ErrorCode(
        400,
        "use_dpop_nonce",
        "token endpoint, with `DPOP_NONCE=on`: the proof lacks a nonce, or has an old one",
        "repeat it with a new proof that holds the nonce in `DPoP-Nonce`",
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
        "no, unknown or wrong credentials; they are expired or revoked; the client is disabled or may not use this method",
        "don't repeat it. [Find the reason](#find-the-reason)",
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
        "`/api/v1` and gateway: the same of a proof that comes with a token",
        "make a new proof for each request",
    ),
    ErrorCode(
        401,
        "use_dpop_nonce",
        "`/api/v1` and gateway: the same",
        "repeat it with a new proof that holds the nonce in `DPoP-Nonce`",
    ),
    ErrorCode(
        403,
        "insufficient_scope",
        "`/api/v1` and gateway: the credentials are good, but lack a scope; gateway: "
        "they are a test client's where live ones are demanded, or the other way round, or what the proxy demands makes no sense",
        "get a token with the scope that `WWW-Authenticate` names; if it names none, "
        "call with a client of the other environment, or correct the proxy: [find the reason](#find-the-reason)",
    ),
    ErrorCode(
        404,
        "invalid_request",
        "there is no endpoint at this path",
        "take the paths from `/.well-known/oauth-authorization-server`",
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
        "too many failed authentications of this client from this address, or from this address whatever the client",
        "correct the credentials, then wait for the seconds in `Retry-After`",
    ),
    ErrorCode(
        500,
        "server_error",
        "a fault of ours; nothing was changed",
        "repeat once; report it with the `X-Request-Id`",
    ),
    ErrorCode(
        503,
        "temporarily_unavailable",
        "the database can't be reached, or no key can sign; `/oauth2/revoke`: the client has revoked 20,000 tokens in this hour, and this one lives on",
        "repeat after the seconds in `Retry-After`",
    ),
)
