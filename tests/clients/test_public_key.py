"""Public keys as people hand them in (RFC 7517, RFC 7518 §6, RFC 8037): what is read, and everything that is refused."""

import base64
import json
import subprocess
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ValidationError

from clients.public_key import ALGORITHMS, fits, load_public_key, read_jwk, read_public_keys, read_published_keys, refuse_private_der
from tests.certificates import Authority, issue, self_signed
from tests.certificates import pem as certificate_pem
from tests.public_keys import SPKI, encode, jwk, pem, private, private_pem, thumbprint, to_jwk

KINDS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA", "RSA-2048": ""}


@pytest.mark.rfc("7638", "3")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["pem", "jwk", "set"])
def test_key_is_read_with_its_algorithm_and_thumbprint(kind, form):
    text = {"pem": pem(kind), "jwk": json.dumps(jwk(kind)), "set": json.dumps({"keys": [jwk(kind)]})}[form]
    (key,) = read_public_keys(text)
    assert key.algorithm == KINDS[kind]
    assert key.kid == key.thumbprint == thumbprint(jwk(kind))
    expected = {**jwk(kind), "kid": key.kid, "use": "sig"}
    assert key.public_jwk == (expected | {"alg": key.algorithm} if key.algorithm else expected)
    assert load_public_key(json.dumps(key.public_jwk)).public_bytes(Encoding.DER, SPKI) == private(kind).public_key().public_bytes(Encoding.DER, SPKI)


@pytest.mark.rfc("9864", "2.2")
def test_ed25519_is_a_name_of_eddsa():
    (key,) = read_public_keys(json.dumps(jwk("Ed25519", alg="Ed25519")))
    assert key == read_jwk(jwk("Ed25519", alg="EdDSA"))
    assert key.algorithm == "EdDSA"
    assert fits("Ed25519", key.algorithm)
    assert not fits("Ed448", key.algorithm)
    (published,) = read_published_keys(json.dumps({"keys": [jwk("Ed25519", alg="Ed25519"), jwk("Ed25519", alg="Ed448"), jwk(alg="Ed25519")]}).encode())
    assert published == key


