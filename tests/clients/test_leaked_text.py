"""Finding TokenOS's credentials in a text that leaked."""

import json
from base64 import b64encode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients import base64url, leaked_text
from clients.leaked_text import find_ids, find_kids, find_traces, find_words
from clients.secret import generate, generate_client_id
from tests import public_keys
from tests.dashboard.conftest import make_certificate

SECRET = generate("live")
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


def b64(text):
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        SECRET.plaintext,
        f"  {SECRET.plaintext}\r\n",
        f'CLIENT_SECRET="{SECRET.plaintext}"',
        f"https://example.com/?client_secret={SECRET.plaintext}&a=b",
        f'{{"log": "line\\n{SECRET.plaintext}\\nline"}}',
        f"tos_live_tos_live_{SECRET.plaintext}",
        f"GET / {SECRET.plaintext}_more",
        f"Authorization: Basic {b64(f'0123456789abcdefghijkl:{SECRET.plaintext}')}",
        f"authorization: basic  {b64(f'an%2Did:{SECRET.plaintext}')}",
        f"data:\n  client_secret: {b64(SECRET.plaintext)}",
        f"client_secret={SECRET.plaintext.replace('_', '%5F')}",
        f'{{"client_secret": "{SECRET.plaintext.replace("_", chr(92) + "u005f")}"}}',
        "\0\x1b[31m" + SECRET.plaintext + "\udcff",
    ],
    ids=lambda text: repr(text.replace(SECRET.plaintext, "SECRET")) if SECRET.plaintext in text else "in Base64",
)
def test_a_secret_is_found_wherever_it_stands(text):
    assert [secret.plaintext for secret in find_traces(text).secrets] == [SECRET.plaintext]


def test_a_secret_that_appears_a_thousand_times_is_found_once():
    assert len(find_traces(f"line {SECRET.plaintext}\n" * 1000).secrets) == 1


@pytest.mark.parametrize(
    ("cut", "named"),
    [(SECRET.plaintext[:-1], SECRET.secret_id), (SECRET.plaintext[:20] + " …", SECRET.secret_id), (SECRET.plaintext[:15], ""), ("tos_live_", "")],
    ids=lambda text: str(len(text)),
)
def test_the_id_of_a_cut_off_secret_is_found_if_it_is_complete(cut, named):
    traces = find_traces(f"key: {cut}")
    assert (traces.secrets, traces.damaged) == ((), (named,))


def test_other_base64_is_not_taken_for_a_secret():
    assert find_traces(f"Basic {b64('ada:correct-horse')} and dG9zX2xpdmVfA").secrets == ()


@pytest.mark.parametrize(
    "text", [JWT, f"Authorization: Bearer {JWT}", f'"token\\n{JWT}"', f"{JWT}.more", f"a.b.{JWT}", JWT.replace(".", "%2E"), f"{JWT}\0HOME=/root"]
)
def test_a_jwt_is_found_wherever_it_stands(text):
    assert JWT in find_traces(text).jwts


@pytest.mark.parametrize("text", ["eyJhbGciOi", "eyJhbGciOi.eyJzdWI", "eyJhbGciOi.eyJzdWI.", "eyJhbGciOi.c3Vi.c2ln", f"eyJ{'a' * 5000}.eyJ{'b' * 5000}.c"])
def test_other_text_is_not_taken_for_a_jwt(text):
    assert find_traces(text).jwts == ()


def test_the_number_of_tokens_from_a_log_is_limited(monkeypatch):
    monkeypatch.setattr(leaked_text, "MAX_TOKENS", 3)
    assert len(find_traces(" ".join(f"eyJa.eyJb.{number:010}" for number in range(10))).jwts) == 3


def test_certificates_and_fingerprints_are_found_by_their_thumbprints():
    pem = make_certificate()
    der = x509.load_pem_x509_certificate(pem.encode())
    fingerprint = der.fingerprint(SHA256())
    thumbprint = base64url.encode(fingerprint)
    colons = ":".join(f"{octet:02X}" for octet in fingerprint)
    for text in (pem, json.dumps({"cert": pem}), f"sha256 Fingerprint={colons}", f"SHA256:{colons.lower()}", fingerprint.hex()):
        assert find_traces(text).thumbprints == (thumbprint,), text


@pytest.mark.parametrize(
    "text", ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----", "ab:" * 40, "a" * 63]
)
def test_anything_but_a_certificate_has_no_thumbprint(text):
    assert find_traces(text).thumbprints == ()


