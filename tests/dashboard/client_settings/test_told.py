"""A client's owner hears of new key sources and of a new owner; so does the former owner."""

import pytest
from django.utils import timezone

from clients.models import Client
from dashboard.models import Membership
from dashboard.people.account_status import disable_account
from tests import factories
from tests.dashboard.client_settings.conftest import entries, path
from tests.dashboard.credentials.test_notices import sent

OWNER, NEXT = "payments@example.com", "routes@example.com"
BY_SECRET = ["client_secret_basic", "client_secret_post"]
JWKS = "https://elsewhere.example.com/jwks.json"


@pytest.fixture(autouse=True)
def _owner(client):
    Client.objects.update(contact=OWNER)


def save(browser, client, **changes):
    answer = browser.post(path(client), {**entries(client), **changes})
    assert answer.status_code == 302
    return [(message.to[0], message.subject) for message in sent()]


def test_an_address_of_keys_that_is_added(carls, client):
    methods = [*client.auth_methods, "private_key_jwt"]
    assert save(carls, client, auth_methods=methods, jwks_uri=JWKS) == [(OWNER, "JWKS URL changed: billing-sync")]
    [message] = sent()
    for text in (message.body, " ".join(message.alternatives[0].content.split())):
        assert "by carl@example.com, in Demo." in text
        assert f"JWKS URL: {JWKS}, before: none" in text


@pytest.mark.parametrize(
    ("entered", "told"),
    [
        (
            {"auth_methods": [*BY_SECRET, "tls_client_auth"], "tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "billing.example.com"},
            "Certificate subject and value of the subject changed: billing-sync",
        ),
        ({"contact": ""}, "Owner changed: billing-sync"),
        ({"contact": "carl@example.com"}, "Owner changed: billing-sync"),
        ({"description": "Sends invoices", "tags": "billing"}, None),
    ],
)
def test_the_owner_of_all_but_what_only_describes_the_client(carls, client, entered, told):
    assert save(carls, client, **entered) == ([(OWNER, told)] if told else [])


def test_a_new_owner_and_the_former_one_unless_their_account_is_off(carls, client):
    subject = "Owner changed: billing-sync"
    assert save(carls, client, contact=NEXT) == [(OWNER, subject), (NEXT, subject)]
    assert f"- Owner: {NEXT}, before: {OWNER}" in sent()[0].body
    disable_account(user=factories.create_user(NEXT), actor=factories.TESTS, now=timezone.now())
    assert save(carls, client, contact=OWNER)[2:] == [(OWNER, subject)]


def test_scopes_and_methods_that_its_programs_lose(carls, client):
    Client.objects.update(scopes=["read", "write"], auth_methods=BY_SECRET)
    assert save(carls, client, scopes=["read"], auth_methods=["client_secret_basic"]) == [(OWNER, "Scopes and methods changed: billing-sync")]
    body = sent()[0].body
    assert "- Scopes: write removed" in body
    assert "- Methods: client_secret_post removed" in body


def test_who_may_use_its_tokens(carls, client):
    Client.objects.update(allowed_networks=["203.0.113.0/24", "198.51.100.7/32"])
    changes = {"allowed_networks": "203.0.113.0/24\n192.0.2.1", "require_dpop": "on"}
    assert save(carls, client, **changes) == [(OWNER, "Allowed addresses and DPoP-bound tokens only changed: billing-sync")]
    body = sent()[0].body
    assert "- Allowed addresses: 198.51.100.7/32 removed, 192.0.2.1/32 added" in body
    assert "- DPoP-bound tokens only: yes, before: no" in body


def test_that_any_address_may_use_it_and_nobody_of_another_order(carls, client):
    Client.objects.update(allowed_networks=["203.0.113.0/24", "198.51.100.7/32"])
    assert save(carls, client, allowed_networks="198.51.100.7\n203.0.113.0/24") == []
    assert len(save(carls, client, allowed_networks="")) == 1
    assert "- Allowed addresses: any, before: 198.51.100.7/32, 203.0.113.0/24" in sent()[0].body


def test_nobody_of_scopes_and_methods_that_are_added(carls, client):
    Client.objects.update(scopes=["read"], auth_methods=["client_secret_basic"])
    assert save(carls, client, scopes=["read", "write"], auth_methods=BY_SECRET) == []


def test_the_heir_of_somebody_who_is_removed_in_one_mail(adas, demo, client):
    mia = factories.add_member(demo, factories.create_user(OWNER))
    heir = factories.add_member(demo, factories.create_user(NEXT), Membership.Role.DEVELOPER)
    factories.create_client(demo, contact=OWNER)
    assert adas.post(f"/w/demo/members/{mia.pk}/remove/", {"heir": heir.pk}).status_code == 302
    assert [message.subject for message in sent() if message.to == [NEXT]] == ["Owner changed: 2 clients in Demo"]
    assert not [message for message in sent() if message.to == [OWNER] and message.subject.startswith("Owner changed")]
