"""Requests to the OpenID provider: its metadata (OpenID Connect Discovery 1.0 §4), tokens (Core 1.0 §3.1.3), keys (RFC 7517) and UserInfo (§5.3).

Everything that decides about access is requested for each sign-in, so it can't be out of date; all responses together must arrive within TIMEOUT. Only the
authorization endpoint is cached for some seconds, because anybody can cause that request, and only a few may talk to the provider at once.
"""

import json
import re
from base64 import b64encode
from functools import cached_property
from time import monotonic
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from clients.public_key import ParsedPublicKey, read_published_keys
from oauth.fetch import Answer, FetchError, send

TIMEOUT = 4.0
KNOWN_SECONDS = 5

# This process's cache, by issuer: the authorization endpoint, and the end of its caching.
known_endpoints: dict[str, tuple[str, float]] = {}

_FORM = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
# RFC 6750 §2.1; other characters could break out of the header.
_ACCESS_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")
# RFC 6749 §5.2
_ERROR = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]{1,100}")


class ProviderError(Exception):
    """The provider can't be reached, or its response is invalid. The text says what is wrong, for the operator's log, without tokens and codes."""


class Metadata(NamedTuple):
    """userinfo_endpoint: "" for none. sends_basic: how the client secret is sent to the token endpoint. names_issuer: RFC 9207 §3."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    sends_basic: bool
    names_issuer: bool


class Tokens(NamedTuple):
    id_token: str
    access_token: str


class Provider:
    """One conversation with the provider. Each method raises ProviderError."""

    def __init__(self) -> None:
        self._ends = monotonic() + TIMEOUT

    @cached_property
    def metadata(self) -> Metadata:
        document = self._get_object(settings.SSO_ISSUER.removesuffix("/") + "/.well-known/openid-configuration", "discovery document")
        # §4.3: otherwise one provider could speak for another.
        if document.get("issuer") != settings.SSO_ISSUER:
            raise ProviderError(f"the provider's discovery document is another issuer's: {_shown(document.get('issuer'))}. SSO_ISSUER must be exactly the same")
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not isinstance(methods, list) or not {"client_secret_basic", "client_secret_post"}.intersection(str(method) for method in methods):
            raise ProviderError("the provider's token endpoint doesn't accept a client secret by client_secret_basic or client_secret_post")
        return Metadata(
            _endpoint(document, "authorization_endpoint"),
            _endpoint(document, "token_endpoint"),
            _endpoint(document, "jwks_uri"),
            _endpoint(document, "userinfo_endpoint") if "userinfo_endpoint" in document else "",
            "client_secret_basic" in methods,
            document.get("authorization_response_iss_parameter_supported") is True,
        )

    def find_authorization_endpoint(self) -> str:
        endpoint = self.metadata.authorization_endpoint
        known_endpoints[settings.SSO_ISSUER] = endpoint, monotonic() + KNOWN_SECONDS
        return endpoint

    def exchange(self, code: str, *, redirect_uri: str, code_verifier: str) -> Tokens:
        """Core 1.0 §3.1.3.1, RFC 7636 §4.5."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": code_verifier}
        headers = dict(_FORM)
        if self.metadata.sends_basic:
            # RFC 6749 §2.3.1
            pair = f"{quote_plus(settings.SSO_CLIENT_ID)}:{quote_plus(settings.SSO_CLIENT_SECRET)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": settings.SSO_CLIENT_ID, "client_secret": settings.SSO_CLIENT_SECRET}
        answer = self._send("POST", self.metadata.token_endpoint, headers, urlencode(form).encode())
        document = _read_object(answer.body)
        if answer.status != 200:
            error = document.get("error") if document else None
            said = f" ({error})" if isinstance(error, str) and _ERROR.fullmatch(error) else ""
            raise ProviderError(f"the provider's token endpoint answered with status {answer.status}{said}")
        if document is None:
            raise ProviderError("the provider's token endpoint didn't return a JSON object")
        id_token, access_token, token_type = (document.get(name) for name in ("id_token", "access_token", "token_type"))
        if not isinstance(id_token, str):
            raise ProviderError("the provider's token endpoint returned no ID token. SSO_SCOPES must contain openid")
        if not isinstance(access_token, str) or not _ACCESS_TOKEN.fullmatch(access_token) or str(token_type).lower() != "bearer":
            raise ProviderError("the provider's token endpoint returned no bearer token")
        return Tokens(id_token, access_token)

    def keys(self) -> list[ParsedPublicKey]:
        answer = self._send("GET", self.metadata.jwks_uri, {"Accept": "application/jwk-set+json, application/json"})
        try:
            return read_published_keys(answer.body)
        except ValidationError:
            raise ProviderError(f"the provider's jwks_uri didn't return a JWK Set (status {answer.status})") from None

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """Core 1.0 §5.3.2; {} if the provider has none. The caller must still compare the subjects. Signed or encrypted UserInfo isn't accepted."""
        if not self.metadata.userinfo_endpoint:
            return {}
        return self._get_object(self.metadata.userinfo_endpoint, "UserInfo", Authorization=f"Bearer {access_token}")

    def _get_object(self, url: str, name: str, **headers: str) -> dict[str, Any]:
        answer = self._send("GET", url, {"Accept": "application/json", **headers})
        document = _read_object(answer.body) if answer.status == 200 else None
        if document is None:
            raise ProviderError(f"the provider's {name} isn't a JSON object (status {answer.status})")
        return document

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        left = self._ends - monotonic()
        if left <= 0:
            raise ProviderError(f"the provider took longer than {TIMEOUT:.0f} s")
        try:
            return send(method, url, headers=headers, body=body, ca_file=settings.SSO_CA, timeout=left)
        except FetchError as error:
            raise ProviderError(str(error)) from None


def known_authorization_endpoint() -> str:
    """The cached endpoint, "" if it has to be requested from the provider."""
    endpoint, ends = known_endpoints.get(settings.SSO_ISSUER, ("", 0.0))
    return endpoint if ends > monotonic() else ""


def authorization_url(endpoint: str, **parameters: str) -> str:
    """Core 1.0 §3.1.2.1."""
    return endpoint + ("&" if urlsplit(endpoint).query else "?") + urlencode({"response_type": "code", "client_id": settings.SSO_CLIENT_ID, **parameters})


def _read_object(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content.decode())
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _endpoint(document: dict[str, Any], name: str) -> str:
    """Return the URL if it uses TLS, which is required also for the browser's requests."""
    url = document.get(name)
    if not isinstance(url, str) or not re.fullmatch(r"https://[!-~]{1,2000}", url) or "#" in url:
        raise ProviderError(f"the {name} in the provider's discovery document isn't an https URL")
    return url


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return "".join(character if character.isprintable() else "?" for character in text[:200])
