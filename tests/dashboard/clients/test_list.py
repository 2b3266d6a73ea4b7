"""The list of clients: what a row says, the order, and what can be searched for."""

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from unittest import mock

import pytest
from django.db import DatabaseError
from django.utils import timezone

from clients.models import Client, ClientPublicKey, ClientSecret, UsageBucket
from clients.services.clients import disable_client
from clients.services.rotation import rotate_secret
from dashboard.clients.filters import filter_clients, list_rows, order_of, read_filters
from dashboard.frame.keyset import page_of
from tests import factories
from tests.dashboard.clients.conftest import PAGE, make, make_many, names_of, rows_of, use
from tests.dashboard.conftest import create_certificate, create_public_key, text_of

NOW = timezone.now


def test_a_row_says_who_it_is_how_it_signs_in_how_often_when_last_and_until_when(adas, demo):
    billing = make(demo, "billing-sync", contact="tom@example.com")
    use(billing, granted_24h=18_204)
    factories.create_client(demo, name="never-used", now=NOW() - timedelta(hours=2))
    disable_client(client=make(demo, "disabled"), actor=factories.TESTS, now=NOW())
    rotated, beside = make(demo, "rotated"), make(demo, "beside")
    rotate_secret(client=rotated, overlap=timedelta(hours=5), lifetime=timedelta(days=365), actor=factories.TESTS, now=NOW())
    factories.create_secret(beside, lifetime=timedelta(days=365))
    make(demo, "<b>مرحبا</b> & co")
    page = adas.get(PAGE)
    rows = rows_of(page)
    assert rows["billing-sync"].startswith(f"billing-sync Live {billing.client_id} Copy client ID of billing-sync")
    for name, parts in {
        "billing-sync": ("Secret 1 valid", "read write", "18,204 in 24 h", "3 min ago 203.0.113.24", "Never expires"),
        "never-used": ("never made 2 h ago", "0 in 24 h"),
        "disabled": ("Live, disabled", "Enable client"),
        "rotated": ("2 valid, rotating", "Old expires in 4 h new:"),
        "beside": ("2 valid",),
    }.items():
        for part in parts:
            assert part in rows[name]
    assert "Never expires" not in rows["disabled"]
    assert "rotating" not in rows["beside"]
    assert "<bdi>&lt;b&gt;مرحبا&lt;/b&gt; &amp; co</bdi>" in page.content.decode()
    assert "<b>مرحبا" not in page.content.decode()


