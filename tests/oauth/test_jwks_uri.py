"""Keys that a client publishes at its jwks_uri: fetched safely, kept for a while, and without delaying other requests."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from clients.services.public_keys import revoke_public_key
from oauth import jwks_uri
from tests.factories import TESTS
from tests.oauth.assertions import Robot, create_robot
from tests.oauth.conftest import reason_of
from tests.oauth.doors import bearer
from tests.oauth.hosts import publish, respond
from tests.oauth.proofs import key, new_key

# What is accepted


@pytest.mark.rfc("7523", "3")
@pytest.mark.parametrize("has_kid", [True, False])
def test_published_key_authenticates_its_client(send, publisher, host, has_kid):
    jwks_uri._copies.clear()
    answer = send.token(None, publisher.form(header={} if has_kid else {"kid": None}))
    assert answer.status == 200
    assert send.get("/api/v1/whoami", bearer(answer.json()["access_token"])).status == 200
    assert host.requests[0].startswith(b"GET /jwks.json HTTP/1.1\r\nHost: localhost:%d\r\n" % host.port)


@pytest.mark.parametrize("kid", [None, "renamed"])
def test_key_that_was_revoked_here_no_longer_works_wherever_it_is_published(send, demo, host, now, kid):
    signer = new_key()
    publisher = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    revoke_public_key(client=publisher.client, kid=publisher.kid, actor=TESTS, now=now)
    host.answer = respond(json.dumps({"keys": [{**signer.jwk, "kid": "renamed"}]}))
    answer = send.token(None, publisher.form(header={"kid": kid}))
    assert answer.status == 401
    other = new_key()
    host.answer = respond(json.dumps({"keys": [{**other.jwk, "kid": "other"}, {**signer.jwk, "kid": "renamed"}]}))
    jwks_uri._copies.clear()
    assert send.token(None, replace(publisher, key=other).form(header={"kid": "other"})).status == 200


def test_registered_key_that_has_ended_is_no_better_for_being_published(send, demo, host, now):
    signer = new_key()
    publisher = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    publisher.client.public_keys.update(expires_at=now - timedelta(seconds=1))
    host.answer = respond(json.dumps({"keys": [{**signer.jwk, "kid": "renamed"}]}))
    assert send.token(None, publisher.form(header={"kid": "renamed"})).status == 401


@pytest.mark.apart
@pytest.mark.parametrize("change", ["revoke", "other uri", "other client"])
def test_tokens_of_a_published_key_end(send, demo, host, now, change):
    """With the key, if it is registered too, and with the URI; not with another client's credentials."""
    signer = new_key()
    publisher = create_robot(demo, signer, now=now, jwks_uri=host.uri)
    stranger = create_robot(demo, signer, now=now)
    host.answer = respond(json.dumps({"keys": [{**signer.jwk, "kid": "renamed"}]}))
    token = bearer(send.token(None, publisher.form(header={"kid": "renamed"})).json()["access_token"])
    assert send.get("/api/v1/whoami", token).status == 200
    if change == "other uri":
        publisher.client.jwks_uri += "?v=2"
        publisher.client.save()
    else:
        owner = publisher if change == "revoke" else stranger
        revoke_public_key(client=owner.client, kid=owner.kid, actor=TESTS, now=now)
    assert send.get("/api/v1/whoami", token).status == (200 if change == "other client" else 401)


def test_answer_in_chunks_is_read(send, publisher, host):
    body = json.dumps({"keys": [publisher.key.jwk]}).encode()
    host.answer = lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    assert send.token(None, publisher.form()).status == 200


def test_answer_that_ends_with_the_connection_is_read(send, publisher, host):
    body = json.dumps({"keys": [publisher.key.jwk]}).encode()
    host.answer = lambda connection: connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + body)
    assert send.token(None, publisher.form()).status == 200


@pytest.mark.apart
def test_registered_key_counts_before_the_published_ones(send, demo, now, host):
    publisher = create_robot(demo, new_key(), now=now, jwks_uri=host.uri)
    assert send.token(None, publisher.form()).status == 200
    assert host.requests == []
    assert send.token(None, publisher.form(header={"kid": None})).status == 200


def test_algorithm_of_a_published_key_counts(asgi, publisher, host):
    signer = key("RS256")
    host.answer = publish(signer, alg="PS256", kid="rsa")
    wrong, right = Robot(publisher.client, signer, "rsa"), Robot(publisher.client, replace(signer, algorithm="PS256"), "rsa")
    assert reason_of(asgi.token(None, wrong.form()).request_id) == "algorithm_not_of_key"
    assert asgi.token(None, right.form()).status == 200


def test_no_more_than_ten_published_keys_are_tried(asgi, publisher, host):
    signers = [new_key() for _ in range(11)]
    host.answer = publish(*signers)
    jwks_uri._copies.clear()
    statuses = [asgi.token(None, Robot(publisher.client, signer, None).form()).status for signer in (signers[0], signers[9], signers[10])]
    assert statuses == [200, 200, 401]
    assert asgi.token(None, Robot(publisher.client, signers[10], signers[10].jkt).form()).status == 200


def test_token_dies_when_the_client_gets_another_uri(send, publisher, host):
    token = send.token(None, publisher.form()).json()["access_token"]
    publisher.client.jwks_uri = host.uri + "?other"
    publisher.client.save()
    refused = send.get("/api/v1/whoami", bearer(token))
    assert reason_of(refused.request_id) == "credential_revoked"


# What is refused


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1:{port}/", "https://localhost:{port}/", "https://[::1]:{port}/", "https://[::ffff:127.0.0.1]:{port}/", "https://127.1:{port}/",
        "https://2130706433:{port}/", "https://0x7f000001:{port}/", "https://0177.0.0.1:{port}/", "https://0:{port}/", "https://[64:ff9b::7f00:1]:{port}/",
        "https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://localhost.:{port}/",
    ],
)  # fmt: skip
def test_host_inside_is_never_connected_to(send, publisher, host, settings, caplog, uri):
    settings.OUTBOUND_ALLOWED_HOSTS = ["other.example"]
    publisher.client.jwks_uri = uri.format(port=host.port)
    publisher.client.save()
    answer = send.token(None, publisher.form())
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "jwks_uri_unavailable"
    assert "took longer" not in caplog.text
    assert host.requests == []


@pytest.mark.parametrize("body", ["", "[]", '{"keys": 1}', "<html>", b"\xff\xfe"])
def test_document_that_is_no_set_is_its_owners_to_mend(send, publisher, host, body):
    host.answer = respond(body)
    answer = send.token(None, publisher.form())
    assert answer.error == (401, "invalid_client")
    assert reason_of(answer.request_id) == "jwks_uri_unusable"


def test_unusable_keys_in_the_set_are_left_out(send, publisher, host):
    body = {"keys": [{"kty": "oct", "k": "AA", "kid": publisher.kid}, publisher.key.private_jwk, {"kty": "AKP"}, publisher.key.jwk]}
    host.answer = respond(json.dumps(body))
    assert send.token(None, publisher.form()).status == 200
