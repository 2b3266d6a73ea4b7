"""DPoP proofs at the token endpoint, RFC 9449: every single thing that is refused, with its reason, and that a proof counts once."""

import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from clients.models import Client
from oauth.database_clock import CLOCK_MARGIN
from oauth.models import UsedJWT
from tests.oauth.conftest import reason_of
from tests.oauth.doors import basic
from tests.oauth.proofs import TOKEN_ENDPOINT, Key, base64url, claims, encode, key, new_key, now

PATH = "/oauth2/token"
Made = Callable[[Key], str]


def header(**changes: Any) -> Made:
    """A proof with another header."""
    return lambda key: key.proof(header=changes)


def payload(**changes: Any) -> Made:
    return lambda key: key.proof(**changes)


def jwk(**changes: Any) -> Made:
    """A proof whose key has other members."""
    return lambda key: key.proof(header={"jwk": {**key.jwk, **changes}})


def raw(header_text: str | None = None, payload_text: str | None = None) -> Made:
    """A proof that is signed over these texts instead of its JSON."""
    return lambda key: key.sign(
        encode(key.header()) if header_text is None else base64url(header_text.encode("utf-8", "surrogateescape")),
        encode(claims()) if payload_text is None else base64url(payload_text.encode("utf-8", "surrogateescape")),
    )


def null(name: str) -> Made:
    """The member is present but null."""
    return lambda key: raw(json.dumps({**key.header(), name: None}))(key) if name in key.header() else raw(None, json.dumps({**claims(), name: None}))(key)


def jwk_null(name: str) -> Made:
    return lambda key: raw(json.dumps({**key.header(), "jwk": {**key.jwk, name: None}}))(key)


def by(algorithm: str, **options: Any) -> Made:
    return lambda _: key(algorithm, **options).proof()


def other_url(**parts: str) -> Made:
    return payload(htu="{scheme}://{host}{path}".format(**{"scheme": "https", "host": "localhost:8443", "path": PATH, **parts}))


def _twice(member: str) -> Made:
    """The claims with one of them twice, the second one valid."""

    def make(key: Key) -> str:
        text = json.dumps(claims())
        return key.sign(encode(key.header()), base64url(f'{{"{member}": "x", {text[1:]}'.encode()))

    return make


def _header_twice(key: Key) -> str:
    text = json.dumps(key.header())
    return key.sign(base64url(f'{{"alg": "RS256", {text[1:]}'.encode()), encode(claims()))


def _other_signature(key: Key) -> str:
    return key.proof().rpartition(".")[0] + "." + new_key().proof().rpartition(".")[2]


def _hmac(key: Key) -> str:
    """Signed with the public key as a shared secret."""
    signing_input = f"{encode(key.header(alg='HS256'))}.{encode(claims())}"
    return f"{signing_input}.{base64url(hmac.digest(json.dumps(key.jwk).encode(), signing_input.encode(), 'sha256'))}"


def _altered(key: Key) -> str:
    head, _, signature = key.proof().split(".")
    return f"{head}.{encode(claims(jti='another'))}.{signature}"


def _noncanonical(part: int) -> Made:
    """The same bits in another spelling: the last character carries some that don't count."""

    def make(key: Key) -> str:
        while True:
            parts = key.proof(jti="x" * 20, padding="y" * (len(str(time.perf_counter_ns())) % 3 + 1), htu=TOKEN_ENDPOINT).split(".")
            if len(parts[part]) % 4:
                break
            key = new_key() if part == 0 else key
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        parts[part] = parts[part][:-1] + alphabet[alphabet.index(parts[part][-1]) + 1]
        return ".".join(parts)

    return make


