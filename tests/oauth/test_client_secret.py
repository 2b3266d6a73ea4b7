"""Client authentication by secret, by HTTP Basic or in the body: RFC 6749 §2.3.1 and RFC 7617."""

import base64
from datetime import timedelta

import pytest

from clients import secret
from clients.models import Client, ClientSecret
from clients.secret import generate, hash_secret
from clients.services import usage
from clients.services.rotation import rotate_secret
from clients.services.secrets import create_secret, revoke_secret
from tests import factories
from tests.oauth.assertions import ASSERTION_TYPE
from tests.oauth.conftest import reason_of
from tests.oauth.doors import basic


def encoded(text, *, scheme="Basic"):
    return f"{scheme} " + base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.rfc("7617", "2")
def test_id_and_secret_may_be_percent_encoded_and_the_scheme_has_any_case(send, billing):
    """White space around the credentials is no part of them. No ID holds anything but a hyphen and an underscore that could be encoded."""
    every_octet = "".join(f"%{ord(character):02x}" for character in billing.client_id)
    pair = f"{billing.client_id}:{billing.secret}"
    for spelling in (
        encoded(f"{every_octet}:{billing.secret}"),
        encoded(f"{billing.client_id}:{billing.secret.replace('_', '%5F')}"),
        *(encoded(pair, scheme=scheme) for scheme in ("Basic", "basic", "BASIC")),
        billing.basic.replace("Basic ", "Basic  "),
    ):
        assert send.token(spelling).status == 200
    Client.objects.filter(pk=billing.client.pk).update(client_id="imported-client_with-hyphens")
    assert send.token(basic("imported-client_with-hyphens", billing.secret)).status == 200
    assert send.token(basic("imported%2Dclient%5Fwith-hyphens", billing.secret, encode=False)).status == 200


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("encode", [True, False])
@pytest.mark.parametrize("client_id", ["ID+with+plus+signs", "a%zz-percent-sign", "100%-imported-client", "with space in the id", "tilde~in~the~client~id"])
def test_id_that_no_client_can_have_is_unknown(send, billing, client_id, encode):
    """However it got into the database."""
    Client.objects.filter(pk=billing.client.pk).update(client_id=client_id)
    answer = send.token(basic(client_id, billing.secret, encode=encode))
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "unknown_client"


@pytest.mark.rfc("6749", "2.3")
def test_two_methods_at_once_are_an_invalid_request_whatever_they_hold(send, billing, eves):
    """So are a repeated header, and a secret without a client ID; a client ID alone beside Basic is fine where it is the same."""
    for header in (billing.basic, basic(billing.client_id, "wrong"), "Bearer abc", "Basic !", ""):
        assert send.token(header, billing.form).error == (400, "invalid_request")
        assert send.token(header, {"client_secret": billing.secret}).error == (400, "invalid_request")
        assert send.token(header, {"client_assertion": "a.b.c", "client_assertion_type": ASSERTION_TYPE}).error == (400, "invalid_request")
    for form in ({**billing.form, "client_assertion": "a.b.c"}, {**billing.form, "client_assertion_type": ASSERTION_TYPE}, {"client_secret": billing.secret}):
        assert send.token(None, form).error == (400, "invalid_request")
    assert send.token(f"{billing.basic},{billing.basic}").error == (400, "invalid_request")
    assert send.token(billing.basic, {"client_id": eves.client_id}).error == (400, "invalid_request")
    assert send.token(billing.basic, {"client_id": billing.client_id}).status == 200


@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize(
    "authorization",
    [
        "", "Basic", "Basic ", "Basic !!!!", "Basic YQ", "Basic YTpi=", "Basic é", "Basic \xa0", "Bearer abc", "Digest abc", "Basic\tYTpi", "Negotiate",
        encoded("no-colon"), encoded(":"), encoded("id:"), encoded(":secret"), encoded(b"\xff\xfe:\xff"), encoded("%ff:%ff"), encoded("%ED%A0%80:x"),
        encoded("\0:\0"), encoded("a\0b:c"), encoded("ü:ü"), encoded("x" * 4000 + ":" + "y" * 2000),
        encoded("\N{FULLWIDTH DIGIT ONE}:\N{ARABIC-INDIC DIGIT TWO}"),
    ],
)  # fmt: skip
def test_a_malformed_authorization_header_is_invalid_client(send, billing, authorization):
    answer = send.token(authorization)
    assert answer.error == (401, "invalid_client")
    assert answer.headers["www-authenticate"] == 'Basic realm="TokenOS", charset="UTF-8"'


def test_several_secrets_work_side_by_side_and_a_rotated_one_until_its_overlap_ends(send, billing, now):
    second = create_secret(client=billing.client, actor=factories.TESTS, now=now)
    secrets = [billing.basic, basic(billing.client_id, second.plaintext)]
    assert [send.token(one).status for one in secrets] == [200, 200]
    revoke_secret(client=billing.client, secret_id=second.secret.secret_id, actor=factories.TESTS, now=now)
    rotated = rotate_secret(client=billing.client, overlap=timedelta(hours=1), actor=factories.TESTS, now=now)
    assert send.token(billing.basic).status == send.token(basic(billing.client_id, rotated.plaintext)).status == 200
    factories.expire(ClientSecret.objects.get(secret_id=billing.secret_id))
    assert send.token(billing.basic).error == (401, "invalid_client")
    assert send.token(basic(billing.client_id, rotated.plaintext)).status == 200


def test_a_secret_without_a_digest_is_checked_by_its_hash_once_and_gets_a_digest(send, billing):
    row = ClientSecret.objects.filter(secret_id=billing.secret_id)
    row.update(digest="", hash=hash_secret(generate("live").plaintext))
    answer = send.token(billing.basic)
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "wrong_secret"
    row.update(hash=hash_secret(billing.secret))
    assert send.token(billing.basic).status == 200
    usage.flush()
    assert row.get().digest != ""
    assert send.token(billing.basic).status == 200


def test_a_guess_tells_nobody_which_secrets_other_clients_have(send, billing, eves):
    """Neither the caller nor the owner of the named client."""
    ClientSecret.objects.filter(secret_id=eves.secret_id).update(digest=ClientSecret.objects.get(secret_id=billing.secret_id).digest)
    for guess in (eves.secret, generate("live").plaintext):
        answer = send.token(basic(billing.client_id, guess))
        assert answer.error == (401, "invalid_client")
        assert reason_of(answer.request_id) == "unknown_secret"


def test_while_a_hash_is_checked_another_waits_a_moment_and_then_says_so_and_others_at_once(asgi, billing, monkeypatch):
    """One argon2id at a time per process, so that a flood of secrets without a digest takes no more than a core, nor holds all threads that answer."""
    ClientSecret.objects.filter(secret_id=billing.secret_id).update(digest="", hash=hash_secret(billing.secret))
    monkeypatch.setattr(secret, "_HASHING_WAIT_SECONDS", 0.1)
    with secret._hashing:
        answer = asgi.token(billing.basic)
    assert answer.error == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    monkeypatch.setattr(secret, "_HASHING_WAIT_SECONDS", 60)
    with secret._hashing, secret._waiting:
        assert asgi.token(billing.basic).error == (503, "temporarily_unavailable")
    assert asgi.token(billing.basic).status == 200
