"""The list of clients: what a row says, in which order, and what one can look for."""

import json
from datetime import timedelta
from unittest import mock

import pytest
from django.db import DatabaseError
from django.utils import timezone

from clients.models import Client, ClientSecret, UsageBucket
from clients.services.clients import disable_client
from clients.services.rotation import rotate_secret
from tests import factories
from tests.dashboard.clients.conftest import PAGE, make, names_of, rows_of, use
from tests.dashboard.conftest import create_certificate, create_public_key, text_of

NOW = timezone.now


def test_a_row_says_who_it_is_how_it_signs_in_how_often_when_last_and_until_when(adas, demo):
    client = make(demo, "billing-sync", contact="tom@example.com")
    use(client, granted_24h=18_204)
    row = rows_of(adas.get(PAGE))["billing-sync"]
    assert row.startswith(f"billing-sync Live {client.client_id} Copy client ID of billing-sync")
    for part in ("Secret 1 valid", "read write", "18,204 in 24 h", "3 min ago 203.0.113.24", "Never expires"):
        assert part in row


def test_a_client_that_was_never_used_says_since_when_it_is_there(adas, demo):
    factories.create_client(demo, name="fresh", now=NOW() - timedelta(hours=2))
    row = rows_of(adas.get(PAGE))["fresh"]
    assert "never made 2 h ago" in row
    assert "0 in 24 h" in row


def test_a_disabled_client_stays_and_says_so(adas, demo):
    client = make(demo, "fax-gateway")
    disable_client(client=client, actor=factories.TESTS, now=NOW())
    row = rows_of(adas.get(PAGE))["fax-gateway"]
    assert "Live, disabled" in row
    assert "Enable client" in row
    assert "Never expires" not in row


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"auth_methods": ["private_key_jwt"], "jwks_uri": "https://keys.example.com/jwks"}, "Signed assertion jwks_uri"),
        ({"auth_methods": ["tls_client_auth"], "tls_subject_type": "tls_client_auth_san_dns", "tls_subject": "gw.example.com"}, "Mutual TLS gw.example.com"),
        ({"auth_methods": ["private_key_jwt"]}, "Signed assertion no key"),
        ({"auth_methods": ["self_signed_tls_client_auth"]}, "Mutual TLS no certificate"),
        ({"auth_methods": ["client_secret_basic", "private_key_jwt"]}, "Secret, signed assertion 1 valid, no key"),
        ({"require_dpop": True}, "Secret 1 valid, DPoP"),
    ],
)
def test_it_says_how_a_client_signs_in(adas, demo, fields, said):
    client = make(demo, "one")
    Client.objects.filter(pk=client.pk).update(**fields)
    assert said in rows_of(adas.get(PAGE))["one"]


def test_keys_and_certificates_are_counted_and_named(adas, demo):
    by_key, by_certificate = make(demo, "by-key"), make(demo, "by-certificate")
    create_public_key(by_key, kid="a")
    create_public_key(by_key, kid="b")
    create_certificate(by_certificate)
    Client.objects.filter(pk=by_key.pk).update(auth_methods=["private_key_jwt"])
    Client.objects.filter(pk=by_certificate.pk).update(auth_methods=["self_signed_tls_client_auth"])
    ClientSecret.objects.all().delete()
    rows = rows_of(adas.get(PAGE))
    assert "Signed assertion 2 keys, ES256" in rows["by-key"]
    assert "Mutual TLS CN=laptop" in rows["by-certificate"]
    assert "certificate" in rows["by-certificate"].split()


def test_two_certificates_of_different_subjects_are_counted(adas, demo):
    client = make(demo, "two")
    create_certificate(client)
    create_certificate(client, None, name="other")
    Client.objects.filter(pk=client.pk).update(auth_methods=["self_signed_tls_client_auth"])
    client.certificates.filter(name="other").update(subject="CN=other")
    assert "Mutual TLS 2 certificates" in rows_of(adas.get(PAGE))["two"]


def test_a_rotation_shows_both_ends(adas, demo):
    client = make(demo, "billing-sync")
    rotate_secret(client=client, overlap=timedelta(hours=5), lifetime=timedelta(days=365), actor=factories.TESTS, now=NOW())
    row = rows_of(adas.get(PAGE))["billing-sync"]
    assert "2 valid, rotating" in row
    assert "Old ends in 4 h new:" in row


def test_two_secrets_that_both_go_on_are_no_rotation(adas, demo):
    client = make(demo, "billing-sync")
    factories.create_secret(client, lifetime=timedelta(days=365))
    row = rows_of(adas.get(PAGE))["billing-sync"]
    assert "2 valid" in row
    assert "rotating" not in row


