"""The fields of a client, their defaults and their limits."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from clients.models import Client, Scope, Workspace
from clients.models.client import MAX_TOKEN_LIFETIME, MIN_TOKEN_LIFETIME, SECRET_METHODS
from clients.policy import ClientPolicy
from clients.secret import generate_client_id
from clients.services.audiences import require_own_audiences
from clients.services.audit import Actor
from clients.services.entered_values import clean_networks, clean_resource_uri, clean_text, require_plain_uris
from clients.tls_subject import clean_tls_subject

MAX_LIST_LENGTH = 50
MAX_SCOPES_AND_AUDIENCES = 4000


def _check_lengths(**lists: Sequence[str]) -> None:
    for name, values in lists.items():
        if len(values) > MAX_LIST_LENGTH:
            raise ValidationError(f"{len(values):,} {name} are too many. Use at most {MAX_LIST_LENGTH}.", code="too_many")


def _check_token_size(scopes: Sequence[str], audiences: Sequence[str]) -> None:
    """A token contains all scopes and audiences, and it must fit into a header field."""
    length = sum(map(len, [*scopes, *audiences]))
    if length > MAX_SCOPES_AND_AUDIENCES:
        raise ValidationError(
            f"Scopes and audiences have {length:,} characters together, too many for a token. Use at most {MAX_SCOPES_AND_AUDIENCES:,}.", code="too_long"
        )


def clean_scopes(workspace: Workspace, scopes: Sequence[str]) -> list[str]:
    known = set(Scope.objects.filter(workspace=workspace).values_list("name", flat=True))
    unknown = [scope for scope in scopes if scope not in known]
    if unknown:
        raise ValidationError(
            f"{workspace.slug} has no scope {', '.join(scope[:40] for scope in unknown[:5])}. It has {', '.join(sorted(known)[:50])}.", code="unknown_scope"
        )
    return list(dict.fromkeys(scopes))


def _clean_auth_methods(methods: Sequence[str]) -> list[str]:
    unknown = [method for method in methods if method not in Client.AuthMethod.values]
    if unknown:
        raise ValidationError(f"“{unknown[0][:40]}” isn't an authentication method. Choose from {', '.join(Client.AuthMethod.values)}.", code="unknown_method")
    return list(dict.fromkeys(str(method) for method in methods))


def default_auth_methods(policy: ClientPolicy, fields: "EditableFields", *, public_keys: bool = False, certificates: bool = False) -> list[str]:
    """Both ways to send a secret if the workspace allows them, and the methods of the given credentials."""
    given = {
        Client.AuthMethod.PRIVATE_KEY_JWT: public_keys or bool(fields.get("jwks_uri")),
        Client.AuthMethod.TLS_CLIENT_AUTH: bool(fields.get("tls_subject_type")),
        Client.AuthMethod.SELF_SIGNED_TLS_CLIENT_AUTH: certificates,
    }
    methods = [*policy.permit_auth_methods(SECRET_METHODS), *(method for method, is_given in given.items() if is_given)]
    if not methods:
        raise ValidationError(
            f"{policy.workspace} allows only {' and '.join(policy.allowed_auth_methods)}. Give the client a key, a certificate or a certificate subject.",
            code="against_policy",
        )
    return methods


def require_method(auth_methods: Sequence[str], method: Client.AuthMethod, what: str) -> None:
    """Raise ValidationError if a client is given what but not the method that uses it: it would be useless."""
    if method not in auth_methods:
        raise ValidationError(
            f"A {what} needs {method.value}, which isn't one of the client's methods. Add that method, or leave out the {what}.", code="unused"
        )


def clean_jwks_uri(uri: str) -> str:
    """Raise ValidationError if keys can't be fetched from such a URI."""
    try:
        parts = urlsplit(uri)
        valid = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or len(uri) > 512 or "#" in uri or "\\" in uri or " " in uri or not uri.isascii() or not uri.isprintable():
        raise ValidationError(
            "The JWK Set's URI must be an https URL without user, password or fragment, for example https://billing.example.com/jwks.json.",
            code="invalid_jwks_uri",
        )
    return uri


def clean_subject(fields: Mapping[str, Any], auth_methods: Sequence[str]) -> tuple[str, str]:
    """The kind and the value, both "" if the client has no subject. fields: as in EditableFields. Raise ValidationError, also if the subject would never be
    used.
    """
    subject_type, subject = fields.get("tls_subject_type", ""), fields.get("tls_subject", "")
    if not subject_type and not subject:
        if Client.AuthMethod.TLS_CLIENT_AUTH in auth_methods:
            raise ValidationError("tls_client_auth needs the subject of the client's certificate, for example san_dns:billing.example.com.", code="required")
        return "", ""
    cleaned = clean_tls_subject(subject_type, subject)
    if not fields.get("require_certificate"):
        # With require_certificate, tokens are bound to certificates with that subject, with any method.
        require_method(auth_methods, Client.AuthMethod.TLS_CLIENT_AUTH, "certificate subject")
    return subject_type, cleaned


