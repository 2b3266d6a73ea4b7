"""The Usage page: what was granted, refused and failed, by whom and why, for a period, an environment or a client."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from clients.models import Client, UsageSummary
from clients.periods import DAY
from clients.services import usage_summaries
from dashboard.usage import page as usage_page
from tests import factories
from tests.dashboard.clients.conftest import make_many
from tests.dashboard.conftest import text_of

URL = "/w/demo/usage/"


def read(browser, **query):
    page = browser.get(URL, query)
    assert page.status_code == 200
    return page


def section(page, name):
    """The text of a part of the page."""
    return text_of(re.search(rf'<section aria-labelledby="{name}">(.*?)</section>', page.content.decode(), re.DOTALL).group(1))


def rows(browser, **query):
    response = browser.get("/w/demo/usage.csv", query)
    assert response["Content-Disposition"] == f'attachment; filename="usage-demo-{timezone.now():%Y-%m-%d}.csv"'
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode(), newline="")))


class TestTotals:
    def test_totals_say_what_was_granted_refused_and_failed(self, adas, use, billing, planner):
        use(billing, 1800)
        use(planner, 200, hours=1)
        use(billing, 20, "wrong_secret")
        use(billing, 2, "hashing_busy")
        use(billing, 5000, hours=40 * 24)
        use(billing, 999, endpoint="gateway")
        text = text_of(read(adas))
        for said in ("Granted 2,000", "Refused 20 1.0 %", "Server errors 2", "Active clients 2 of 2"):
            assert said in text

    def test_nothing_yet_is_said_in_each_part_and_the_time_of_the_whole_instance_as_such(self, bens, answer):
        text = text_of(read(bens))
        for said in ("No requests in this period.", "No client got a token", "Nothing was refused", "No tokens with a scope", "No credential was used"):
            assert said in text
        assert "p95 response time" not in text
        answer(90, limit_ms=5)
        answer(10, limit_ms=40)
        answer(3, limit_ms=1, is_failure=True)
        text = text_of(read(bens))
        assert re.search(r"p95 response time, whole instance \d+ ms", text)
        assert "Server errors 0 3 in the whole instance" in text

    @pytest.mark.parametrize(("period", "seen"), [("24h", 1), ("7d", 11), ("30d", 111), ("", 11), ("1y", 11), ("\0", 11)])
    def test_a_period_counts_only_its_own_requests(self, adas, use, billing, period, seen):
        use(billing, 1)
        use(billing, 10, hours=2 * 24)
        use(billing, 100, hours=10 * 24)
        assert f"Granted {seen} " in text_of(read(adas, period=period))

    @pytest.mark.long
    def test_an_environment_counts_its_own_clients_and_each_link_keeps_what_else_is_chosen(self, adas, use, billing, planner):
        use(billing, 7)
        use(planner, 5)
        page = read(adas, period="24h", env="test")
        assert "Granted 5 " in text_of(page)
        for link in ('<a href="?period=30d&amp;env=test"', '<a href="?period=24h&amp;env=live"', '/w/demo/usage.csv?period=24h&amp;env=test"'):
            assert link in page.content.decode()
        text = text_of(read(adas, env="live"))
        assert "Granted 7 " in text
        assert "Active clients 1 of 1" in text
        assert "Granted 12 " in text_of(read(adas, env="moon"))


class TestByClient:
    def test_each_is_compared_with_the_previous_period(self, adas, use, billing, planner):
        use(billing, 112)
        use(billing, 100, hours=24)
        use(planner, 500)
        text = section(read(adas, period="24h"), "by-client")
        assert text.index("route-planner") < text.index("billing-sync")
        assert "billing-sync 112 +12 %" in text
        assert "route-planner Test 500 new" in text

    @pytest.mark.parametrize(
        ("tokens", "before", "words"),
        [
            (100, 100, "same"),
            (1001, 1000, "same"),
            (99, 100, "−1 %"),
            (0, 5, "−100 %"),
            (3500, 100, "+3,400 %"),
            (5, 0, "new"),
            (0, 0, ""),
        ],
    )
    def test_a_change_is_said_in_words(self, tokens, before, words):
        assert usage_page.compare(usage_page.Share(tokens, before)) == words

    def test_the_busiest_clients_are_listed_and_linked(self, adas, use, demo):
        clients = make_many(demo, 12)
        for number, client in enumerate(clients):
            use(client, 10 + number, corrects=number == 11)
        page = read(adas)
        text = section(page, "by-client")
        assert "client-02 12" in text
        assert "client-01 11" not in text
        assert f"/w/demo/clients/{clients[-1].client_id}/" in page.content.decode()


class TestOneClient:
    def test_one_client_is_counted_by_credential(self, adas, use, billing, planner):
        """Also one that only the time before knows."""
        use(billing, 30, credential="OldSecret1")
        use(billing, 60, credential="key:laptop")
        use(billing, 30, credential="OldSecret2", hours=25)
        use(billing, 3, "wrong_secret", credential="")
        use(planner, 900)
        Client.objects.filter(pk=billing.pk).update(name="<b>مرحبا</b>")
        page = read(adas, client=billing.client_id, period="24h")
        html = page.content.decode()
        assert "Granted 90 " in text_of(page)
        assert "Active clients" not in text_of(page)
        text = section(page, "by-credential")
        assert text.index("Public key laptop 60") < text.index("Secret OldSecret1 30")
        assert "Secret OldSecret2 0 −100 %" in text
        assert "<title>Usage of &lt;b&gt;" in html
        assert "<b>مرحبا" not in html
        assert "<bdi>&lt;b&gt;مرحبا&lt;/b&gt;</bdi>" in html
        assert "Wrong secret wrong_secret 3 Show them" in section(page, "why-refused")
        assert 'requests/?result=wrong_secret&amp;period=24h">' in html
        assert f'<a href="?period=30d&amp;client={billing.client_id}"' in html
        assert '<a href="?period=24h&amp;env=live"' in html

    def test_a_client_of_another_workspace_is_not_found(self, adas, other):
        theirs = factories.create_client(other).secret.client
        assert adas.get(URL, {"client": theirs.client_id}).status_code == 404
        assert adas.get("/w/demo/usage.csv", {"client": theirs.client_id}).status_code == 404
        assert adas.get(URL, {"client": "\0"}).status_code == 404


class TestWhyRefused:
    def test_each_reason_has_its_count_and_who_was_refused_most(self, adas, use, billing, planner):
        use(billing, 5, "scope_not_allowed")
        use(planner, 7, "scope_not_allowed")
        use(billing, 100, "secret_expired")
        use(billing, 1, "from_an_older_version")
        page = read(adas, period="24h")
        text = section(page, "why-refused")
        assert "Secret expired secret_expired 100 billing-sync" in text
        assert "Scope not allowed for the client scope_not_allowed 12 route-planner" in text
        assert "from_an_older_version from_an_older_version 1" in text
        assert f"/w/demo/clients/{planner.client_id}/requests/?result=scope_not_allowed&amp;period=24h" in page.content.decode()

    def test_nobody_is_named_where_it_may_have_been_somebody_else(self, adas, use, demo):
        """Each of twenty was refused so often that the twenty-first, who isn't looked at, may have been refused more often for this reason."""
        *worst, unseen = make_many(demo, 21)
        for client in worst:
            use(client, 50, "secret_expired", corrects=False)
        use(client, 1, "wrong_secret", corrects=False)
        use(unseen, 9, "wrong_secret", corrects=False)
        use(unseen, 8, "scope_not_allowed")
        text = section(read(adas), "why-refused")
        assert "wrong_secret 10 many clients" in text
        assert "scope_not_allowed 8 many clients" in text
        assert re.search(r"Secret expired secret_expired 1,000 client-\d+", text)


