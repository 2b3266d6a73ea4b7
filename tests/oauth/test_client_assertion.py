"""What a client assertion may hold, RFC 7521 §4.2 and RFC 7523 §3, and every single thing that is refused, with its reason."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from clients.models import RecordedRequest
from oauth.client_assertion import earliest_use
from oauth.models import UsedJWT
from tests.oauth.assertions import ASSERTION_TYPE, Robot
from tests.oauth.conftest import reason_of
from tests.oauth.doors import ELSEWHERE
from tests.oauth.proofs import ISSUER, TOKEN_ENDPOINT, base64url, encode, key, new_key


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("claims", "aud", TOKEN_ENDPOINT), ("claims", "iat", None), ("claims", "jti", "x"), ("claims", "jti", "ü" * 256), ("claims", "extra", [1.5]),
        ("header", "typ", None), ("header", "typ", "client-authentication+jwt"), ("header", "typ", "Client-Authentication+JWT"), ("header", "typ", "jwt"),
        ("header", "typ", "application/client-authentication+jwt"),
        ("header", "kid", None), ("header", "x5t#S256", "abc"),
    ],
    ids=lambda value: str(value)[:30].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_what_the_rfcs_leave_open_is_accepted(send, robot, part, name, value):
    assert send.token(None, robot.form(**({name: value} if part == "claims" else {"header": {name: value}}))).status == 200


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize(("name", "offset"), [("exp", -25), ("exp", 625), ("iat", 25), ("nbf", 25), ("nbf", -5), ("iat", -86400)])
def test_clocks_may_differ_by_half_a_minute(send, robot, name, offset):
    assert send.token(None, robot.form(**{name: int(time.time()) + offset})).status == 200


@pytest.mark.rfc("7519", "2")
@pytest.mark.parametrize(("name", "offset"), [("exp", 60.5), ("exp", -15.5), ("iat", 0.25), ("iat", -3.75), ("nbf", -0.5), ("nbf", 29.5)])
def test_times_may_be_fractions(send, robot, name, offset):
    assert send.token(None, robot.form(**{name: time.time() + offset})).status == 200


# What is refused. Each row: the RFC's section, the form, the reason that the client's owner finds, and words of its sentence.

Build = Callable[[Robot], dict[str, str]]


def with_claims(**changes: Any) -> Build:
    return lambda robot: robot.form(**changes)


def with_header(**changes: Any) -> Build:
    return lambda robot: robot.form(header=changes)


def with_raw(header: str | None = None, payload: str | None = None) -> Build:
    return lambda robot: robot.form(robot.raw(header, payload))


def later(name: str, seconds: float) -> Build:
    return lambda robot: robot.form(**{name: int(time.time()) + seconds})


def with_text(change: Callable[[str], str]) -> Build:
    return lambda robot: robot.form(change(robot.assertion()))


def duplicate(segment: str, name: str) -> Build:
    """The same member twice, with the same value."""

    def build(robot: Robot) -> dict[str, str]:
        members = getattr(robot, segment)()
        text = json.dumps(members)[:-1] + f", {json.dumps(name)}: {json.dumps(members[name])}}}"
        return robot.form(robot.raw(**{"header" if segment == "header" else "payload": text}))

    return build


def by_hmac_with_the_public_key(robot: Robot) -> dict[str, str]:
    signing_input = f"{encode(robot.header(alg='HS256'))}.{encode(robot.claims())}"
    secret = json.dumps(robot.key.jwk).encode()
    return robot.form(f"{signing_input}.{base64url(hmac.digest(secret, signing_input.encode(), hashlib.sha256))}")


def unsigned(robot: Robot) -> dict[str, str]:
    return robot.form(f"{encode(robot.header(alg='none'))}.{encode(robot.claims())}.AA")


def by_another_key(robot: Robot) -> dict[str, str]:
    return Robot(robot.client, new_key(), robot.kid).form()


def by_a_key_on_another_curve(robot: Robot) -> dict[str, str]:
    """ES256 with P-384."""
    return Robot(robot.client, replace(new_key("ES384"), algorithm="ES256"), robot.kid).form()


def by_another_algorithm(algorithm: str) -> Build:
    return lambda robot: Robot(robot.client, key(algorithm), robot.kid).form()


def by_an_embedded_key(robot: Robot) -> dict[str, str]:
    stranger = new_key()
    return Robot(robot.client, stranger, robot.kid).form(header={"jwk": stranger.jwk})


def flipped(assertion: str) -> str:
    """The last character's spare bits set: another spelling of the same signature."""
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return assertion[:-1] + last[last.index(assertion[-1]) + 1]


