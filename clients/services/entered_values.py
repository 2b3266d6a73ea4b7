"""Checks that several services share. Each raises ValidationError, with a sentence about the allowed values."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError

from clients.redaction import holds_credential, redact

MAX_REASON_LENGTH = 200

# Joiners and variation selectors are part of many emoji and of words in scripts other than Latin; alone they are invisible.
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_SELECTORS = "\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"
_NOTHING = re.compile(rf"[\s{_JOINERS}{_SELECTORS}]*")
# After Latin letters they change nothing, except in the keycap emoji; © and ® are emoji, too. The others are letters and signs that are drawn as nothing.
_UNSEEN = re.compile(rf"(?:^|[\x00-\xa8\xaa-\xad\xaf-\u024f])[{_JOINERS}{_SELECTORS}](?!\u20e3)|[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]")
_PLAIN_URI = re.compile(r"[A-Za-z0-9._~:/?@%+,=\[\]-]+")
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


def clean_text(text: str, *, field: str, max_length: int, required: bool = True, redacts: bool = False) -> str:
    """Text on one line, without surrounding white space, control and formatting characters.

    redacts: whether to redact a secret in the text instead of refusing the text, for somebody in a hurry.
    """
    cleaned = text.strip()
    if required and _NOTHING.fullmatch(cleaned):
        raise ValidationError(f"The {field} is empty. Enter one, for example billing-sync.", code="required")
    if len(cleaned) > max_length:
        raise ValidationError(f"The {field} has {len(cleaned):,} characters. Use at most {max_length:,}.", code="too_long")
    if _UNSEEN.search(cleaned) or any(unicodedata.category(character) in _INVISIBLE and character not in _JOINERS for character in cleaned):
        raise ValidationError(f"The {field} contains a line break or an invisible character. Use visible characters on one line.", code="invalid_text")
    if redacts:
        return redact(cleaned)
    if holds_credential(cleaned):
        raise ValidationError(f"The {field} contains a secret, a token or a private key, and others can read it. Remove it.", code="credential")
    return cleaned


def clean_reason(text: str) -> str:
    """The reason that somebody gave, "" for none, as the audit log stores it: a secret in it is redacted."""
    return clean_text(text, field="reason", max_length=MAX_REASON_LENGTH, required=False, redacts=True)


def clean_networks(networks: Sequence[str]) -> list[str]:
    """Return CIDR ranges in canonical form; a single address becomes a range of one."""
    cleaned = []
    for text in networks:
        try:
            cleaned.append(str(ip_network(text)))
        except ValueError:
            try:
                said = f"“{text[:64]}” isn’t an address range. For this network, write {ip_network(text, strict=False)}."
            except ValueError:
                said = f"“{text[:64]}” isn’t an IP address. Use addresses or ranges such as 203.0.113.0/24."
            raise ValidationError(said, code="invalid_network") from None
    return list(dict.fromkeys(cleaned))


def require_plain_uris(uris: Iterable[str]) -> None:
    """New audiences must not contain characters that are special in shells and configurations, because people copy them there."""
    for uri in uris:
        if not _PLAIN_URI.fullmatch(uri):
            raise ValidationError(
                f"The audience {uri[:80]} contains a character that is special to shells. Use only letters, digits and . _ ~ : / ? @ % + , = [ ] -",
                code="invalid_audience",
            )


def clean_resource_uri(uri: str) -> str:
    """RFC 8707 §2: an absolute URI without a fragment."""
    try:
        parts = urlsplit(uri)
        # In http URLs, libraries find a host after any number of slashes, and they disagree on an encoded one.
        has_host = bool(parts.hostname) and "%" not in parts.netloc if parts.scheme in ("http", "https", "ws", "wss") else bool(parts.netloc or parts.path)
        valid = bool(parts.scheme) and has_host and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        valid = False
    if not valid or len(uri) > 512 or "#" in uri or not uri.isascii() or not uri.isprintable() or " " in uri or '"' in uri or "\\" in uri:
        raise ValidationError(
            f"“{uri[:80]}” isn't an audience. Use an absolute URI without a fragment, for example https://api.example.com.", code="invalid_audience"
        )
    return uri