class TestScopesAndAddresses:
    def test_scopes_say_how_many_tokens_had_them_and_an_address_of_one_client_leads_to_its_requests(self, adas, billing, planner, use_scope, come_from):
        use_scope(billing, "read", 70, 10)
        use_scope(planner, "read", 30, 5)
        use_scope(billing, "write", 4)
        come_from(billing, "203.0.113.7", 40)
        come_from(planner, "203.0.113.7", 2)
        come_from(billing, "2001:db8::1", 9)
        page = read(adas)
        assert "read 100 15 2" in section(page, "by-scope")
        assert "203.0.113.7 42 2" in section(page, "by-address")
        assert f"/w/demo/clients/{billing.client_id}/requests/?address=2001%3Adb8%3A%3A1" in page.content.decode()
        assert "write 4 0" in section(read(adas, client=billing.client_id), "by-scope")

    def test_of_a_large_workspace_what_the_clock_summed_up_is_shown_with_its_age(self, adas, billing, planner, use_scope, come_from, now, monkeypatch):
        monkeypatch.setattr(usage_page, "LIVE_CLIENTS", 1)
        monkeypatch.setattr(usage_summaries, "LIVE_CLIENTS", 1)
        assert "totals update hourly. The first ones appear within the hour." in section(read(adas, period="24h"), "by-scope")
        use_scope(billing, "read", 70, 10)
        come_from(billing, "203.0.113.7", 40)
        usage_summaries.make_summaries(DAY, now=now - timedelta(minutes=4))
        use_scope(planner, "read", 1000)
        page = read(adas, period="24h")
        assert "read 70 10 1" in section(page, "by-scope")
        assert "203.0.113.7 40 1" in section(page, "by-address")
        assert "Last updated 4 min ago" in text_of(page)
        assert "read 70 10" in section(read(adas, period="24h", client=billing.client_id), "by-scope")
        assert UsageSummary.objects.count() == 3


