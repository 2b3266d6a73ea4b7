"""Questions about a client's use: valid tokens, addresses, requests by credential, and the hours of a chart."""

from datetime import timedelta

import pytest

from clients import usage_report
from clients.certificate import read_certificates
from clients.models import AddressUse, TokenCount, UsageBucket
from clients.periods import PERIODS
from clients.public_key import read_public_keys
from clients.services import clients
from clients.services.certificates import revoke_certificate
from clients.services.public_keys import revoke_public_key
from clients.services.secrets import revoke_secret
from clients.usage_report import LivingTokens
from oauth.services import revoke_token
from tests import factories, public_keys
from tests.certificates import pem, self_signed

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def new(now):
    """Made a month ago."""
    return factories.create_client(factories.create_workspace("demo"), now=now - timedelta(days=30))


@pytest.fixture
def client(new):
    return new.secret.client


def count_tokens(client, credential, count, *, ends):
    TokenCount.objects.create(client=client, credential=credential, expires_at=ends, count=count)


def use(client, address, *, day, count=1, credential="s", last=None):
    AddressUse.objects.create(client=client, credential=credential, address=address, day=day.date(), count=count, last_used_at=last or day)


def bucket(client, hour, outcome="granted", *, count=1, credential="s", endpoint="token"):
    hour = hour.replace(minute=0, second=0, microsecond=0)
    UsageBucket.objects.create(client=client, credential=credential, endpoint=endpoint, outcome=outcome, hour=hour, count=count)


class TestLivingTokens:
    def test_those_that_have_not_ended_are_counted_by_credential(self, client, now):
        count_tokens(client, "a", 3, ends=now + HOUR)
        count_tokens(client, "a", 2, ends=now + 2 * HOUR)
        count_tokens(client, "a", 50, ends=now)
        count_tokens(client, "b", 4, ends=now + HOUR)
        assert usage_report.living_tokens_by_credential(client, now=now) == {"a": LivingTokens(5, now + 2 * HOUR), "b": LivingTokens(4, now + HOUR)}
        assert usage_report.count_living_tokens(client, now=now) == 9

    def test_revoked_ones_do_not_count_for_the_credential_that_obtained_them(self, client, now):
        count_tokens(client, "a", 2, ends=now + HOUR)
        count_tokens(client, "b", 1, ends=now + HOUR)
        for jti, credential in (("1", "a"), ("2", "b"), ("3", "c")):
            revoke_token(client=client, credential=credential, jti=jti, expires_at=now + HOUR, actor=factories.TESTS, now=now)
        revoke_token(client=client, credential="a", jti="4", expires_at=now - HOUR, actor=factories.TESTS, now=now)
        assert usage_report.living_tokens_by_credential(client, now=now) == {"a": LivingTokens(1, now + HOUR)}

    def test_those_of_a_revoked_secret_key_or_certificate_no_longer_work(self, client, now):
        [key] = read_public_keys(public_keys.pem())
        [certificate] = read_certificates(pem(self_signed().certificate))
        made = clients.create_client_with_credentials(
            workspace=client.workspace,
            name="all kinds",
            auth_methods=["client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"],
            public_keys=[key],
            certificates=[certificate],
            actor=factories.TESTS,
            now=now,
        )
        secret_id, kid, thumbprint = made.secret.secret.secret_id, made.public_keys[0].kid, made.certificates[0].thumbprint
        for credential in (secret_id, f"key:{kid}", f"certificate:{thumbprint}"):
            count_tokens(made.client, credential, 1, ends=now + HOUR)
        assert usage_report.count_living_tokens(made.client, now=now) == 3
        revoke_secret(client=made.client, secret_id=secret_id, actor=factories.TESTS, now=now)
        others = dict.fromkeys([f"key:{kid}", f"certificate:{thumbprint}"], LivingTokens(1, now + HOUR))
        assert usage_report.living_tokens_by_credential(made.client, now=now) == others
        revoke_public_key(client=made.client, kid=kid, actor=factories.TESTS, now=now)
        revoke_certificate(client=made.client, thumbprint=thumbprint, actor=factories.TESTS, now=now)
        assert usage_report.count_living_tokens(made.client, now=now) == 0


