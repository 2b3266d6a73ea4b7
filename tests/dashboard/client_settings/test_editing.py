"""/w/<workspace>/clients/<client_id>/settings/: everything of a client but its environment."""

from datetime import timedelta

import pytest

from clients.models import AuditEvent, Client
from clients.services.client_changes import update_client
from clients.services.workspaces import change_workspace
from tests import factories
from tests.dashboard.client_settings.conftest import changes, entries, entries_of, live, path
from tests.dashboard.conftest import create_public_key, text_of


@pytest.fixture
def orders(demo):
    return demo.scopes.create(name="orders:read", description="Read orders")


def test_all_fields_of_a_client_are_changed_at_once_with_one_event(carls, client, orders):
    entered = {
        "name": "Rechnungen 🎉",
        "contact": "payments@kestrel.example",
        "description": "Sends invoices",
        "tags": "billing, prod,",
        "scopes": ["orders:read", "write", "read"],
        "auth_methods": ["client_secret_basic", "private_key_jwt", "tls_client_auth"],
        "audiences": "https://a.example.com\r\nhttps://b.example.com",
        "allowed_networks": "203.0.113.0/24, 2001:db8::/32 198.51.100.7",
        "token_lifetime": "900",
        "require_dpop": "on",
        "require_certificate": "on",
        "jwks_uri": "https://billing.example.com/jwks.json",
        "tls_subject_type": "tls_client_auth_san_dns",
        "tls_subject": "billing.example.com",
        "seen": entries(client)["seen"],
    }
    page = carls.post(path(client), entered, follow=True)
    assert page.redirect_chain, text_of(page)
    changed = Client.objects.get(pk=client.pk)
    assert (changed.name, changed.contact, changed.description, changed.tags) == (
        "Rechnungen 🎉",
        "payments@kestrel.example",
        "Sends invoices",
        ["billing", "prod"],
    )
    # Those that were there stay where they were.
    assert changed.scopes == ["read", "write", "orders:read"]
    assert changed.auth_methods == ["client_secret_basic", "private_key_jwt", "tls_client_auth"]
    assert changed.audiences == ["https://a.example.com", "https://b.example.com"]
    assert changed.allowed_networks == ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7/32"]
    assert (changed.token_lifetime, changed.require_dpop, changed.require_certificate) == (900, True, True)
    assert (changed.jwks_uri, changed.tls_subject_type, changed.tls_subject) == (
        "https://billing.example.com/jwks.json",
        "tls_client_auth_san_dns",
        "billing.example.com",
    )
    assert (changed.environment, changed.client_id) == (client.environment, client.client_id)
    event = AuditEvent.objects.get(event="client.changed")
    assert "carl@example.com" in event.actor
    assert event.before.keys() == event.after.keys() == set(entered) - {"seen"}


def test_saving_what_is_there_changes_nothing_and_else_the_event_holds_only_what_changed(carls, client):
    shown = entries_of(carls.get(path(client)))
    assert shown == entries(client)
    assert "Nothing changed." in text_of(carls.post(path(client), shown, follow=True))
    assert changes() == []
    page = carls.post(path(client), {**shown, "contact": "payments@example.com"}, follow=True)
    assert "Owner changed." in text_of(page)
    assert changes() == [({"contact": ""}, {"contact": "payments@example.com"})]


