"""Checks for settings that are valid alone but wrong together. An error prevents the start; make setup and make run show warnings.

They run with manage.py prepare and manage.py check; errors are also checked when gunicorn starts (refuse_mistakes).
"""

import os
import re
import ssl
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Advice
from django.http.request import validate_host

from dashboard.instance import environment

_LOOPBACK = ("127.", "::1", "localhost")


@register()
def check_settings(**_: Any) -> list[CheckMessage]:
    return [
        *_check_transport(),
        *_check_proxies(),
        *_check_hosts(),
        *_check_database(),
        *_check_lines(),
        *_check_keys(),
        *_check_debug(),
        *_check_single_sign_on(),
    ]


def _check_transport() -> list[CheckMessage]:
    """Without TLS and without a trusted proxy that does TLS, every request counts as plain HTTP and is refused.

    On a loopback address, such a server is only useless. On another one, callers would send their secrets in clear text before they are refused.
    """
    if settings.TLS or settings.TRUSTED_PROXIES or environment.is_socket(settings.HOST):
        return []
    hint = "Set TLS=on, or name the proxy that terminates TLS in TRUSTED_PROXIES, for example TRUSTED_PROXIES=127.0.0.1."
    if settings.HOST.startswith(_LOOPBACK):
        return [Advice("TLS is off and no proxy is trusted, so every request will be refused as plain HTTP.", hint=hint, id="dashboard.W001")]
    return [Error(f"TLS is off and no proxy is trusted, so secrets would reach {settings.HOST} in clear text.", hint=hint, id="dashboard.E001")]


def _check_proxies() -> list[CheckMessage]:
    everyone = [str(network) for network in settings.TRUSTED_PROXIES if network.prefixlen == 0]
    if not everyone:
        return []
    return [
        Error(
            f"TRUSTED_PROXIES contains {everyone[0]}, so anybody could claim any address, TLS, or any client certificate.",
            hint="List only the addresses of your proxies.",
            id="dashboard.E002",
        )
    ]


def _check_hosts() -> list[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        return [
            Advice(
                "ALLOWED_HOSTS contains *, so a stranger can choose the host name under which pages and tokens are served.",
                hint="List the hosts. “.example.com” stands for that domain and every name below it. /healthz, /readyz and /metrics answer under any name.",
                id="dashboard.W002",
            )
        ]
    host = environment.host(settings.ISSUER_URL)
    if not validate_host(host, settings.ALLOWED_HOSTS):
        return [
            Advice(
                f"ALLOWED_HOSTS lacks {host}, the host of ISSUER_URL, so pages and tokens are refused at the issuer's own address.",
                hint=f"Add {host} to ALLOWED_HOSTS.",
                id="dashboard.W003",
            )
        ]
    return []


def _check_database() -> list[CheckMessage]:
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        return []
    folder = Path(database["NAME"]).parent
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    return [
        Error(
            f"The database in {folder} isn't writable.",
            hint="Create that folder and let the user that runs TokenOS write to it, or set DATA_DIR or DATABASE_URL to another place.",
            id="dashboard.E003",
        )
    ]


def _check_lines() -> list[CheckMessage]:
    """Finds connections to other machines in clear text. Only these three modes of PostgreSQL require TLS."""
    found: list[CheckMessage] = []
    database, cache = settings.DATABASES["default"], urlsplit(str(settings.CACHES["default"].get("LOCATION", "")))
    hosts = str(database.get("OPTIONS", {}).get("host") or database.get("HOST") or "").split(",")
    insists = database.get("OPTIONS", {}).get("sslmode") in ("require", "verify-ca", "verify-full")
    if database["ENGINE"].endswith("postgresql") and not insists and (far := _find_far(hosts)):
        hint = "Add sslmode to DATABASE_URL: ?sslmode=verify-full&sslrootcert=/path/to/ca.pem, or at least ?sslmode=require."
        found.append(Advice(f"PostgreSQL on {far} may be reached without TLS, so anybody on the network can read the data.", hint=hint, id="dashboard.W006"))
    if cache.scheme == "redis" and (far := _find_far([cache.hostname or ""])):
        hint = "Turn on TLS in Redis, and begin CACHE_URL with rediss://."
        found.append(Advice(f"Redis on {far} is reached without TLS, so anybody on the network can read its password.", hint=hint, id="dashboard.W007"))
    if "smtp" in settings.EMAIL_BACKEND and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL) and (far := _find_far([settings.EMAIL_HOST])):
        hint = "Begin EMAIL_URL with smtp+tls:// or smtp+ssl://."
        found.append(Advice(f"Mail goes to {far} without TLS, so anybody on the network can read links that set a password.", hint=hint, id="dashboard.W008"))
    return found


