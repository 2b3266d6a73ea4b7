"""…/disable/ and …/enable/: without typing, because they can be undone. Each says first what will happen."""

import pytest

from clients.models import Client
from clients.services.clients import disable_client
from tests import factories
from tests.dashboard.client_settings.conftest import changes, live, path, use
from tests.dashboard.conftest import text_of


@pytest.fixture
def used(client, billing):
    use(client, credential=billing.secret.secret_id, count=212)
    live(client, credential=billing.secret.secret_id, count=3)
    return client


@pytest.fixture
def disabled(client, now):
    return disable_client(client=client, actor=factories.TESTS, now=now)


def test_page_says_who_asks_and_how_many_tokens_end_and_the_audit_log_keeps_the_reason(dans, used):
    text = text_of(dans.get(path(used, "disable")))
    assert "Disable billing-sync?" in text
    assert "Live" in text
    assert "198.51.100.7 stops getting tokens." in text
    assert "212 times in 7 days" in text
    assert "3 tokens end at once." in text
    assert "You can undo this." in text
    assert f"disable_client \\ {used.client_id}" in text
    assert Client.objects.get().status == "enabled"
    page = dans.post(path(used, "disable"), {"reason": "Nobody knows what it is"}, follow=True)
    assert "billing-sync is disabled. It gets no tokens. 3 tokens ended with it." in text_of(page)
    assert Client.objects.get().status == "disabled"
    assert changes("client.disabled") == [({"status": "enabled"}, {"status": "disabled", "reason": "Nobody knows what it is"})]


def test_an_unused_clients_page_mentions_no_tokens(dans, client):
    assert "It is already enabled and gets tokens." in text_of(dans.get(path(client, "enable")))
    assert "Nothing has ever used it." in text_of(dans.get(path(client, "disable")))
    page = dans.post(path(client, "disable"), {"reason": ""}, follow=True)
    assert "billing-sync is disabled. It gets no tokens." in text_of(page)
    assert "ended with it" not in text_of(page)
    assert changes("client.disabled") == [({"status": "enabled"}, {"status": "disabled"})]
    text = text_of(dans.get(path(client, "disable")))
    assert "It is already disabled and gets no tokens. Enable client" in text
    dans.post(path(client, "disable"), {"reason": ""})
    assert len(changes("client.disabled")) == 1


@pytest.mark.parametrize(("reason", "said"), [("x" * 100_000, "A reason can have at most"), ("a\nb", "line break")])
def test_invalid_reason_is_refused(dans, client, reason, said):
    page = dans.post(path(client, "disable"), {"reason": reason})
    assert "Nothing was disabled." in text_of(page)
    assert said in text_of(page)
    assert Client.objects.get().status == "enabled"


def test_enabling_says_what_works_again(dans, used, disabled, billing):
    text = text_of(dans.get(path(used, "enable")))
    assert "Enable billing-sync?" in text
    assert f"{billing.secret.secret_id} gets tokens again. Nothing has ever used it." in text
    assert "3 earlier tokens work again." in text
    page = dans.post(path(used, "enable"), follow=True)
    assert "billing-sync is enabled. It gets tokens again." in text_of(page)
    assert changes("client.enabled") == [({"status": "disabled"}, {"status": "enabled"})]


def test_enabling_says_what_would_not_work_and_of_many_credentials_lists_some(dans, disabled, billing):
    factories.expire(billing.secret)
    text = text_of(dans.get(path(disabled, "enable")))
    assert "It can’t use client_secret_basic, client_secret_post." in text
    assert "gets tokens again" not in text
    for _ in range(11):
        factories.insert_secret(disabled)
    text = text_of(dans.get(path(disabled, "enable")))
    assert text.count("gets tokens again.") == 10
    assert "So do all its other valid credentials." in text


@pytest.mark.parametrize("act", ["disable", "enable", "delete"])
def test_each_takes_a_proof_a_developer_is_told_who_can_and_another_workspaces_client_is_not_found(browser, carls, eves, ada, client, act):
    page = carls.get(path(client, act))
    assert page.status_code == 403
    assert "You are a developer." in text_of(page)
    assert "can disable and delete clients" in text_of(page)
    browser.force_login(ada)
    assert browser.post(path(client, act), {"name": client.name, "reason": ""})["Location"].startswith("/accounts/confirm/")
    assert eves.get(path(client, act)).status_code == 404
    assert eves.get(path(client, act).replace("/w/demo/", "/w/other/")).status_code == 404


def test_settings_lead_there(dans, carls, client, now):
    text = text_of(dans.get(path(client)))
    assert "Disable client Delete client" in text
    assert "You are a developer. Ada" not in text
    assert "can disable and delete clients" in text_of(carls.get(path(client)))
    disable_client(client=client, actor=factories.TESTS, now=now)
    assert "Enable client Delete client" in text_of(dans.get(path(client)))
