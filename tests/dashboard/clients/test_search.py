"""Search: what is found, in which order, by whom, and what is never searched for."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import RecordedRequest
from clients.services.clients import disable_client
from tests import factories
from tests.dashboard.clients.conftest import make, make_many, use
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


def labels(browser, text):
    return [label for _, label, _, _ in ask(browser, text)]


def test_a_client_by_a_part_of_its_name_of_which_letters_may_be_missing_if_nothing_fits_better(adas, demo):
    client = make(demo, "billing-sync")
    make(demo, "route-planner")
    for text in ("bill", "billng", "bsync", "blsnc"):
        assert ask(adas, text)[0] == ("Clients", "billing-sync", "Live", f"/w/demo/clients/{client.client_id}/")
    assert len(ask(adas, "bill")) == 1
    disable_client(client=make(demo, "fax-gateway", environment="test"), actor=factories.TESTS, now=timezone.now())
    assert ask(adas, "fax")[0][2] == "Test, disabled"


def test_names_that_fit_better_come_first_and_busier_ones_among_equals_and_loose_fits_are_left_out(adas, demo):
    for name, granted in (("sync", 0), ("sync-two", 5), ("sync-one", 9), ("billing-sync", 100), ("saying-nothing-clearly", 0)):
        use(make(demo, name), granted_24h=granted)
    assert labels(adas, "SYNC") == ["sync", "sync-one", "sync-two", "billing-sync"]


def test_a_client_by_its_id_or_the_beginning_of_it_and_credentials_by_their_whole_id(adas, demo, billing):
    client = billing.secret.client
    assert labels(adas, client.client_id) == labels(adas, client.client_id[:8]) == ["billing-sync"]
    create_public_key(client, kid="k-3f9c")
    certificate = create_certificate(client)
    for text, label in ((billing.secret.secret_id, "Secret"), ("k-3f9c", "Public key"), (certificate.thumbprint, "Certificate")):
        assert ask(adas, text) == [("Credentials", f"{label} {text}", "billing-sync", f"/w/demo/clients/{client.client_id}/")]
        assert ask(adas, text[:-1]) == []


def test_people_scopes_and_requests_are_found(adas, demo, billing):
    [person] = ask(adas, "ben@example")
    assert person == ("People", "ben@example.com", "Viewer", "/w/demo/members/")
    assert ("Scopes", "clients:read", "Clients that have it", "/w/demo/clients/?q=clients%3Aread") in ask(adas, "clients:re")
    common = {"workspace": demo, "endpoint": "token", "created_at": timezone.now()}
    RecordedRequest.objects.create(**common, request_id="req-12345678", status=401, reason="bad_checksum")
    RecordedRequest.objects.create(**common, request_id="req-87654321", status=200)
    assert ask(adas, "req-12345678") == [("Requests", "Request req-12345678", "Refused", "/w/demo/explain/?request_id=req-12345678")]
    assert ask(adas, "req-87654321")[0][2] == "Granted"
    for text in ("req-1234567", "req-00000000"):
        assert ask(adas, text) == []
    unknown = "a0480d88ea2c5546af1a2ee94c580a13"
    assert ask(adas, unknown) == [("Requests", f"Request {unknown}", "Not found. See why", f"/w/demo/explain/?request_id={unknown}")]


def test_pages_docs_and_actions_by_their_words_and_others_for_the_same(adas, demo):
    for text, found in {
        "audit": ("Go to", "Audit log", "G then A", "/w/demo/audit/"),
        "new client": ("Actions", "Create client", "C", "/w/demo/clients/new/"),
        "stolen": ("Actions", "Respond to a leak", "G then L", "/w/demo/leak/"),
        "retention": ("Go to", "Retention", "", "/w/demo/settings/retention/"),
        "account sec": ("Go to", "Account security", "", "/accounts/security/"),
        "password": ("Go to", "Account security", "", "/accounts/security/"),
    }.items():
        assert found in ask(adas, text)
    for slug, title in {"gateway": "Gateway", "dpop": "DPoP", "introspection": "Introspection and revocation"}.items():
        assert ask(adas, slug)[0] == ("Go to", title, "API and docs", f"/w/demo/docs/{slug}/")


def test_actions_that_somebody_may_not_do_are_not_offered(adas, bens, demo):
    for text in ("Create client", "Invite people", "Rotate a secret: choose its client"):
        assert text in labels(adas, text)
        assert text not in labels(bens, text)


def test_an_empty_search_shows_the_clients_opened_last(adas, demo):
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


def test_what_belongs_to_another_workspace_is_not_found(adas, demo, other):
    theirs = factories.create_client(other, name="theirs")
    create_public_key(theirs.secret.client, kid="their-key")
    RecordedRequest.objects.create(workspace=other, request_id="req-12345678", endpoint="token", status=401, created_at=timezone.now())
    for text in ("theirs", theirs.secret.secret_id, theirs.secret.client.client_id, "their-key", "req-12345678", "eve@example.com"):
        assert ask(adas, text) == []


@pytest.mark.parametrize("text", ["%%%", "___", "\\", "'\"", "[^a]*", "((((", "a]b", "^-x", "\0\0\0", "🌙🌙🌙", "x" * 5000, "مرحبا"])
def test_wildcards_and_patterns_are_plain_text(adas, demo, text):
    make(demo, "billing-sync")
    assert adas.get(PAGE, {"q": text}, **PALETTE).status_code == 200


def test_a_name_that_makes_patterns_slow_does_not(adas, demo):
    make(demo, "a" * 99 + "b")
    started = timezone.now()
    adas.get(PAGE, {"q": "a" * 38 + "c"}, **PALETTE)
    assert timezone.now() - started < timedelta(seconds=5)


def test_the_page_works_without_scripts_its_form_sends_nothing_by_the_address_and_markup_is_text(adas, demo):
    make(demo, "<b>x</b>")
    page = adas.get(PAGE)
    assert '<form class="filters" method="post"' in " ".join(page.content.decode().split())
    found = adas.post(PAGE, {"q": "<b>"})
    assert "1 result for ‘ <b> ’." in text_of(found)
    assert 'value="&lt;b&gt;"' in found.content.decode()
    assert "Nothing matches ‘ <script> ’." in text_of(script := adas.post(PAGE, {"q": "<script>"}))
    assert "<script>" not in script.content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in adas.get(PAGE, {"q": "<b>"}, **PALETTE).content.decode()


SECRET = "That looks like a secret."


def test_a_secret_is_dropped_wherever_it_comes_from_and_of_a_whole_file_the_beginning_is_read(adas, demo, billing):
    posted = adas.post(PAGE, {"q": billing.plaintext})
    assert f"{SECRET} We didn’t search for it. Respond to a leak" in text_of(posted)
    asked = adas.get(PAGE, {"q": billing.plaintext})
    assert (asked.status_code, asked["Location"]) == (302, PAGE)
    fragment = adas.get(PAGE, {"q": billing.plaintext}, **PALETTE)
    assert "Respond to a leak" in text_of(fragment)
    assert SECRET in text_of(adas.post(PAGE, {"q": f"{billing.plaintext} " + "eyJ" * 800_000}))
    late = adas.post(PAGE, {"q": "z " * 100_000 + billing.plaintext})
    assert "Nothing matches ‘ z z z" in text_of(late)
    for page in (posted, fragment, late, adas.get(PAGE)):
        assert billing.plaintext not in page.content.decode()


def test_there_are_eight_results_at_most_and_the_palette_and_the_page_ask_seldom(adas, demo, django_assert_max_num_queries):
    make_many(demo, 30)
    adas.get(PAGE)
    with django_assert_max_num_queries(10):
        assert len(ask(adas, "client")) == 8
    with django_assert_max_num_queries(12):
        adas.post(PAGE, {"q": "client-1"})
