"""Client authentication by secret, by HTTP Basic or in the body: RFC 6749 §2.3.1 and RFC 7617."""

import base64
from datetime import timedelta

import pytest

from clients import secret
from clients.models import Client, ClientSecret
from clients.secret import generate, hash_secret
from clients.services import usage
from clients.services.rotation import rotate_secret
from clients.services.secrets import create_secret
from tests import factories
from tests.oauth.conftest import reason_of
from tests.oauth.doors import basic


def encoded(text, *, scheme="Basic"):
    return f"{scheme} " + base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.mark.rfc("6749", "2.3.1")
def test_id_and_secret_may_be_percent_encoded(send, billing):
    every_octet = "".join(f"%{ord(character):02x}" for character in f"{billing.client_id}")
    assert send.token(encoded(f"{every_octet}:{billing.secret}")).status == 200
    assert send.token(encoded(f"{billing.client_id}:{billing.secret.replace('_', '%5F')}")).status == 200


@pytest.mark.rfc("7617", "2")
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_scheme_has_any_case(send, billing, scheme):
    assert send.token(encoded(f"{billing.client_id}:{billing.secret}", scheme=scheme)).status == 200


@pytest.mark.rfc("7617", "2")
def test_white_space_around_the_credentials_is_no_part_of_them(send, billing):
    assert send.token(billing.basic.replace("Basic ", "Basic  ")).status == 200


@pytest.mark.rfc("6749", "2.3.1")
def test_id_with_a_hyphen_and_an_underscore_reads_the_same_encoded_and_not(send, billing):
    """No ID holds anything else that could be encoded."""
    Client.objects.filter(pk=billing.client.pk).update(client_id="imported-client_with-hyphens")
    assert send.token(basic("imported-client_with-hyphens", billing.secret)).status == 200
    assert send.token(basic("imported%2Dclient%5Fwith-hyphens", billing.secret, encode=False)).status == 200


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("encode", [True, False])
@pytest.mark.parametrize("client_id", ["ID+with+plus+signs", "a%zz-percent-sign", "100%-imported-client", "with space in the id", "tilde~in~the~client~id"])
def test_id_that_no_client_can_have_is_unknown(send, billing, client_id, encode):
    """Whatever wrote it into the database."""
    Client.objects.filter(pk=billing.client.pk).update(client_id=client_id)
    answer = send.token(basic(client_id, billing.secret, encode=encode))
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "unknown_client"


@pytest.mark.rfc("6749", "2.3")
def test_client_id_alone_in_the_body_beside_basic_is_fine_where_it_is_the_same(send, billing, eves):
    assert send.token(billing.basic, {"client_id": billing.client_id}).status == 200
    assert send.token(billing.basic, {"client_id": eves.client_id}).error == (400, "invalid_request")


def test_a_secret_without_a_client_id_is_an_invalid_request(send, billing):
    assert send.token(None, {"client_secret": billing.secret}).error == (400, "invalid_request")


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


def test_a_repeated_authorization_header_is_an_invalid_request(send, billing):
    assert send.token(f"{billing.basic},{billing.basic}").error == (400, "invalid_request")


def test_several_secrets_work_side_by_side(send, billing, now):
    second = create_secret(client=billing.client, actor=factories.TESTS, now=now)
    assert send.token(billing.basic).status == send.token(basic(billing.client_id, second.plaintext)).status == 200


def test_a_rotated_secret_works_until_its_overlap_ends(send, billing, now):
    rotated = rotate_secret(client=billing.client, overlap=timedelta(hours=1), actor=factories.TESTS, now=now)
    assert send.token(billing.basic).status == send.token(basic(billing.client_id, rotated.plaintext)).status == 200
    factories.expire(ClientSecret.objects.get(secret_id=billing.secret_id))
    assert send.token(billing.basic).error == (401, "invalid_client")
    assert send.token(basic(billing.client_id, rotated.plaintext)).status == 200


def test_a_secret_without_a_digest_is_checked_by_its_hash_once_and_gets_a_digest(send, billing):
    row = ClientSecret.objects.filter(secret_id=billing.secret_id)
    row.update(digest="", hash=hash_secret(billing.secret))
    assert send.token(billing.basic).status == 200
    usage.flush()
    assert row.get().digest != ""
    assert send.token(billing.basic).status == 200


def test_a_guess_tells_nobody_which_secrets_other_clients_have(send, billing, eves):
    """Neither the caller nor the owner of the client that it named."""
    ClientSecret.objects.filter(secret_id=eves.secret_id).update(digest=ClientSecret.objects.get(secret_id=billing.secret_id).digest)
    for guess in (eves.secret, generate("live").plaintext):
        answer = send.token(basic(billing.client_id, guess))
        assert answer.error == (401, "invalid_client")
        assert reason_of(answer.request_id) == "unknown_secret"


def test_a_wrong_secret_without_a_digest_is_refused_by_its_hash(send, billing, demo, make):
    row = ClientSecret.objects.filter(secret_id=billing.secret_id)
    row.update(digest="", hash=hash_secret(make(demo).secret))
    answer = send.token(billing.basic)
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "wrong_secret"


def test_while_a_hash_is_checked_another_waits_a_moment_and_then_says_so(asgi, billing):
    """One argon2id at a time per process, so that a flood of secrets without a digest takes no more than a core."""
    ClientSecret.objects.filter(secret_id=billing.secret_id).update(digest="", hash=hash_secret(billing.secret))
    with secret._hashing:
        answer = asgi.token(billing.basic)
    assert answer.error == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert asgi.token(billing.basic).status == 200


def test_while_one_waits_for_a_hash_others_are_told_at_once(asgi, billing, monkeypatch):
    """So that wrong secrets without a digest never hold all threads that answer requests."""
    monkeypatch.setattr(secret, "_HASHING_WAIT_SECONDS", 60)
    ClientSecret.objects.filter(secret_id=billing.secret_id).update(digest="", hash=hash_secret(billing.secret))
    with secret._hashing, secret._waiting:
        assert asgi.token(billing.basic).error == (503, "temporarily_unavailable")
    assert asgi.token(billing.basic).status == 200
