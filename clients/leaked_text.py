"""Finds our credentials in a text that somebody found in the wrong place: a secret by itself, a ticket, a configuration file, a log.

Pure: it finds text in our format, but not its owner. Each pass takes time in proportion to the length of any text, because anybody in a workspace may paste
one. Only the results are kept.
"""

import re
from base64 import b64decode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from django.core.exceptions import ValidationError

from clients import base64url
from clients.certificate import load_certificate, x5t_s256
from clients.private_key import find_public_halves
from clients.redaction import decode_pair
from clients.secret import CHECKSUM_LENGTH, RANDOM_LENGTH, SECRET_ID_LENGTH, ParsedSecret, parse

# The most results of each kind: a log may repeat things a million times, or contain things that aren't ours.
MAX_SECRETS = 10_000
# The longest text that a page accepts can't contain more, unless they overlap.
MAX_SECRET_LIKE = 200_000
MAX_KEYS = 20
MAX_CERTIFICATES = 100
MAX_TOKENS = 10_000
MAX_TOKEN_LENGTH = 8192
# A text up to this length contains few IDs, or is a single one.
MAX_KID_LENGTH = 100

# Characters that are searched at once. Python runs no other thread during one search, so a token request would otherwise wait for a whole log file.
_WINDOW = 64 * 1024
# Longer than any match of a pattern below, except endless runs and JSON.
_MARGIN = 1000

_SECRET_START = re.compile("tos_(?:live|test)_")
_SECRET_ID = re.compile(rf"tos_(?:live|test)_([0-9A-Za-z]{{{SECRET_ID_LENGTH}}})(?![0-9A-Za-z])")
_SECRET_LIKE = re.compile(rf"\w{{1,{len('tos_live_') + SECRET_ID_LENGTH + len('_') + RANDOM_LENGTH + CHECKSUM_LENGTH}}}", re.ASCII)
# The base64 of “tos_live_” and “tos_test_”, as in a Kubernetes secret. They have nine bytes, so the following text doesn't affect it.
_ENCODED_SECRET = re.compile("dG9zX(?:2xpdmVf|3Rlc3Rf)[A-Za-z0-9+/]{1,200}")
# RFC 7617: a client's ID and secret.
_BASIC = re.compile("[Bb]asic {1,3}([A-Za-z0-9+/]{16,600})")

# Whole runs of the characters in IDs, thumbprints and JWTs. The search enters each run only at its beginning.
_RUN = re.compile(r"(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]{10,}")
_JWT_START = "eyJ"
_FINGERPRINT = re.compile("(?<![0-9A-Fa-f:])[0-9A-Fa-f:]{64,}")
_HEX = re.compile("[0-9A-Fa-f]{64}")
_COLONS = re.compile("(?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}")
# The quotes may be escaped, as in JSON within JSON.
_NAMED_KID = re.compile(r'"kid\\?" ?: ?\\?"([!#-\[\]-~]{1,100})\\?"')

# Some loggers escape these characters of secrets and tokens.
_ESCAPES = {f"{sign}{code}": character for sign in ("%", "\\u00") for character in "_.-" for code in (f"{ord(character):02x}", f"{ord(character):02X}")}

_BEGIN, _END, _DASHES = "-----BEGIN ", "-----END ", "-----"
_MAX_LABEL, _MAX_PEM = 64, 64 * 1024
_MAX_JSON = 16_384
_JSON_OBJECT = re.compile(rf"\{{[^{{}}]{{2,{_MAX_JSON}}}\}}")


@dataclass(frozen=True, slots=True)
class Traces:
    """secrets: complete, with the right checksum. damaged: the IDs of other secrets; "" once for those with an incomplete ID.

    jwts: from any issuer. thumbprints: x5t#S256, from certificates and SHA-256 fingerprints. public_halves: the public keys of private keys.
    """

    secrets: tuple[ParsedSecret, ...]
    damaged: tuple[str, ...]
    jwts: tuple[str, ...]
    thumbprints: tuple[str, ...]
    public_halves: tuple[PublicKeyTypes, ...]


def find_traces(text: str) -> Traces:
    """Everything except IDs. IDs look like many other words, so find_ids searches for known ones."""
    for escaped, character in _ESCAPES.items():
        text = text.replace(escaped, character)
    secrets: dict[str, ParsedSecret] = {}
    damaged: dict[str, None] = {}
    for piece in islice(_secret_like(text), MAX_SECRET_LIKE):
        parsed = parse(piece)
        if parsed is None:
            if len(damaged) < MAX_SECRETS:
                damaged[_whole_id(piece)] = None
        elif len(secrets) < MAX_SECRETS:
            secrets[parsed.plaintext] = parsed
    blocks = list(_pem_blocks(text))
    return Traces(
        secrets=tuple(secrets.values()),
        damaged=tuple(damaged),
        jwts=tuple(_find_jwts(text)),
        thumbprints=tuple(dict.fromkeys([*_certificates(blocks), *_fingerprints(text)]))[:MAX_CERTIFICATES],
        public_halves=tuple(_public_halves(text, blocks)),
    )


def _find_all(pattern: re.Pattern[str], text: str, *, margin: int = _MARGIN) -> Iterator[re.Match[str]]:
    """Like pattern.finditer(text), but window by window. margin: longer than any match, except an endless run."""
    place = 0
    while place < len(text):
        following = place + _WINDOW
        end = min(following + margin, len(text))
        for found in pattern.finditer(text, place, end):
            if found.start() >= following:
                break
            match = found if found.end() < end else pattern.match(text, found.start())
            assert match is not None
            yield match
            following = max(following, match.end())
        place = following


