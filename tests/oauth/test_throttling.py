"""Failed authentications are counted: 20 per client and address and 100 per address in 5 minutes, over all endpoints."""

import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from clients.models import RecordedRequest
from clients.secret import ALPHABET, generate
from clients.services.secrets import revoke_secret
from oauth.models import FailureCount
from tests import factories
from tests.oauth.doors import ADDRESS, DOORS, ELSEWHERE, basic, bearer

WRONG = "tos_live_wrong"


@pytest.fixture
def wrong(billing):
    return basic(billing.client_id, WRONG)


def fail(send, times, authorization, **rest):
    assert [send.token(authorization, **rest).status for _ in range(times)] == [401] * times


def end_windows(now):
    FailureCount.objects.update(window_ends=int(now.timestamp()))


def test_the_21st_failure_of_a_client_from_an_address_has_to_wait_even_with_the_good_secret_and_nobody_else(asgi, billing, demo, make, wrong):
    """While blocked, an attempt is neither counted nor kept."""
    fail(asgi, 20, wrong)
    before = list(FailureCount.objects.order_by("key").values_list())
    for answer in (asgi.token(wrong), asgi.token(billing.basic)):
        assert answer.error == (429, "invalid_client")
        assert "from this address have failed, for this client or in total." in answer.json()["error_description"]
        assert 0 < int(answer.headers["retry-after"]) <= 300
    assert list(FailureCount.objects.order_by("key").values_list()) == before
    assert RecordedRequest.objects.count() == 20
    assert asgi.token(billing.basic, address=ELSEWHERE).status == 200
    assert asgi.token(make(demo).basic).status == 200


def test_the_101st_failure_of_an_address_has_to_wait_whatever_client_it_names(asgi, billing):
    fail(asgi, 1, basic("client-number-0001", "wrong"))
    assert FailureCount.objects.filter(key=ADDRESS).update(failures=99) == 1
    fail(asgi, 1, basic("client-number-0002", "wrong"))
    assert asgi.token(basic("client-number-0009", "wrong")).status == 429
    assert asgi.token(billing.basic).status == 429
    assert asgi.token(billing.basic, address=ELSEWHERE).status == 200


@pytest.fixture
def few(settings):
    """Lower limits than by default, so that a test needs fewer requests."""
    settings.FAILURES_PER_CLIENT, settings.FAILURES_PER_ADDRESS = 2, 4


@pytest.mark.usefixtures("few")
def test_an_unknown_client_is_counted_like_a_known_one(send, billing):
    fail(send, 2, basic("A" * 22, billing.secret))
    assert send.token(basic("A" * 22, billing.secret)).status == 429
    assert send.token(basic("B" * 22, billing.secret)).status == 401


def test_failures_are_counted_over_all_endpoints(asgi, billing, wrong, settings):
    settings.FAILURES_PER_CLIENT = 4
    assert asgi.token(wrong).status == 401
    assert asgi.post("/oauth2/introspect", {"token": "a"}, None, headers={"Authorization": wrong}).status == 401
    assert asgi.get("/api/v1/whoami", wrong).status == 401
    assert asgi.get("/gateway/demo/verify", wrong).status == 401
    for answer in (
        asgi.token(None, {"client_id": billing.client_id, "client_secret": WRONG}),
        asgi.post("/oauth2/revoke", {"token": "a"}, wrong),
        asgi.get("/api/v1/whoami", wrong),
        asgi.get("/gateway/demo/verify", wrong),
    ):
        assert answer.error == (429, "invalid_client")


@pytest.mark.usefixtures("few")
def test_successes_and_refusals_that_are_no_failed_authentication_never_count(asgi, billing, wrong):
    fail(asgi, 1, wrong)
    for _ in range(5):
        assert asgi.token(billing.basic).status == 200
        assert asgi.token(billing.basic, {"scope": "admin"}).status == 400
        assert asgi.post("/oauth2/token", {}, billing.basic).status == 400
        assert asgi.get("/api/v1/whoami", bearer("a.b.c")).status == 401
    fail(asgi, 1, wrong)
    assert asgi.token(wrong).status == 429


@pytest.mark.usefixtures("few")
def test_api_keys_that_name_no_client_count_for_their_address(asgi, billing):
    for header in ({"X-API-Key": "nonsense"}, {"Authorization": f"Bearer {WRONG}"}):
        assert [asgi.get("/gateway/demo/verify", headers=header).status for _ in range(2)] == [401] * 2
    assert asgi.get("/gateway/demo/verify", headers={"X-API-Key": "nonsense"}).status == 429
    assert asgi.get("/gateway/demo/verify", headers={"X-API-Key": billing.secret}).status == 429
    assert asgi.get("/gateway/demo/verify", headers={"X-API-Key": billing.secret}, address=ELSEWHERE).status == 200


