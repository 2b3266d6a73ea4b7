"""Typed readers of environment variables and of the .env file.

Each raises ImproperlyConfigured with one sentence that names the variable and the allowed values, and never repeats a value that may be secret.
"""

import os
import re
from collections.abc import Collection
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_LINE = re.compile(r"\s*(#.*)?|\s*(export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=[^\0]*")
_SENDER = re.compile(r"[^\s<>@]+@[^\s<>@]+|[^<>@\r\n]+ <[^\s<>@]+@[^\s<>@]+>")
# Segments of unreserved characters (RFC 3986 §2.3). None begins with a dot: . and .. are removed on the way, and .well-known is reserved.
_ISSUER_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_env = environ.Env()

# The names of the variables that were read. Once settings.py is imported, these are all that exist.
read_names: set[str] = set()

# Headers in which a proxy passes on its caller's certificate, each in its own format: dashboard/server/forwarded_certificate.py.
CLIENT_CERT_HEADERS = ("Client-Cert", "X-SSL-Client-Cert", "SSL-Client-Cert", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert")


def read_file(file: Path) -> None:
    """Put the assignments of a .env file into os.environ, except variables that are already set. Without a file there is no effect."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{file} can't be read ({type(error).__name__}). It must be a UTF-8 text file that you may read.") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if not _LINE.fullmatch(line):
            raise ImproperlyConfigured(f"{file}, line {number}, isn't NAME=value. Correct it, or put # before it.")
    environ.Env.read_env(str(file), overwrite=False)


def find_mistakes(file: Path, names: Collection[str]) -> list[str]:
    """One sentence for each line of a .env file that read_file accepts but that has no effect. names: those of the existing variables.

    A name that isn't similar to any of them may be the operator's own, for another program.
    """
    found: list[str] = []
    first_line: dict[str, int] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines() if file.is_file() else (), start=1):
        match = _LINE.fullmatch(line)
        name = match["name"] if match else None
        if name is None:
            continue
        if name in first_line:
            found.append(f"{file}, line {number}: {name} is set twice. Line {first_line[name]} counts; remove one of them.")
        first_line.setdefault(name, number)
        meant = None if name in names else _find_alike(name, names)
        if meant is not None:
            found.append(f"{file}, line {number}: TokenOS has no variable {name}. Did you mean {meant}?")
    return found


def _find_alike(name: str, names: Collection[str]) -> str | None:
    swapped = [other for other in names if sorted(other) == sorted(name.upper())]
    return next(iter(swapped or get_close_matches(name.upper(), names, n=1, cutoff=0.75)), None)


def text(name: str, *, default: str) -> str:
    read_names.add(name)
    return os.environ.get(name, "").strip() or default


def is_socket(host: str) -> bool:
    """Whether the host is a Unix socket."""
    return host.startswith("unix:")


def listening(name: str, *, default: str) -> str:
    """Read an address, or unix: followed by the path of a socket."""
    value = text(name, default=default)
    # The kernel's limit.
    if is_socket(value) and not (value.startswith("unix:/") and len(os.fsencode(value)) <= len("unix:") + 107):
        raise ImproperlyConfigured(
            f"{name} must be an address, or unix: followed by an absolute path of up to 107 characters, for example unix:/run/tokenos/tokenos.sock."
        )
    return value


def _say_given(value: str) -> str:
    """A longer value may have been meant for another variable and may be secret."""
    return f", not “{value}”" if len(value) <= 12 and value.isprintable() else ""


def integer(name: str, *, default: int, least: int, most: int) -> int:
    value = text(name, default=str(default))
    if not re.fullmatch(r"\d{1,10}", value) or not least <= int(value) <= most:
        raise ImproperlyConfigured(f"{name} must be a whole number from {least} to {most}, for example {default}{_say_given(value)}.")
    return int(value)


def switch(name: str, *, default: bool) -> bool:
    value = text(name, default="on" if default else "off").lower()
    if value not in ("on", "off"):
        raise ImproperlyConfigured(f"{name} must be on or off{_say_given(value)}.")
    return value == "on"


def choice(name: str, *, default: str, of: tuple[str, ...]) -> str:
    value = text(name, default=default)
    found = next((one for one in of if one.lower() == value.lower()), None)
    if found is None:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(of)}{_say_given(value)}.")
    return found


def words(name: str, *, default: str) -> list[str]:
    return [word.strip() for word in text(name, default=default).split(",") if word.strip()]


def path(name: str, *, default: str, base: Path) -> Path:
    try:
        return (base / Path(text(name, default=default)).expanduser()).resolve()
    except RuntimeError:
        raise ImproperlyConfigured(f"{name} begins with ~ and an unknown user name. Use an absolute path, for example /var/lib/tokenos.") from None


def networks(name: str, *, default: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(word) for word in words(name, default=default)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Use addresses or ranges such as 10.0.0.0/8, separated by commas.") from None


def issuer(name: str, *, default: str) -> str:
    """RFC 8414 §2: an https URL without query or fragment; here also without a trailing slash, and with a path that has only one spelling."""
    value = text(name, default=default)
    try:
        parts = urlsplit(value)
        valid = parts.scheme == "https" and bool(parts.hostname) and not parts.username and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or "?" in value or "#" in value or value.endswith("/") or not value.isascii() or re.search(r"[\s\"\\]", value):
        # A value with @ may contain a password.
        given = f", not “{value}”" if re.fullmatch(r"https?://[^@]{1,100}", value) and value.isprintable() else _say_given(value)
        raise ImproperlyConfigured(f"{name} must be an https URL without query, fragment or trailing slash, for example https://tokens.example.com{given}.")
    if not _ISSUER_PATH.fullmatch(parts.path):
        raise ImproperlyConfigured(
            f"{name} has a path that can't be served. Use letters, digits and . _ ~ - between single slashes, for example https://example.com/tokens."
        )
    return value


def host(url: str) -> str:
    """A URL's host as in the Host header: an IPv6 address in brackets."""
    name = urlsplit(url).hostname or ""
    return f"[{name}]" if ":" in name else name


def provider(name: str, *, default: str) -> str:
    """An OpenID provider's issuer, OpenID Connect Core 1.0 §2, spelled exactly as by the provider; "" for none."""
    value = text(name, default=default)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        valid = parts.scheme == "https" and bool(parts.hostname) and not parts.username and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    # Linked accounts are found by the issuer, in a column of this length.
    if not valid or len(value) > 200 or not value.isascii() or not value.isprintable() or re.search(r"[?#\s\"\\]", value):
        raise ImproperlyConfigured(f"{name} must be the issuer of your OpenID provider, an https URL such as https://login.example.com/realms/acme.")
    return value


def roles(name: str, *, default: str) -> list[tuple[str, str, str]]:
    """Group, workspace and role of each “group=workspace:role”. A group may contain = and may occur several times."""
    found = []
    for word in words(name, default=default):
        group, _, target = word.rpartition("=")
        workspace, _, role = target.strip().partition(":")
        if not group.strip() or not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", workspace) or role not in ("viewer", "developer", "admin", "owner"):
            raise ImproperlyConfigured(
                f"{name} must be group=workspace:role, separated by commas, for example platform=demo:admin,devs=demo:developer. "
                "A role is viewer, developer, admin or owner."
            )
        found.append((group.strip(), workspace, role))
    return found


def key(name: str) -> str:
    value = text(name, default="")
    if not value:
        raise ImproperlyConfigured(f"{name} isn't set. Restore .env from your backup. On a new installation “make setup” writes one.")
    if len(value) < 32:
        raise ImproperlyConfigured(f"{name} is too short. Use at least 32 random characters.")
    return value


def keys(name: str) -> list[str]:
    key(name)
    values = words(name, default="")
    if any(len(value) < 32 for value in values):
        raise ImproperlyConfigured(f"{name} contains a key that is too short. Use at least 32 random characters for each, separated by commas, newest first.")
    if len(set(values)) != len(values):
        raise ImproperlyConfigured(f"{name} contains the same key twice. List each once, newest first.")
    return values


def database(name: str, *, default: str, base: Path) -> dict[str, Any]:
    url = text(name, default=default)
    hint = f"{name} must be sqlite:///path/to/file or postgres://user:password@host:5432/name."
    if not url.startswith(("sqlite:///", "postgres://", "postgresql://")):
        raise ImproperlyConfigured(hint)
    try:
        configuration: dict[str, Any] = dict(_env.db_url_config(url))
    except (ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured(hint) from None
    if not configuration.get("NAME"):
        raise ImproperlyConfigured(hint)
    configuration["CONN_MAX_AGE"] = None
    options = configuration.setdefault("OPTIONS", {})
    if url.startswith("sqlite:"):
        configuration["NAME"] = str(base / configuration["NAME"])
        # IMMEDIATE: a deferred transaction that reads and then writes fails at once under concurrency, despite the timeout. FULL: an acknowledged secret or
        # revocation survives a power loss.
        options.update(transaction_mode="IMMEDIATE", timeout=5, init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
    else:
        configuration["ENGINE"] = "dashboard.instance.postgresql"
        configuration["CONN_HEALTH_CHECKS"] = True
        # oauth.patience limits statements. These settings end idle connections if the server or the network goes away.
        usual: dict[str, Any] = {"connect_timeout": 2, "tcp_user_timeout": 3000, "keepalives_idle": 2, "keepalives_interval": 1, "keepalives_count": 3}
        if "," in (configuration["HOST"] or ""):
            usual["target_session_attrs"] = "read-write"
        for option, value in {**usual, "application_name": "tokenos"}.items():
            options.setdefault(option, value)
        # Without this, JIT compilation would take a third of the time of our longest queries. The URL's own options come later and override this.
        options["options"] = f"-c jit=off {options.get('options', '')}".strip()
    return configuration


def cache(name: str) -> dict[str, Any]:
    url = text(name, default="")
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise ImproperlyConfigured(f"{name} must be redis://host:6379/0, or empty for a cache in the process.")
    # A hanging Redis must not block a request.
    options = {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}
    classes = {"serializer": "dashboard.instance.cache.JSONSerializer", "pool_class": "dashboard.instance.cache.Pool"}
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url, "OPTIONS": options | classes}


def email(name: str) -> dict[str, Any]:
    """Django's EMAIL_… settings from an EMAIL_URL such as smtp+tls://user:password@host:587. Without a server, mail is written to files."""
    url = text(name, default="")
    if url in ("", "consolemail://"):
        return {"EMAIL_BACKEND": "dashboard.instance.mail.files.Backend"}
    try:
        configuration = dict(_env.email_url_config(url))
    except (KeyError, ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured(f"{name} must be smtp://, smtp+tls:// or smtp+ssl://user:password@host:port, or empty.") from None
    configuration["EMAIL_BACKEND"] = "dashboard.instance.mail.smtp.Backend"
    configuration["EMAIL_HOST"] = configuration.get("EMAIL_HOST") or "localhost"
    configuration["EMAIL_PORT"] = configuration.get("EMAIL_PORT") or 25
    configuration["EMAIL_TIMEOUT"] = 10
    return {setting: value for setting, value in configuration.items() if setting.startswith("EMAIL_")}


def sender(name: str, *, default: str) -> str:
    """The sender of mail: an address, or Name <address>."""
    value = text(name, default=default)
    if not _SENDER.fullmatch(value):
        raise ImproperlyConfigured(f"{name} must be an address, such as tokenos@example.com or TokenOS <tokenos@example.com>.")
    return value