def _secret_like(text: str) -> Iterator[str]:
    """Each piece that begins like one of our secrets, cut to the length of a secret."""
    for start in _find_all(_SECRET_START, text):
        yield _cut(text, start.start())
    encoded = [match[0] for match in islice(_find_all(_ENCODED_SECRET, text), MAX_SECRETS)] + [
        match[1] for match in islice(_find_all(_BASIC, text), MAX_TOKENS)
    ]
    for piece in dict.fromkeys(encoded):
        plain = decode_pair(piece)
        for start in _find_all(_SECRET_START, plain):
            yield _cut(plain, start.start())


def _cut(text: str, start: int) -> str:
    match = _SECRET_LIKE.match(text, start)
    assert match is not None
    return match[0]


def _whole_id(piece: str) -> str:
    match = _SECRET_ID.match(piece)
    return "" if match is None else match[1]


def _find_jwts(text: str) -> list[str]:
    """RFC 7515 §7.1. A header must be followed by two more parts, and no part is looked at twice."""
    found: dict[str, None] = {}
    for run in _find_all(_RUN, text):
        if _JWT_START not in run[0] or "." not in run[0]:
            continue
        parts = run[0].split(".")
        for header, payload, signature in zip(parts, parts[1:], parts[2:], strict=False):
            # “\neyJ…” in JSON begins with the letter n.
            start = header.find(_JWT_START)
            if start >= 0 and payload.startswith(_JWT_START) and signature and len(header) + len(payload) + len(signature) <= MAX_TOKEN_LENGTH:
                found[f"{header[start:]}.{payload}.{signature}"] = None
                if len(found) == MAX_TOKENS:
                    return list(found)
    return list(found)


def find_words(text: str) -> Iterator[str]:
    """Words with the length of a secret ID, a client ID or a thumbprint, including repetitions. RFC 7638 and RFC 8705 use thumbprints as kids."""
    for run in _find_all(_RUN, text):
        for word in run[0].split(".") if "." in run[0] else (run[0],):
            if len(word) == SECRET_ID_LENGTH or 16 <= len(word) <= 64:
                yield word


def find_kids(text: str) -> list[str]:
    """Possible kids: the value of "kid" in JSON, or a text that is a single word. A kid may be any word, so other words don't count."""
    named = {match[1]: None for match in _find_all(_NAMED_KID, text)}
    alone = text.strip() if len(text) <= MAX_KID_LENGTH * 2 else ""
    if alone and len(alone) <= MAX_KID_LENGTH and alone.isascii() and " " not in alone and alone.isprintable():
        named[alone] = None
    return list(named)[:MAX_CERTIFICATES]


def find_ids(text: str, known: Collection[str]) -> list[str]:
    """The known IDs that are in the text, each once."""
    return list(dict.fromkeys(word for word in find_words(text) if word in known))


def _fingerprints(text: str) -> Iterator[str]:
    """Fingerprints as openssl prints them, and as plain hexadecimal digits."""
    for run in _find_all(_FINGERPRINT, text):
        # A preceding “SHA256:” ends with characters that may be digits.
        match = _HEX.fullmatch(run[0]) or _COLONS.fullmatch(run[0][-95:])
        if match is not None:
            yield base64url.encode(bytes.fromhex(match[0].replace(":", "")))


def _pem_blocks(text: str) -> Iterator[tuple[str, str]]:
    """The label and the whole of each block, RFC 7468, also within JSON. The body contains no dash, so no part is searched twice."""
    place = text.find(_BEGIN)
    while place >= 0:
        body = text.find(_DASHES, place + len(_BEGIN), place + len(_BEGIN) + _MAX_LABEL)
        dash = text.find("-", body + len(_DASHES), body + _MAX_PEM) if body >= 0 else -1
        if dash >= 0:
            label = text[place + len(_BEGIN) : body]
            closing = f"{_END}{label}{_DASHES}"
            if text.startswith(closing, dash):
                inner = text[body + len(_DASHES) : dash].replace("\\r", "").replace("\\n", "\n")
                yield label, f"{_BEGIN}{label}{_DASHES}{inner}{closing}"
        place = text.find(_BEGIN, place + len(_BEGIN))


def _certificates(blocks: list[tuple[str, str]]) -> Iterator[str]:
    for label, block in [pair for pair in blocks if pair[0] == "CERTIFICATE"][:MAX_CERTIFICATES]:
        try:
            der = b64decode("".join(block[len(_BEGIN) + len(label) + len(_DASHES) : -len(_END) - len(label) - len(_DASHES)].split()))
            load_certificate(der)
        except (ValueError, ValidationError):
            continue
        yield x5t_s256(der)


def _public_halves(text: str, blocks: list[tuple[str, str]]) -> Iterator[PublicKeyTypes]:
    """The public keys of private keys in PEM and of private JWKs, at most MAX_KEYS of each."""
    for _, block in [pair for pair in blocks if pair[0].endswith("PRIVATE KEY")][:MAX_KEYS]:
        yield from find_public_halves(block.encode("utf-8", "replace"))
    jwks = (match[0] for match in _find_all(_JSON_OBJECT, text, margin=_MAX_JSON + _MARGIN) if '"kty"' in match[0] and '"d"' in match[0])
    for jwk in islice(jwks, MAX_KEYS):
        yield from find_public_halves(jwk.encode("utf-8", "replace"))