def test_it_says_how_a_client_signs_in_with_its_keys_and_certificates_counted_or_named(adas, demo):
    by_key, mtls = {"auth_methods": ["private_key_jwt"]}, {"auth_methods": ["self_signed_tls_client_auth"]}
    by_name = {"auth_methods": ["tls_client_auth"], "tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "gw.example.com"}
    methods = {
        "published": ({**by_key, "jwks_uri": "https://keys.example.com/jwks"}, "Signed assertion jwks_uri"),
        "named": (by_name, "Mutual TLS gw.example.com"),
        "keyless": (by_key, "Signed assertion no key"),
        "bare": (mtls, "Mutual TLS no certificate"),
        "both": ({"auth_methods": ["client_secret_basic", "private_key_jwt"]}, "Secret, signed assertion 1 valid, no key"),
        "bound": ({"require_dpop": True}, "Secret 1 valid, DPoP"),
        "keys": (by_key, "Signed assertion 2 keys, ES256"),
        "certified": (mtls, "Mutual TLS CN=laptop"),
        "twice": (mtls, "Mutual TLS 2 certificates"),
    }
    clients = {name: make(demo, name) for name in methods}
    for kid in ("a", "b"):
        create_public_key(clients["keys"], kid=kid)
    for name in ("certified", "twice", "twice"):
        create_certificate(clients[name])
    clients["twice"].certificates.filter(pk=clients["twice"].certificates.last().pk).update(subject="CN=other")
    clients["certified"].secrets.all().delete()
    for name, (fields, _) in methods.items():
        Client.objects.filter(name=name).update(**fields)
    rows = rows_of(adas.get(PAGE))
    for name, (_, said) in methods.items():
        assert said in rows[name], name
    assert "certificate" in rows["certified"].split()


def test_an_end_within_14_days_is_marked_and_shown_on_a_phone_as_well(adas, demo):
    for days in (3, 13, 15):
        ClientSecret.objects.filter(client=make(demo, f"{days} days")).update(expires_at=NOW() + timedelta(days=days))
    found = {}
    for row in adas.get(PAGE).content.decode().split("<tr ")[2:]:
        before, _, cell = row.partition('data-l="Expires"')
        found[row.split("<bdi>")[1].split("</bdi>")[0]] = ("warn-t" in cell.split("</td>")[0], 'class="nw hide-s"' not in before[-200:])
    assert found == {"3 days": (True, True), "13 days": (True, True), "15 days": (False, False)}


def test_the_sparkline_has_a_bar_for_each_of_24_hours_and_without_readable_usage_there_is_none(adas, demo):
    client = make(demo, "busy")
    hour = NOW().replace(minute=0, second=0, microsecond=0)
    for ago, count in ((0, 10), (5, 20), (30, 99)):
        UsageBucket.objects.create(client=client, credential="x", endpoint="token", outcome="granted", hour=hour - timedelta(hours=ago), count=count)
    html = adas.get(PAGE).content.decode()
    paths = {kind: html.split(f'<path class="{kind}" d="')[1].split('"')[0] for kind in ("granted", "none")}
    assert {kind: path.count("M") for kind, path in paths.items()} == {"granted": 2, "none": 22}
    with mock.patch("dashboard.clients.table.granted_by_hour", side_effect=DatabaseError):
        page = adas.get(PAGE)
    assert "busy" in rows_of(page)
    assert "Usage can’t be shown right now" in text_of(page)
    assert '<svg class="spark"' not in page.content.decode()


def test_a_person_with_fewer_rights_sees_the_rows_but_not_the_controls(bens, demo):
    make(demo, "billing-sync")
    page = bens.get(PAGE)
    text = text_of(page)
    assert "View audit events" in text
    for control in ("Rotate secret", "Disable client", "Create client"):
        assert control not in text
    assert "You are a viewer. ada@example.com can create and edit clients" in text


def test_clients_of_another_workspace_are_not_shown(adas, demo, other):
    make(other, "theirs")
    for query in ("", "?q=theirs", "?status=attention"):
        assert rows_of(adas.get(PAGE + query)) == {}


# Looking for some of them


@pytest.mark.parametrize("text", ["bill", "BILL", "sync", "tom@", "invoices:r", "ID", "%", "_", "'", '"', "\\", "\0", "🌙" * 500, "<b>", "billng"])
def test_it_finds_by_a_part_of_name_client_id_owner_or_scope_and_no_character_means_more_than_itself(demo, text):
    demo.scopes.create(name="invoices:read")
    client = make(demo, "billing-sync", contact="tom@example.com", scopes=["invoices:read"])
    make(demo, "route-planner", contact="mina@example.com")
    found = page(demo, {"q": client.client_id[3:12] if text == "ID" else text}).rows
    expected = ["billing-sync"] if text == "ID" or text[0].isalpha() else []
    assert sorted(row.name for row in found) == (["billing-sync", "route-planner"] if text == "\0" else [] if text == "billng" else expected)


@pytest.mark.parametrize("text", ["billng", "\\", "<b>", "🌙" * 500])
def test_a_page_without_clients_says_what_was_looked_for_and_how_to_see_all(adas, demo, text):
    make(demo, "billing-sync")
    answer = adas.get(PAGE, {"q": text})
    assert f"No clients match ‘ {text[:200]} ’. Clear filters" in text_of(answer)
    assert f'<a href="{PAGE}">Clear filters</a>' in answer.content.decode()


def test_a_secret_in_the_search_is_neither_searched_for_nor_shown_nor_kept_in_the_address(adas, demo, billing):
    answer = adas.get(PAGE, {"q": billing.plaintext, "sort": "name"})
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?sort=name")
    page = adas.get(answer["Location"])
    assert "That looks like a secret, so we didn’t search for it." in text_of(page)
    assert billing.plaintext not in page.content.decode()
    assert billing.secret.client.name in rows_of(page)
    assert adas.get(PAGE, {"q": billing.plaintext}, headers={"HX-Request": "true"})["Location"] == PAGE
    assert adas.get(PAGE, {"q": f"{'x' * 190} {billing.plaintext}"})["Location"] == PAGE
    assert adas.get(PAGE, {"q": f"eyJhbGciOiJFUzI1NiJ9.{'e' * 300}.c2ln"})["Location"] == PAGE


@pytest.mark.long
def test_environments_and_states_are_chosen_by_links_that_keep_the_rest_and_a_second_click_turns_the_order_around(adas, demo):
    make(demo, "live-one")
    disable_client(client=make(demo, "test-one", environment="test"), actor=factories.TESTS, now=NOW())
    page = adas.get(PAGE, {"q": "one", "sort": "name"})
    html = page.content.decode()
    assert "All 2 Live 1 Test 1" in text_of(page)
    assert "?q=one&amp;sort=name&amp;env=test" in html
    assert 'aria-sort="ascending"' in html
    assert "?q=one&amp;sort=-name" in html
    assert "?q=one&amp;sort=tokens" in html
    page = adas.get(PAGE, {"env": "test"})
    assert names_of(page) == ["test-one"]
    assert 'name="env" value="test"' in page.content.decode()
    assert names_of(adas.get(PAGE, {"status": "enabled"})) == ["live-one"]
    assert names_of(adas.get(PAGE, {"status": "disabled"})) == ["test-one"]


def forge(*values):
    """The address's word for a page."""
    return urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


CURSORS = [
    *(forge("x", 1, 1), forge(2**70, 1, 1), forge(1, 2**70, 1), forge(True, True, True), forge("a\0", 1, 1), forge("\ud800", 1, 1), forge("2026-01-01", 1, 1)),
    *(forge("2026-01-01T00:00:00+00:00", -1, 1), forge([], {}, None), forge(1), "W" * 5000, "é"),
]


INVALID = {"status": "nonsense", "env": "moon", "sort": "-wrong", "size": "-1", "after": "x"}


@pytest.mark.parametrize("query", [INVALID, {"size": "1000000", "before": "!"}])
def test_invalid_parameters_are_ignored(adas, demo, query):
    make(demo, "one")
    assert names_of(adas.get(PAGE, query)) == ["one"]


@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize("sort", ["name", "tokens", "used", "expires", "scopes"])
def test_a_word_for_no_page_leads_to_the_first(demo, sort, name):
    client = make(demo, "one")
    for cursor in CURSORS:
        assert page(demo, {"sort": sort, name: cursor}).rows == [client]


# In which order


@pytest.fixture
def three(demo):
    now = NOW()
    for name, granted, used, ends, scope in (("Beta", 5, 1, 30, "write"), ("alpha", 50, 3, 10, "read"), ("gamma", 0, 2, None, "read")):
        client = make(demo, name, scopes=[scope])
        use(client, granted_24h=granted, last_used_at=now - timedelta(hours=used))
        ClientSecret.objects.filter(client=client).update(expires_at=None if ends is None else now + timedelta(days=ends))
    keyed = Client.objects.get(name="Beta")
    create_public_key(keyed)
    keyed.auth_methods = ["private_key_jwt"]
    keyed.save()
    ClientSecret.objects.filter(client=keyed).update(revoked_at=now)
    return now


@pytest.mark.parametrize(
    ("sort", "order", "said"),
    [
        ("", ["alpha", "Beta", "gamma"], "most tokens in the last 24 hours first"),
        ("tokens", ["alpha", "Beta", "gamma"], "most tokens in the last 24 hours first"),
        ("-tokens", ["gamma", "Beta", "alpha"], "fewest tokens in the last 24 hours first"),
        ("name", ["alpha", "Beta", "gamma"], "by name"),
        ("-name", ["gamma", "Beta", "alpha"], "from Z to A"),
        ("used", ["Beta", "gamma", "alpha"], "most recently used first"),
        ("-used", ["alpha", "gamma", "Beta"], "least recently used first"),
        ("method", ["alpha", "gamma", "Beta"], "by authentication method"),
        ("scopes", ["alpha", "gamma", "Beta"], "by scopes"),
        ("expires", ["alpha", "Beta", "gamma"], "soonest expiry first"),
    ],
)
def test_every_column_orders_the_list(demo, three, sort, order, said):
    assert [row.name for row in page(demo, {"sort": sort}).rows] == order
    assert read_filters({"sort": sort}).caption == f"Clients, {said}"


def test_one_column_says_that_it_orders_the_list(adas, three):
    answer = adas.get(PAGE, {"sort": "used"})
    assert names_of(answer) == ["Beta", "gamma", "alpha"]
    assert '<caption class="vh">Clients, most recently used first</caption>' in answer.content.decode()
    assert answer.content.decode().count("aria-sort") == 1


@pytest.mark.parametrize("sort", ["tokens", "-tokens", "name", "-name", "used", "-used", "expires", "-expires", "method", "scopes"])
def test_no_order_loses_anyone_between_pages(demo, sort):
    """Also if many have the same value."""
    make_many(demo, 23)
    query = {"sort": sort, "size": "10"}
    first = page(demo, query)
    second = page(demo, {**query, "after": first.after})
    third = page(demo, {**query, "after": second.after})
    assert first.rows + second.rows + third.rows == page(demo, {"sort": sort, "size": "25"}).rows
    assert [(found.start, found.end) for found in (first, second, third)] == [(1, 10), (11, 20), (21, 23)]
    assert (first.before, third.after) == ("", "")
    assert page(demo, {**query, "before": third.before}) == second


def page(workspace, query):
    """What the list shows of a workspace, without the page around it."""
    filters, now = read_filters(query), NOW()
    rows = list_rows(filter_clients(workspace, filters, now=now), workspace)
    return page_of(rows, order_of(filters, now=now), size=filters.size, before=filters.before, after=filters.after)


@pytest.mark.long
def test_pages_follow_each_other_and_lead_back(adas, demo):
    make_many(demo, 23)
    whole = names_of(adas.get(PAGE, {"sort": "-used", "size": 25}))
    first = adas.get(PAGE, {"sort": "-used", "size": 10})
    assert "1–10 of 23 clients" in text_of(first)
    second = adas.get(PAGE + link(first, "Next"))
    assert "11–20 of 23 clients" in text_of(second)
    third = adas.get(PAGE + link(second, "Next"))
    assert "21–23 of 23 clients" in text_of(third)
    assert names_of(first) + names_of(second) + names_of(third) == whole
    assert link(third, "Next") is None
    assert link(first, "Previous") is None
    back = adas.get(PAGE + link(third, "Previous"))
    assert names_of(back) == names_of(second)
    assert "11–20 of 23 clients" in text_of(back)


def link(page, label):
    """Where the link of that name leads; None if there is none."""
    html = page.content.decode()
    if f">{label}</a>" not in html:
        return None
    return html.split(f">{label}</a>")[0].split('href="')[-1].split('"')[0].replace("&amp;", "&")


def test_a_page_without_rows_shows_the_first_page(adas, demo):
    make_many(demo, 12)
    second = link(adas.get(PAGE, {"sort": "name", "size": 10}), "Next")
    Client.objects.filter(name__gt="client-09").update(name="a-renamed")
    assert "1–10 of 12 clients" in text_of(adas.get(PAGE + second))


# Parts


def test_typing_refreshes_only_the_table_with_its_count_and_links(adas, demo):
    make(demo, "billing-sync")
    make(demo, "route-planner", environment="test")
    answer = adas.get(PAGE, {"q": "bill"}, headers={"HX-Request": "true"})
    html = answer.content.decode()
    assert "<html" not in html
    assert 'data-count="1 client"' in html
    assert '<template data-into="clients-env">' in html
    assert 'All <span class="num">1</span>' in " ".join(html.split())
    assert (answer["Vary"], answer["Cache-Control"]) == ("HX-Request, Cookie", "no-store")


@pytest.mark.long
def test_the_page_needs_twelve_queries_at_most_with_any_amount_of_data(adas, demo, django_assert_max_num_queries, django_assert_num_queries):
    for client in make_many(demo, 15):
        create_public_key(client)
    ClientPublicKey.objects.update(expires_at=NOW() + timedelta(days=2))
    ClientSecret.objects.update(expires_at=NOW() + timedelta(days=3))
    adas.get(PAGE)
    with django_assert_max_num_queries(12) as captured:
        page = adas.get(PAGE, {"size": 10})
    assert "clients need attention" in text_of(page)
    with django_assert_num_queries(len(captured)):
        adas.get(PAGE, {"size": 25})
    with django_assert_max_num_queries(8):
        adas.get(PAGE, {"q": "client"}, headers={"HX-Request": "true"})