@pytest.mark.parametrize(("ends_in", "is_marked"), [(timedelta(days=3), True), (timedelta(days=13), True), (timedelta(days=15), False)])
def test_an_end_within_14_days_is_marked_and_shown_on_a_phone_as_well(adas, demo, ends_in, is_marked):
    client = make(demo, "soon")
    ClientSecret.objects.filter(client=client).update(expires_at=NOW() + ends_in)
    cell = adas.get(PAGE).content.decode().split('data-l="Expires"')[1].split("</td>")[0]
    assert ("warn-t" in cell) == is_marked
    before = adas.get(PAGE).content.decode().split('data-l="Expires"')[0]
    assert ('class="nw hide-s"' in before[-200:]) != is_marked


def test_the_sparkline_has_a_bar_for_each_of_24_hours(adas, demo):
    client = make(demo, "busy")
    hour = NOW().replace(minute=0, second=0, microsecond=0)
    for ago, count in ((0, 10), (5, 20), (30, 99)):
        UsageBucket.objects.create(client=client, credential="x", endpoint="token", outcome="granted", hour=hour - timedelta(hours=ago), count=count)
    html = adas.get(PAGE).content.decode()
    paths = {kind: html.split(f'<path class="{kind}" d="')[1].split('"')[0] for kind in ("granted", "none")}
    assert {kind: path.count("M") for kind, path in paths.items()} == {"granted": 2, "none": 22}


def test_a_list_without_readable_usage_is_shown_all_the_same(adas, demo):
    make(demo, "busy")
    with mock.patch("dashboard.clients.table.granted_by_hour", side_effect=DatabaseError):
        page = adas.get(PAGE)
    assert "busy" in rows_of(page)
    assert "Usage can’t be shown right now" in text_of(page)
    assert '<svg class="spark"' not in page.content.decode()


def test_whoever_may_less_sees_the_rows_and_not_the_controls(bens, demo):
    make(demo, "billing-sync")
    page = bens.get(PAGE)
    text = text_of(page)
    assert "View audit events" in text
    for control in ("Rotate secret", "Disable client", "Create client"):
        assert control not in text
    assert "You are a viewer. ada@example.com can create and edit clients" in text


def test_names_with_markup_are_text(adas, demo):
    make(demo, "<b>مرحبا</b> & co")
    page = adas.get(PAGE).content.decode()
    assert "<bdi>&lt;b&gt;مرحبا&lt;/b&gt; &amp; co</bdi>" in page
    assert "<b>مرحبا" not in page


def test_clients_of_another_workspace_are_nowhere(adas, demo, other):
    make(other, "theirs")
    for query in ("", "?q=theirs", "?status=attention"):
        assert rows_of(adas.get(PAGE + query)) == {}


# Looking for some of them


@pytest.mark.parametrize("text", ["bill", "BILL", "sync", "tom@", "invoices:r", "ID"])
def test_it_finds_by_name_client_id_owner_or_scope(adas, demo, text):
    demo.scopes.create(name="invoices:read")
    client = make(demo, "billing-sync", contact="tom@example.com", scopes=["invoices:read"])
    make(demo, "route-planner", contact="mina@example.com")
    text = client.client_id[3:12] if text == "ID" else text
    assert names_of(adas.get(PAGE, {"q": text})) == ["billing-sync"]


@pytest.mark.parametrize("text", ["%", "_", "'", '"', "\\", "\0", "🌙" * 500, "<b>"])
def test_what_means_something_to_a_database_means_nothing_here(adas, demo, text):
    make(demo, "billing-sync")
    page = adas.get(PAGE, {"q": text})
    assert page.status_code == 200
    assert names_of(page) == (["billing-sync"] if text == "\0" else [])


def test_nothing_found_says_so_and_leads_back(adas, demo):
    make(demo, "billing-sync")
    page = adas.get(PAGE, {"q": "billng"})
    assert "No client matches ‘ billng ’. Clear filters" in text_of(page)
    assert f'<a href="{PAGE}">Clear filters</a>' in page.content.decode()


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


def test_environments_are_counted_and_chosen_by_links_that_keep_the_rest(adas, demo):
    make(demo, "live-one")
    make(demo, "test-one", environment="test")
    page = adas.get(PAGE, {"q": "one", "sort": "name"})
    assert "All 2 Live 1 Test 1" in text_of(page)
    assert "?q=one&amp;sort=name&amp;env=test" in page.content.decode()
    assert names_of(adas.get(PAGE, {"env": "test"})) == ["test-one"]
    assert 'name="env" value="test"' in adas.get(PAGE, {"env": "test"}).content.decode()


def test_states_are_chosen(adas, demo):
    make(demo, "on")
    disable_client(client=make(demo, "off"), actor=factories.TESTS, now=NOW())
    assert names_of(adas.get(PAGE, {"status": "enabled"})) == ["on"]
    assert names_of(adas.get(PAGE, {"status": "disabled"})) == ["off"]


