"""The requests of a client: the list with its filters, one request with all that is known of it, and the file."""

import base64
import csv
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from clients.models import RecordedRequest
from tests import factories
from tests.dashboard.client.conftest import record_request, refuse_request, use
from tests.dashboard.conftest import text_of


@pytest.fixture
def url(client):
    return f"/w/demo/clients/{client.client_id}/requests/"


def ids_in(page):
    """The request IDs of the rows, in their order."""
    html = page.content.decode()
    return [part.partition("</span>")[0] for part in html.split("request ")[1:] if part[:2] == "r-"]


def test_granted_and_refused_ones_are_listed_newest_first_with_their_reason(adas, client, url):
    secret = client.secrets.get()
    assert "No requests yet. Show examples" in text_of(adas.get(url))
    record_request(client, request_id="r-old", ago=timedelta(minutes=5), credential=secret.secret_id)
    refuse_request(client, request_id="r-new")
    page = adas.get(url)
    assert ids_in(page) == ["r-new", "r-old"]
    said = text_of(page)
    assert "Token issued" in said
    assert "31 ms" in said
    assert secret.secret_id in said
    assert "invalid_scope admin isn’t among this client’s scopes. Add it" in said
    part = adas.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'data-count="2 requests"' in part
    # What was used and refused can be chosen, and it is said if not each is listed.
    use(client, secret.secret_id, count=5_000)
    use(client, "key:k-3f9c", outcome="bad_checksum")
    page = adas.get(url)
    for part in ('value="bad_checksum"', "public key k-3f9c", f"secret {secret.secret_id}"):
        assert part in page.content.decode()
    assert "Showing 1 of 5,000 requests granted in 24 hours, and every refused one." in text_of(page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("result=granted", ["r-granted", "r-week"]),
        ("result=refused", ["r-scope", "r-checksum"]),
        ("result=bad_checksum", ["r-checksum"]),
        ("credential=abc", ["r-granted", "r-checksum"]),
        ("address=198.51.100.7", ["r-week"]),
        ("address=2001:DB8:0:0::1", ["r-scope"]),
        ("endpoint=gateway", ["r-week"]),
        ("period=24h", ["r-granted", "r-scope", "r-checksum"]),
        ("period=whatever", ["r-granted", "r-scope", "r-checksum", "r-week"]),
        ("result=granted&period=7d&address=203.0.113.61", ["r-granted"]),
        ("result=nothing", []),
        ("result=%00", ["r-granted", "r-scope", "r-checksum", "r-week"]),
    ],
)
def test_requests_are_filtered(adas, client, url, query, expected):
    record_request(client, request_id="r-granted", credential="abc")
    refuse_request(client, request_id="r-scope", address="2001:db8::1", ago=timedelta(hours=1))
    refuse_request(client, request_id="r-checksum", reason="bad_checksum", named_secret_id="abc", ago=timedelta(hours=2))
    record_request(client, request_id="r-week", endpoint="gateway", address="198.51.100.7", ago=timedelta(days=8), credential="key:k")
    assert ids_in(adas.get(f"{url}?{query}")) == expected


def test_what_doesnt_match_offers_the_way_back_and_an_address_that_is_none_is_told(adas, client, url):
    record_request(client)
    assert "No matching requests. Clear filters" in text_of(adas.get(f"{url}?address=192.0.2.1"))
    page = adas.get(f"{url}?address=203.0.113.300")
    assert "203.0.113.300 isn’t an IP address." in text_of(page)
    assert "<title>Error: " in page.content.decode()


@pytest.mark.parametrize("name", ["result", "credential", "address", "endpoint"])
def test_a_secret_is_neither_searched_for_nor_shown_nor_kept_in_the_address(adas, client, url, name):
    plaintext = factories.create_secret(client).plaintext
    answer = adas.get(f"{url}?{name}={plaintext}&period=24h")
    assert (answer.status_code, answer["Location"]) == (302, f"{url}?period=24h")
    page = adas.get(answer["Location"])
    assert "That looks like a secret, so we didn’t search for it." in text_of(page)
    assert plaintext not in page.content.decode()


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_made_up_page_at_the_end_of_all_days_does_no_harm(adas, client, url, moment):
    record_request(client, request_id="r-one")
    cursor = base64.urlsafe_b64encode(json.dumps([moment, 1, 1]).encode()).decode()
    for name in ("after", "before"):
        assert ids_in(adas.get(f"{url}?{name}={cursor}")) == ["r-one"]


