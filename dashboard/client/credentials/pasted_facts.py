"""Describes a pasted public key or certificate before anything is saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from clients.base64url import decode
from clients.certificate import ParsedCertificate, find_extension
from clients.models import Client, ClientCertificate, ClientPublicKey
from clients.public_key import ParsedPublicKey
from dashboard.client import lifeline
from dashboard.client.lifeline import Axis, Lifeline, Span
from dashboard.frame import moment

# Warn of a certificate that expires within this time: people would forget to replace it.
SOON = timedelta(days=30)
_MAX_NAMES = 10


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """kind: such as “ES256, P-256”. refusal: why it can’t be added, "" if it can. end: its certificate's expiry, such as “27 Feb 2027 12:00”, "" for a key
    alone.
    """

    kid: str
    kind: str
    refusal: str
    end: str = ""

    @property
    def sentence(self) -> str:
        if self.refusal:
            return self.kind
        return f"{self.kind}, not used elsewhere" + (f". It expires with its certificate: {self.end}" if self.end else "")


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """names: subject alternative names, such as “DNS:billing.example.com”. sha256: hexadecimal, as openssl prints it. refusal: why it can’t be added."""

    thumbprint: str
    subject: str
    names: Sequence[str]
    has_more_names: bool
    issuer: str
    is_self_signed: bool
    sha256: str
    valid_from: datetime
    expires_at: datetime
    refusal: str
    ends_soon: bool
    is_early: bool


def describe_keys(client: Client, keys: Sequence[ParsedPublicKey], *, now: datetime, zone: tzinfo) -> list[KeyFacts]:
    rows = list(ClientPublicKey.objects.filter(client=client))
    by_thumbprint, kids = {row.thumbprint: row for row in rows}, {row.kid for row in rows}
    return [
        KeyFacts(
            key.kid,
            describe_key(key),
            _refuse_key(key, by_thumbprint.get(key.thumbprint), kids, now=now, zone=zone),
            moment.say_day(key.expires_at, now=now, zone=zone) if key.expires_at is not None else "",
        )
        for key in keys
    ]


def describe_key(key: ParsedPublicKey) -> str:
    """Its algorithm and curve, such as “ES256, P-256”."""
    if isinstance(key.key, RSAPublicKey):
        return f"{key.algorithm or 'any RSA algorithm'}, RSA {key.key.key_size:,} bits"
    return f"{key.algorithm}, {key.public_jwk['crv']}"


def _refuse_key(key: ParsedPublicKey, known: ClientPublicKey | None, kids: set[str], *, now: datetime, zone: tzinfo) -> str:
    if known is not None and known.revoked_at is not None:
        return f"It was revoked as {known.kid} {moment.say_day(known.revoked_at, now=now, zone=zone)}, and can’t be added again. Make a new key pair."
    if known is not None:
        return f"This client already has it, as {known.kid}."
    if key.kid in kids:
        return f"This client has, or had, another key with the kid {key.kid}. Give this one another kid."
    if key.expires_at is not None and key.expires_at <= now:
        return f"Its certificate expired {moment.say_day(key.expires_at, now=now, zone=zone)}. Issue a new one."
    return ""


def describe_certificates(client: Client, certificates: Sequence[ParsedCertificate], *, now: datetime, zone: tzinfo) -> list[CertificateFacts]:
    known = {row.thumbprint: row for row in ClientCertificate.objects.filter(client=client, thumbprint__in=[one.thumbprint for one in certificates])}
    return [_describe_certificate(one, known.get(one.thumbprint), now=now, zone=zone) for one in certificates]


def _describe_certificate(parsed: ParsedCertificate, known: ClientCertificate | None, *, now: datetime, zone: tzinfo) -> CertificateFacts:
    certificate = x509.load_pem_x509_certificate(parsed.pem.encode())
    names = _alternative_names(certificate)
    return CertificateFacts(
        thumbprint=parsed.thumbprint,
        subject=parsed.subject or "none",
        names=names[:_MAX_NAMES],
        has_more_names=len(names) > _MAX_NAMES,
        issuer=_printable(certificate.issuer.rfc4514_string()) or "none",
        is_self_signed=certificate.issuer == certificate.subject,
        sha256=decode(parsed.thumbprint).hex(":").upper(),
        valid_from=parsed.valid_from,
        expires_at=parsed.expires_at,
        refusal=_refuse_certificate(parsed, known, now=now, zone=zone),
        ends_soon=now < parsed.expires_at < now + SOON,
        is_early=parsed.valid_from > now,
    )


def _refuse_certificate(parsed: ParsedCertificate, known: ClientCertificate | None, *, now: datetime, zone: tzinfo) -> str:
    if known is not None and known.revoked_at is not None:
        return f"It was revoked {moment.say_day(known.revoked_at, now=now, zone=zone)}, and can’t be added again. Issue one with a new key."
    if known is not None:
        return "This client already has it."
    if parsed.expires_at <= now:
        return f"It expired {moment.say_day(parsed.expires_at, now=now, zone=zone)}. Issue a new one."
    return ""


def _alternative_names(certificate: x509.Certificate) -> list[str]:
    extension = find_extension(certificate, x509.SubjectAlternativeName)
    kinds = ((x509.DNSName, "DNS"), (x509.UniformResourceIdentifier, "URI"), (x509.IPAddress, "IP"), (x509.RFC822Name, "email"))
    return [_printable(f"{word}:{name}") for kind, word in kinds for name in (extension.get_values_for_type(kind) if extension else ())]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def draw_certificates(facts: Sequence[CertificateFacts], *, now: datetime, zone: tzinfo) -> Lifeline:
    """A picture from the first certificate's beginning to the last one's expiry."""
    start, end = min([now, *(one.valid_from for one in facts)]), max([now, *(one.expires_at for one in facts)])
    margin = (end - start) * 0.04
    axis = Axis(start - margin, min(end, moment.LAST - margin) + margin, [(start, moment.say_date(start, now=now, zone=zone, with_year=True))])
    spans = [
        Span("", "Certificate" if len(facts) == 1 else f"Certificate {number}", one.subject, one.valid_from, one.expires_at)
        for number, one in enumerate(facts, 1)
    ]
    return lifeline.draw(spans, axis, now=now, zone=zone)