REFUSED: list[tuple[str, str, str, Made]] = [
    # name, section of RFC 9449 unless said otherwise, the owner's reason, the DPoP header
    ("two proofs", "4.3", "dpop_proof_repeated", lambda key: f"{key.proof()},{key.proof()}"),
    ("the same proof twice", "4.3", "dpop_proof_repeated", lambda key: ",".join([key.proof()] * 2)),
    ("nothing", "4.3", "dpop_proof_malformed", lambda _: ""),
    ("no JWT", "4.3", "dpop_proof_malformed", lambda _: "proof"),
    ("two segments", "4.3", "dpop_proof_malformed", lambda key: key.proof().rpartition(".")[0]),
    ("four segments", "4.3", "dpop_proof_malformed", lambda key: key.proof() + ".x"),
    ("no signature", "4.3", "dpop_proof_malformed", lambda key: key.proof().rpartition(".")[0] + "."),
    ("trailing data", "4.3", "dpop_proof_malformed", lambda key: key.proof() + " x"),
    ("padding", "4.3", "dpop_proof_malformed", lambda key: key.proof() + "="),
    ("not ASCII", "4.3", "dpop_proof_malformed", lambda key: key.proof() + "é"),
    ("more than 8 KiB", "4.3", "dpop_proof_malformed", payload(jti="j", other="x" * 8192)),
    ("truncated base64url", "4.3", "dpop_proof_malformed", lambda key: "e." + key.proof().partition(".")[2]),
    ("a signature in another spelling", "4.3", "dpop_proof_malformed", _noncanonical(2)),
    ("a header in another spelling", "4.3", "dpop_proof_malformed", lambda key: key.proof().replace(".", "=.", 1)),
    ("a header that isn't JSON", "4.3", "dpop_proof_malformed", raw("{")),
    ("a header that isn't UTF-8", "4.3", "dpop_proof_malformed", raw("\udcff")),
    ("a header that is no object", "4.3", "dpop_proof_malformed", raw("[]")),
    ("claims that are no object", "4.3", "dpop_proof_malformed", raw(None, '"jti"')),
    ("claims that aren't JSON", "4.3", "dpop_proof_malformed", raw(None, '{"iat": NaN}')),
    ("claims without end", "4.3", "dpop_proof_malformed", raw(None, '{"a":' + "[" * 3000 + "]" * 3000 + "}")),
    ("jti twice", "4.3", "dpop_proof_malformed", _twice("jti")),
    ("htu twice", "4.3", "dpop_proof_malformed", _twice("htu")),
    ("alg twice", "4.3", "dpop_proof_malformed", _header_twice),
    ("no typ", "4.3", "dpop_proof_typ", header(typ=None)),
    ("the typ of an access token", "4.3", "dpop_proof_typ", header(typ="at+jwt")),
    ("the typ JWT", "4.3", "dpop_proof_typ", header(typ="JWT")),
    ("a typ that is no string", "4.3", "dpop_proof_typ", header(typ=["dpop+jwt"])),
    ("crit", "4.2", "dpop_proof_header", header(crit=["exp"], exp=1)),
    ("b64", "4.2", "dpop_proof_header", header(b64=True)),
    ("b64 false", "4.2", "dpop_proof_header", header(b64=False, crit=["b64"])),
    ("jku", "4.2", "dpop_proof_header", header(jku="https://keys.example.com")),
    ("x5u", "4.2", "dpop_proof_header", header(x5u="https://keys.example.com")),
    ("x5c", "4.2", "dpop_proof_header", header(x5c=["MIIB"])),
    ("x5t", "4.2", "dpop_proof_header", header(x5t="x")),
    ("x5t#S256", "4.2", "dpop_proof_header", header(**{"x5t#S256": "x"})),
    ("no alg", "4.3", "dpop_proof_algorithm", header(alg=None)),
    ("no alg with an RSA key", "4.3", "dpop_proof_algorithm", lambda _: key("RS256").proof(header={"alg": None})),
    ("an empty alg with an RSA key", "4.3", "dpop_proof_algorithm", lambda _: key("RS256").proof(header={"alg": ""})),
    ("alg none", "4.3", "dpop_proof_algorithm", header(alg="none")),
    ("HMAC by the public key", "4.3", "dpop_proof_algorithm", _hmac),
    ("an unknown algorithm", "4.3", "dpop_proof_algorithm", header(alg="ES256K")),
    ("an algorithm that is no string", "4.3", "dpop_proof_algorithm", header(alg=["ES256"])),
    ("an algorithm of another curve", "4.3", "dpop_proof_algorithm", header(alg="ES384")),
    ("an algorithm of another kind of key", "4.3", "dpop_proof_algorithm", header(alg="RS256")),
    ("an algorithm that the key excludes", "4.3", "dpop_proof_algorithm", lambda _: key("RS256").proof(header={"jwk": {**key("RS256").jwk, "alg": "PS256"}})),
    ("no jwk", "4.3", "dpop_proof_key", header(jwk=None)),
    ("a jwk that is no object", "4.3", "dpop_proof_key", header(jwk="key")),
    ("a jwk without end", "4.3", "dpop_proof_key", jwk(x5c=[["nested"]])),
    ("a jwk with a number", "4.3", "dpop_proof_key", jwk(x=1)),
    ("an unknown kind of key", "4.3", "dpop_proof_key", jwk(kty="AKP")),
    ("an unknown curve", "4.3", "dpop_proof_key", jwk(crv="secp256k1")),
    ("a point that isn't on the curve", "4.3", "dpop_proof_key", lambda key: jwk(x=key.jwk["y"], y=key.jwk["x"])(key)),
    ("a coordinate that is too short", "4.3", "dpop_proof_key", lambda key: jwk(x=key.jwk["x"][:-4])(key)),
    ("a coordinate that is missing", "4.3", "dpop_proof_key", lambda key: key.proof(header={"jwk": {"kty": "EC", "crv": "P-256", "x": key.jwk["x"]}})),
    ("a coordinate with padding", "4.3", "dpop_proof_key", lambda key: jwk(x=key.jwk["x"] + "=")(key)),
    ("a key for encryption", "4.3", "dpop_proof_key", jwk(use="enc")),
    ("a key that may only sign", "4.3", "dpop_proof_key", jwk(key_ops=["sign"])),
    ("an RSA key of 1024 bits", "4.3", "dpop_proof_key", by("RS256", rsa_bits=1024)),
    ("Ed448", "4.3", "dpop_proof_key", header(alg="EdDSA", jwk={"kty": "OKP", "crv": "Ed448", "x": "A" * 76})),
    ("X25519", "4.3", "dpop_proof_key", header(alg="EdDSA", jwk={"kty": "OKP", "crv": "X25519", "x": "A" * 43})),
    ("the private key", "4.3", "dpop_proof_private_key", lambda key: key.proof(header={"jwk": key.private_jwk})),
    ("a private RSA key", "4.3", "dpop_proof_private_key", lambda _: key("RS256").proof(header={"jwk": key("RS256").private_jwk})),
    ("a shared secret", "4.3", "dpop_proof_private_key", header(jwk={"kty": "oct", "k": "c2VjcmV0"})),
    ("another key's signature", "4.3", "dpop_proof_signature", _other_signature),
    ("another key in the header", "4.3", "dpop_proof_signature", lambda _: key().proof(header={"jwk": new_key().jwk})),
    ("claims that were altered", "4.3", "dpop_proof_signature", _altered),
    ("a signature of zeros", "4.3", "dpop_proof_signature", lambda key: key.proof().rpartition(".")[0] + "." + base64url(bytes(64))),
    ("a signature that was cut off", "4.3", "dpop_proof_signature", lambda key: key.proof().rpartition(".")[0] + "." + base64url(bytes(10))),
    ("another method", "4.3", "dpop_proof_method", payload(htm="GET")),
    ("the method in small letters", "4.3", "dpop_proof_method", payload(htm="post")),
    ("no method", "4.3", "dpop_proof_method", payload(htm=None)),
    ("several methods", "4.3", "dpop_proof_method", payload(htm=["POST"])),
    ("no URL", "4.3", "dpop_proof_url", payload(htu=None)),
    ("a URL that is no string", "4.3", "dpop_proof_url", payload(htu=[TOKEN_ENDPOINT])),
    ("another endpoint", "4.3", "dpop_proof_url", other_url(path="/oauth2/introspect")),
    ("another server", "4.3", "dpop_proof_url", other_url(host="evil.example.com")),
    ("another port", "4.3", "dpop_proof_url", other_url(host="localhost:443")),
    ("no port", "4.3", "dpop_proof_url", other_url(host="localhost")),
    ("another scheme", "4.3", "dpop_proof_url", other_url(scheme="http")),
    ("a strange scheme", "4.3", "dpop_proof_url", other_url(scheme="ftp")),
    ("the path alone", "4.3", "dpop_proof_url", payload(htu=PATH)),
    ("a path in other letters", "4.3", "dpop_proof_url", other_url(path="/OAuth2/token")),
    ("a path with another slash", "4.3", "dpop_proof_url", other_url(path="/oauth2/token/")),
    ("a path that ends in a dot", "4.3", "dpop_proof_url", other_url(path="/oauth2/token/.")),
    ("a path that ends in two dots", "4.3", "dpop_proof_url", other_url(path="/oauth2/token/x/..")),
    ("a path with an encoded slash", "4.3", "dpop_proof_url", other_url(path="/oauth2%2Ftoken")),
    ("a name before the host", "4.3", "dpop_proof_url", other_url(host="user@localhost:8443")),
    ("a port that is none", "4.3", "dpop_proof_url", other_url(host="localhost:x")),
    ("an address in open brackets", "4.3", "dpop_proof_url", other_url(host="[::1")),
    ("a space in the URL", "4.3", "dpop_proof_url", payload(htu=f" {TOKEN_ENDPOINT}")),
    ("a line break in the URL", "4.3", "dpop_proof_url", payload(htu="https://local\nhost:8443/oauth2/token")),
    ("a stray percent sign", "4.3", "dpop_proof_url", other_url(path="/oauth2/token%")),
    ("an empty URL", "4.3", "dpop_proof_url", payload(htu="")),
    ("no jti", "4.2", "dpop_proof_jti", payload(jti=None)),
    ("an empty jti", "4.2", "dpop_proof_jti", payload(jti="")),
    ("a jti that is a number", "4.2", "dpop_proof_jti", payload(jti=1)),
    ("a jti of 257 characters", "4.2", "dpop_proof_jti", payload(jti="j" * 257)),
    ("no iat", "4.3", "dpop_proof_time", payload(iat=None)),
    ("an iat that is text", "4.3", "dpop_proof_time", lambda key: key.proof(iat=str(now()))),
    ("an iat that is a list", "4.3", "dpop_proof_time", payload(iat=[0.5])),
    ("an old proof by a fraction", "11.1", "dpop_proof_time", lambda key: key.proof(iat=now(-92) + 0.5)),
    ("an alg that is Ed448", "RFC 9864 2.2", "dpop_proof_algorithm", lambda _: key("EdDSA").proof(header={"alg": "Ed448"})),
    ("Ed25519 for another curve", "RFC 9864 2.2", "dpop_proof_algorithm", header(alg="Ed25519")),
    ("an iat that is true", "4.3", "dpop_proof_time", payload(iat=True)),
    ("an iat without end", "4.3", "dpop_proof_time", payload(iat=10**400)),
    ("an old proof", "11.1", "dpop_proof_time", lambda key: key.proof(iat=now(-92))),
    ("a proof of the future", "11.1", "dpop_proof_time", lambda key: key.proof(iat=now(33))),
    ("an expired proof", "RFC 7519 4.1.4", "dpop_proof_time", lambda key: key.proof(exp=now(-32))),
    ("an exp that is text", "RFC 7519 4.1.4", "dpop_proof_time", lambda key: key.proof(exp=str(now(60)))),
    ("a proof for later", "RFC 7519 4.1.5", "dpop_proof_time", lambda key: key.proof(nbf=now(33))),
    ("an nbf that is true", "RFC 7519 4.1.5", "dpop_proof_time", payload(nbf=True)),
    ("an exp without end", "RFC 7519 4.1.4", "dpop_proof_time", payload(exp=10**400)),
    ("typ null", "4.3", "dpop_proof_typ", null("typ")),
    ("alg null", "4.3", "dpop_proof_algorithm", null("alg")),
    ("jwk null", "4.3", "dpop_proof_key", null("jwk")),
    *((f"a jwk whose {name} is null", "4.3", "dpop_proof_key", jwk_null(name)) for name in ("kty", "crv", "x", "alg", "kid", "use", "key_ops")),
    ("htm null", "4.3", "dpop_proof_method", null("htm")),
    ("htu null", "4.3", "dpop_proof_url", null("htu")),
    ("jti null", "4.2", "dpop_proof_jti", null("jti")),
    ("iat null", "4.3", "dpop_proof_time", null("iat")),
    ("exp null", "RFC 7519 4.1.4", "dpop_proof_time", null("exp")),
    ("nbf null", "RFC 7519 4.1.5", "dpop_proof_time", null("nbf")),
]