def _find_far(hosts: Sequence[str]) -> str | None:
    """The first host that isn't this machine. A name that is empty or begins with a slash is a Unix socket."""
    return next((host for host in hosts if host and not host.startswith("/") and not _is_loopback(host)), None)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _check_keys() -> list[CheckMessage]:
    if settings.SECRET_KEY not in settings.KEY_ENCRYPTION_KEYS:
        return []
    return [
        Error(
            "SECRET_KEY is also in KEY_ENCRYPTION_KEYS, so one leak would reveal both, and neither could be changed alone.",
            hint="Change SECRET_KEY to another random value. Everybody will have to sign in again.",
            id="dashboard.E004",
        )
    ]


def _check_debug() -> list[CheckMessage]:
    if not settings.DEBUG or settings.HOST.startswith(_LOOPBACK):
        return []
    return [
        Error(
            f"DEBUG is on, so anybody who can reach {settings.HOST} could read settings and data on error pages.",
            hint="Set DEBUG=off, or HOST=127.0.0.1.",
            id="dashboard.E005",
        )
    ]


def _check_single_sign_on() -> list[CheckMessage]:
    if not settings.SSO_ISSUER:
        if not (settings.SSO_CLIENT_ID or settings.SSO_CLIENT_SECRET or settings.SSO_ROLES or settings.SSO_DOMAINS):
            return []
        hint = "Set it to the issuer of your OpenID provider, or remove the other variables that begin with SSO_."
        return [Advice("SSO_ISSUER is empty, so there is no single sign-on.", hint=hint, id="dashboard.W004")]
    return [*_find_errors_in_single_sign_on(), *_find_advice_on_single_sign_on()]


def _find_errors_in_single_sign_on() -> list[CheckMessage]:
    found: list[CheckMessage] = []
    missing = [name for name in ("SSO_CLIENT_ID", "SSO_CLIENT_SECRET") if not getattr(settings, name)]
    if missing:
        hint = "Register TokenOS at your OpenID provider as a confidential web application. It gives you both values."
        found.append(Error(f"SSO_ISSUER is set without {' and '.join(missing)}.", hint=hint, id="dashboard.E006"))
    host, tenant = _microsoft_tenant(settings.SSO_ISSUER)
    if tenant in ("common", "organizations", "consumers"):
        hint = f"Use your own tenant: SSO_ISSUER=https://{host}/TENANT/v2.0, with its ID, which Entra shows as “Directory (tenant) ID”."
        found.append(Error(f"SSO_ISSUER names {tenant}, which stands for all tenants, but tokens name a specific tenant.", hint=hint, id="dashboard.E009"))
    if "openid" not in settings.SSO_SCOPES:
        hint = "Begin it with openid, for example SSO_SCOPES=openid email profile groups. Separate scopes by spaces."
        found.append(Error("SSO_SCOPES lacks openid, so the provider wouldn't say who the user is.", hint=hint, id="dashboard.E007"))
    if settings.SSO_CA and not _holds_certificates(settings.SSO_CA):
        hint = "Name a PEM file with the CA that issued the provider's certificate. The user that runs TokenOS must be able to read it."
        found.append(Error(f"SSO_CA names {settings.SSO_CA}, but no certificate can be read there.", hint=hint, id="dashboard.E008"))
    return found


def _microsoft_tenant(issuer: str) -> tuple[str, str]:
    """The host of an issuer and its tenant, in lower case; ("", "") for an issuer that isn't Microsoft's."""
    parts = urlsplit(issuer.lower())
    host = parts.hostname or ""
    return (host, parts.path.split("/")[1] if parts.path else "") if re.search(r"(^|\.)microsoftonline\.(com|us|cn)$", host) else ("", "")


def _find_advice_on_single_sign_on() -> list[CheckMessage]:
    if settings.SSO_ROLES:
        return []
    hint = "Give groups roles, for example SSO_ROLES=devs=demo:developer."
    return [Advice("SSO_ROLES is empty, so single sign-on only lets in people who already have an account.", hint=hint, id="dashboard.W005")]


def _holds_certificates(file: str) -> bool:
    try:
        return ssl.create_default_context(cafile=file).cert_store_stats()["x509"] > 0
    except (OSError, ValueError):
        return False


def describe(messages: Sequence[CheckMessage]) -> str:
    return "\n".join(" ".join(part for part in (message.msg, message.hint, f"({message.id})") if part) for message in messages)


def refuse_mistakes() -> None:
    """End the process with one line for each error. It is for gunicorn, which doesn't run Django's checks, and works before Django is set up."""
    errors = [message for message in check_settings() if message.is_serious()]
    if errors:
        sys.exit(describe(errors))