def test_the_limits_are_settings_and_with_the_window_a_new_one_begins(asgi, billing, wrong, settings, now):
    settings.FAILURES_PER_CLIENT, settings.FAILURES_PER_ADDRESS, settings.FAILURE_WINDOW = 2, 3, 10
    for _ in range(2):
        fail(asgi, 2, wrong)
        assert int(asgi.token(wrong).headers["retry-after"]) <= 10
        fail(asgi, 1, basic("A" * 22, WRONG))
        assert asgi.token(basic("B" * 22, WRONG)).status == 429
        end_windows(now)
        assert asgi.token(billing.basic).status == 200


@pytest.mark.usefixtures("few")
def test_addresses_of_one_ipv6_64_are_one(asgi, wrong):
    for host in range(2):
        fail(asgi, 1, wrong, address=f"2001:db8:0:1::{host:x}")
    assert asgi.token(wrong, address="2001:db8:0:1:ffff::1").status == 429
    assert asgi.token(wrong, address="2001:db8:0:2::1").status == 401


@pytest.mark.usefixtures("few")
def test_without_an_address_nothing_is_counted(asgi, billing, wrong):
    fail(asgi, 6, wrong, address="")
    assert {asgi.get("/gateway/demo/verify", headers={"X-API-Key": "nonsense"}, address="").status for _ in range(6)} == {401}
    assert asgi.token(billing.basic, address="").status == 200
    assert not FailureCount.objects.exclude(key__startswith="kept of ").exists()


@pytest.mark.usefixtures("few")
def test_malformed_requests_block_nobody(asgi, billing):
    """What they write is limited, under a key that no authentication reads."""
    malformed = {"client_id": billing.client_id, "client_secret": billing.secret}
    for address in ("", ADDRESS):
        for number in range(6):
            assert asgi.post("/oauth2/token", malformed, address=address).error == (400, "invalid_request")
            if number == 0:
                FailureCount.objects.exclude(key__startswith="kept of ").update(failures=98)
        assert asgi.token(billing.basic, address=address).status == 200
        assert asgi.get("/gateway/demo/verify", headers={"X-API-Key": billing.secret}, address=address).status == 200
    assert RecordedRequest.objects.filter(client=billing.client).count() == 2 * 3


@pytest.mark.django_db(transaction=True)
def test_threads_at_once_never_get_more_than_the_limit(demo, make, settings):
    settings.FAILURES_PER_CLIENT = 5
    program = make(demo)
    barrier = Barrier(8)

    def attempt(_):
        try:
            barrier.wait(10)
            return [DOORS["django"].token(basic(program.client_id, WRONG)).status for _ in range(3)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = [status for answers in pool.map(attempt, range(8)) for status in answers]
    assert (statuses.count(401), statuses.count(429)) == (5, 19)


def digests_computed(call):
    """How many HMACs a call computes in this thread."""
    computed = []

    def observe(_frame, event, function):
        if event == "c_call" and function.__name__ == "hmac_digest":
            computed.append(function)

    sys.setprofile(observe)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(computed)


@pytest.mark.parametrize("case", ["unknown client", "unknown secret", "wrong secret", "other client's secret", "revoked secret"])
def test_each_kind_of_bad_secret_costs_the_same_queries_and_one_digest(billing, demo, make, now, django_assert_num_queries, case):
    client_id, secret = {
        "unknown client": ("A" * 22, generate("live").plaintext),
        "unknown secret": (billing.client_id, generate("live").plaintext),
        "wrong secret": (billing.client_id, altered(billing.secret)),
        "other client's secret": (billing.client_id, make(demo).secret),
        "revoked secret": (billing.client_id, billing.secret),
    }[case]
    revoke_secret(client=billing.client, secret_id=billing.secret_id, actor=factories.TESTS, now=now)
    answers = []
    # The lookup; whether the address has to wait; a transaction that counts under both keys, sees that more may be kept, counts that twice, and keeps it.
    with django_assert_num_queries(12):
        assert digests_computed(lambda: answers.append(DOORS["django"].token(basic(client_id, secret)))) == 1
    assert answers[0].status == 401


def altered(secret):
    """Another secret with the same ID and a valid checksum."""
    body = secret[:-7] + ("x" if secret[-7] != "x" else "y")
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = ALPHABET[digit] + digits
    return body + digits
