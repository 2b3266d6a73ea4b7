"""A summary of the form for a new client, in plain words, and the command that does the same."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from clients.audience import workspace_audience
from clients.duration import NO_END, format_duration
from clients.models import Client
from clients.models.client import SECRET_METHODS
from clients.policy import ClientPolicy
from clients.tls_subject import spell_subject_type
from dashboard.client.fields import say_token_lifetime
from dashboard.clients.create.forms import ASSERTION, BY_SUBJECT, MTLS, SECRET, NewClientForm
from dashboard.frame.snippets.highlighting import Highlighted, highlight
from dashboard.frame.snippets.same_command import write_command

_SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Preview:
    """namesake: the ID of another client with that name. credentials: sentences. warnings: points to check first. command: for a shell."""

    name: str
    environment: str
    namesake: str
    scopes: list[str]
    method: str
    ends_at: Any
    has_end: bool
    credentials: list[str]
    problems: list[str]
    warnings: list[str]
    token_lifetime: str
    audiences: list[str]
    networks: list[str]
    bound_to: list[str]
    command: Highlighted


def preview(form: NewClientForm) -> Preview:
    """form: bound. Invalid entries are left out, except those about keys and certificates."""
    form.is_valid()
    entries = form.cleaned_data
    lifetime = entries.get("lifetime")
    name = entries.get("name", "")
    namesake = Client.objects.filter(workspace=form.workspace, name=name).values_list("client_id", flat=True).first() if name else None
    pasted = {ASSERTION: "public_key", MTLS: "credential_certificate"}.get(entries.get("method", ""), "")
    has_pasted = bool(pasted and form.data.get(pasted, "").strip())
    return Preview(
        name=name,
        environment=entries.get("environment", ""),
        namesake=namesake or "",
        scopes=entries.get("scopes", []),
        method=entries.get("method", ""),
        ends_at=form.now + lifetime if lifetime not in (None, NO_END) else None,
        has_end=lifetime != NO_END,
        credentials=_describe_credentials(entries),
        problems=[str(problem) for problem in form.errors.get(pasted) or ()] if has_pasted else [],
        warnings=_warn(form),
        token_lifetime=say_token_lifetime(entries["token_lifetime"]) if "token_lifetime" in entries else "",
        audiences=entries.get("audiences") or [workspace_audience(form.workspace.slug)],
        networks=entries.get("allowed_networks", []),
        bound_to=[words for field, words in (("require_dpop", "a key, by DPoP"), ("require_certificate", "a certificate")) if entries.get(field)],
        command=highlight(_write_command(form), "curl"),
    )


def _describe_credentials(entries: dict[str, Any]) -> list[str]:
    keys = [f"Public key {key.kid}, {_algorithm(key.algorithm, key.public_jwk)}" for key in entries.get("keys", [])]
    certificates = [f"Certificate of {one.subject or 'no subject'}, until {one.expires_at:%-d %b %Y}" for one in entries.get("certificates", [])]
    published = [f"Public keys from {entries['jwks_uri']}"] if entries.get("jwks_uri") else []
    subject = [f"Any certificate for {entries['tls_subject']} from a trusted CA"] if entries.get("tls_subject") else []
    return [*keys, *published, *certificates, *subject]


def _algorithm(algorithm: str, jwk: dict[str, str]) -> str:
    """The key's algorithm, such as “ES256, P-256”, or “RSA, 3,072 bits” if it may use any algorithm."""
    if jwk["kty"] != "RSA":
        return f"{algorithm}, {jwk['crv']}"
    # base64url has 4 characters for 3 bytes.
    bits = len(jwk["n"]) * 6 // 8 * 8
    return f"{algorithm or 'RSA, any of its algorithms'}, {bits:,} bits"


def _warn(form: NewClientForm) -> list[str]:
    ending = [one for one in form.cleaned_data.get("certificates", []) if one.expires_at - form.now < _SOON]
    return [f"This certificate expires on {one.expires_at:%-d %b %Y}, within 30 days. Have the next one ready." for one in ending]


def _write_command(form: NewClientForm) -> str:
    """Write manage.py create_client with the options that differ from its defaults."""
    entries = form.cleaned_data
    words = [("--workspace", form.workspace.slug), ("--name", entries.get("name") or "NAME"), ("--environment", entries.get("environment") or "live")]
    words += [("--contact", entries["contact"])] if entries.get("contact") else []
    words += [("--auth-method", str(method)) for method in _methods_to_say(form)]
    words += [("--public-key", "public.pem")] if entries.get("keys") else []
    words += [("--jwks-uri", entries["jwks_uri"])] if entries.get("jwks_uri") else []
    words += [("--certificate", "client.pem")] if entries.get("certificates") else []
    if entries.get("certificate_by") == BY_SUBJECT and entries.get("tls_subject"):
        words.append(("--tls-subject", f"{spell_subject_type(entries['tls_subject_type'])}:{entries['tls_subject']}"))
    words += [("--scope", " ".join(entries["scopes"]))] if entries.get("scopes") else []
    words += [("--audience", audience) for audience in entries.get("audiences", [])]
    words += [("--allow-ip", network) for network in entries.get("allowed_networks", [])]
    lifetime = entries.get("lifetime")
    if lifetime is not None:
        words.append(("--secret-expires-in", "never" if lifetime == NO_END else format_duration(lifetime)))
    default = ClientPolicy.of(form.workspace).default_token_lifetime.total_seconds()
    words += [("--token-lifetime", str(entries["token_lifetime"]))] if entries.get("token_lifetime", default) != default else []
    words += [("--description", entries["description"])] if entries.get("description") else []
    words += [("--tag", tag) for tag in entries.get("tags", [])]
    flags = [option for field, option in (("require_dpop", "--require-dpop"), ("require_certificate", "--require-certificate")) if entries.get(field)]
    return write_command("create_client", options=words, flags=flags)


def _methods_to_say(form: NewClientForm) -> list[str]:
    """The methods for the command; empty if they are its defaults."""
    methods = list(form.cleaned_data.get("auth_methods", []))
    default = ClientPolicy.of(form.workspace).permit_auth_methods(SECRET_METHODS)
    return [] if form.cleaned_data.get("method") == SECRET and methods == default else methods