@pytest.mark.rfc("9449", "4.3")
@pytest.mark.rfc("9449", "5")
@pytest.mark.parametrize(("reason", "make_proof"), [pytest.param(reason, make, id=f"{name}, {section}") for name, section, reason, make in REFUSED])
def test_refused_proof_is_an_invalid_dpop_proof_in_the_same_words_as_all(send, billing, reason, make_proof):
    answer = send.token(billing.basic, headers={"DPoP": make_proof(key())})
    assert answer.error == (400, "invalid_dpop_proof")
    assert answer.json()["error_description"] == "The DPoP proof is missing, malformed, expired, used before, or not meant for this request."
    assert answer.headers["cache-control"] == "no-store"
    assert "www-authenticate" not in answer.headers
    assert reason_of(answer.request_id) == reason


@pytest.mark.rfc("9449", "11.1")
def test_proof_is_good_once(send, billing, make, demo):
    proof = key().sent()
    assert send.token(billing.basic, headers=proof).status == 200
    for program in (billing, make(demo, name="another")):
        answer = send.token(program.basic, headers=proof)
        assert answer.error == (400, "invalid_dpop_proof")
        assert reason_of(answer.request_id) == "dpop_proof_replayed"


@pytest.mark.rfc("9449", "11.1")
def test_a_proof_is_remembered_until_nobody_takes_it_any_more(send, billing):
    made_at = int(time.time())
    assert send.token(billing.basic, headers=key().sent(iat=made_at)).status == 200
    assert UsedJWT.objects.get().expires_at == made_at + 60 + 30 + CLOCK_MARGIN.total_seconds()