def resigned(assertion: str, length: int = 64) -> str:
    """With zeros as the signature."""
    return f"{assertion.rpartition('.')[0]}.{base64url(bytes(length))}"


def infinite(robot: Robot, name: str = "exp") -> dict[str, str]:
    return robot.form(robot.raw(payload=json.dumps({**robot.claims(), name: 0.5}).replace("0.5", "1e400")))


def null(segment: str, name: str) -> Build:
    """The member is present but null."""
    return lambda robot: robot.form(robot.raw(**{"header" if segment == "header" else "payload": json.dumps({**getattr(robot, segment)(), name: None})}))


def by_nobody_without_kid(robot: Robot) -> dict[str, str]:
    return Robot(robot.client, new_key(), None).form()


REFUSED: dict[str, tuple[str, Build, str, str]] = {
    # The form
    "another assertion type": (
        "7521 4.2", lambda robot: {**robot.form(), "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        "assertion_type_not_supported", ASSERTION_TYPE,
    ),
    "not a JWT": ("7523 3", lambda robot: robot.form("nonsense"), "assertion_malformed", "three parts"),
    "two parts": ("7515 7.1", with_text(lambda text: text.rpartition(".")[0]), "assertion_malformed", "three parts"),
    "four parts": ("7515 7.1", with_text(lambda text: text + ".AAAA"), "assertion_malformed", "three parts"),
    "five parts, encrypted": ("7516 7.1", with_text(lambda text: text + ".AAAA.AAAA"), "assertion_malformed", "three parts"),
    "an empty signature": ("7515 5.2", with_text(lambda text: text.rpartition(".")[0] + "."), "assertion_malformed", "three parts"),
    "trailing data": ("7515 2", with_text(lambda text: text + "\n"), "assertion_malformed", "three parts"),
    "padding": ("7515 2", with_text(lambda text: text + "=="), "assertion_malformed", "three parts"),
    "plus and slash": ("7515 2", with_text(lambda text: text[:-4] + "+/+/"), "assertion_malformed", "three parts"),
    "another spelling of base64url": ("4648 3.5", with_text(flipped), "assertion_malformed", "canonical"),
    "cut off by one character": ("7515 5.2", with_text(lambda text: text.rpartition(".")[0] + "." + "A" * 85), "assertion_malformed", "canonical"),
    "longer than 8 KiB": ("7523 3", lambda robot: robot.form(extra="x" * 8192), "assertion_malformed", "8192"),
    "a header that isn't JSON": ("7515 4", with_raw(header="{"), "assertion_malformed", "isn't JSON"),
    "a payload that isn't JSON": ("7519 7.2", with_raw(payload="{'sub'}"), "assertion_malformed", "isn't JSON"),
    "a payload that is an array": ("7519 7.2", with_raw(payload="[]"), "assertion_malformed", "isn't a JSON object"),
    "a header that is a string": ("7515 4", with_raw(header='"ES256"'), "assertion_malformed", "isn't a JSON object"),
    "deep nesting": ("8259 9", with_raw(payload="[" * 3000), "assertion_malformed", "isn't JSON"),
    "not a number": ("8259 6", with_raw(payload='{"exp": NaN}'), "assertion_malformed", "isn't JSON"),
    "a number of 5,000 digits": ("8259 6", with_raw(payload='{"exp": ' + "9" * 5000 + "}"), "assertion_malformed", "isn't JSON"),
    "a member twice in the header": ("7515 4", duplicate("header", "alg"), "assertion_malformed", "twice"),
    "kid twice": ("7515 4", duplicate("header", "kid"), "assertion_malformed", "twice"),
    "a member twice in the payload": ("7519 4", duplicate("claims", "sub"), "assertion_malformed", "twice"),
    "exp twice": ("7519 4", duplicate("claims", "exp"), "assertion_malformed", "twice"),
    # The header
    "alg none": ("7523 3", unsigned, "assertion_algorithm_refused", "alg is none"),
    "HMAC with the public key": ("8725 2.1", by_hmac_with_the_public_key, "assertion_algorithm_refused", "HS256"),
    "alg missing": ("7515 4.1.1", with_header(alg=None), "assertion_algorithm_refused", "alg is None"),
    "alg that is a list": ("7515 4.1.1", with_header(alg=["ES256"]), "assertion_algorithm_refused", "alg is"),
    "alg that is secp256k1's": ("8812 3.2", with_header(alg="ES256K"), "assertion_algorithm_refused", "ES256K"),
    "alg in lower case": ("7515 4.1.1", with_header(alg="es256"), "assertion_algorithm_refused", "es256"),
    "an embedded key": ("7515 4.1.3", by_an_embedded_key, "assertion_header_refused", "Remove jwk from"),
    "a key by URL": ("7515 4.1.2", with_header(jku="https://evil.example/jwks.json"), "assertion_header_refused", "Remove jku from"),
    "a certificate by URL": ("7515 4.1.5", with_header(x5u="https://evil.example/cert.pem"), "assertion_header_refused", "Remove x5u from"),
    "an embedded certificate": ("7515 4.1.6", with_header(x5c=["AAAA"]), "assertion_header_refused", "Remove x5c from"),
    "a critical extension": ("7515 4.1.11", with_header(crit=["exp"], exp=1), "assertion_header_refused", "Remove crit from"),
    "an unencoded payload": ("7797 3", with_header(b64=False), "assertion_header_refused", "Remove b64 from"),
    "an access token's typ": ("8725 3.11", with_header(typ="at+jwt"), "assertion_wrong_typ", "at+jwt"),
    "a proof's typ": ("8725 3.11", with_header(typ="dpop+jwt"), "assertion_wrong_typ", "dpop+jwt"),
    "a typ that is no text": ("7515 4.1.9", with_header(typ=1), "assertion_wrong_typ", "typ is 1"),
    "a kid that is no text": ("7515 4.1.4", with_header(kid=7), "assertion_kid_malformed", "kid"),
    # Whose key
    "a kid that nobody registered": ("7515 4.1.4", with_header(kid="another"), "unknown_key", "another"),
    "a kid that is too long": ("7515 4.1.4", with_header(kid="x" * 101), "unknown_key", "x…"),
    "a kid with NUL": ("7515 4.1.4", with_header(kid="a\0b"), "unknown_key", "a?b"),
    "a kid that is half a character": ("7515 4.1.4", with_header(kid="\ud800"), "unknown_key", "?"),
    "another pair's signature": ("7515 5.2", by_another_key, "wrong_signature", "isn't signed by public key"),
    "another pair's signature, without kid": ("7515 5.2", by_nobody_without_kid, "wrong_signature", "any of the client's public keys"),
    "a signature of zeros": ("7515 5.2", with_text(resigned), "wrong_signature", "isn't signed"),
    "a signature of another length": ("7518 3.4", with_text(lambda text: resigned(text, 48)), "wrong_signature", "isn't signed"),
    "a key on another curve": ("7518 3.4", by_a_key_on_another_curve, "wrong_signature", "isn't signed"),
    "the curve's algorithm only": ("8725 3.1", by_another_algorithm("ES384"), "algorithm_not_of_key", "ES384"),
    "RSA for an EC key": ("8725 3.1", by_another_algorithm("RS256"), "algorithm_not_of_key", "RS256"),
    "EdDSA for an EC key": ("8725 3.1", by_another_algorithm("EdDSA"), "algorithm_not_of_key", "EdDSA"),
    "Ed25519 for an EC key": ("8725 3.1", by_another_algorithm("Ed25519"), "algorithm_not_of_key", "alg is Ed25519"),
    "Ed25519 without kid": ("8725 3.1", lambda robot: Robot(robot.client, key("Ed25519"), None).form(), "no_key_for_algorithm", "Ed25519"),
    "alg that is Ed448": ("9864 2.2", with_header(alg="Ed448"), "assertion_algorithm_refused", "Ed448"),
    "ES512 without kid": ("8725 3.1", lambda robot: Robot(robot.client, key("ES512"), None).form(), "no_key_for_algorithm", "ES512"),
    "PS512 without kid": ("8725 3.1", lambda robot: Robot(robot.client, key("PS512"), None).form(), "no_key_for_algorithm", "PS512"),
    "an unknown client": ("7523 3", with_claims(iss="A" * 22, sub="A" * 22), "unknown_client", "No client"),
    "a client ID that none can be": ("7523 3", with_claims(iss="\ud800", sub="\ud800"), "unknown_client", "No client"),
    # The claims
    "sub missing": ("7523 3", with_claims(sub=None), "assertion_without_sub", "sub"),
    "sub that is a list": ("7523 3", lambda robot: robot.form(sub=[robot.client_id]), "assertion_without_sub", "sub"),
    "iss missing": ("7523 3", with_claims(iss=None), "assertion_wrong_issuer", "iss is None"),
    "iss that isn't sub": ("7523 3", with_claims(iss=ISSUER), "assertion_wrong_issuer", ISSUER),
    "iss that is a list": ("7523 3", lambda robot: robot.form(iss=[robot.client_id]), "assertion_wrong_issuer", "iss is ["),
    "aud missing": ("7523 3", with_claims(aud=None), "assertion_wrong_audience", "aud is None"),
    "aud of another server": ("7523 3", with_claims(aud="https://tokens.example.com"), "assertion_wrong_audience", "https://tokens.examp…"),
    "aud that is a list of one": ("rfc7523bis 3", with_claims(aud=[ISSUER]), "assertion_wrong_audience", "single string"),
    "aud that is a list of two": ("rfc7523bis 3", with_claims(aud=[ISSUER, "https://other.example"]), "assertion_wrong_audience", "single string"),
    "aud with a slash more": ("rfc7523bis 3", with_claims(aud=ISSUER + "/"), "assertion_wrong_audience", ISSUER),
    "aud that is another endpoint": ("rfc7523bis 3", with_claims(aud=f"{ISSUER}/oauth2/introspect"), "assertion_wrong_audience", "/oauth2/intr…"),
    "aud that is empty": ("rfc7523bis 3", with_claims(aud=""), "assertion_wrong_audience", "aud is"),
    "exp missing": ("7523 3", with_claims(exp=None), "assertion_without_exp", "exp"),
    "exp passed": ("7523 3", later("exp", -31), "assertion_expired", "expired 31 s ago"),
    "exp zero": ("7523 3", with_claims(exp=0), "assertion_expired", "exp is 0"),
    "exp negative": ("7519 2", with_claims(exp=-(10**30)), "assertion_time_malformed", "exp is -1"),
    "exp over ten minutes ahead": ("7523 3", later("exp", 635), "assertion_too_long", "600 s"),
    "exp with 400 digits": ("7519 2", with_claims(exp=10**400), "assertion_time_malformed", "1000000"),
    "exp that is infinite": ("7519 2", infinite, "assertion_time_malformed", "exp is inf"),
    "exp that is text": ("7519 2", lambda robot: robot.form(exp=str(int(time.time()) + 60)), "assertion_time_malformed", "exp is"),
    "exp that is true": ("7519 2", with_claims(exp=True), "assertion_time_malformed", "exp is True"),
    "nbf in the future": ("7523 3", later("nbf", 35), "assertion_not_yet_valid", "future"),
    "nbf that is text": ("7519 2", with_claims(nbf="0"), "assertion_time_malformed", "nbf is 0"),
    "iat in the future": ("7523 3", later("iat", 35), "assertion_not_yet_valid", "future"),
    "iat with 400 digits": ("7519 2", with_claims(iat=10**400), "assertion_time_malformed", "1000000"),
    "iat that is infinite": ("7519 2", lambda robot: infinite(robot, "iat"), "assertion_time_malformed", "iat is inf"),
    "nbf that is a list": ("7519 2", with_claims(nbf=[1.5]), "assertion_time_malformed", "nbf is ["),
    "nbf in the future by a fraction": ("7523 3", later("nbf", 45.5), "assertion_not_yet_valid", "future"),
    "exp passed by a fraction": ("7523 3", later("exp", -30.5), "assertion_expired", "s ago"),
    "jti missing": ("7523 3", with_claims(jti=None), "assertion_without_jti", "jti"),
    "jti empty": ("7523 3", with_claims(jti=""), "assertion_without_jti", "jti"),
    "jti that is a number": ("7519 4.1.7", with_claims(jti=7), "assertion_without_jti", "jti"),
    "jti over 256 characters": ("7523 3", with_claims(jti="x" * 257), "assertion_without_jti", "256"),
    # Null isn't the same as missing.
    "alg that is null": ("7515 4.1.1", null("header", "alg"), "assertion_algorithm_refused", "alg is None"),
    "kid that is null": ("7515 4.1.4", null("header", "kid"), "assertion_kid_malformed", "kid"),
    "typ that is null": ("7515 4.1.9", null("header", "typ"), "assertion_wrong_typ", "typ is None"),
    "sub that is null": ("7519 4.1.2", null("claims", "sub"), "assertion_without_sub", "sub"),
    "iss that is null": ("7519 4.1.1", null("claims", "iss"), "assertion_wrong_issuer", "iss is None"),
    "aud that is null": ("7519 4.1.3", null("claims", "aud"), "assertion_wrong_audience", "aud is None"),
    "exp that is null": ("7519 2", null("claims", "exp"), "assertion_time_malformed", "exp is None"),
    "nbf that is null": ("7519 2", null("claims", "nbf"), "assertion_time_malformed", "nbf is None"),
    "iat that is null": ("7519 2", null("claims", "iat"), "assertion_time_malformed", "iat is None"),
    "jti that is null": ("7519 4.1.7", null("claims", "jti"), "assertion_without_jti", "jti"),
}  # fmt: skip


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_its_reason_and_without_a_word_of_it_to_the_caller(send, robot, case):
    _, build, code, words = REFUSED[case]
    answer = send.token(None, build(robot))
    assert answer.error == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")
    assert answer.json()["error_description"].startswith("Client authentication failed.")
    failed = RecordedRequest.objects.get(request_id=answer.request_id)
    assert failed.reason == code
    assert words in failed.detail
    assert not UsedJWT.objects.exists()


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("name", ["client_assertion", "client_assertion_type"])
@pytest.mark.parametrize("value", [None, "", ("x", "y")])
def test_one_of_the_two_parameters_alone_or_twice_is_a_malformed_request(send, robot, name, value):
    form = [(key, text) for key, text in robot.form().items() if key != name]
    values = value if isinstance(value, tuple) else () if value is None else (value,)
    assert send.token(None, [*form, *((name, text) for text in values)]).error == (400, "invalid_request")


@pytest.mark.parametrize(("claims", "second"), [({}, 1370), ({"iat": 1900}, 1870), ({"nbf": 1950, "iat": 1900}, 1920), ({"iat": 1000.5}, 1370)])
def test_since_when_an_assertion_may_have_been_used_follows_from_its_times(claims, second):
    """After a boot, no assertion counts whose mark may have been lost."""
    assert earliest_use({"exp": 2000, **claims}) == second


@pytest.mark.parametrize("build", [by_another_key, with_header(kid="another"), with_claims(iss="A" * 22, sub="A" * 22), with_raw(header="{")])
def test_failures_count(send, robot, settings, build):
    settings.FAILURES_PER_CLIENT, settings.FAILURES_PER_ADDRESS = 2, 2
    for _ in range(2):
        assert send.token(None, build(robot)).status == 401
    assert send.token(None, robot.form()).error == (429, "invalid_client")
    assert send.token(None, robot.form(), address=ELSEWHERE).status == 200


def test_a_weak_point_of_a_curve_signs_nothing(send, robot):
    """r = s = 0 and r = s = n, which a careless verifier takes for any message (CVE-2022-21449)."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for number in (0, order):
        header, payload, _ = robot.assertion().split(".")
        answer = send.token(None, robot.form(f"{header}.{payload}.{base64url(number.to_bytes(32) * 2)}"))
        assert reason_of(answer.request_id) == "wrong_signature"
