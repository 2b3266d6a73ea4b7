"""What looks like a credential is neither stored nor shown: it is removed from texts (our secrets keep their public ID), and found in pasted text."""

from base64 import b64encode
from time import process_time

import pytest

from clients.redaction import holds_credential, may_be_kept, redact
from clients.secret import generate

SECRET = "tos_live_Kp4zR1uW9a_" + "x" * 39
JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
BASIC = "dXNlcjpwYXNzd29yZC1vZi1zb21lLWxlbmd0aA=="
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\nabc\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize("environment", ["live", "test"])
def test_secret_is_cut_down_to_its_id(environment):
    generated = generate(environment)
    assert redact(f"“{generated.plaintext}” isn't a scope.") == f"“tos_{environment}_{generated.secret_id}…” isn't a scope."


def test_part_of_a_secret_is_cut_down_too():
    generated = generate("live")
    assert redact(generated.plaintext[:30]) == f"tos_live_{generated.secret_id}…"


def test_every_secret_of_a_text_is_cut_down():
    first, second = generate("live"), generate("test")
    text = redact(f"{first.plaintext},x={second.plaintext}&{first.plaintext}")
    assert text == f"tos_live_{first.secret_id}…,x=tos_test_{second.secret_id}…&tos_live_{first.secret_id}…"


def test_text_without_a_secret_stays():
    assert redact("Secrets begin with tos_live_ or tos_test_.") == "Secrets begin with tos_live_ or tos_test_."
    assert redact("Secret Ab3dE6gH9k was revoked.") == "Secret Ab3dE6gH9k was revoked."


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"It was {SECRET}.", "It was tos_live_Kp4zR1uW9a…."),
        (SECRET.replace("live", "test"), "tos_test_Kp4zR1uW9a…"),
        (f"cut off: {SECRET[:22]}", "cut off: tos_live_Kp4zR1uW9a…"),
        (f"token {JWT[:30]} cut off", "token [redacted] cut off"),
        (f"token {JWT} expired", "token [redacted] expired"),
        (f'{{"said": "\\n{JWT}"}}', '{"said": "\\[redacted]"}'),
        (f"{SECRET}-{JWT} {JWT}.x", "[redacted] [redacted].x"),
        (f"a.{JWT} a-{SECRET}-{JWT}", "a.[redacted] [redacted]"),
        (f"Basic {BASIC}", "Basic [redacted]"),
        ("DPoP 0123456789abcdefghij", "DPoP [redacted]"),
        ("Authorization: Basic short", "Authorization: [redacted]"),
        ("{'Authorization': 'Basic short', 'Accept': '*/*'}", "{'Authorization': [redacted], 'Accept': '*/*'}"),
        ("(b'authorization', b'Basic short')", "(b'authorization', b[redacted])"),
        ('{"HTTP_X_API_KEY": "abc"}', '{"HTTP_X_API_KEY": [redacted]}'),
        ("Cookie: __Host-session=abc", "Cookie: [redacted]"),
        ("DPoP: not-a-jwt-but-long-enough", "DPoP: [redacted]"),
        (f"'dpop': '{JWT}'", "'dpop': '[redacted]'"),
        ("GET /x?client_secret=abc&scope=read", "GET /x?client_secret=[redacted]&scope=read"),
        ("password=hunter2", "password=[redacted]"),
        (f"key {PEM} end", "key [redacted] end"),
        ("-----BEGIN PRIVATE KEY-----\nMIGH", "[redacted]"),
    ],
)
def test_what_looks_like_a_credential_is_taken_out(text, redacted):
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Client authentication by Basic authentication failed.",
        "The proof of DPoP, which the client must use, is missing.",
        "No bearer token. Send one in the Authorization header.",
        "The monkeyjobs.example.com client",
        "secret Kp4zR1uW9a was revoked",
        "token_endpoint=https://localhost:8443/oauth2/token",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_only_speaks_of_credentials_stays(text):
    assert redact(text) == text


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/hand-over//{}/",
        "/accounts/hand-over/ {}/",
        '/accounts/hand-over/"{}"/',
        "/accounts//hand-over/{}/",
        "/hand-over/{}/",
        "/accounts/handover/{}/",
    ],
)
def test_a_damaged_link_is_redacted_as_well(path):
    token = "k3-_" * 11
    assert token[:32] not in redact(f"Not Found: {path.format(token)}")


@pytest.mark.parametrize(
    "piece", ["eyJ", "eyJ-", "eyJa.", "eyJa.eyJ", "a.eyJ", "-----BEGIN ", "tos_live_", "Basic ", "cookie:\n", "token", "/accounts/reset/a", "/accounts/"]
)
def test_a_long_text_is_read_in_one_go(piece):
    """No clock is needed: a quadratic search would take hours."""
    redact(piece * (300_000 // len(piece)))


@pytest.mark.long
@pytest.mark.parametrize("piece", ["/reset/", "/reset/" + "a" * 31 + "/", "/accounts/", "/hand-over/ "])
def test_what_links_are_made_of_takes_no_longer_than_other_text(piece):
    def seconds(text):
        begun = process_time()
        redact(text)
        return process_time() - begun

    texts = [of * (100_000 // len(of)) for of in (piece, "lorem ipsum ")]
    links, others = (min(seconds(text) for _ in range(3)) for text in texts)
    assert links < 1.7 * others


def test_what_was_redacted_once_stays_as_it_is():
    once = redact(f"{SECRET} {JWT} Basic {BASIC}")
    assert redact(once) == once


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        SECRET[:12],
        f"see {SECRET} there",
        JWT,
        PEM,
        "-----END PRIVATE KEY-----",
        b64encode(f"id:{SECRET}".encode()).decode(),
        "Cookie: a=b",
        "x" * 70_000,
    ],
)
def test_a_credential_in_a_text_is_found(text):
    assert holds_credential(text)


@pytest.mark.parametrize("text", ["", "billing-sync", "Kp4zR1uW9a", "BzvqwEOYTOWRY00ApIhzti", b64encode(b"a plain sentence in base64").decode(), "tos_live_"])
def test_other_text_holds_none(text):
    assert not holds_credential(text)


def test_a_field_for_a_credential_is_never_kept_and_a_policy_is():
    assert not may_be_kept("password", "")
    assert not may_be_kept("name", SECRET)
    assert may_be_kept("secret_lifetime_days", "90")
    assert may_be_kept("name", "billing-sync")