class TestAddresses:
    def test_each_is_summed_over_days_and_credentials_and_those_used_last_come_first(self, client, now):
        use(client, "203.0.113.7", day=now - timedelta(days=20), count=100)
        use(client, "203.0.113.7", day=now - timedelta(days=1), count=3, last=now - timedelta(days=1))
        use(client, "203.0.113.7", day=now - timedelta(days=1), count=4, credential="t", last=now - timedelta(hours=23))
        use(client, "2001:db8::7", day=now - timedelta(days=20))
        use(client, "2001:db8::7", day=now, count=2, last=now)
        found = usage_report.addresses_of(client, since=now - timedelta(days=7), now=now)
        assert [(row.address, row.count, row.last_used_at) for row in found] == [
            ("2001:db8::7", 2, now),
            ("203.0.113.7", 7, now - timedelta(hours=23)),
        ]
        [of_one] = usage_report.addresses_of(client, credential="t", since=now - timedelta(days=7), now=now)
        assert (of_one.address, of_one.count) == ("203.0.113.7", 4)

    def test_one_not_used_since_is_left_out_though_its_day_began_earlier(self, client, now):
        use(client, "203.0.113.7", day=now, last=now - timedelta(minutes=10))
        assert usage_report.addresses_of(client, since=now - timedelta(minutes=5), now=now) == []

    def test_an_address_first_seen_within_a_week_is_new_for_every_credential(self, client, now):
        use(client, "203.0.113.7", day=now - timedelta(days=9))
        use(client, "203.0.113.7", day=now, credential="t")
        use(client, "192.0.2.201", day=now - timedelta(days=2), credential="t")
        found = usage_report.addresses_of(client, since=now - timedelta(days=7), now=now)
        assert {row.address: row.is_new for row in found} == {"203.0.113.7": False, "192.0.2.201": True}

    def test_to_a_client_that_is_new_itself_none_is(self, client, now):
        client.created_at = now - timedelta(days=6)
        use(client, "203.0.113.7", day=now)
        assert [row.is_new for row in usage_report.addresses_of(client, since=now - timedelta(days=7), now=now)] == [False]

    def test_no_more_are_read_than_asked_for(self, client, now):
        for number in range(5):
            use(client, f"203.0.113.{number}", day=now, last=now - timedelta(seconds=number))
        found = usage_report.addresses_of(client, since=now - timedelta(days=1), now=now, limit=2)
        assert [row.address for row in found] == ["203.0.113.0", "203.0.113.1"]


def test_granted_requests_are_summed_by_credential_from_an_hour_on(client, now):
    bucket(client, now - 30 * HOUR, credential="a", count=50)
    bucket(client, now - 2 * HOUR, credential="a", count=2)
    bucket(client, now, credential="a", count=3, endpoint="gateway")
    bucket(client, now, credential="b", count=7)
    bucket(client, now, "wrong_secret", credential="b", count=9)
    assert usage_report.requests_by_credential(client, since=now - 2 * HOUR, now=now) == {"a": 5, "b": 7}


class TestHours:
    def test_each_hour_says_what_was_granted_refused_and_what_failed_here(self, client, now):
        bucket(client, now - 24 * HOUR, count=99)
        bucket(client, now - 23 * HOUR, count=2)
        bucket(client, now, count=5)
        bucket(client, now, "wrong_secret", count=3)
        bucket(client, now, "hashing_busy", count=1)
        bucket(client, now, endpoint="gateway", count=40)
        slots = usage_report.hourly(client, hours=24, now=now)
        assert [slot.begins_at.hour for slot in slots[-2:]] == [(now - HOUR).hour, now.hour]
        assert len(slots) == 24
        assert [(slot.granted, slot.refused, slot.failed) for slot in (slots[0], slots[1], slots[-1])] == [(2, 0, 0), (0, 0, 0), (5, 3, 1)]
        assert slots[-1].total == 9
        assert usage_report.hourly(client, endpoint=None, hours=1, now=now)[0].granted == 45

    def test_of_one_credential_only_its_own(self, client, now):
        bucket(client, now, count=5, credential="a")
        bucket(client, now, count=6, credential="b")
        assert [slot.granted for slot in usage_report.hourly(client, credential="b", hours=2, now=now)] == [0, 6]

    @pytest.mark.parametrize("name", ["24h", "7d", "30d"])
    def test_longer_slots_begin_on_the_clock_and_the_last_holds_now(self, client, now, name):
        period = PERIODS[name]
        bucket(client, period.begins_at(now) - HOUR, count=99)
        bucket(client, period.begins_at(now), count=7)
        bucket(client, now, count=5)
        slots = usage_report.in_slots(UsageBucket.objects.all(), period, now=now)
        assert (slots[0].granted, slots[-1].granted, sum(slot.granted for slot in slots)) == (7, 5, 12)
        assert slots[-1].begins_at <= now < slots[-1].begins_at + period.slot == period.ends_at(now)
        assert slots[0].begins_at.hour % (period.slot / HOUR) == 0

    def test_for_a_page_of_clients_one_query_gives_the_tokens_of_each(self, client, now, django_assert_num_queries):
        other = factories.create_client(client.workspace).secret.client
        bucket(client, now, credential="a")
        bucket(client, now, credential="b")
        bucket(client, now - 2 * HOUR, count=4)
        bucket(client, now, endpoint="api")
        with django_assert_num_queries(1):
            series = usage_report.granted_by_hour([client.pk, other.pk], hours=3, now=now)
        assert series == {client.pk: [4, 0, 2], other.pk: [0, 0, 0]}