@pytest.mark.parametrize(
    "query", [{"status": "nonsense"}, {"env": "moon"}, {"sort": "-wrong"}, {"size": "-1"}, {"size": "1000000"}, {"after": "x"}, {"before": "!"}]
)
def test_what_an_address_may_not_say_counts_as_not_said(adas, demo, query):
    make(demo, "one")
    assert names_of(adas.get(PAGE, query)) == ["one"]


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
        ("used", ["Beta", "gamma", "alpha"], "used last first"),
        ("-used", ["alpha", "gamma", "Beta"], "used longest ago first"),
        ("method", ["alpha", "gamma", "Beta"], "by authentication method"),
        ("scopes", ["alpha", "gamma", "Beta"], "by scopes"),
        ("expires", ["alpha", "Beta", "gamma"], "expiring soonest first"),
    ],
)
def test_every_column_orders_the_list(adas, three, sort, order, said):
    page = adas.get(PAGE, {"sort": sort} if sort else {})
    assert names_of(page) == order
    assert f'<caption class="vh">Clients, {said}</caption>' in page.content.decode()
    assert page.content.decode().count("aria-sort") == 1


def test_a_second_click_turns_the_order_around(adas, three):
    page = adas.get(PAGE, {"sort": "name"}).content.decode()
    assert 'aria-sort="ascending"' in page
    assert "?sort=-name" in page
    assert "?sort=tokens" in page


@pytest.mark.parametrize("sort", ["tokens", "-tokens", "name", "-name", "used", "-used", "expires", "-expires", "method", "scopes"])
def test_pages_follow_each_other_and_lead_back_without_losing_anyone(adas, demo, sort):
    """Also where many have the same value."""
    for number in range(23):
        use(make(demo, f"client-{number:02}"), granted_24h=number // 5)
    whole = names_of(adas.get(PAGE, {"sort": sort, "size": 25}))
    first = adas.get(PAGE, {"sort": sort, "size": 10})
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
    assert names_of(adas.get(PAGE + link(back, "Previous"))) == names_of(first)


def link(page, label):
    """Where the link of that name leads, None where there is none."""
    html = page.content.decode()
    if f">{label}</a>" not in html:
        return None
    return html.split(f">{label}</a>")[0].split('href="')[-1].split('"')[0].replace("&amp;", "&")


def test_a_page_whose_rows_are_gone_is_the_first_one(adas, demo):
    for number in range(12):
        make(demo, f"client-{number:02}")
    second = link(adas.get(PAGE, {"sort": "name", "size": 10}), "Next")
    Client.objects.filter(name__gt="client-09").update(name="a-renamed")
    assert "1–10 of 12 clients" in text_of(adas.get(PAGE + second))


def forge(*values):
    import base64

    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize("sort", ["name", "tokens", "used", "expires", "scopes"])
@pytest.mark.parametrize(
    "cursor",
    [
        forge("x", 1, 1),
        forge(2**70, 1, 1),
        forge(1, 2**70, 1),
        forge(True, True, True),
        forge("a\0", 1, 1),
        forge("\ud800", 1, 1),
        forge("2026-01-01", 1, 1),
        forge("2026-01-01T00:00:00+00:00", -1, 1),
        forge([], {}, None),
        forge(1),
        "W" * 5000,
        "é",
    ],
)
def test_a_made_up_page_does_no_harm(adas, demo, sort, cursor):
    make(demo, "one")
    for name in ("after", "before"):
        assert names_of(adas.get(PAGE, {"sort": sort, name: cursor})) == ["one"]


# Parts


def test_typing_gets_the_table_alone_with_its_count_and_fresh_links(adas, demo):
    make(demo, "billing-sync")
    make(demo, "route-planner", environment="test")
    answer = adas.get(PAGE, {"q": "bill"}, headers={"HX-Request": "true"})
    html = answer.content.decode()
    assert "<html" not in html
    assert 'data-count="1 client"' in html
    assert '<template data-into="clients-env">' in html
    assert 'All <span class="num">1</span>' in " ".join(html.split())
    assert (answer["Vary"], answer["Cache-Control"]) == ("HX-Request, Cookie", "no-store")


def test_the_page_asks_twelve_times_at_most_and_not_more_for_more(adas, demo, django_assert_max_num_queries, django_assert_num_queries):
    for number in range(30):
        client = make(demo, f"client-{number}")
        create_public_key(client, kid=f"k{number}")
        client.public_keys.update(expires_at=NOW() + timedelta(days=2))
        ClientSecret.objects.filter(client=client).update(expires_at=NOW() + timedelta(days=3))
    adas.get(PAGE)
    with django_assert_max_num_queries(12) as captured:
        page = adas.get(PAGE, {"size": 10})
    assert "clients need attention" in text_of(page)
    with django_assert_num_queries(len(captured)):
        adas.get(PAGE, {"size": 25})
    with django_assert_max_num_queries(8):
        adas.get(PAGE, {"q": "client"}, headers={"HX-Request": "true"})
