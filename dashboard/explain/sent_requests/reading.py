"""Recognises the kind of a pasted text."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from clients.certificate import load_certificate
from clients.redaction import holds_private_key
from clients.secret import looks_like_secret
from dashboard.explain.sent_requests.curl import is_curl, read_curl
from dashboard.explain.sent_requests.sent import MAX_LENGTH, Sent, UnreadableError
from oauth import jose
from oauth.client_assertion import ASSERTION_TYPE

_FORM = "application/x-www-form-urlencoded"
_REQUEST_LINE = re.compile(r"([A-Za-z]{3,10})[ \t]+(\S+)(?:[ \t]+HTTP/[0-9.]+)?[ \t]*")
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*(.*)")
_SCHEME = re.compile(r"(basic|bearer|dpop)[ \t]+(\S+)", re.IGNORECASE)
_PAIR = re.compile(r"([A-Za-z0-9_-]{16,64}):(tos_(?:live|test)_\w+)", re.ASCII)
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def read_sent(text: str) -> Sent:
    """Raise UnreadableError."""
    if len(text) > MAX_LENGTH:
        raise UnreadableError("This is longer than any request. Paste one request by itself.")
    text = text.replace("\0", "").replace("\r\n", "\n").strip()
    if holds_private_key(text):
        raise UnreadableError("That is a private key. It wasn’t stored. Treat it as leaked, make a new key pair, and paste only what the program sends.")
    certificate, text = _take_certificate(text)
    sent = _read(text) if text else Sent("a certificate", body="grant_type=client_credentials", headers={"content-type": _FORM})
    sent.certificate = certificate
    _check_address(sent.url)
    if certificate is not None:
        sent.remarks = [remark for remark in sent.remarks if "--cert" not in remark]
    return sent


def _check_address(url: str) -> None:
    """Raise UnreadableError."""
    try:
        urlsplit(url)
    except ValueError:
        raise UnreadableError("The address can’t be read. Correct its host, or paste the request without it.") from None


def _take_certificate(text: str) -> tuple[bytes | None, str]:
    """The first certificate, in DER, and the text without certificates. Raise UnreadableError if it can't be read."""
    found = next((match for match in _PEM.finditer(text) if match[1] == "CERTIFICATE"), None)
    if found is None:
        return None, text
    try:
        der = b64decode("".join(found[2].split()), validate=True)
        load_certificate(der)
    except (ValueError, ValidationError):
        raise UnreadableError("The certificate can’t be read. Paste all of it, from -----BEGIN CERTIFICATE----- on.") from None
    return der, _PEM.sub("", text).strip()


def _read(text: str) -> Sent:
    if is_curl(text):
        return read_curl(text)
    plain = "\n".join(line.removeprefix("> ").removeprefix(">") for line in text.split("\n")) if text.startswith(">") else text
    readers: tuple[Callable[[str], Sent | None], ...] = (_read_message, _read_headers, _read_credential, _read_body)
    for reader in readers:
        sent = reader(plain.strip())
        if sent is not None:
            return sent
    raise UnreadableError("Nothing here looks like a request. Paste a curl command, the request with its headers, or the credential by itself.")


def _read_message(text: str) -> Sent | None:
    """RFC 9112 §2: a request line, headers, an empty line, a body. Tools show HTTP/2 in this form too."""
    first, _, rest = text.partition("\n")
    match = _REQUEST_LINE.fullmatch(first.strip())
    if match is None or match[1].upper() not in _METHODS:
        return None
    sent = Sent("an HTTP request", method=match[1].upper(), url=match[2])
    _take_headers(sent, rest)
    if sent.url.startswith("/"):
        host = sent.headers.get("host", "")
        # A request doesn't say whether it was sent over TLS.
        sent.url = f"https://{host}{sent.url}" if host else settings.ISSUER_URL + sent.url
    return sent


def _read_headers(text: str) -> Sent | None:
    lines = text.split("\n\n", 1)[0].split("\n")
    if not all(_HEADER.fullmatch(line.strip()) for line in lines) or _PAIR.fullmatch(text):
        return None
    sent = Sent("a header" if len(lines) == 1 else "headers")
    _take_headers(sent, text)
    return sent


def _take_headers(sent: Sent, text: str) -> None:
    head, _, body = text.partition("\n\n")
    for line in head.split("\n"):
        if match := _HEADER.fullmatch(line.strip()):
            sent.add_header(match[1], match[2])
    if body.strip():
        sent.body = body.strip()
        sent.headers.setdefault("content-type", _FORM)


def _read_credential(text: str) -> Sent | None:
    """A credential by itself, which only says who the caller is."""
    if _SCHEME.fullmatch(text):
        return Sent("a header’s value", headers={"authorization": text})
    if _PAIR.fullmatch(text):
        return Sent("an ID and a secret", headers={"authorization": "Basic " + b64encode(text.encode()).decode()})
    if looks_like_secret(text) and not text.split()[1:]:
        return Sent("a secret", headers={"x-api-key": text})
    return _read_jwt(text)


def _read_jwt(text: str) -> Sent | None:
    joined = "".join(text.split())
    if not joined.startswith("eyJ") or "=" in joined:
        return None
    try:
        header = jose.parse(joined).unverified_header
    except jose.InvalidJWTError:
        header = {}
    if jose.has_typ(header, "at+jwt"):
        return Sent("a token", headers={"authorization": f"Bearer {joined}"})
    if jose.has_typ(header, "dpop+jwt"):
        return Sent("a DPoP proof", headers={"dpop": joined})
    body = urlencode({"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": joined})
    return Sent("a client assertion", headers={"content-type": _FORM}, body=body)


def _read_body(text: str) -> Sent | None:
    if text.startswith("{"):
        return Sent("a JSON body", headers={"content-type": "application/json"}, body=text) if _is_json(text) else None
    if "=" not in text:
        return None
    # Many tools wrap a body in lines, for reading.
    return Sent("a form body", headers={"content-type": _FORM}, body="".join(text.split("\n")))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
