"""Search: what is found, in which order, by whom, and what is never searched for."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import RecordedRequest
from clients.services.clients import disable_client
from tests import factories
from tests.dashboard.clients.conftest import make, use
from tests.dashboard.conftest import create_certificate, create_public_key, text_of

PAGE = "/w/demo/search/"
PALETTE = {"headers": {"HX-Request": "true"}}


def options_of(response):
    """Heading, label, note and address of each, as the palette has them."""
    found, heading = [], ""
    for part in re.split(r"(?=<h3|<div role=\"option\")", response.content.decode()):
        if part.startswith("<h3"):
            heading = text_of(part.split("</h3>")[0])
        elif part.startswith("<div") and "data-href" in part:
            label = text_of(part.split("<bdi>")[1].split("</bdi>")[0])
            note = text_of(part.split("<small>")[1].split("</small>")[0])
            found.append((heading, label, note, re.search(r'data-href="([^"]*)"', part)[1]))
    return found


def ask(browser, text):
    return options_of(browser.get(PAGE, {"q": text}, **PALETTE))


def test_id_of_a_request_that_nothing_here_has_leads_to_why_that_can_be(adas, demo):
    unknown = "a0480d88ea2c5546af1a2ee94c580a13"
    assert ask(adas, unknown) == [("Requests", f"Request {unknown}", "Not found. See why", f"/w/demo/explain/?request_id={unknown}")]
    assert ask(adas, "req-12345678") == []


def labels(browser, text):
    return [label for _, label, _, _ in ask(browser, text)]


def test_a_client_by_a_part_of_its_name(adas, demo):
    client = make(demo, "billing-sync")
    make(demo, "route-planner")
    assert ask(adas, "bill") == [("Clients", "billing-sync", "Live", f"/w/demo/clients/{client.client_id}/")]


def test_names_that_fit_better_come_first_and_busier_ones_among_equals(adas, demo):
    for name, granted in (("sync", 0), ("sync-two", 5), ("sync-one", 9), ("billing-sync", 100)):
        use(make(demo, name), granted_24h=granted)
    assert labels(adas, "SYNC") == ["sync", "sync-one", "sync-two", "billing-sync"]


@pytest.mark.parametrize("text", ["billng", "bsync", "blsnc"])
def test_letters_may_be_missing_where_nothing_fits_better(adas, demo, text):
    make(demo, "billing-sync")
    assert labels(adas, text)[0] == "billing-sync"


def test_loose_fits_are_left_out_where_something_fits(adas, demo):
    make(demo, "sync")
    make(demo, "saying-nothing-clearly")
    assert labels(adas, "sync") == ["sync"]


def test_credentials_by_their_whole_id_lead_to_their_client(adas, demo, billing):
    client = billing.secret.client
    create_public_key(client, kid="k-3f9c")
    certificate = create_certificate(client)
    for text, label in ((billing.secret.secret_id, "Secret"), ("k-3f9c", "Public key"), (certificate.thumbprint, "Certificate")):
        assert ask(adas, text) == [("Credentials", f"{label} {text}", "billing-sync", f"/w/demo/clients/{client.client_id}/")]
        assert ask(adas, text[:-1]) == []


def test_a_client_by_its_id_or_the_beginning_of_it(adas, demo, billing):
    client_id = billing.secret.client.client_id
    assert labels(adas, client_id) == ["billing-sync"]
    assert labels(adas, client_id[:8]) == ["billing-sync"]


def test_people_scopes_and_requests(adas, demo, billing):
    [person] = ask(adas, "ben@example")
    assert person == ("People", "ben@example.com", "Viewer", "/w/demo/members/")
    assert ("Scopes", "clients:read", "Clients that have it", "/w/demo/clients/?q=clients%3Aread") in ask(adas, "clients:re")
    common = {"workspace": demo, "endpoint": "token", "created_at": timezone.now()}
    RecordedRequest.objects.create(**common, request_id="req-12345678", status=401, reason="bad_checksum")
    RecordedRequest.objects.create(**common, request_id="req-87654321", status=200)
    assert ask(adas, "req-12345678") == [("Requests", "Request req-12345678", "Refused", "/w/demo/explain/?request_id=req-12345678")]
    assert ask(adas, "req-87654321")[0][2] == "Granted"
    assert ask(adas, "req-1234567") == []


def test_pages_and_actions_by_their_words_and_others_for_the_same(adas, demo):
    assert ("Go to", "Audit log", "G then A", "/w/demo/audit/") in ask(adas, "audit")
    assert ("Actions", "Create client", "C", "/w/demo/clients/new/") in ask(adas, "new client")
    assert ("Actions", "Respond to a leak", "G then L", "/w/demo/leak/") in ask(adas, "stolen")
    assert ("Go to", "Retention", "", "/w/demo/settings/retention/") in ask(adas, "retention")
    assert ("Go to", "Account security", "", "/accounts/security/") in ask(adas, "account sec")
    assert ("Go to", "Account security", "", "/accounts/security/") in ask(adas, "password")


@pytest.mark.parametrize(
    ("text", "title", "slug"), [("gateway", "Gateway", "gateway"), ("dpop", "DPoP", "dpop"), ("introspection", "Introspection and revocation", "introspection")]
)
def test_the_pages_of_the_docs(adas, demo, text, title, slug):
    assert ask(adas, text)[0] == ("Go to", title, "API and docs", f"/w/demo/docs/{slug}/")


def test_actions_that_somebody_may_not_do_are_not_offered(adas, bens, demo):
    for text in ("Create client", "Invite people", "Rotate a secret: choose its client"):
        assert text in labels(adas, text)
        assert text not in labels(bens, text)


def test_there_are_eight_results_at_most(adas, demo):
    for number in range(12):
        make(demo, f"client-{number}")
    assert len(ask(adas, "client")) == 8


def test_before_one_writes_it_shows_the_clients_looked_at_last(adas, demo):
    for name in ("one", "two", "three"):
        make(demo, name)
    busy = make(demo, "busy")
    use(busy, granted_24h=100)
    assert ask(adas, "")[0][:2] == ("Clients", "busy")
    for name in ("one", "two", "one"):
        client = demo.clients.get(name=name)
        assert adas.get(f"/w/demo/clients/{client.client_id}/").status_code == 200
    assert [label for heading, label, _, _ in ask(adas, "") if heading == "Clients"] == ["one", "two"]
    assert {heading for heading, *_ in ask(adas, "")} == {"Clients", "Actions", "Go to"}
    assert len(ask(adas, "")) <= 8


def test_a_disabled_client_is_found_and_says_so(adas, demo):
    disable_client(client=make(demo, "fax-gateway", environment="test"), actor=factories.TESTS, now=timezone.now())
    assert ask(adas, "fax")[0][2] == "Test, disabled"


def test_what_belongs_to_another_workspace_is_not_found(adas, demo, other):
    theirs = factories.create_client(other, name="theirs")
    create_public_key(theirs.secret.client, kid="their-key")
    RecordedRequest.objects.create(workspace=other, request_id="req-12345678", endpoint="token", status=401, created_at=timezone.now())
    for text in ("theirs", theirs.secret.secret_id, theirs.secret.client.client_id, "their-key", "req-12345678", "eve@example.com"):
        assert ask(adas, text) == []


@pytest.mark.parametrize("text", ["%%%", "___", "\\", "'\"", "[^a]*", "((((", "a]b", "^-x", "\0\0\0", "🌙🌙🌙", "x" * 5000, "مرحبا"])
def test_what_means_something_to_a_database_or_a_pattern_means_nothing_here(adas, demo, text):
    make(demo, "billing-sync")
    assert adas.get(PAGE, {"q": text}, **PALETTE).status_code == 200


def test_a_name_that_makes_patterns_slow_does_not(adas, demo):
    make(demo, "a" * 99 + "b")
    started = timezone.now()
    adas.get(PAGE, {"q": "a" * 38 + "c"}, **PALETTE)
    assert timezone.now() - started < timedelta(seconds=5)


def test_the_page_works_without_scripts_and_its_form_sends_nothing_by_the_address(adas, demo):
    make(demo, "billing-sync")
    page = adas.get(PAGE)
    assert '<form class="filters" method="post"' in " ".join(page.content.decode().split())
    found = adas.post(PAGE, {"q": "bill"})
    assert "1 result for ‘ bill ’." in text_of(found)
    assert 'value="bill"' in found.content.decode()
    assert "Nothing matches ‘ zzzz ’." in text_of(adas.post(PAGE, {"q": "zzzz"}))


SECRET = "That looks like a secret."


def test_a_secret_is_dropped_wherever_it_comes_from(adas, demo, billing):
    posted = adas.post(PAGE, {"q": billing.plaintext})
    assert f"{SECRET} It was not searched for. Respond to a leak" in text_of(posted)
    asked = adas.get(PAGE, {"q": billing.plaintext})
    assert (asked.status_code, asked["Location"]) == (302, PAGE)
    fragment = adas.get(PAGE, {"q": billing.plaintext}, **PALETTE)
    assert "Respond to a leak" in text_of(fragment)
    for page in (posted, fragment, adas.get(PAGE)):
        assert billing.plaintext not in page.content.decode()


def test_of_a_whole_file_pasted_into_it_the_beginning_is_read(adas, demo, billing):
    assert SECRET in text_of(adas.post(PAGE, {"q": f"{billing.plaintext} " + "eyJ" * 800_000}))
    page = adas.post(PAGE, {"q": "z " * 100_000 + billing.plaintext})
    assert "Nothing matches ‘ z z z" in text_of(page)
    assert billing.plaintext not in page.content.decode()


def test_markup_in_names_and_words_is_text(adas, demo):
    make(demo, "<b>x</b>")
    assert "&lt;b&gt;x&lt;/b&gt;" in adas.get(PAGE, {"q": "<b>"}, **PALETTE).content.decode()
    assert "<script>" not in adas.post(PAGE, {"q": "<script>"}).content.decode()


def test_the_palette_and_the_page_ask_seldom(adas, demo, django_assert_max_num_queries):
    for number in range(30):
        make(demo, f"client-{number}")
    adas.get(PAGE)
    with django_assert_max_num_queries(10):
        adas.get(PAGE, {"q": "client-1"}, **PALETTE)
    with django_assert_max_num_queries(12):
        adas.post(PAGE, {"q": "client-1"})
