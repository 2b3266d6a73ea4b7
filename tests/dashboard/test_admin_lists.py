"""Finding a row, in tables of any size."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientCertificate, ClientPublicKey, ClientSecret, RecordedRequest, UsageBucket
from clients.services.certificates import revoke_certificate
from clients.services.public_keys import revoke_public_key
from clients.services.secrets import revoke_secret
from dashboard.admin import read_only
from dashboard.admin.read_only import BoundedPaginator, WorkspaceFilter
from dashboard.models import User
from oauth.models import ReplayFloor, UsedJWT
from tests import factories
from tests.dashboard.conftest import create_certificate, create_public_key, make_certificate
from tests.dashboard.test_admin import list_url


@pytest.fixture
def find(admin):
    """The rows that a list shows for a search or filter."""

    def find(model, **query):
        response = admin.get(list_url(model), query)
        assert response.status_code == 200
        return list(response.context["cl"].result_list)

    return find


@pytest.mark.long
def test_a_client_is_found_by_its_id_its_name_and_its_credentials_and_each_of_these_by_its_own_and_by_its_client(find, billing, demo):
    client = billing.secret.client
    key, certificate = create_public_key(client), create_certificate(client)
    other = factories.create_client(demo, name="other").secret.client
    create_public_key(other, kid="another")
    create_certificate(other, make_certificate("another"))
    for term in (client.client_id, f" {client.client_id} ", billing.secret.secret_id, key.kid, certificate.thumbprint, "BILLING", "sync"):
        assert find(Client, q=term) == [client]
    assert len(find(Client)) == 2
    for row, terms in ((billing.secret, [billing.secret.secret_id]), (key, [key.kid, key.thumbprint]), (certificate, [certificate.thumbprint, "lapto"])):
        for term in (*terms, client.client_id):
            assert find(type(row), q=term) == [row]
    for model in (Client, ClientSecret, ClientPublicKey, ClientCertificate):
        assert find(model, q="no such") == []


def test_events_are_found_by_target_request_actor_and_event(find, billing):
    AuditEvent.objects.filter(event="client.created").update(request_id="f" * 32)
    created = AuditEvent.objects.get(event="client.created")
    for term in (billing.secret.client.client_id, "f" * 32, "client.created"):
        assert find(AuditEvent, q=term) == [created]
    assert created in find(AuditEvent, q="command:tests")


def test_usage_is_found_by_client_and_credential(find, billing, now):
    client = billing.secret.client
    key, certificate = create_public_key(client), create_certificate(client)
    by_term = {billing.secret.secret_id: billing.secret.secret_id, key.kid: f"key:{key.kid}", certificate.thumbprint: f"certificate:{certificate.thumbprint}"}
    for term, credential in by_term.items():
        bucket = UsageBucket.objects.create(client=client, credential=credential, endpoint="token", outcome="granted", hour=now, count=3)
        assert find(UsageBucket, q=term) == [bucket]
    UsageBucket.objects.create(client=client, credential="", endpoint="token", outcome="granted", hour=now, count=3)
    assert len(find(UsageBucket, q=client.client_id)) == 4


@pytest.mark.long
@pytest.mark.parametrize(
    ("create", "revoke", "name"),
    [
        (lambda client: client.secrets.get(), revoke_secret, "secret_id"),
        (create_public_key, revoke_public_key, "kid"),
        (create_certificate, revoke_certificate, "thumbprint"),
    ],
)
def test_credentials_are_filtered_by_state(find, demo, create, revoke, name):
    clients = [factories.create_client(demo, name=f"client-{number}").secret.client for number in range(3)]
    usable, expired, revoked = (create(client) for client in clients)
    factories.expire(expired)
    revoke(client=clients[2], **{name: getattr(revoked, name)}, actor=factories.TESTS, now=timezone.now())
    for state, credential in (("usable", usable), ("expired", expired), ("revoked", revoked)):
        assert find(type(credential), state=state) == [credential]


def test_marks_are_filtered_by_whether_they_still_matter(find, db, now):
    seconds = int(now.timestamp())
    over, kept = (UsedJWT.objects.create(key=key, expires_at=seconds + ahead) for key, ahead in ((-1, -60), (2, 60)))
    assert (find(UsedJWT, state="kept"), find(UsedJWT, state="over"), find(UsedJWT, q=kept.key)) == ([kept], [over], [kept])


def test_boots_are_filtered_by_whether_they_refuse_anything(find, db, now):
    first, second = (ReplayFloor.objects.create(boot_id=letter * 36, began_at=began) for letter, began in (("a", 0), ("b", int(now.timestamp()))))
    assert (find(ReplayFloor, floor="yes"), find(ReplayFloor, floor="no"), find(ReplayFloor, q=first.boot_id)) == ([second], [first], [first])


@pytest.mark.long
def test_clients_are_filtered_by_workspace_also_by_one_that_the_filter_does_not_list(find, admin, billing, other, monkeypatch):
    elsewhere = factories.create_client(other).secret.client
    assert find(Client, workspace="other") == [elsewhere]
    assert find(Client, workspace="nowhere") == []
    monkeypatch.setattr(WorkspaceFilter, "MAX", 1)
    assert find(Client, workspace="other") == [elsewhere]
    # Rows are never counted by filter.
    assert "_facets" not in admin.get(list_url(Client)).content.decode()


@pytest.mark.long
def test_counting_stops_at_a_bound(admin, billing, demo, monkeypatch):
    monkeypatch.setattr(BoundedPaginator, "LIMIT", 1)
    assert "more than" not in admin.get(list_url(Client)).content.decode()
    factories.create_client(demo)
    factories.create_client(demo)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        text = " ".join(admin.get(list_url(Client)).content.decode().split())
    assert "more than 1 clients" in text
    assert all("LIMIT" in query["sql"] for query in queries if "COUNT(" in query["sql"] and "clients_client" in query["sql"])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"status": "many"}, 200),
        ({"endpoint": "nowhere"}, 200),
        ({"workspace": "a\0b"}, 400),
        ({"request_id": "a\0b"}, 400),
        ({"q": "a\0b"}, 200),
        ({"p": "x"}, 200),
        ({"p": "99999"}, 200),
        ({"id": "x"}, 302),
        ({"id": "9" * 30}, 200),
        ({"created_at__gte": "yesterday"}, 302),
        ({"nothing": "x"}, 302),
        ({"o": "99.x"}, 200),
    ],
)
def test_a_query_that_is_invalid_is_no_failure(admin, query, status):
    assert admin.get(list_url(RecordedRequest), query).status_code == status


@pytest.mark.parametrize(("address", "status"), [("192.0.2.1", 200), ("2001:db8::1", 200), ("", 200), ("x", 400), ("9999-12-31", 400), ("192.0.2.1/24", 400)])
def test_a_filter_by_an_address_takes_only_addresses_because_postgresql_fails_with_others(admin, address, status):
    assert admin.get(list_url(AuditEvent), {"address": address}).status_code == status


@pytest.mark.parametrize(
    "lookup",
    ["email__regex", "email__iregex", "email__contains", "email__startswith", "created_at__year", "created_at__year__gte", "created_at__range", "pk__in"],
)
def test_a_link_cannot_use_an_unlisted_filter(admin, lookup):
    """A backtracking regular expression in a link could hold Python's lock, and so the worker, for any time."""
    assert admin.get(list_url(User), {lookup: "^((.|..)+)+!$" if "regex" in lookup else "9" * 20}).status_code == 400


def test_a_search_looks_at_a_bounded_number_of_matches_of_which_a_client_with_many_keys_is_one(find, demo, monkeypatch):
    monkeypatch.setattr(read_only, "MATCHES_LIMIT", 2)
    _, few, many = (factories.create_client(demo, name="same").secret.client for _ in range(3))
    for number in range(3):
        create_public_key(many, kid=f"key-{number}")
    assert find(Client, q="same") == [many, few]


@pytest.mark.long
def test_a_list_takes_few_queries_however_long_it_is_and_an_identifier_is_found_by_an_index(admin, demo, billing):
    def queries_of(model, **query):
        with CaptureQueriesContext(connection) as queries:
            admin.get(list_url(model), query)
        return queries

    few = len(queries_of(ClientSecret))
    for _ in range(5):
        factories.create_secret(billing.secret.client)
        factories.create_client(demo)
    assert len(queries_of(ClientSecret)) == few
    for value in (billing.secret.client.client_id, billing.secret.secret_id):
        queries = queries_of(Client, q=value)
        with connection.cursor() as cursor:
            for query in queries:
                if "clients_client" in query["sql"] and value in query["sql"]:
                    cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                    assert not any("SCAN clients_" in row[3] for row in cursor.fetchall())