@pytest.mark.rfc("9449", "11.1")
def test_jti_is_its_keys_own(send, billing):
    assert [send.token(billing.basic, headers=signed.sent(jti="1")).status for signed in (key(), new_key(), key())] == [200, 200, 400]


@pytest.mark.rfc("9449", "11.1")
def test_refused_request_does_not_use_the_proof_up(send, billing):
    proof = key().sent(jti="once")
    assert send.token(basic(billing.client_id, "wrong"), headers=proof).error == (401, "invalid_client")
    assert send.token(billing.basic, {"scope": "nonsense"}, headers=proof).error == (400, "invalid_scope")
    assert send.token(billing.basic, {"dpop_jkt": "x"}, headers=proof).error == (400, "invalid_dpop_proof")
    assert send.token(billing.basic, headers=proof).status == 200


def test_client_is_authenticated_before_its_proof_is_looked_at(send, billing):
    assert send.token(basic(billing.client_id, "wrong"), headers={"DPoP": "x"}).error == (401, "invalid_client")


@pytest.mark.rfc("9449", "5.2")
def test_client_that_must_use_dpop_gets_no_token_without(send, billing):
    Client.objects.filter(pk=billing.client.pk).update(require_dpop=True)
    answer = send.token(billing.basic)
    assert answer.error == (400, "invalid_dpop_proof")
    assert reason_of(answer.request_id) == "dpop_proof_missing"
    assert send.token(billing.basic, headers=key().sent()).json()["token_type"] == "DPoP"


@pytest.mark.rfc("9449", "10")
def test_dpop_jkt_must_be_the_thumbprint_of_the_proofs_key(send, billing):
    assert send.token(billing.basic, {"dpop_jkt": key().jkt}, headers=key().sent()).status == 200
    for headers, reason in ((key().sent(), "dpop_jkt_mismatch"), ({}, "dpop_proof_missing")):
        answer = send.token(billing.basic, {"dpop_jkt": new_key().jkt}, headers=headers)
        assert answer.error == (400, "invalid_dpop_proof")
        assert reason_of(answer.request_id) == reason


@pytest.mark.rfc("9449", "5")
@pytest.mark.parametrize("path", ["/oauth2/introspect", "/oauth2/revoke"])
def test_proof_means_nothing_at_the_other_endpoints(send, billing, path):
    assert send.post(path, {"token": "x"}, billing.basic, headers={"DPoP": "x"}).status == 200


def test_owners_reason_holds_nothing_of_a_private_key(send, billing, caplog):
    answer = send.token(billing.basic, headers={"DPoP": key().proof(header={"jwk": key().private_jwk})})
    assert answer.status == 400
    assert key().private_jwk["d"] not in caplog.text