class TestPage:
    def test_the_busiest_clients_can_be_chosen_and_the_chosen_one_always(self, adas, use, demo, billing, monkeypatch):
        monkeypatch.setattr("dashboard.usage.views.CHOICES", 1)
        busy = factories.create_client(demo, name="busy").secret.client
        use(busy, 5)
        page = read(adas, client=billing.client_id).content.decode()
        assert f'<option value="{busy.client_id}">' in page
        assert f'<option value="{billing.client_id}" selected>' in page
        assert "The menu lists your busiest clients." in text_of(page)

    def test_a_part_that_fails_says_so_and_the_others_stay(self, adas, use, billing, monkeypatch, caplog):
        use(billing, 1234)

        def fail(*_arguments, **_options):
            raise OperationalError("the disk is full")

        monkeypatch.setattr(usage_page, "find_most_used", fail)
        page = read(adas)
        assert "This part can’t be shown right now." in section(page, "by-scope")
        assert "billing-sync 1,234" in section(page, "by-client")
        assert "can't be shown" in caplog.text
        for name in ("count_totals", "find_activity", "sum_answers"):
            monkeypatch.setattr(f"dashboard.usage.views.{name}", fail)
        page = read(adas)
        for part in ("over-time", "by-client", "why-refused", "by-scope", "by-address"):
            assert "This part can’t be shown right now." in section(page, part)

    @pytest.mark.long
    def test_it_needs_twelve_queries_at_most_with_any_number_of_clients(self, adas, use, demo, django_assert_max_num_queries):
        for number, client in enumerate(make_many(demo, 15)):
            use(client, number + 1, corrects=False)
            use(client, number + 1, "wrong_secret", corrects=number == 14)
        read(adas)
        with django_assert_max_num_queries(12):
            read(adas)
        with django_assert_max_num_queries(12):
            read(adas, client=client.client_id)


class TestExport:
    def test_hours_have_each_outcome_of_each_endpoint(self, bens, use, billing, planner):
        use(billing, 5)
        use(billing, 3, "wrong_secret")
        use(planner, 2, endpoint="gateway")
        use(billing, 9, hours=30)
        hour = timezone.now().replace(minute=0, second=0, microsecond=0).isoformat()
        header, *found = rows(bens, period="24h")
        assert header == ["hour", "environment", "endpoint", "outcome", "requests"]
        assert sorted(found) == [
            [hour, "live", "token", "granted", "5"],
            [hour, "live", "token", "wrong_secret", "3"],
            [hour, "test", "gateway", "granted", "2"],
        ]
        assert [row[4] for row in rows(bens, period="24h", env="test")[1:]] == ["2"]

    def test_the_file_of_one_client_has_each_credential(self, bens, use, demo, planner):
        client = factories.create_client(demo, name="=cmd()").secret.client
        use(client, 5, credential="a")
        use(client, 6, credential="b")
        use(planner, 7)
        found = rows(bens, client=client.client_id)
        assert found[0] == ["hour", "client_id", "client", "credential", "endpoint", "outcome", "requests"]
        assert [(row[2], row[3], row[6]) for row in found[1:]] == [("'=cmd()", "a", "5"), ("'=cmd()", "b", "6")]

    @pytest.mark.usefixtures("planner")
    def test_the_file_has_the_sums_of_every_client(self, bens, use, billing, other):
        use(factories.create_client(other, name="elsewhere").secret.client, 7)
        use(billing, 5)
        use(billing, 2, "wrong_secret", hours=50)
        found = rows(bens, by="client")
        assert found[0][:5] == ["client_id", "client", "environment", "granted_24h", "refused_24h"]
        assert [billing.client_id, "billing-sync", "live", "5", "0", "5", "2", "5", "2", ""] in found
        assert len(found) == 3
        assert [row[1] for row in rows(bens, by="client", env="test")[1:]] == ["route-planner"]