@pytest.mark.rfc("7638", "3.1")
def test_the_thumbprint_matches_the_rfcs_example():
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt"
        "7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHa"
        "Q-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = read_jwk({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
    assert (key.thumbprint, key.kid, key.algorithm) == ("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "2011-04-29", "RS256")


def test_keys_as_openssl_writes_them(tmp_path):
    def openssl(*arguments: str) -> str:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem")
    openssl("genpkey", "-algorithm", "ED25519", "-out", "ed.pem")
    (tmp_path / "rsa.pem").write_text(private_pem("RSA-2048", PrivateFormat.TraditionalOpenSSL))
    assert read_public_keys(openssl("pkey", "-in", "ec.pem", "-pubout"))[0].algorithm == "ES256"
    assert read_public_keys(openssl("pkey", "-in", "ed.pem", "-pubout"))[0].algorithm == "EdDSA"
    spki, pkcs1 = openssl("rsa", "-in", "rsa.pem", "-pubout"), openssl("rsa", "-in", "rsa.pem", "-RSAPublicKey_out")
    assert pkcs1.startswith("-----BEGIN RSA PUBLIC KEY-----")
    assert read_public_keys(spki) == read_public_keys(pkcs1)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_key_and_expiry_of_a_certificate_count_whoever_issued_it(kind):
    issued = issue(Authority.create(), key=private(kind)).certificate
    (key,) = read_public_keys("\n" + certificate_pem(issued))
    (alone,) = read_public_keys(pem(kind))
    assert key == alone._replace(expires_at=issued.not_valid_after_utc, key=key.key)
    assert alone.expires_at is None


def test_certificate_as_openssl_makes_it_though_it_says_to_be_an_authority(tmp_path):
    command = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=billing", "-keyout", "key.pem")
    text = subprocess.run(["openssl", *command], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert read_public_keys(text)[0].algorithm == "ES256"


AROUND = {"CRLF": ("", "\r\n"), "lines behind": ("", "\n\n\n"), "space before": ("\n ", "\n"), "byte order mark": ("\ufeff", "\n")}


@pytest.mark.parametrize("case", AROUND)
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_line_ends_and_space_around_dont_matter(form, case):
    before, end = AROUND[case]
    lines = (pem() if form == "pem" else json.dumps(jwk(), indent=1)).splitlines()
    assert read_public_keys(before + ("\r\n" if case == "CRLF" else "\n").join(lines) + end)[0].thumbprint == thumbprint(jwk())


@pytest.mark.parametrize("kid", ["a", "x" * 100, "2026:Q4/key+1", "!~"])
def test_kid_of_the_jwk_is_kept(kid):
    assert read_public_keys(json.dumps(jwk(kid=kid)))[0].kid == kid


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_rsa_key_may_name_its_algorithm(alg):
    assert read_public_keys(json.dumps(jwk("RSA-2048", alg=alg)))[0].algorithm == alg


@pytest.mark.parametrize("changes", [{"use": "sig"}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"]}, {"x5c": ["AAAA"], "x5t": "x", "ext": True}])
def test_other_members_of_a_public_key_are_left_out(changes):
    assert read_public_keys(json.dumps(jwk(**changes)))[0].public_jwk == {**jwk(), "kid": thumbprint(jwk()), "use": "sig", "alg": "ES256"}


def test_fitting_algorithms():
    assert [algorithm for algorithm in ALGORITHMS if fits(algorithm, "ES256")] == ["ES256"]
    assert [algorithm for algorithm in ALGORITHMS if fits(algorithm, "")] == ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
    assert not fits("none", "")
    assert not fits("HS256", "")


# Private keys

TRADITIONAL, PKCS8, OPENSSH = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8, PrivateFormat.OpenSSH
PASSWORD = BestAvailableEncryption(b"password")
PRIVATE = {
    "PKCS 8": private_pem("P-256", PKCS8),
    "PKCS 8 encrypted": private_pem("P-256", PKCS8, PASSWORD),
    "PKCS 8 RSA": private_pem("RSA-2048", PKCS8),
    "PKCS 8 Ed25519": private_pem("Ed25519", PKCS8),
    "PKCS 1": private_pem("RSA-2048", TRADITIONAL),
    "PKCS 1 encrypted": private_pem("RSA-2048", TRADITIONAL, PASSWORD),
    "SEC 1": private_pem("P-256", TRADITIONAL),
    "OpenSSH": private_pem("Ed25519", OPENSSH),
    "behind its public key": pem() + private_pem("P-256", PKCS8),
    "cut off": private_pem("P-256", PKCS8)[:60],
    "PuTTY": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\nAAAA\n",
    "JWK EC": json.dumps(to_jwk(private("P-256"))),
    "JWK RSA": json.dumps(to_jwk(private("RSA-2048"))),
    "JWK OKP": json.dumps(to_jwk(private("Ed25519"))),
    "JWK with a prime": json.dumps(jwk("RSA-2048", p="AQAB")),
    "JWK oct": json.dumps({"kty": "oct", "k": "c2VjcmV0"}),
    "JWK oct without k": json.dumps({"kty": "oct"}),
    "JWK cut off": json.dumps(to_jwk(private("P-256")))[:-2],
    "JWK escaped": json.dumps(jwk()).replace('"x"', '"\\u0064": "AA", "x"'),
    "JWK Set": json.dumps({"keys": [jwk(), to_jwk(private("P-384"))]}),
    "JWK under a name": json.dumps({"private": to_jwk(private("P-256")), **jwk()}),
    "very long": private_pem("P-256", PKCS8) + "x" * 70_000,
}


@pytest.mark.parametrize("case", PRIVATE)
def test_private_key_is_compromised_and_never_repeated(case):
    text = PRIVATE[case]
    with pytest.raises(ValidationError) as error:
        read_public_keys(text)
    assert error.value.code == "private_key"
    message = error.value.message
    assert "Treat it as compromised" in message
    assert "make a new key pair and register only the public key" in message
    assert not any(line in message for line in text.split() if len(line) > 20)


@pytest.mark.parametrize("kind", ["P-256", "RSA-2048", "Ed25519"])
@pytest.mark.parametrize("encryption", [NoEncryption(), PASSWORD])
def test_private_key_in_der_is_compromised(kind, encryption):
    with pytest.raises(ValidationError, match="compromised"):
        refuse_private_der(private(kind).private_bytes(Encoding.DER, PKCS8, encryption))


@pytest.mark.parametrize(
    "content", [b"", b"\x30", b"\xff" * 100, private("P-256").public_key().public_bytes(Encoding.DER, SPKI)], ids=["nothing", "cut off", "noise", "public"]
)
def test_other_bytes_are_no_private_key(content):
    refuse_private_der(content)


# What else is refused


def damaged(text: str) -> str:
    lines = text.splitlines()
    return "\n".join([lines[0], lines[1][:-4], *lines[2:]])


def point(number_x: int, number_y: int) -> dict[str, str]:
    return {"x": encode(number_x.to_bytes(32)), "y": encode(number_y.to_bytes(32))}


N = jwk("RSA-2048")["n"]
NUMBER = int.from_bytes(base64.urlsafe_b64decode(N + "=="))
WEAK_POINTS = [
    bytes(32),
    bytes(31) + b"\x80",
    b"\1" + bytes(31),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]
CERTIFIED = self_signed(key=private("P-256"))
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
TWENTY_ONE = {"keys": [jwk(kid=str(number)) for number in range(21)]}


def respelled(text: str) -> str:
    """The same bytes with a spare bit set."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) + 1]


REFUSED: list[tuple[str, Any, str]] = [
    ("empty", "", "not_a_public_key"),
    ("white space", " \n", "not_a_public_key"),
    ("prose", "my key", "not_a_public_key"),
    ("OpenSSH public key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO ada@example", "not_a_public_key"),
    ("longer than 64 KiB", pem() + " " * 65536, "too_long"),
    ("a damaged certificate", CERTIFICATE, "malformed_certificate"),
    ("a certificate that isn't base64", CERTIFICATE.replace("AAAA", "AAA"), "invalid_key"),
    ("a certificate with its chain", certificate_pem(CERTIFIED.certificate) * 2, "not_a_public_key"),
    ("a certificate of a kind of key that can't sign", certificate_pem(self_signed(key=private("Ed448")).certificate), "unsupported_key"),
    ("a certificate of a weak key", certificate_pem(self_signed(key=private("RSA-1024")).certificate), "weak_key"),
    ("a certificate beside its private key", certificate_pem(CERTIFIED.certificate) + private_pem("P-256", PrivateFormat.PKCS8), "private_key"),
    ("a certificate request", CERTIFICATE.replace("CERTIFICATE", "NEW REQUEST"), "not_a_public_key"),
    ("two PEMs", pem() + pem("P-384"), "not_a_public_key"),
    ("text before", "Bag attributes\n" + pem(), "not_a_public_key"),
    ("text behind", pem() + "x", "not_a_public_key"),
    ("another end", pem().replace("END PUBLIC", "END RSA PUBLIC"), "not_a_public_key"),
    ("no end", pem().replace("-----END PUBLIC KEY-----", ""), "not_a_public_key"),
    ("damaged PEM", damaged(pem()), "invalid_key"),
    ("padding inside", pem().replace("M", "=", 1), "invalid_key"),
    ("octets behind the DER", "-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(private().public_key().public_bytes(Encoding.DER, SPKI) + b"\0").decode()
     + "\n-----END PUBLIC KEY-----\n", "invalid_key"),
    ("PEM on secp256k1", pem("secp256k1"), "unsupported_key"),
    ("PEM on brainpool", pem("brainpool"), "unsupported_key"),
    ("PEM of X25519", pem("X25519"), "unsupported_key"),
    ("PEM of Ed448", pem("Ed448"), "unsupported_key"),
    ("PEM of DSA", pem("DSA"), "unsupported_key"),
    ("PEM of RSA 1024", pem("RSA-1024"), "weak_key"),
    ("damaged JSON", '{"kty": "EC"', "not_a_public_key"),
    ("JSON and more", json.dumps(jwk()) + "{}", "not_a_public_key"),
    ("deep nesting", "[" * 50_000, "not_a_public_key"),
    ("a list of keys", [jwk()], "not_a_public_key"),
    ("an empty object", {}, "unsupported_key"),
    ("an empty set", {"keys": []}, "not_a_public_key"),
    ("a set that is none", {"keys": {"a": 1}}, "not_a_public_key"),
    ("a set of texts", {"keys": ["x"]}, "not_a_public_key"),
    ("a set of 21", TWENTY_ONE, "too_many_keys"),
    ("a set with the same kid twice", {"keys": [jwk(kid="a"), jwk("P-384", kid="a")]}, "repeated_key"),
    ("a set with the same key twice", {"keys": [jwk(kid="a"), jwk(kid="b")]}, "repeated_key"),
    ("a set with a bad one", {"keys": [jwk(), jwk("P-384", use="enc")]}, "wrong_use"),
    ("a member twice", json.dumps(jwk()).replace('"kty"', '"kty": "EC", "kty"'), "repeated_member"),
    ("kty missing", jwk(kty=None), "unsupported_key"),
    ("kty unknown", jwk(kty="AKP"), "unsupported_key"),
    ("kty no text", jwk(kty=["EC"]), "unsupported_key"),
    ("crv missing", jwk(crv=None), "invalid_key"),
    ("crv secp256k1", jwk(crv="secp256k1"), "unsupported_key"),
    ("crv of another length", jwk(crv="P-384"), "invalid_key"),
    ("crv X25519", jwk("Ed25519", crv="X25519"), "unsupported_key"),
    ("crv Ed448", jwk("Ed25519", crv="Ed448"), "unsupported_key"),
    ("x missing", jwk(x=None), "invalid_key"),
    ("x no text", jwk(x=5), "invalid_key"),
    ("x padded", jwk(x=jwk()["x"] + "="), "invalid_key"),
    ("x empty", jwk(x=""), "invalid_key"),
    ("x spelled otherwise", jwk(x=respelled(jwk()["x"])), "invalid_key"),
    ("x too long", jwk(x=encode(bytes(1) + base64.urlsafe_b64decode(jwk()["x"] + "="))), "invalid_key"),
    ("y too short", jwk(y=jwk()["y"][:-3]), "invalid_key"),
    ("a point off the curve", jwk(**point(5, 5)), "invalid_key"),
    ("the point at infinity", jwk(**point(0, 0)), "invalid_key"),
    ("Ed25519 too short", jwk("Ed25519", x=encode(b"\2" * 31)), "invalid_key"),
    *[(f"Ed25519 of small order {number}", jwk("Ed25519", x=encode(weak)), "weak_key") for number, weak in enumerate(WEAK_POINTS)],
    ("RSA 1024", jwk("RSA-1024"), "weak_key"),
    ("RSA 2047", jwk("RSA-2048", n=encode((NUMBER >> 1 | 1).to_bytes(256).lstrip(b"\0"))), "weak_key"),
    ("RSA 8193", jwk("RSA-2048", n=encode((2**8192 + 1).to_bytes(1025))), "weak_key"),
    ("RSA with an even modulus", jwk("RSA-2048", n=encode((NUMBER - 1).to_bytes(256))), "weak_key"),
    ("RSA with leading zeros", jwk("RSA-2048", n=encode(NUMBER.to_bytes(258))), "invalid_key"),
    ("RSA with exponent 1", jwk("RSA-2048", e="AQ"), "weak_key"),
    ("RSA with exponent 3", jwk("RSA-2048", e="Aw"), "weak_key"),
    ("RSA with an even exponent", jwk("RSA-2048", e=encode(b"\1\0\2")), "weak_key"),
    ("RSA with an exponent that has each signature cost more", jwk("RSA-2048", e=encode(b"\2\0\1")), "weak_key"),
    ("RSA with a huge exponent", jwk("RSA-2048", e=encode(b"\1\0\0\0\0\0\0\1")), "weak_key"),
    ("RSA with an empty modulus", jwk("RSA-2048", n=""), "invalid_key"),
    ("RSA with an empty exponent", jwk("RSA-2048", e=""), "invalid_key"),
    ("Ed25519 with an empty point", jwk("Ed25519", x=""), "invalid_key"),
    ("RSA with exponent 0", jwk("RSA-2048", e="AA"), "invalid_key"),
    ("use for encryption", jwk(use="enc"), "wrong_use"),
    ("key_ops without verify", jwk(key_ops=["encrypt"]), "wrong_use"),
    ("key_ops that is text", jwk(key_ops="verify"), "wrong_use"),
    ("alg of another curve", jwk(alg="ES384"), "wrong_algorithm"),
    ("alg for encryption", jwk(alg="ECDH-ES"), "wrong_algorithm"),
    ("alg of RSA for encryption", jwk("RSA-2048", alg="RSA-OAEP"), "wrong_algorithm"),
    ("alg none", jwk("RSA-2048", alg="none"), "wrong_algorithm"),
    ("alg Ed448", jwk("Ed25519", alg="Ed448"), "wrong_algorithm"),
    ("alg Ed25519 of another curve", jwk(alg="Ed25519"), "wrong_algorithm"),
    ("alg HMAC", jwk("RSA-2048", alg="HS256"), "wrong_algorithm"),
    ("alg no text", jwk(alg=["ES256"]), "wrong_algorithm"),
    ("kid empty", jwk(kid=""), "invalid_kid"),
    ("kid too long", jwk(kid="x" * 101), "invalid_kid"),
    ("kid with a space", jwk(kid="a b"), "invalid_kid"),
    ("kid not ASCII", jwk(kid="schlüssel"), "invalid_kid"),
    ("kid with a line end", jwk(kid="a\n"), "invalid_kid"),
    ("kid a number", jwk(kid=7), "invalid_kid"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "code"), [(given, code) for _, given, code in REFUSED], ids=[name for name, _, _ in REFUSED])
def test_unusable_keys_are_refused(given, code):
    with pytest.raises(ValidationError) as error:
        read_public_keys(given if isinstance(given, str) else json.dumps(given))
    assert error.value.code == code
    assert len(error.value.message) < 300


def test_key_that_was_registered_before_its_exponent_was_too_large_keeps_working():
    assert load_public_key(json.dumps(jwk("RSA-2048", e=encode(b"\2\0\1")))).public_numbers().e == 2**17 + 1