def test_it_goes_page_by_page_without_losing_or_repeating_one_by_few_queries(adas, client, url, django_assert_max_num_queries):
    adas.get(url)
    at = timezone.now() - timedelta(hours=1)
    refused = {"status": 400, "error": "invalid_scope", "reason": "scope_not_allowed", "scope": "admin", "credential": "abc"}
    RecordedRequest.objects.bulk_create(
        RecordedRequest(
            client=client, workspace=client.workspace, endpoint="token", request_id=f"r-{number}", created_at=at + timedelta(seconds=number // 2), **refused
        )
        for number in range(120)  # two of each moment
    )
    seen, address = [], url
    for _ in range(3):
        with django_assert_max_num_queries(12):
            page = adas.get(address)
        seen += ids_in(page)
        older = [part for part in page.content.decode().split('href="') if part.startswith("?after=")]
        address = url + older[0].partition('"')[0] if older else ""
    assert seen == [f"r-{number}" for number in range(119, -1, -1)]
    assert address == ""
    assert "Newer" in text_of(page)


def test_markup_in_a_request_stays_text(adas, client, url):
    refuse_request(client, request_id="<b>x</b>", detail="<script>alert(1)</script>", scope="<i>", named_secret_id="<u>")
    assert "<script>alert" not in adas.get(url).content.decode()
    assert "<b>x</b>" not in adas.get(f"{url}{RecordedRequest.objects.get().pk}/").content.decode()


# One of them


def test_one_is_shown_with_all_that_is_known_what_to_do_and_what_came_under_the_same_id(adas, client, other, url):
    recorded = refuse_request(client, request_id="r-one", named_secret_id="Kp4zR1uW9a")
    record_request(client, request_id="r-one", endpoint="api")
    record_request(factories.create_client(other).secret.client, request_id="r-one")
    page = adas.get(f"{url}{recorded.pk}/")
    said = text_of(page)
    assert "Under the same request ID" in said
    assert ids_in(page) == ["r-one"]
    assert "Refused: invalid_scope" in said
    assert "admin isn’t among this client’s scopes. Add it" in said
    for fact in (
        "Request ID r-one",
        "Endpoint token",
        "Response 400 invalid_scope",
        "Reason scope_not_allowed",
        "From 203.0.113.61",
        "Asked for admin",
        "Took 31 ms",
    ):
        assert fact in said
    assert "secret Kp4zR1uW9a as claimed, not proved" in said
    assert "The caller sees only invalid_scope. Details are only here." in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"microseconds": None, "address": None, "scope": ""}, "Credential none recognised From an unknown address Scopes – Took –"),
        ({"microseconds": 2_310}, "Took 2.3 ms"),
        ({"credential": "certificate:abc"}, "certificate abc"),
        ({"credential": "jwks_uri:f00:abc"}, "key of its jwks_uri abc"),
        ({"credential": "tls_subject:f00"}, "certificate by subject"),
    ],
)
def test_each_kind_of_credential_is_named_and_what_nobody_measured_or_recognised_is_said_so(adas, client, url, fields, said):
    text = text_of(adas.get(f"{url}{record_request(client, endpoint='unknown', **fields).pk}/"))
    assert "Granted" in text
    assert said in text


def test_other_workspaces_requests_are_not_found(adas, client, url, demo, other):
    foreign = factories.create_client(other).secret.client
    neighbour = factories.create_client(demo, name="neighbour").secret.client
    for recorded in (record_request(foreign), record_request(neighbour)):
        assert adas.get(f"{url}{recorded.pk}/").status_code == 404
    assert adas.get(f"/w/demo/clients/{foreign.client_id}/requests/").status_code == 404
    assert adas.get(f"{url}{2**70}/").status_code == 404


# As a file


def test_the_file_has_the_filtered_list(adas, client, url):
    record_request(client, request_id="r-granted", credential="abc")
    refuse_request(client, request_id="r-refused", detail="=1+1", microseconds=None)
    answer = adas.get(f"/w/demo/clients/{client.client_id}/requests.csv?result=refused")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith(f'attachment; filename="requests-{client.client_id}-')
    [row] = csv.DictReader(answer.getvalue().decode().splitlines())
    assert (row["request_id"], row["reason"], row["milliseconds"]) == ("r-refused", "scope_not_allowed", "")
    assert row["detail"] == "'=1+1"
    [_, granted] = csv.DictReader(adas.get(f"/w/demo/clients/{client.client_id}/requests.csv").getvalue().decode().splitlines())
    assert (granted["credential"], granted["milliseconds"]) == ("abc", "31.2")
