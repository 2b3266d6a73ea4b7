"""Is it a credential? What of a text that somebody wrote may be kept, logged, printed or shown again, and what a field may be by its name: the one answer.

clients.leaked_text says which credentials a text holds. Here it is enough that something looks like one: a secret of ours, a JWT, a private key, the value of
an Authorization, DPoP or cookie header, a password or token of a form or an address, the link of a mail. Nothing here needs a started Django.
"""

import re
from base64 import b64decode
from urllib.parse import unquote_plus

REDACTED = "[redacted]"

# Characters. A set of keys is as long, and nothing else that people enter.
_MAX_LENGTH = 64 * 1024

_PRIVATE_KEY = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)"
# Complete or not. Its ID is public, and says which one to rotate.
_SECRET = r"(?P<secret>tos_(?:live|test)_[0-9A-Za-z]{1,10}+)\w+"  # noqa: S105  # a pattern
_SECRET_START = re.compile(r"tos_(?:live|test)_\w", re.IGNORECASE | re.ASCII)
# A header with its name, as in a header line, the repr of a dictionary, or a tuple of bytes: all of the value goes.
_HEADER = r"""(?P<header>(?<![a-z])(?:authorization|x[-_]api[-_]key|cookie)(?:["']\s*[:=,]|\s*[:=])\s*(?-i:b(?=["']))?)(?:"[^"\n]*"|'[^'\n]*'|[^\n]+)"""
_PROOF = r"""(?P<proof>(?<![a-z])dpop["']?\s*[:=,]\s*b?["']?)[\w.~+/-]{16,}=*"""
# A value without its header's name. Long enough to be none of the words that follow "Basic" or "Bearer" in a sentence.
_SCHEME = r"(?P<scheme>\b(?:Basic|Bearer|DPoP)\s+)[\w.~+/-]{16,}=*"
_PARAMETER = r"(?P<parameter>\b(?:client_secret|client_assertion|access_token|token|password|new_password[12]|old_password)=)[^&\s\"']+"
# The path that a link in a mail leads to.
_LINK = r"(?P<link>/accounts/(?:reset|invite|hand-over|profile/email)/)[^/\s\"']{16,}"
_PATTERN = re.compile("|".join((_PRIVATE_KEY, _HEADER, _PROOF, _SCHEME, _PARAMETER, _LINK, _SECRET)), re.DOTALL | re.IGNORECASE | re.ASCII)
# The same, mistyped or damaged by whatever passed it on: the token may still be good. Looked for from its end, for such words are rare, and slashes aren't.
_LONG_WORD = re.compile(r"(?<![\w-])[\w-]{32,}", re.ASCII)
_DAMAGED_LINK = re.compile(r"/(?:accounts|reset|invite|hand-?over)/[^\n]{0,40}\Z", re.IGNORECASE)
_MOST_BEFORE = len("/hand-over/") + 40
# Also cut off in its payload. With what stands before it in one word, such as the n of “\neyJ…”: so no word is entered twice, and nothing but eyJ takes no
# longer than other text.
_JWT = re.compile(r"(?<![\w-])(?>[\w-]*?eyJ)[\w-]++\.(?:[\w-]+\.[\w-]*|eyJ[\w-]*)", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,600}={0,2}")

# Of what a program notes.
_SENSITIVE_NAME = re.compile(r"password|secret\Z|authorization|\Adpop\Z|assertion|\A(access_)?token\Z|private_key|cookie|api_?key", re.IGNORECASE)
# Of what a person fills in, but for what a policy says about secrets and tokens.
_CREDENTIAL_FIELD = re.compile(r"pass|code|secret|token|credential|key|assertion", re.IGNORECASE)
_POLICY_FIELD = re.compile(r"\w+_(?:lifetime|lifetime_days|expiry)", re.ASCII)


def holds_credential(text: str) -> bool:
    """Whether something in it looks like one. What is too long to be looked through counts as one: a stranger may have sent it."""
    return len(text) > _MAX_LENGTH or _looks_secret(text) or _is_encoded_pair(text)


def holds_private_key(text: str) -> bool:
    return "PRIVATE KEY-----" in text


def redact(text: str) -> str:
    """Without its credentials; of a secret of ours the ID stays. It takes time in proportion to the length, so cut a stranger's text first."""
    redacted = _PATTERN.sub(_cut, _JWT.sub(REDACTED, text))
    return _LONG_WORD.sub(lambda word: REDACTED if _ends_link(redacted, word.start()) else word[0], redacted)


def may_be_kept(name: str, value: str) -> bool:
    """Whether what a field of that name was sent may be kept in a session, or written into a page again."""
    is_for_credential = _CREDENTIAL_FIELD.search(name) is not None and _POLICY_FIELD.fullmatch(name) is None
    return not is_for_credential and not holds_credential(value)


def may_be_logged(name: str) -> bool:
    """Whether what a program notes under that name is none by its very name."""
    return _SENSITIVE_NAME.search(name) is None


def decode_pair(base64: str) -> str:
    """The ID and the secret of HTTP Basic, with or without padding. A client that follows RFC 6749 §2.3.1 has encoded both parts for a form before."""
    unpadded = base64.rstrip("=")
    whole = unpadded[: len(unpadded) - (len(unpadded) % 4 == 1)]
    return unquote_plus(b64decode(whole + "=" * (-len(whole) % 4)).decode("ascii", "replace"))


def _cut(match: re.Match[str]) -> str:
    if match["secret"]:
        return f"{match['secret']}…"
    return "".join(group for group in match.groups() if group) + REDACTED


def _ends_link(text: str, place: int) -> bool:
    return _DAMAGED_LINK.search(text[max(0, place - _MOST_BEFORE) : place]) is not None


def _looks_secret(text: str) -> bool:
    return _SECRET_START.search(text) is not None or holds_private_key(text) or redact(text) != text


def _is_encoded_pair(text: str) -> bool:
    """As HTTP Basic has a client's ID and secret (RFC 7617 §2), without its name."""
    word = text.strip()
    return _BASE64.fullmatch(word) is not None and _SECRET_START.search(decode_pair(word)) is not None