@pytest.mark.long
@pytest.mark.parametrize(
    ("entered", "tokens", "said"),
    [
        ({"scopes": ["read", "write", "orders:read"]}, 41, "Scopes changed. New tokens have them from now on; 41 existing tokens keep the old ones."),
        ({"scopes": ["read", "write", "orders:read"]}, 1, "Scopes changed. New tokens have them from now on; 1 existing token keeps the old ones."),
        ({"scopes": ["read", "write", "orders:read"]}, 0, "Scopes changed. New tokens have them from now on."),
        ({"token_lifetime": "300", "name": "x"}, 2, "Name and token lifetime changed. New tokens have it from now on; 2 existing tokens keep the old one."),
        ({"require_dpop": "on"}, 2, "DPoP-bound tokens only changed. This applies to new tokens; 2 existing tokens stay as before."),
        ({"name": "x"}, 41, "Name changed."),
    ],
)
def test_saving_says_what_it_means_for_tokens(carls, client, billing, orders, entered, tokens, said):
    if tokens:
        live(client, credential=billing.secret.secret_id, count=tokens)
    page = carls.post(path(client), {**entries(client), **entered}, follow=True)
    assert said in text_of(page)


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        (
            {"name": "", "allowed_networks": "203.0.113.300, 10.0.0.1/8"},
            [
                *("Nothing was saved. Fix 3 things:", "Enter a name, for example billing-sync.", "For this network, write 10.0.0.0/8."),
                "“203.0.113.300” isn’t an IP address. Use addresses or ranges such as 203.0.113.0/24.",
            ],
        ),
        (
            {"name": "x" * 100_000, "contact": "a\nb", "description": "x" * 1001, "tags": "x" * 41, "scopes": ["nope"], "auth_methods": []},
            [
                *("A name can have at most 100 characters.", "The owner contains a line break", "A description can have at most 1,000 characters."),
                *("The tag has 41 characters", "demo has no scope nope.", "Choose at least one method."),
            ],
        ),
        (
            {"name": "\u202eevil", "description": "a\nb", "tags": ",".join(map(str, range(51))), "auth_methods": ["none"], "token_lifetime": "59"},
            [
                *("invisible character", "The description contains a line break", "51 tags are too many", "That isn’t a method."),
                "Choose a lifetime from the list.",
            ],
        ),
        ({"audiences": "api", "allowed_networks": "x" * 50_000, "token_lifetime": ""}, ["isn’t an audience", "That is too much text", "Choose a lifetime"]),
        ({"audiences": "\n".join(f"https://api.example.com/{'x' * 200}/{number}" for number in range(20))}, ["too many for a token"]),
        ({"audiences": "\n".join(f"https://{number}.example.com" for number in range(51))}, ["51 are too many. Use at most 50."]),
        ({"jwks_uri": "http://billing.example.com/jwks.json"}, ["must be an https URL"]),
        ({"jwks_uri": "https://billing.example.com/jwks.json"}, ["A jwks_uri needs private_key_jwt"]),
        ({"auth_methods": ["tls_client_auth"]}, ["tls_client_auth needs the subject of the client’s certificate"]),
        ({"auth_methods": ["tls_client_auth"], "tls_subject": "x.example.com"}, ["Choose which part of the certificate this is."]),
        ({"auth_methods": ["tls_client_auth"], "tls_subject_type": "tls_client_auth_san_ip", "tls_subject": "x"}, ["isn’t valid for san_ip"]),
        ({"auth_methods": ["tls_client_auth"], "tls_subject_type": "nope"}, ["Choose a kind of subject from the list."]),
        ({"tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "x.example.com"}, ["A certificate subject needs tls_client_auth"]),
        ({"seen": ""}, ["This page was open too long."]),
    ],
)
def test_invalid_values_are_refused_and_entries_stay(carls, client, entered, said):
    page = carls.post(path(client), {**entries(client), "contact": "kept@example.com", **entered})
    assert page.status_code == 200
    assert [words for words in said if words not in text_of(page)] == []
    assert "Nothing was saved." in text_of(page)
    assert "<title>Error: Settings of billing-sync" in page.content.decode()
    if "contact" not in entered:
        assert 'value="kept@example.com"' in page.content.decode()
    assert changes() == []