def require_use_of_jwks_uri(fields: Mapping[str, Any], auth_methods: Sequence[str]) -> None:
    """Raise ValidationError if no method would use the keys at its jwks_uri."""
    if fields.get("jwks_uri"):
        require_method(auth_methods, Client.AuthMethod.PRIVATE_KEY_JWT, "jwks_uri")


def _clean_token_lifetime(lifetime: timedelta) -> int:
    if not MIN_TOKEN_LIFETIME <= lifetime <= MAX_TOKEN_LIFETIME:
        raise ValidationError(f"A token lifetime of {int(lifetime.total_seconds())} s is out of range. Use 60 to 86400 seconds.", code="invalid_token_lifetime")
    return int(lifetime.total_seconds())


def describe(client: Client) -> dict[str, object]:
    """The facts that the audit log shows about a client."""
    return {
        "name": client.name,
        "environment": client.environment,
        "status": client.status,
        "description": client.description,
        "contact": client.contact,
        "tags": client.tags,
        "auth_methods": client.auth_methods,
        "scopes": client.scopes,
        "audiences": client.audiences,
        "allowed_networks": client.allowed_networks,
        "token_lifetime": client.token_lifetime,
        "jwks_uri": client.jwks_uri,
        "tls_subject_type": client.tls_subject_type,
        "tls_subject": client.tls_subject,
        "require_dpop": client.require_dpop,
        "require_certificate": client.require_certificate,
    }


class EditableFields(TypedDict, total=False):
    """The fields of a client, besides its name, that can be set and changed later. Each has a default; scopes are names, in the order in which a token has
    them.

    tls_subject_type: a name from RFC 8705 §2.1.2.
    """

    auth_methods: Sequence[str]
    scopes: Sequence[str]
    audiences: Sequence[str]
    allowed_networks: Sequence[str]
    token_lifetime: timedelta
    jwks_uri: str
    tls_subject_type: str
    tls_subject: str
    require_dpop: bool
    require_certificate: bool
    description: str
    contact: str
    tags: Sequence[str]


class ClientFields(EditableFields, total=False):
    """The environment can't be changed after the client is made, because its secrets contain it."""

    environment: str


def clean_fields(policy: ClientPolicy, name: str, fields: EditableFields, *, kept_audiences: Collection[str] = ()) -> dict[str, Any]:
    """The columns of a client with these fields. Doesn't check whether the workspace has the scopes. Raise ValidationError.

    kept_audiences: those that it already has, which may break rules for new ones.
    """
    auth_methods = fields["auth_methods"] if "auth_methods" in fields else default_auth_methods(policy, fields)
    scopes, audiences = fields.get("scopes", ()), fields.get("audiences", ())
    networks, tags = fields.get("allowed_networks", ()), fields.get("tags", ())
    if not auth_methods:
        raise ValidationError(f"A client needs an authentication method. Choose from {', '.join(Client.AuthMethod.values)}.", code="required")
    _check_lengths(scopes=scopes, audiences=audiences, ranges=networks, tags=tags)
    _check_token_size(scopes, audiences)
    auth_methods = _clean_auth_methods(auth_methods)
    tls_subject_type, tls_subject = clean_subject(fields, auth_methods)
    require_use_of_jwks_uri(fields, auth_methods)
    return {
        "name": clean_text(name, field="name", max_length=100),
        "description": clean_text(fields.get("description", ""), field="description", max_length=1000, required=False),
        "contact": clean_text(fields.get("contact", ""), field="contact", max_length=254, required=False),
        "tags": list(dict.fromkeys(clean_text(tag, field="tag", max_length=40) for tag in tags)),
        "auth_methods": auth_methods,
        "scopes": list(scopes),
        "audiences": list(dict.fromkeys(uri if uri in kept_audiences else clean_resource_uri(uri) for uri in audiences)),
        "allowed_networks": clean_networks(networks),
        "token_lifetime": _clean_token_lifetime(fields.get("token_lifetime", policy.default_token_lifetime)),
        "jwks_uri": clean_jwks_uri(fields["jwks_uri"]) if "jwks_uri" in fields else "",
        "tls_subject_type": tls_subject_type,
        "tls_subject": tls_subject,
        "require_dpop": fields.get("require_dpop", False),
        "require_certificate": fields.get("require_certificate", False),
    }


def build_client(*, workspace: Workspace, name: str, actor: Actor, now: datetime, **fields: Unpack[ClientFields]) -> Client:
    """An unsaved client whose scopes haven't been checked yet."""
    policy = ClientPolicy.of(workspace)
    environment = fields.get("environment", Client.Environment.LIVE)
    if environment not in Client.Environment.values:
        raise ValidationError(f"“{environment[:40]}” isn't an environment. Choose live or test.", code="unknown_environment")
    client = Client(
        client_id=generate_client_id(),
        workspace=workspace,
        environment=str(environment),
        created_at=now,
        created_by=actor.name[:254],
        **clean_fields(policy, name, fields),
    )
    require_policy(client, policy)
    require_plain_uris(client.audiences)
    require_own_audiences(workspace, client.audiences)
    return client


def require_policy(client: Client, policy: ClientPolicy) -> None:
    """Raise ValidationError if the client breaks its workspace's rules."""
    policy.require_auth_methods(client.auth_methods)
    policy.require_token_lifetime(client.token_lifetime)
