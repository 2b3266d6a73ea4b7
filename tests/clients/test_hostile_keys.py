"""Keys with crafted numbers: reading one costs no more than reading any key, because nothing else in the process runs while OpenSSL computes."""

import json
import ssl
from time import process_time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ValidationError

from clients.certificate import check_certificate, find_public_key, load_certificate, read_certificates
from clients.der import is_quick_certificate
from clients.leaked_text import find_traces
from clients.private_key import find_public_halves
from clients.public_key import holds_private_key, read_public_keys, refuse_private_der
from tests import hostile_keys, public_keys
from tests.certificates import self_signed
from tests.hostile_keys import certificate, integer, pem, sequence, tlv

KINDS = ["RSA", "DSA", "DH", "X9.42 DH"]
HOSTILE = {kind: hostile_keys.private(kind) for kind in KINDS} | {
    "PKCS 1": hostile_keys.rsa_private(),
    "DSA of 40,000 bits": hostile_keys.private("DSA", 40_000),
}


def seconds(function, *arguments):
    begun = process_time()
    function(*arguments)
    return process_time() - begun


def an_ordinary_key():
    """What twenty of them cost at least."""
    der = public_keys.private("RSA-2048").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    find_public_halves(der)
    return max(sum(seconds(find_public_halves, der) for _ in range(20)), 0.002)


def refused(read, text):
    with pytest.raises(ValidationError) as error:
        read(text)
    return error.value.code


@pytest.mark.parametrize("kind", HOSTILE)
def test_private_key_in_der_is_known_by_its_outline(kind):
    assert seconds(lambda: refused(refuse_private_der, HOSTILE[kind])) < an_ordinary_key()


@pytest.mark.parametrize("kind", HOSTILE)
def test_its_public_half_is_looked_for_only_where_that_is_quick(kind):
    for content in (HOSTILE[kind], pem("PRIVATE KEY", HOSTILE[kind]).encode()):
        assert seconds(find_public_halves, content) < an_ordinary_key()


@pytest.mark.parametrize("kind", HOSTILE)
def test_twenty_of_them_in_a_leaked_text_cost_little(kind):
    unread = seconds(find_traces, pem("OTHER DATA", HOSTILE[kind]) * 20)
    assert seconds(find_traces, pem("PRIVATE KEY", HOSTILE[kind]) * 20) < 3 * unread + 20 * an_ordinary_key()


@pytest.mark.parametrize("kind", [*KINDS[1:], "RSA"])
@pytest.mark.parametrize("bits", [3072, 10_000, 20_000])
def test_public_key_of_another_kind_or_size_is_refused_before_it_is_read(kind, bits):
    text = pem("PUBLIC KEY", hostile_keys.public(kind, bits))
    assert seconds(lambda: refused(read_public_keys, text)) < an_ordinary_key()
    assert refused(read_public_keys, text) in ("unsupported_key", "weak_key")


def test_public_key_in_pkcs_1_with_a_huge_exponent_is_refused():
    text = pem("RSA PUBLIC KEY", sequence(integer(hostile_keys.odd(3072)), integer(hostile_keys.odd(3071))))
    assert refused(read_public_keys, text) == "weak_key"


@pytest.mark.parametrize("kind", KINDS[1:])
def test_certificate_handed_in_as_a_key_is_refused_before_its_key_is_read(kind):
    text = pem("CERTIFICATE", certificate(hostile_keys.public(kind)))
    assert seconds(lambda: refused(read_public_keys, text)) < an_ordinary_key()
    assert refused(read_public_keys, text) == "unsupported_key"


@pytest.mark.parametrize("kind", KINDS[1:])
def test_certificate_with_a_key_of_another_kind_is_refused_before_that_is_read(kind):
    loaded = load_certificate(certificate(hostile_keys.public(kind)))
    assert seconds(lambda: refused(check_certificate, loaded)) < an_ordinary_key()
    assert refused(check_certificate, loaded) == "weak_key"


def test_certificate_with_a_curve_that_nobody_knows_is_refused():
    curve = tlv(0x06, bytes.fromhex("2a030405"))
    spki = sequence(sequence(tlv(0x06, bytes.fromhex("2a8648ce3d0201")), curve), tlv(0x03, b"\0\4" + b"\1" * 64))
    loaded = load_certificate(certificate(spki))
    assert find_public_key(loaded) is None
    assert refused(check_certificate, loaded) == "weak_key"


def test_certificate_whose_rsa_key_has_a_huge_exponent_is_refused():
    loaded = load_certificate(certificate(hostile_keys.public("RSA", 3072)))
    assert refused(check_certificate, loaded) == "weak_key"


@pytest.mark.parametrize("form", ["SEC 1", "PKCS 8"])
def test_private_key_on_a_curve_of_chosen_numbers_is_not_read(form):
    key = hostile_keys.curve_private()[form]
    for content in (key, pem("PRIVATE KEY", key).encode(), pem("EC PRIVATE KEY", key).encode()):
        assert seconds(lambda content=content: find_public_halves(content)) < an_ordinary_key()
        assert find_public_halves(content) == []
    assert seconds(find_traces, pem("PRIVATE KEY", key)) < 20 * an_ordinary_key()


@pytest.mark.parametrize("label", ["PUBLIC KEY", "CERTIFICATE"])
def test_public_key_on_a_curve_of_chosen_numbers_is_refused_before_it_is_read(label):
    spki = hostile_keys.curve_public()
    text = pem(label, certificate(spki) if label == "CERTIFICATE" else spki)
    assert seconds(lambda: refused(read_public_keys, text)) < an_ordinary_key()
    assert refused(read_public_keys, text) in ("invalid_key", "unsupported_key")


