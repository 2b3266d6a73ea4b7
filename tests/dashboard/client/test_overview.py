"""A client's page: its state, who uses it, and what comes next."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import AddressUse, AuditEvent, Client, HandOver
from clients.services.audit import Actor
from clients.services.clients import disable_client
from clients.services.rotation import rotate_secret
from clients.services.secrets import revoke_secret
from tests import factories
from tests.dashboard.client.conftest import age, count_tokens, record_request, refuse_request, use
from tests.dashboard.conftest import create_certificate, create_public_key, text_of


@pytest.fixture
def url(client):
    return f"/w/demo/clients/{client.client_id}/"


def rotate(client, *, overlap=timedelta(hours=24), ago=timedelta()):
    """The IDs of the old secret, which works for a while, and of the new one."""
    age(client)
    old = client.secrets.get().secret_id
    new = rotate_secret(client=client, overlap=overlap, actor=factories.TESTS, now=timezone.now() - ago)
    return old, new.secret.secret_id


# How it is


@pytest.mark.parametrize("tab", ["requests/", "examples/", "audit/", "settings/", "latest/"])
def test_every_page_of_a_client_says_how_it_is(adas, client, url, tab):
    def says(standing):
        return f"Copy client ID of billing-sync {standing}" in text_of(adas.get(f"{url}{tab}"))

    Client.objects.update(jwks_uri="https://client.example/jwks.json")
    factories.expire(client.secrets.get())
    assert says("Active")
    Client.objects.update(jwks_uri="")
    assert says("No working credential")
    disable_client(client=client, actor=factories.TESTS, now=timezone.now())
    assert says("Disabled")


def test_it_says_whether_it_can_get_tokens_and_if_not_since_when(adas, client, url):
    said = text_of(adas.get(url))
    assert f"billing-sync Live {client.client_id} Copy client ID of billing-sync Active" in said
    assert "Validity" in said
    assert "No requests yet. Show examples" in said
    factories.expire(client.secrets.get())
    said = text_of(adas.get(url))
    assert "Copy client ID of billing-sync No working credential" in said
    assert "Its only secret stopped working on" in said
    assert "It can’t get tokens. Make a new secret" in said
    assert "Make secret" in said
    assert "Rotate secret" not in said
    last = factories.create_secret(client, lifetime=timedelta(days=1)).secret
    revoke_secret(client=client, secret_id=last.secret_id, actor=factories.TESTS, now=timezone.now())
    assert "Its last credential stopped working on" in text_of(adas.get(url))
    client.secrets.all().delete()
    Client.objects.update(auth_methods=["private_key_jwt"])
    page = adas.get(url)
    assert "It has no credential. It can’t get tokens. Add public key" in text_of(page)
    assert "It has no credential yet." in text_of(page)
    assert main_button_of(page) == "Add public key"


def main_button_of(page):
    return text_of("<a " + page.content.decode().partition('class="btn main"')[2].partition("</a>")[0])


def test_a_disabled_one_says_by_whom_and_why(adas, ada, client, url):
    ada.name = "Ada Lovelace"
    ada.save(update_fields=["name"])
    disable_client(client=client, reason="Moved to route-planner", actor=Actor(ada.audit_name), now=timezone.now())
    page = adas.get(url)
    assert "Copy client ID of billing-sync Disabled" in text_of(page)
    assert "Disabled by Ada Lovelace on" in text_of(page)
    assert "It gets no tokens. “ Moved to route-planner ” Enable client" in text_of(page)
    assert main_button_of(page) == "Enable client"
    AuditEvent.objects.all().delete()
    assert "Disabled. It gets no tokens." in text_of(adas.get(url))
    assert "No events of this client are kept any more." in text_of(adas.get(f"{url}audit/"))


def test_keys_that_the_client_publishes_are_enough(adas, client, url):
    client.secrets.all().delete()
    Client.objects.update(auth_methods=["private_key_jwt"], jwks_uri="https://client.example/jwks.json")
    use(client, "jwks_uri:f00:abc", count=7)
    said = text_of(adas.get(url))
    assert "Active" in said
    assert "Its credential is kept outside TokenOS" in said
    assert "https://client.example/jwks.j… Keys at its jwks_uri – " in said
    assert "203.0.113.61 7 – Change keys at its jwks_uri" in said


def test_an_audience_of_another_workspace_is_marked_with_what_to_do(adas, client, url, settings):
    api, own, instance = "https://api.example.com", "https://mine.example.com", f"{settings.ISSUER_URL}/w/other"
    Client.objects.update(audiences=[own, api], withheld_audiences=[api])
    said = text_of(adas.get(url))
    assert (
        f"{api} isn’t this workspace’s audience, so this client gets no tokens for it. Remove it from the client. If it belongs to your API, ask the operator"
        in said
    )
    assert f"{own} {api} no tokens" in said
    assert "is refused." not in said
    Client.objects.update(audiences=[api])
    assert "It has no other audience: a request without resource is refused." in text_of(adas.get(url))
    Client.objects.update(audiences=[own, instance], withheld_audiences=[])
    said = text_of(adas.get(url))
    assert f"{instance} isn’t this workspace’s" in said
    assert f"{own} isn’t this workspace’s" not in said


def test_an_address_that_is_new_asks_whether_it_was_you(adas, client, url):
    age(client)
    secret = client.secrets.get().secret_id
    use(client, secret, ago=timedelta(days=20))
    use(client, secret, address="192.0.2.201", count=1)
    said = text_of(adas.get(url))
    assert "192.0.2.201 is new: last used" in said
    assert "Was it you? Show requests Respond to a leak" in said
    assert "203.0.113.61 90.9 %" in said
    assert "192.0.2.201 new" in said


def test_an_open_hand_over_and_a_method_that_the_workspace_forbids_are_told(adas, demo, client, url, now):
    common = {"client": client, "created_at": now, "created_by": "system"}
    HandOver.objects.create(**common, token_digest="a", expires_at=now + timedelta(days=1))
    HandOver.objects.create(**common, token_digest="b", expires_at=now - timedelta(days=1))
    demo.allowed_auth_methods = ["private_key_jwt"]
    demo.save(update_fields=["allowed_auth_methods"])
    said = text_of(adas.get(url))
    assert "One hand-over link is open. Anybody who has it can get a credential for this client." in said
    assert "This workspace no longer allows client_secret_basic and client_secret_post. Such requests are refused." in said


# Rotation


def test_places_that_still_use_the_old_secret_are_named_or_counted(adas, bens, client, url):
    old, _ = rotate(client, ago=timedelta(hours=2))
    use(client, old, address="198.51.100.7", count=212, ago=timedelta(minutes=14))
    said = text_of(adas.get(url))
    assert "Rotation in progress" in said
    assert "The old secret works alongside the new one until" in said
    assert "One place still uses the old secret. 198.51.100.7 used it 14 min ago, 212 times in 24 hours. Deploy the new secret there" in said
    assert f"Extend overlap of secret {old}" in said
    assert f"End now: secret {old}" in said
    assert "End it now" not in said
    said = text_of(bens.get(url))
    assert "One place still uses the old secret." in said
    for control in ("Rotate secret", "Extend overlap", "Revoke secret", "Add public key", "Limit"):
        assert control not in said
    assert "You are a viewer. ada@example.com can rotate and revoke its credentials." in said
    at = timezone.now() - timedelta(minutes=14)
    for number in range(6):
        AddressUse.objects.create(client=client, credential=old, address=f"203.0.113.{number}", day=at.date(), count=3, last_used_at=at)
    assert "More than 5 places still use the old secret." in text_of(adas.get(url))


def test_an_old_secret_that_nothing_uses_for_a_moment_can_be_ended(adas, client, url):
    old, new = rotate(client)
    said = text_of(adas.get(url))
    assert f"Nothing has used the old secret {old} since the new one was made. Use appears here within 2 seconds." in said
    assert "End it now" not in said
    assert f"{old} Old" in said
    assert f"{new} New" in said
    assert f"Extend overlap of secret {old} End now: secret {old}" in said
    client.secrets.filter(secret_id=new).update(created_at=timezone.now() - timedelta(hours=9))
    said = text_of(adas.get(url))
    assert f"Nothing has used the old secret {old} since" in said
    assert f"End it now: secret {old}" in said


def test_each_of_several_old_secrets_is_shown(adas, client, url):
    first, _ = rotate(client, ago=timedelta(hours=3))
    second = client.secrets.first().secret_id
    rotate_secret(client=client, overlap=timedelta(hours=24), actor=factories.TESTS, now=timezone.now() - timedelta(hours=1))
    said = text_of(adas.get(url))
    assert "The old secrets expire one after the other" in said
    assert first in said
    assert second in said


# Credentials


def test_every_kind_is_listed_with_who_made_it_and_how_it_is_used(adas, client, url):
    create_public_key(client, kid="laptop", name="Ana’s laptop")
    create_certificate(client)
    secret = client.secrets.get()
    use(client, secret.secret_id, count=17_992)
    said = text_of(adas.get(url))
    assert f"{secret.secret_id} Secret" in said
    assert "tests by a command" in said
    assert "17,992" in said
    assert "laptop Ana’s laptop Public key ES256" in said
    assert "Certificate CN=laptop" in said
    assert f"Revoke secret {secret.secret_id}" in said
    assert "Revoke public key laptop" in said


def test_what_has_ended_waits_behind_a_line_and_of_very_many_the_last_are_listed(adas, client, url, monkeypatch):
    for number in range(3):
        secret = factories.create_secret(client, lifetime=timedelta(days=1), name=f"job {number}").secret
        factories.expire(secret)
    revoke_secret(client=client, secret_id=client.secrets.last().secret_id, actor=factories.TESTS, now=timezone.now())
    page = adas.get(url)
    said = text_of(page)
    assert "Show 4 ended" in said
    assert "Revoked" in said
    assert said.count(" Ended Secret") == 0
    assert f"Revoke secret {client.secrets.first().secret_id}" not in said
    monkeypatch.setattr("dashboard.client.views.overview.MAX_CREDENTIALS", 3)
    said = text_of(adas.get(url))
    assert "Show the last 3 ended" in said
    assert "Older ones are in the audit log." in said


@pytest.mark.long
def test_ten_secrets_of_which_many_run_out_cost_no_more_queries_than_two(adas, client, url, django_assert_num_queries):
    age(client, days=400)
    old, _ = rotate(client, ago=timedelta(hours=1))
    use(client, old, ago=timedelta(minutes=5))
    count_tokens(client, old, 5)
    refuse_request(client)
    adas.get(url)
    with CaptureQueriesContext(connection) as with_two:
        adas.get(url)
    for number in range(8):
        secret = rotate_secret(client=client, overlap=timedelta(hours=24), actor=factories.TESTS, now=timezone.now() - timedelta(minutes=20 - number)).secret
        use(client, secret.secret_id, ago=timedelta(minutes=1), address=f"203.0.113.{number}")
    for number in range(5):
        refuse_request(client, request_id=f"r-{number}")
    with django_assert_num_queries(len(with_two)):
        said = text_of(adas.get(url))
    assert said.count(" Extend overlap of secret") == 2 * 9 - said.count("Nothing has used the old secret")


# Facts, requests, and what can be done


def test_the_facts_are_shown_beside_it(adas, client, url):
    Client.objects.update(
        description="Sends invoices", require_dpop=True, require_certificate=True, allowed_networks=["203.0.113.0/24"], audiences=["https://a.example"]
    )
    use(client, client.secrets.get().secret_id)
    count_tokens(client, client.secrets.get().secret_id, 41)
    said = text_of(adas.get(url))
    assert "Description Sends invoices" in said
    assert "Audience https://a.example Token lifetime 1 h, DPoP, bound to a certificate Valid now 41 tokens Addresses 203.0.113.0/24" in said


def test_a_period_can_be_chosen_for_the_chart(adas, client, url):
    use(client, client.secrets.get().secret_id, count=300, ago=timedelta(days=3))
    assert "No requests in this period." in text_of(adas.get(url))
    assert "Granted 300" in text_of(adas.get(f"{url}?period=7d"))
    assert "No requests in this period." in text_of(adas.get(f"{url}?period=whatever"))


def test_the_latest_requests_are_renewed_by_the_script(adas, client, url):
    for number in range(7):
        record_request(client, request_id=f"r-{number}", ago=timedelta(minutes=number))
    page = adas.get(url).content.decode()
    assert f'data-renew="{url}latest/"' in page
    assert page.count("request r-") == 5
    part = adas.get(f"{url}latest/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "request r-0" in part
    assert "Latest requests of billing-sync" in adas.get(f"{url}latest/").content.decode()


def test_a_developer_may_rotate_and_not_delete(danas, client, url):
    page = danas.get(url)
    said = text_of(page)
    assert main_button_of(page) == "Rotate secret"
    assert "Hand over credentials" in said
    assert "Delete client" not in said
    assert "Disable client" not in said
    client.secrets.all().delete()
    Client.objects.update(auth_methods=["self_signed_tls_client_auth"])
    assert main_button_of(danas.get(url)) == "Add certificate"


def test_names_with_markup_and_from_right_to_left_stay_text(adas, demo):
    strange = factories.create_client(demo, name="مرحبا <b>bold</b>", contact="<i>x</i>").secret.client
    page = adas.get(f"/w/demo/clients/{strange.client_id}/").content.decode()
    assert "<bdi>مرحبا &lt;b&gt;bold&lt;/b&gt;</bdi>" in page
    assert "<i>x</i>" not in page


def test_other_workspaces_clients_are_not_found(adas, other):
    foreign = factories.create_client(other).secret.client
    for path in ("", "latest/", "requests/", "requests.csv", "audit/"):
        assert adas.get(f"/w/demo/clients/{foreign.client_id}/{path}").status_code == 404


# Audit events


def test_what_was_changed_about_it_and_its_credentials_is_listed(adas, client, demo, url):
    factories.create_client(demo, name="neighbour")
    old, _ = rotate(client)
    said = text_of(adas.get(f"{url}audit/"))
    assert "Audit events, newest first" in said
    assert old in said
    assert "neighbour" not in said.partition("Open event")[2]
    assert "Show in the audit log" in said
