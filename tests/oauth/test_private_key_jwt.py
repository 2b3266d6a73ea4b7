"""Client authentication by a signed assertion, RFC 7521 §4.2: whose key signs it, and that it counts once. What it may hold is in test_client_assertion.py."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from secrets import randbits
from threading import Barrier
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from django.db import connections

from clients.models import Client, ClientPublicKey, RecordedRequest
from clients.public_key import read_jwk
from clients.services import usage
from clients.services.clients import disable_client, enable_client
from clients.services.public_keys import add_public_keys, revoke_public_key
from oauth.database_clock import CLOCK_MARGIN
from oauth.models import UsedJWT
from tests import factories
from tests.oauth.assertions import Robot, create_robot
from tests.oauth.conftest import detail_of, reason_of
from tests.oauth.doors import DOORS, ELSEWHERE, basic, bearer
from tests.oauth.proofs import ISSUER, TOKEN_ENDPOINT, Key, encode, key, new_key

ALGORITHMS = ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA", "Ed25519"]


def introspect(send, robot, token):
    return send.post("/oauth2/introspect", {"token": token, **robot.form()}).json()["active"]


# What is accepted


@pytest.mark.rfc("7523", "2.2")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_assertion_gets_a_token(send, demo, now, algorithm):
    robot = create_robot(demo, key(algorithm), now=now)
    answer = send.token(None, robot.form())
    assert answer.status == 200
    assert introspect(send, robot, answer.json()["access_token"])
    assert send.get("/api/v1/whoami", bearer(answer.json()["access_token"])).json()["client_id"] == robot.client_id


@pytest.mark.rfc("9864", "2.2")
@pytest.mark.parametrize("registered", [None, "EdDSA", "Ed25519"])
@pytest.mark.parametrize("kid", [{}, {"kid": None}])
def test_ed25519_is_a_name_of_eddsa(send, demo, now, registered, kid):
    robot = create_robot(demo, new_key("EdDSA"), now=now, jwk={"alg": registered} if registered else {})
    for algorithm in ("EdDSA", "Ed25519"):
        assert send.token(None, robot.form(header={"alg": algorithm, **kid})).status == 200


@pytest.mark.rfc("6749", "2.3")
@pytest.mark.rfc("7521", "4.2")
def test_every_endpoint_takes_it_beside_its_client_id_alone(send, robot, billing):
    for path in ("/oauth2/introspect", "/oauth2/revoke"):
        for audience in (ISSUER, TOKEN_ENDPOINT):
            assert send.post(path, {"token": "x", **robot.form(aud=audience)}).status == 200
    assert send.token(None, {**robot.form(), "client_id": robot.client_id}).status == 200
    for beside in ({"client_id": billing.client_id}, billing.form):
        assert send.token(None, {**robot.form(), **beside}).error == (400, "invalid_request")
    assert send.token(billing.basic, robot.form()).error == (400, "invalid_request")


def test_rsa_key_without_an_algorithm_signs_with_any_of_rsa_and_no_other(send, demo, now):
    robot = create_robot(demo, key("RS256"), now=now)
    for algorithm in ("RS256", "RS512", "PS256", "PS384"):
        assert send.token(None, Robot(robot.client, replace(robot.key, algorithm=algorithm), robot.kid).form()).status == 200
    answer = send.token(None, Robot(robot.client, key("ES256"), robot.kid).form())
    assert reason_of(answer.request_id) == "algorithm_not_of_key"


def test_several_keys_work_side_by_side_with_and_without_kid(send, demo, now):
    pairs = [new_key(), new_key(), new_key("EdDSA"), key("PS256")]
    robot = create_robot(demo, *pairs, now=now)
    for pair, row in zip(pairs, robot.rows, strict=True):
        assert send.token(None, Robot(robot.client, pair, row.kid).form()).status == 200
        assert send.token(None, Robot(robot.client, pair, row.kid).form(header={"kid": None})).status == 200


def test_same_key_of_two_clients_is_each_ones_own_and_found_by_a_kid_of_its_own(send, demo, now):
    first, second = (create_robot(demo, now=now, jwk={"kid": "2026:Q4/a+b"}) for _ in range(2))
    assert first.kid == second.kid == "2026:Q4/a+b"
    jti = {"jti": "the same"}
    tokens = [send.token(None, robot.form(**jti)).json()["access_token"] for robot in (first, second)]
    assert all(introspect(send, robot, token) for robot, token in zip((first, second), tokens, strict=True))


def test_key_of_another_client_is_a_strangers_and_one_added_now_works_at_the_next_request(send, robot, demo, now):
    other = create_robot(demo, new_key(), now=now)
    late = Robot(robot.client, other.key, other.kid)
    answer = send.token(None, late.form())
    assert (answer.status, reason_of(answer.request_id)) == (401, "unknown_key")
    add_public_keys(client=robot.client, parsed=[read_jwk(other.key.jwk)], actor=factories.TESTS, now=now)
    assert send.token(None, late.form()).status == 200


def test_its_use_is_noted_and_counted_and_its_mark_outlasts_it_by_as_much_as_the_clocks_of_two_nodes_may_differ(send, robot):
    expires_at = int(time.time()) + 300
    send.token(None, robot.form(exp=expires_at))
    assert [mark.expires_at for mark in UsedJWT.objects.all()] == [expires_at + 30 + CLOCK_MARGIN.total_seconds()]
    usage.flush()
    row = ClientPublicKey.objects.get(pk=robot.rows[0].pk)
    assert row.last_used_at is not None
    assert row.last_used_from == "203.0.113.7"
    assert [(bucket.credential, bucket.outcome) for bucket in robot.client.usage.all()] == [(f"key:{robot.kid}", "granted")]


@pytest.mark.rfc("7523", "3")
def test_same_jti_is_refused_at_every_endpoint_after_its_first_use_whatever_the_text_of_the_assertion(send, robot):
    """ECDSA signs the same claims differently each time."""
    claims = robot.claims()
    form = robot.form(robot.key.sign(encode(robot.header()), encode(claims)))
    assert send.token(None, form).status == 200
    assert send.token(None, robot.form(robot.key.sign(encode(robot.header()), encode(claims)))).status == 401
    for path in ("/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"):
        answer = send.post(path, {"grant_type": "client_credentials", "token": "x", **form})
        assert answer.error == (401, "invalid_client")
        assert reason_of(answer.request_id) == "assertion_replayed"


def test_refused_assertion_may_be_sent_again(send, robot):
    form = robot.form()
    robot.client.allowed_networks = [f"{ELSEWHERE}/32"]
    robot.client.save()
    answer = send.token(None, form)
    assert reason_of(answer.request_id) == "address_not_allowed"
    assert send.token(None, form, address=ELSEWHERE).status == 200


def test_mark_of_an_assertion_that_ends_within_a_second_lasts_until_after_it(send, robot):
    expires_at = int(time.time()) + 300
    form = robot.form(exp=expires_at + 0.5)
    assert [send.token(None, form).status for _ in range(2)] == [200, 401]
    assert [mark.expires_at for mark in UsedJWT.objects.all()] == [expires_at + 31 + CLOCK_MARGIN.total_seconds()]


def test_rsa_key_with_an_algorithm_signs_with_no_other(send, demo, now):
    robot = create_robot(demo, key("RS256"), now=now, jwk={"alg": "PS256"})
    answer = send.token(None, robot.form())
    assert reason_of(answer.request_id) == "algorithm_not_of_key"
    assert send.token(None, Robot(robot.client, replace(robot.key, algorithm="PS256"), robot.kid).form()).status == 200


def test_key_that_somebody_else_registered_before_and_revoked_goes_on_here(send, demo, other, now):
    """It is public: anybody may register it for their own client."""
    theirs, robot = create_robot(other, now=now), create_robot(demo, now=now)
    token = send.token(None, robot.form()).json()["access_token"]
    revoke_public_key(client=theirs.client, kid=theirs.kid, actor=factories.TESTS, now=now)
    assert introspect(send, robot, token)
    assert send.token(None, robot.form()).status == 200


def test_revoked_key_is_refused_at_once_and_its_tokens_no_longer_work(send, robot, now):
    token = send.token(None, robot.form()).json()["access_token"]
    assert send.get("/api/v1/whoami", bearer(token)).status == 200
    revoke_public_key(client=robot.client, kid=robot.kid, actor=factories.TESTS, now=now)
    for header, reason in (({}, "key_revoked"), ({"kid": None}, "no_key_for_algorithm")):
        assert reason_of(send.token(None, robot.form(header=header)).request_id) == reason
    refused = send.get("/api/v1/whoami", bearer(token))
    assert refused.error == (401, "invalid_token")
    assert reason_of(refused.request_id) == "credential_revoked"


def test_disabled_client_and_expired_key_are_refused_and_the_keys_tokens_keep_working(send, robot, now):
    disable_client(client=robot.client, actor=factories.TESTS, now=now)
    assert reason_of(send.token(None, robot.form()).request_id) == "client_disabled"
    enable_client(client=robot.client, actor=factories.TESTS, now=now)
    token = send.token(None, robot.form()).json()["access_token"]
    factories.expire(robot.rows[0])
    for header, reason in (({}, "key_expired"), ({"kid": None}, "no_key_for_algorithm")):
        assert reason_of(send.token(None, robot.form(header=header)).request_id) == reason
    assert send.get("/api/v1/whoami", bearer(token)).status == 200


def test_client_limited_to_assertions_cant_be_talked_down_to_a_secret_nor_one_without_them_use_its_key(send, robot):
    secret = factories.insert_secret(robot.client)
    answers = [
        send.token(basic(robot.client_id, secret.plaintext)),
        send.token(None, {"client_id": robot.client_id, "client_secret": secret.plaintext}),
        send.get("/api/v1/whoami", bearer(secret.plaintext)),
    ]
    Client.objects.filter(pk=robot.client.pk).update(auth_methods=["client_secret_basic"])
    for answer in (*answers, send.token(None, robot.form())):
        assert answer.status == 401
        assert reason_of(answer.request_id) == "method_not_allowed"


def test_assertion_stands_in_no_row_and_no_log(send, robot, caplog):
    assertion = robot.assertion(aud="https://other.example")
    send.token(None, robot.form(assertion))
    rows = str(list(RecordedRequest.objects.values()))
    for part in assertion.split("."):
        assert part not in rows + caplog.text


def test_no_more_than_ten_keys_are_tried_for_an_assertion_without_kid(send, demo, now):
    pairs = [new_key() for _ in range(12)]
    robot = create_robot(demo, *pairs, now=now)
    newest, oldest = Robot(robot.client, pairs[-1], None), Robot(robot.client, pairs[0], None)
    assert send.token(None, newest.form()).status == 200
    assert send.token(None, oldest.form()).status == 401
    assert send.token(None, Robot(robot.client, pairs[0], robot.rows[0].kid).form()).status == 200


def test_no_more_than_three_keys_are_tried_that_take_long(send, demo, now):
    """Each costs half a millisecond, and anybody who knows the client ID can send such an assertion."""
    pairs = [new_key("ES384") for _ in range(4)]
    robot = create_robot(demo, *pairs, now=now)
    answers = [send.token(None, Robot(robot.client, pair, None).form()) for pair in pairs]
    assert [answer.status for answer in answers] == [401, 200, 200, 200]
    said = "The client has many public keys, and none of those that were tried signed the assertion. Name the key by its kid."
    assert detail_of(answers[0].request_id) == said
    assert send.token(None, Robot(robot.client, pairs[0], robot.rows[0].kid).form()).status == 200


@pytest.mark.parametrize(("bits", "others", "status"), [(8192, 3, 200), (8192, 4, 401), (4096, 9, 200)])
def test_long_rsa_keys_are_among_those(asgi, demo, now, bits, others, status):
    """Nobody has the private keys."""
    numbers = [1 << bits - 1 | randbits(bits - 2) | 1 for _ in range(others)]
    longer = [Key(SimpleNamespace(public_key=RSAPublicNumbers(65537, number).public_key), "RS256") for number in numbers]
    robot = create_robot(demo, key("RS256"), *longer, now=now)
    assert asgi.token(None, Robot(robot.client, key("RS256"), None).form()).status == status


@pytest.mark.rfc("7523", "3")
@pytest.mark.django_db(transaction=True)
def test_of_ten_at_once_one_is_accepted(robot):
    form = robot.form()
    barrier = Barrier(10)

    def send_once(_: int) -> int:
        barrier.wait()
        try:
            return DOORS["django"].token(None, form).status
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(send_once, range(10)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 429}


def test_mark_past_its_end_makes_room_for_the_same_jti(send, robot, now):
    form = robot.form(jti="again")
    assert send.token(None, form).status == 200
    UsedJWT.objects.update(expires_at=int((now - timedelta(seconds=5)).timestamp()))
    assert send.token(None, robot.form(jti="again")).status == 200
