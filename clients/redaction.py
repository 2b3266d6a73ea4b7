"""The only place that decides whether something is a credential, and so which texts and fields may be stored, logged, printed or shown again.

clients.leaked_text says which credentials a text contains. Here it is enough that something looks like one: one of our secrets, a JWT, a private key, the value
of an Authorization, DPoP or cookie header, a password or token in a form or a URL, a link from an email. Nothing here needs Django to be set up.
"""

import re
from base64 import b64decode
from urllib.parse import unquote_plus

REDACTED = "[redacted]"

# In characters. A JWK Set can be this long, but nothing else that people enter.
_MAX_LENGTH = 64 * 1024

_PRIVATE_KEY = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)"
# One of our secrets, complete or not. The ID is public and says which secret to rotate.
_SECRET = r"(?P<secret>tos_(?:live|test)_[0-9A-Za-z]{1,10}+)\w+"  # noqa: S105  # a pattern
_SECRET_START = re.compile(r"tos_(?:live|test)_\w", re.IGNORECASE | re.ASCII)
# A header with its name, as in a header line, the repr of a dictionary, or a tuple of bytes: the whole value is removed.
_HEADER = r"""(?P<header>(?<![a-z])(?:authorization|x[-_]api[-_]key|cookie)(?:["']\s*[:=,]|\s*[:=])\s*(?-i:b(?=["']))?)(?:"[^"\n]*"|'[^'\n]*'|[^\n]+)"""
_PROOF = r"""(?P<proof>(?<![a-z])dpop["']?\s*[:=,]\s*b?["']?)[\w.~+/-]{16,}=*"""
# A value without its header's name. It must be so long that words after "Basic" or "Bearer" in a sentence don't match.
_SCHEME = r"(?P<scheme>\b(?:Basic|Bearer|DPoP)\s+)[\w.~+/-]{16,}=*"
_PARAMETER = r"(?P<parameter>\b(?:client_secret|client_assertion|access_token|token|password|new_password[12]|old_password)=)[^&\s\"']+"
# The path of a link in an email.
_LINK = r"(?P<link>/accounts/(?:reset|invite|hand-over|profile/email)/)[^/\s\"']{16,}"
_PATTERN = re.compile("|".join((_PRIVATE_KEY, _HEADER, _PROOF, _SCHEME, _PARAMETER, _LINK, _SECRET)), re.DOTALL | re.IGNORECASE | re.ASCII)
# The same link, mistyped or damaged on the way: its token may still be valid. It is found by the long word at its end, because long words are rarer than
# slashes.
_LONG_WORD = re.compile(r"(?<![\w-])[\w-]{32,}", re.ASCII)
_DAMAGED_LINK = re.compile(r"/(?:accounts|reset|invite|hand-?over)/[^\n]{0,40}\Z", re.IGNORECASE)
_MAX_BEFORE = len("/hand-over/") + 40
# A JWT, even if it is cut off in its payload. The match starts at the beginning of the word, such as the n of “\neyJ…”, so no word is scanned twice, and a text
# of many eyJ takes no longer than any other.
_JWT = re.compile(r"(?<![\w-])(?>[\w-]*?eyJ)[\w-]++\.(?:[\w-]+\.[\w-]*|eyJ[\w-]*)", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,600}={0,2}")

# Names of values that a program logs.
_SENSITIVE_NAME = re.compile(r"password|secret\Z|authorization|\Adpop\Z|assertion|\A(access_)?token\Z|private_key|cookie|api_?key", re.IGNORECASE)
# Names of form fields, except the policy settings about secrets and tokens.
_CREDENTIAL_FIELD = re.compile(r"pass|code|secret|token|credential|key|assertion", re.IGNORECASE)
_POLICY_FIELD = re.compile(r"\w+_(?:lifetime|lifetime_days|expiry)", re.ASCII)


def holds_credential(text: str) -> bool:
    """Whether a part of the text looks like a credential. A text that is too long to search counts as one, because a stranger may have sent it."""
    return len(text) > _MAX_LENGTH or _looks_secret(text) or _is_encoded_pair(text)


def holds_private_key(text: str) -> bool:
    return "PRIVATE KEY-----" in text


def redact(text: str) -> str:
    """The text without its credentials; the IDs of our own secrets stay. This takes time in proportion to the length, so cut a stranger's text first."""
    redacted = _PATTERN.sub(_cut, _JWT.sub(REDACTED, text))
    return _LONG_WORD.sub(lambda word: REDACTED if _ends_link(redacted, word.start()) else word[0], redacted)


def may_be_kept(name: str, value: str) -> bool:
    """Whether the value of a field with that name may be stored in a session or written into a page again."""
    is_for_credential = _CREDENTIAL_FIELD.search(name) is not None and _POLICY_FIELD.fullmatch(name) is None
    return not is_for_credential and not holds_credential(value)


def may_be_logged(name: str) -> bool:
    """Whether a value may be logged under that name: False if the name is that of a credential."""
    return _SENSITIVE_NAME.search(name) is None


def decode_pair(base64: str) -> str:
    """The ID and the secret of HTTP Basic, with or without padding. A client that follows RFC 6749 §2.3.1 form-encodes both parts first."""
    unpadded = base64.rstrip("=")
    whole = unpadded[: len(unpadded) - (len(unpadded) % 4 == 1)]
    return unquote_plus(b64decode(whole + "=" * (-len(whole) % 4)).decode("ascii", "replace"))


def _cut(match: re.Match[str]) -> str:
    if match["secret"]:
        return f"{match['secret']}…"
    return "".join(group for group in match.groups() if group) + REDACTED


def _ends_link(text: str, place: int) -> bool:
    return _DAMAGED_LINK.search(text[max(0, place - _MAX_BEFORE) : place]) is not None


def _looks_secret(text: str) -> bool:
    return _SECRET_START.search(text) is not None or holds_private_key(text) or redact(text) != text


def _is_encoded_pair(text: str) -> bool:
    """Whether the text is a client's ID and secret as in HTTP Basic (RFC 7617 §2), without the word Basic."""
    word = text.strip()
    return _BASE64.fullmatch(word) is not None and _SECRET_START.search(decode_pair(word)) is not None
