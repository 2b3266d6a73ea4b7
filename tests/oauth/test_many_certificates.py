"""What stays in memory of strangers' certificates, if a proxy lets any through."""

import tracemalloc
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

SHOWN, NAMES = 10, 1_300


def make_certificate(now, number):
    """As many names as fit into 8 KiB, each empty."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(number)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.DirectoryName(x509.Name([]))] * NAMES)
    return builder.add_extension(names, critical=False).sign(key, SHA256()).public_bytes(Encoding.DER)


def test_is_little_more_than_they_are_long(asgi, billing, now, settings):
    settings.FAILURES_PER_ADDRESS = settings.FAILURES_PER_CLIENT = 1000
    certificates = [make_certificate(now, number) for number in range(1, SHOWN + 2)]

    def show(certificate):
        answer = asgi.post("/oauth2/token", {"grant_type": "client_credentials", "client_id": "nobody-at-all-0001"}, certificate=certificate)
        assert answer.error == (401, "invalid_client")

    show(certificates.pop())
    tracemalloc.start()
    try:
        for certificate in certificates:
            show(certificate)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10 * sum(map(len, certificates))
