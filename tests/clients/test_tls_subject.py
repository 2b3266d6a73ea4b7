"""The subject that a client registers for tls_client_auth. Which certificates it fits is in tests/oauth/test_mtls.py."""

import pytest
from django.core.exceptions import ValidationError

from clients.tls_subject import clean_tls_subject


@pytest.mark.rfc("8705", "2.1.2")
@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("subject_dn", "CN=billing"),
        ("subject_dn", "emailAddress=a@example.com,CN=billing\\, sync,OU=a+OU=b,O=Büro,C=DE"),
        ("san_dns", "billing.example.com"),
        ("san_uri", "spiffe://example.com/billing"),
        ("san_uri", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ("san_ip", "203.0.113.7"),
        ("san_ip", "2001:db8::7"),
        ("san_email", "billing@example.com"),
    ],
)
def test_subject_of_each_kind_is_kept_as_it_is(kind, subject):
    assert clean_tls_subject(f"tls_client_auth_{kind}", subject) == subject


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        *((kind, subject) for kind in ("subject_dn", "san_dns", "san_uri", "san_ip", "san_email") for subject in ("", "a" * 513, "a\nb", "a\0b")),
        ("subject_dn", "billing"),
        ("subject_dn", "CN=billing, O=Example"),
        ("subject_dn", "/C=DE/CN=billing"),
        ("subject_dn", "XY=billing"),
        ("san_dns", "*.example.com"),
        ("san_dns", "https://billing.example.com"),
        ("san_dns", "büro.example.com"),
        ("san_dns", "a b"),
        ("san_uri", "billing"),
        ("san_uri", "spiffe:"),
        ("san_uri", "://billing"),
        ("san_ip", "203.0.113.0/24"),
        ("san_ip", "billing"),
        ("san_email", "billing"),
        ("san_email", "@example.com"),
        ("san_email", "billing@"),
        ("san_email", "Ada <ada@example.com>"),
    ],
)
def test_subject_that_no_certificate_can_have_is_refused(kind, subject):
    with pytest.raises(ValidationError, match=f"isn't valid for {kind}") as caught:
        clean_tls_subject(f"tls_client_auth_{kind}", subject)
    assert caught.value.code == "invalid_subject"


def test_unknown_kind_is_refused():
    with pytest.raises(ValidationError, match=r"“dns” isn't a kind of subject. Choose from subject_dn, san_dns, san_uri, san_ip, san_email.") as caught:
        clean_tls_subject("tls_client_auth_dns", "billing.example.com")
    assert caught.value.code == "unknown_subject_type"