def test_a_subject_to_which_tokens_are_bound_needs_no_method_of_its_own(carls, client):
    subject = {"tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "x.example.com", "require_certificate": "on"}
    assert carls.post(path(client), {**entries(client), **subject}).status_code == 302
    assert Client.objects.get().tls_subject == "x.example.com"


@pytest.mark.long
@pytest.mark.parametrize("seen", ["", "x" * 65])
def test_what_was_sent_without_saying_what_was_seen_can_be_saved_after_a_look(carls, client, seen):
    page = carls.post(path(client), {**entries(client), "contact": "kept@example.com", "seen": seen})
    assert changes() == []
    assert "This page was open too long. Your entries are kept: check what they change and save again." in text_of(page)
    assert "kept@example.com" in text_of(page)
    seen = page.context["form"]["seen"].value()
    carls.post(path(client), {**entries(client), "contact": "kept@example.com", "seen": seen})
    assert Client.objects.get().contact == "kept@example.com"


def test_markup_and_rtl_text_are_shown_as_they_are(carls, client):
    name = "<script>alert(1)</script> مرحبا"
    page = carls.post(path(client), {**entries(client), "name": name}, follow=True)
    assert "<script>alert(1)" not in page.content.decode()
    assert name in text_of(page.content.decode().replace("&lt;", "‹").replace("&gt;", "›")).replace("‹", "<").replace("›", ">")


def test_viewer_sees_the_facts_and_who_can_change_them(bens, eves, client):
    page = bens.get(path(client))
    assert "<form method" not in page.content.decode().partition("<main")[2].replace("\n", " ")
    text = text_of(page)
    assert "Scopes read, write" in text
    assert "Token lifetime 1 hour" in text
    assert "You are a viewer." in text
    assert "can change it" in text
    assert "Save changes" not in text
    assert bens.post(path(client), {"name": "x"}).status_code == 403
    assert eves.get(path(client).replace("/w/demo/", "/w/other/")).status_code == 404


@pytest.mark.long
def test_what_the_workspace_no_longer_allows_may_stay_but_not_be_kept_in_a_change(adas, client, now):
    methods = ["client_secret_basic", "private_key_jwt"]
    change_workspace(workspace=client.workspace, allowed_auth_methods=methods, max_token_lifetime=600, actor=factories.TESTS, now=now)
    page = adas.get(path(client))
    assert "This workspace no longer allows it" in text_of(page)
    assert "self_signed_tls_client_auth" not in text_of(page)
    adas.post(path(client), {**entries(client), "name": "renamed"})
    assert Client.objects.get().name == "renamed"
    page = adas.post(path(client), {**entries(client), "auth_methods": ["client_secret_post", "private_key_jwt"]})
    assert "demo doesn’t allow client_secret_post." in text_of(page)
    page = adas.post(path(client), {**entries(client), "token_lifetime": "900"})
    assert "Choose a lifetime from the list." in text_of(page)
    adas.post(path(client), {**entries(client), "token_lifetime": "300"})
    assert Client.objects.get().token_lifetime == 300


def test_a_method_without_a_credential_is_pointed_out_with_the_way_to_add_one(carls, client, billing):
    page = carls.post(path(client), {**entries(client), "auth_methods": ["private_key_jwt", "self_signed_tls_client_auth"]}, follow=True)
    assert "Methods changed." in text_of(page)
    assert "It can’t use private_key_jwt yet: it has no public key that works. Add public key" in text_of(page)
    assert "It can’t use self_signed_tls_client_auth yet: it has no certificate that works. Add certificate" in text_of(page)
    create_public_key(client)
    Client.objects.update(auth_methods=["private_key_jwt", "client_secret_basic"])
    factories.expire(billing.secret)
    text = text_of(carls.get(path(client)))
    assert "private_key_jwt yet" not in text
    assert "It can’t use client_secret_basic yet: it has no secret that works. Make a secret" in text


KEYS_THERE = {"auth_methods": ["client_secret_basic", "private_key_jwt"], "jwks_uri": "https://a.example.com/jwks.json"}
SUBJECT = {"auth_methods": ["client_secret_basic", "tls_client_auth"], "tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "a.example.com"}


@pytest.mark.parametrize(
    ("fields", "entered", "takes_proof"),
    [
        ({"require_dpop": True}, {"require_dpop": None}, True),
        ({"require_certificate": True}, {"require_certificate": None}, True),
        ({"allowed_networks": ["203.0.113.0/24"]}, {"allowed_networks": ""}, True),
        ({"allowed_networks": ["203.0.113.0/24"]}, {"allowed_networks": "203.0.113.0/24, 198.51.100.7"}, True),
        ({"auth_methods": ["client_secret_basic"]}, {"auth_methods": ["client_secret_basic", "client_secret_post"]}, True),
        ({}, {"audiences": "https://api.example.com"}, True),
        ({"token_lifetime": timedelta(minutes=5)}, {"token_lifetime": "3600"}, True),
        ({"scopes": ["read"]}, {"scopes": ["read", "write"]}, True),
        (KEYS_THERE, {"jwks_uri": None}, True),
        (SUBJECT, {"auth_methods": ["client_secret_basic"], "tls_subject_type": None, "tls_subject": None}, True),
        ({}, {**KEYS_THERE, "jwks_uri": "https://evil.example.com/jwks.json"}, True),
        ({}, SUBJECT, True),
        ({}, {"scopes": ["read", "write", "clients:write"]}, True),
        ({}, {"token_lifetime": "300"}, True),
        ({}, {"allowed_networks": "203.0.113.0/24"}, True),
        ({}, {"scopes": ["read"]}, True),
        ({}, {"require_dpop": "on"}, True),
        ({}, {"contact": "mallory@elsewhere.example"}, True),
        ({}, {"name": "renamed", "description": "Sends invoices", "tags": "billing"}, False),
        ({}, {}, False),
    ],
)
def test_everything_but_a_clients_description_requires_a_proof(ada, client, browser, now, fields, entered, takes_proof):
    if fields:
        update_client(client=client, actor=factories.TESTS, now=now, **fields)
    before = len(changes())
    browser.force_login(ada)
    sent = {name: value for name, value in {**entries(client), **entered}.items() if value is not None}
    response = browser.post(path(client), sent)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/confirm/?next=") == takes_proof
    assert len(changes()) == before + (bool(entered) and not takes_proof)


def test_the_script_asks_for_what_the_form_amounts_to_and_nothing_is_saved(carls, client):
    sent = {**entries(client), "name": "renamed", "token_lifetime": "300"}
    page = carls.post(path(client), sent, headers={"HX-Request": "true"})
    assert "<html" not in page.content.decode()
    said = "Name billing-sync renamed Token lifetime 1 hour 5 minutes Same thing in the terminal"
    assert text_of(page).startswith(said)
    assert text_of(page).endswith(f"update_client \\ {client.client_id} \\ --name renamed \\ --token-lifetime 300 Copy command")
    assert page["Cache-Control"] == "no-store"
    assert text_of(carls.post(path(client), entries(client), headers={"HX-Request": "true"})) == "Nothing yet."
    assert "Enter a name" in text_of(carls.post(path(client), {**sent, "name": ""}, headers={"HX-Request": "true"}))
    assert changes() == []


def test_odd_lifetime_and_tags_with_commas_that_a_command_gave_can_stay(carls, demo):
    odd = factories.create_client(demo, name="odd", token_lifetime=timedelta(seconds=61), tags=["payments, nightly", "eu"]).secret.client
    page = carls.get(path(odd))
    assert entries_of(page)["token_lifetime"] == "61"
    assert "61 seconds" in text_of(page)
    carls.post(path(odd), {**entries_of(page), "name": "renamed"})
    assert changes() == [({"name": "odd"}, {"name": "renamed"})]


@pytest.mark.long
@pytest.mark.parametrize("old", ["https://ada@api.example.com", "https://api.example.com/a b", "https://api.example.com/$(id)", "https://api.example.com/a,b"])
def test_an_audience_that_no_client_may_be_given_any_more_can_stay(carls, client, old):
    Client.objects.update(audiences=["https://api.example.com", old])
    sent = {**entries(client), "name": "renamed"}
    carls.post(path(client), sent)
    assert changes() == [({"name": "billing-sync"}, {"name": "renamed"})]
    carls.post(path(client), {**entries(client), "audiences": f"{old}\nhttps://new.example.com"})
    assert Client.objects.get().audiences == [old, "https://new.example.com"]
    carls.post(path(client), {**entries(client), "audiences": "https://new.example.com"})
    assert "isn’t an audience" in text_of(carls.post(path(client), {**entries(client), "audiences": "https://ada@api.example.com"}))
    assert Client.objects.get().audiences == ["https://new.example.com"]


def test_many_scopes_stand_in_groups_with_the_chosen_ones_first(carls, client):
    for name in ("orders:read", "orders:write", "invoices:read", "invoices:write", "parcels:read"):
        client.workspace.scopes.create(name=name)
    page = carls.get(path(client))
    assert 'aria-label="Filter scopes"' in page.content.decode()
    groups = [(name, [box.data["value"] for box in boxes]) for name, boxes in page.context["form"].scope_groups()]
    assert groups == [
        ("Chosen", ["read", "write"]),
        ("clients", ["clients:read", "clients:write"]),
        ("invoices", ["invoices:read", "invoices:write"]),
        ("orders", ["orders:read", "orders:write"]),
        ("parcels", ["parcels:read"]),
    ]