@pytest.mark.parametrize("read", [read_certificates, lambda text: check_certificate(load_certificate(ssl.PEM_cert_to_DER_cert(text)))])
def test_certificate_on_a_curve_of_chosen_numbers_is_refused_before_its_key_is_read(read):
    text = pem("CERTIFICATE", certificate(hostile_keys.curve_public()))
    assert seconds(lambda: refused(read, text)) < an_ordinary_key()
    assert refused(read, text) == "weak_key"


def test_certificate_of_more_than_8_kib_is_refused():
    spki = public_keys.private().public_key().public_bytes(Encoding.DER, public_keys.SPKI)
    assert refused(load_certificate, certificate(spki) + b"\0" * 8192) == "too_long"


def test_key_in_openssh_form_that_is_too_long_is_left_out():
    text = public_keys.private_pem("Ed25519", PrivateFormat.OpenSSH)
    assert len(find_public_halves(text.encode())) == 1
    long = text.replace("\n", "\n" * 13_000, 1)
    assert find_public_halves(long.encode()) == []


PKCS12 = sequence(integer(3), sequence(tlv(0x06, bytes.fromhex("2a864886f70d010701")), tlv(0xA0, b"")))
DSA_AS_OPENSSL_HAS_IT = sequence(*map(integer, (0, 7, 3, 2, 5, 1)))
PRIVATE = {
    "PKCS 12": PKCS12,
    "DSA": DSA_AS_OPENSSL_HAS_IT,
    "SEC 1": public_keys.private().private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
    "PKCS 1": hostile_keys.rsa_private(),
    "cut off": hostile_keys.rsa_private()[:1000],
    "longer than any": hostile_keys.private("DSA", 100_000),
}


@pytest.mark.parametrize("form", PRIVATE)
def test_private_key_is_one_in_whatever_form(form):
    assert holds_private_key(PRIVATE[form])
    assert refused(refuse_private_der, PRIVATE[form]) == "private_key"


DIGEST = sequence(sequence(tlv(0x06, bytes.fromhex("608648016503040201")), tlv(0x05, b"")), tlv(0x04, b"\1" * 32))
OTHERS = {
    "a digest": DIGEST,
    "a signature": sequence(integer(hostile_keys.odd(255)), integer(hostile_keys.odd(254))),
    "a public key": hostile_keys.public("DSA", 1024),
    "another version 3": sequence(integer(3), sequence(integer(1))),
    "an empty sequence": sequence(),
    "a length that says too much": b"\x30\xff" + b"\xff" * 200,
    "no sequence": integer(5),
}


@pytest.mark.parametrize("form", OTHERS)
def test_what_only_looks_like_one_is_none(form):
    assert not holds_private_key(OTHERS[form])
    assert find_public_halves(OTHERS[form]) == []


@pytest.mark.parametrize("kind", ["P-256", "P-521", "Ed25519", "RSA-2048"])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_public_half_of_every_key_that_can_be_registered_is_found(kind, form):
    if kind == "Ed25519":
        form = PrivateFormat.PKCS8
    key = public_keys.private(kind)
    for encoding in (Encoding.DER, Encoding.PEM):
        (half,) = find_public_halves(key.private_bytes(encoding, form, NoEncryption()))
        assert half.public_bytes(Encoding.DER, public_keys.SPKI) == key.public_key().public_bytes(Encoding.DER, public_keys.SPKI)


UNREADABLE = {
    "damaged Base64": "-----BEGIN PRIVATE KEY-----\n=A\n-----END PRIVATE KEY-----\n",
    "no point of a curve": pem("EC PRIVATE KEY", sequence(integer(1), tlv(0x04, b"\1" * 32))),
    "OpenSSH, cut off": pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_public_half_of_what_can_not_be_read_is_not_found(case):
    assert find_public_halves(UNREADABLE[case].encode()) == []


def test_jwk_with_a_number_of_a_hundred_thousand_digits_is_damaged():
    text = json.dumps(public_keys.jwk())[:-1] + ', "ext": ' + "9" * 60_000 + "}"
    assert refused(read_public_keys, text) == "not_a_public_key"


def test_only_a_certificate_whose_key_is_read_at_once_is_let_on():
    assert not is_quick_certificate(certificate(hostile_keys.curve_public()))
    # Each bit of an exponent costs OpenSSL time, once for the handshake and once for each certificate that the key signed.
    assert not is_quick_certificate(certificate(hostile_keys.public("RSA", 3072)))
    for kind in ("RSA", "DSA"):
        assert not is_quick_certificate(certificate(hostile_keys.public(kind)))
    for kind in ("P-256", "P-384", "P-521", "RSA-2048", "Ed25519"):
        assert is_quick_certificate(self_signed("billing", key=public_keys.private(kind)).der), kind


@pytest.mark.parametrize("cut", ["nothing", "half", "indefinite", "long tag", "longer than it is", "no key", "no algorithm", "version left out"])
def test_what_openssl_might_read_otherwise_is_not_let_on(cut):
    good = self_signed("billing").der
    spoiled = {
        "nothing": b"",
        "half": good[: len(good) // 2],
        "indefinite": b"\x30\x80" + good[4:] + b"\0\0",
        "long tag": b"\x3f" + good[1:],
        "longer than it is": good[:2] + b"\xff\xff" + good[4:],
        "no key": sequence(sequence(integer(1)), sequence(), tlv(0x03, b"\0")),
        "no algorithm": sequence(sequence(*[integer(1)] * 5, sequence(sequence(integer(1)), tlv(0x03, b"\0"))), sequence(), tlv(0x03, b"\0")),
        "version left out": sequence(sequence(*[integer(1)] * 5, sequence(sequence(), tlv(0x03, b"\0"))), sequence(), tlv(0x03, b"\0")),
    }
    assert is_quick_certificate(good)
    assert not is_quick_certificate(spoiled[cut])
