"""The part of a CA-issued certificate that names its client: the five metadata fields of RFC 8705 §2.1.2."""

from ipaddress import ip_address

from cryptography import x509
from cryptography.x509.oid import NameOID
from django.core.exceptions import ValidationError

from clients.models import Client

SUBJECT_TYPE_PREFIX = "tls_client_auth_"

_Type = Client.TLSSubjectType

# These names are in addition to those of RFC 4514 §3, spelled as by openssl -nameopt RFC2253.
_ATTRIBUTES = {
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "serialNumber": NameOID.SERIAL_NUMBER,
    "GN": NameOID.GIVEN_NAME,
    "SN": NameOID.SURNAME,
    "title": NameOID.TITLE,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
}

_EXPECTED = {
    _Type.SUBJECT_DN: "a distinguished name as “openssl x509 -noout -subject -nameopt RFC2253” prints it, for example CN=billing-sync,O=Example",
    _Type.SAN_DNS: "a host name without a wildcard, for example billing.example.com",
    _Type.SAN_URI: "a URI, for example spiffe://example.com/billing",
    _Type.SAN_IP: "an IP address, for example 203.0.113.7",
    _Type.SAN_EMAIL: "an email address, for example billing@example.com",
}


def spell_subject_type(subject_type: str) -> str:
    """The spelling for people, such as san_dns: without the common prefix of the metadata names in RFC 8705 §2.1.2."""
    return subject_type.removeprefix(SUBJECT_TYPE_PREFIX)


def clean_tls_subject(subject_type: str, subject: str) -> str:
    """Return subject in the form to store. Raise ValidationError if no certificate could have it."""
    if subject_type not in _EXPECTED:
        kinds = ", ".join(map(spell_subject_type, _Type.values))
        if not subject_type:
            raise ValidationError("Choose which part of the certificate this is.", code="unknown_subject_type")
        raise ValidationError(f"“{spell_subject_type(subject_type)[:40]}” isn't a kind of subject. Choose from {kinds}.", code="unknown_subject_type")
    kind = _Type(subject_type)
    if len(subject) > 512 or not subject.isprintable() or not _is_possible(kind, subject):
        raise ValidationError(f"“{subject[:80]}” isn't valid for {spell_subject_type(kind.value)}. Use {_EXPECTED[kind]}.", code="invalid_subject")
    return subject


def _is_possible(kind: str, subject: str) -> bool:
    if kind == _Type.SUBJECT_DN:
        name = _parse_name(subject)
        return name is not None and len(name.rdns) > 0
    if kind == _Type.SAN_IP:
        return _is_address(subject)
    if not subject.isascii() or " " in subject:
        return False
    if kind == _Type.SAN_DNS:
        return bool(subject) and not set(subject) & set("*@:/")
    if kind == _Type.SAN_EMAIL:
        local, at, domain = subject.rpartition("@")
        return bool(local and at and domain)
    scheme, colon, rest = subject.partition(":")
    return bool(scheme and colon and rest)


def _parse_name(text: str) -> x509.Name | None:
    try:
        return x509.Name.from_rfc4514_string(text, _ATTRIBUTES)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_named(certificate: x509.Certificate, subject_type: str, subject: str) -> bool:
    """Whether the certificate names that subject.

    A distinguished name is compared attribute by attribute, in order and exactly. Domains are compared without case; wildcards in a certificate don't match.
    """
    if subject_type == _Type.SUBJECT_DN:
        return certificate.subject == _parse_name(subject)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    if subject_type == _Type.SAN_DNS:
        return subject.lower() in (name.lower() for name in names.get_values_for_type(x509.DNSName))
    if subject_type == _Type.SAN_URI:
        return subject in names.get_values_for_type(x509.UniformResourceIdentifier)
    if subject_type == _Type.SAN_IP:
        return _is_address(subject) and ip_address(subject) in names.get_values_for_type(x509.IPAddress)
    return subject_type == _Type.SAN_EMAIL and _fold(subject) in map(_fold, names.get_values_for_type(x509.RFC822Name))


def _fold(address: str) -> str:
    """RFC 5321 §2.4: only the local part is case-sensitive."""
    local, at, domain = address.rpartition("@")
    return local + at + domain.lower()