@pytest.mark.parametrize(
    "broken", ["-----BEGIN ", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nAA-BB", f"-----BEGIN {'A' * 100}-----\nAA\n-----END "]
)
def test_a_block_without_an_end_is_none(broken):
    traces = find_traces(broken)
    assert (traces.thumbprints, traces.public_halves) == ((), ())


def test_private_keys_are_found_by_their_public_keys():
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    numbers = key.private_numbers()
    members = {"x": numbers.public_numbers.x, "y": numbers.public_numbers.y, "d": numbers.private_value}
    jwk = {"kty": "EC", "crv": "P-256", **{name: base64url.encode(value.to_bytes(32)) for name, value in members.items()}}
    for text in (pem, json.dumps({"private_key": pem, "type": "service"}), f"config = {json.dumps({'keys': [jwk]})}", f"lines\n{pem}\nlines"):
        [half] = find_traces(text).public_halves
        assert half.public_numbers() == numbers.public_numbers, text


def test_a_private_rsa_key_is_found_even_if_the_rest_of_it_is_wrong():
    """Checking one takes a second, and the finder of a damaged key wants to know whose it is."""
    key = public_keys.private("RSA-2048")
    damaged = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    body = b64encode(damaged[:-1] + bytes([damaged[-1] ^ 1])).decode()
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----"
    assert [half.public_numbers() for half in find_traces(text).public_halves] == [key.public_key().public_numbers()]


def test_ids_are_found_anywhere_in_a_log():
    client_id, secret_id = generate_client_id(), SECRET.secret_id
    text = f"client_id={client_id}&x [{secret_id}] api.{client_id} {generate_client_id()}"
    assert set(find_words(text)) >= {client_id, secret_id}
    assert find_ids(text, {client_id, secret_id, "not-there-at-all"}) == [client_id, secret_id]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" k-3f9c \n", ["k-3f9c"]),
        ('{"kid":"laptop"}', ["laptop", '{"kid":"laptop"}']),
        (r'{"header": "{\"kid\": \"odd/key:1\"}", "padding": "to be longer than two hundred characters"' + " " * 200, ["odd/key:1"]),
        ("two words", []),
        ("", []),
        ("é", []),
    ],
)
def test_a_kid_is_what_stands_alone_or_is_named_so(text, found):
    assert find_kids(text) == found


ADVERSARIAL = {
    "starts of secrets": "tos_live_",
    "starts of base64": "dG9zX2xpdmVf",
    "starts of Basic": "Basic ",
    "Basic": "Basic dG9zX2xpdmVfAAAAAAAAAAAA ",
    "starts of tokens": "eyJ",
    "starts of tokens with dots": "eyJ.",
    "dots": ".",
    "dashes": "-",
    "beginnings": "-----BEGIN ",
    "beginnings of certificates": "-----BEGIN CERTIFICATE-----\n",
    "certificates": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "private keys": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
    "hexadecimal": "a",
    "colons": "aa:",
    "braces": "{",
    "objects": '{"kty""d"}',
    "kids": '"kid":"',
    "spaces": " ",
    "letters of other scripts": "é",
    "emoji": "🔑",
}


@pytest.mark.parametrize("piece", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_half_a_million_characters_of_anything_are_read_in_one_go(piece):
    """No clock is needed: a quadratic search would take an hour."""
    text = piece * (500_000 // len(piece))
    traces = find_traces(text)
    assert len(traces.secrets) == 0
    assert len(traces.damaged) <= leaked_text.MAX_SECRETS
    assert find_ids(text, {"x"}) == []
    assert len(find_kids(text)) <= leaked_text.MAX_CERTIFICATES


def test_overlapping_pieces_are_read_a_limited_number_of_times(monkeypatch):
    looked_at = []
    monkeypatch.setattr(leaked_text, "MAX_SECRET_LIKE", 100)
    monkeypatch.setattr(leaked_text, "parse", looked_at.append)
    find_traces("tos_live_" * 1000)
    assert len(looked_at) == 100


def test_the_number_of_reported_secrets_is_limited(monkeypatch):
    monkeypatch.setattr(leaked_text, "MAX_SECRETS", 2)
    text = " ".join(generate("test").plaintext for _ in range(5)) + "".join(f" tos_live_{'a' * 9}{number}_" for number in range(5))
    traces = find_traces(text)
    assert (len(traces.secrets), len(traces.damaged)) == (2, 2)


def texts_of_all_kinds():
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    secret = generate("live").plaintext
    jwt = f"eyJ{'a' * 300}.eyJ{'b' * 1500}.{'c' * 90}"
    basic = f"Basic {b64(f'{generate_client_id()}:{secret}')}"
    kid = json.dumps({"kid": "a kid", "kty": "EC", "d": "x" * 1500, "y": "z"})
    fingerprint = ":".join(["AB"] * 32)
    return " und so weiter, ".join(
        [secret, jwt, key, basic, kid, fingerprint, "0f" * 32, "w" * 1500, secret[:20], "tos_live_", "{" * 30, generate_client_id()] * 2
    )


@pytest.mark.long
@pytest.mark.parametrize("window", [1, 61, 1000])
def test_what_is_found_depends_on_no_window(monkeypatch, window):
    """A long text is read in parts, so that other threads get their turn."""
    text = texts_of_all_kinds()
    monkeypatch.setattr(leaked_text, "_WINDOW", len(text))
    whole = (find_traces(text), list(find_words(text)), find_kids(text))
    assert len(whole[0].secrets) == 1
    assert len(whole[0].jwts) == 1
    assert len(whole[0].thumbprints) == 2
    monkeypatch.setattr(leaked_text, "_WINDOW", window)
    assert (find_traces(text), list(find_words(text)), find_kids(text)) == whole


def test_no_search_takes_a_whole_log_in_one_go(monkeypatch):
    """No other thread runs during a search, so a token request would have to wait."""
    asked = []

    class Watched:
        def __init__(self, pattern):
            self.match, self.finditer = pattern.match, lambda text, place, end: asked.append(end - place) or pattern.finditer(text, place, end)

    for name in ("_SECRET_START", "_ENCODED_SECRET", "_BASIC", "_RUN", "_FINGERPRINT", "_NAMED_KID", "_JSON_OBJECT"):
        monkeypatch.setattr(leaked_text, name, Watched(getattr(leaked_text, name)))
    text = "GET /orders 200 OK\n" * 20_000
    find_traces(text)
    find_kids(text)
    assert find_ids(text, []) == []
    assert max(asked) < 100_000 < len(text)
