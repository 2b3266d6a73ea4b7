"""Which clients need attention: an old secret still in use, an expiry that comes soon, a new address, refusals, and disuse."""

from datetime import timedelta

from clients.attention import MAX, Kind, find_attention, needing, needing_any
from clients.models import Client, ClientActivity, ClientSecret
from clients.secret import generate, generate_client_id
from clients.services.clients import disable_client
from clients.services.rotation import rotate_secret
from tests.dashboard.conftest import create_certificate, create_public_key
from tests.factories import TESTS

DAY = timedelta(days=1)


def make(workspace, now, name="billing-sync", **activity):
    """A client that needs no attention: a year old, used today, with a long-lived secret."""
    fields = {"created_at": now - 365 * DAY, "created_by": "x"}
    client = Client.objects.create(workspace=workspace, client_id=generate_client_id(), name=name, auth_methods=["client_secret_basic"], **fields)
    ClientSecret.objects.create(client=client, secret_id=generate("live").secret_id, hash="$argon2id$", **fields)
    ClientActivity.objects.create(client=client, workspace=workspace, **{"last_used_at": now, **activity})
    return client


def rotate(client, now, *, ago=timedelta(hours=19), overlap=timedelta(hours=24), used_ago=timedelta(minutes=2)):
    rotate_secret(client=client, overlap=overlap, actor=TESTS, now=now - ago)
    client.secrets.filter(expires_at__isnull=False).update(last_used_at=None if used_ago is None else now - used_ago)


def kinds(workspace, now):
    """By the client's name, those by which lists find it, which is what the sentences say as well."""
    clients = Client.objects.filter(workspace=workspace)
    listed = {kind: set(clients.filter(needing(kind, workspace, now=now)).values_list("name", flat=True)) for kind in Kind}
    found, needy = find_attention(workspace, now=now), set().union(*listed.values())
    assert {finding.kind: finding.count for finding in found.findings} == {kind: len(names) for kind, names in listed.items() if names}
    assert all(finding.client.name in listed[finding.kind] for finding in found.findings)
    assert set(clients.filter(needing_any(workspace, now=now)).values_list("name", flat=True)) == needy
    assert found.count == len(needy)
    return {client.name: [kind for kind in Kind if client.name in listed[kind]] for client in clients}


def test_one_that_is_fine_switched_off_or_another_workspaces_needs_none(workspace, now, other):
    make(workspace, now, "fine")
    make(other, now, last_used_at=None)
    off = make(workspace, now, "off", last_used_at=None, refused_24h=100, new_address="192.0.2.201", new_address_at=now)
    rotate(off, now)
    disable_client(client=off, actor=TESTS, now=now)
    assert kinds(workspace, now) == {"fine": [], "off": []}
    assert find_attention(workspace, now=now).count == 0


def test_an_old_secret_that_is_still_used_during_the_overlap(workspace, now):
    """Not one that nothing used since there is a new one, or for a day."""
    used = make(workspace, now, "used")
    rotate(used, now)
    for name, used_ago in (("never", None), ("before", timedelta(hours=20)), ("days ago", timedelta(days=3))):
        rotate(make(workspace, now, name), now, used_ago=used_ago)
    rotate(make(workspace, now, "silent for a day"), now, ago=3 * DAY, overlap=7 * DAY, used_ago=25 * DAY / 24)
    assert kinds(workspace, now) == {"used": [Kind.ROTATING], "never": [], "before": [], "days ago": [], "silent for a day": []}
    [finding] = find_attention(workspace, now=now).findings
    assert (finding.client, finding.count, finding.at) == (used, 1, now + timedelta(hours=5))


def test_a_last_secret_that_ends_within_14_days_where_nothing_lasts_longer(workspace, now):
    names = ("by secret", "by key", "by certificate", "by address", "by subject")
    by_secret, by_key, by_certificate, by_address, by_subject = (make(workspace, now, name) for name in names)
    ClientSecret.objects.update(expires_at=now + DAY)
    ClientSecret.objects.create(client=by_secret, secret_id="x" * 10, hash="$argon2id$", created_at=now, created_by="x", expires_at=now + 20 * DAY)
    create_public_key(by_key)
    create_certificate(by_certificate)
    Client.objects.filter(pk=by_address.pk).update(jwks_uri="https://keys.example.com")
    Client.objects.filter(pk=by_subject.pk).update(tls_subject_type="tls_client_auth_san_dns", tls_subject="gw.example.com")
    for name, days in (("soon", 14), ("later", 15), ("ended", -1)):
        make(workspace, now, name).secrets.update(expires_at=now + days * DAY)
    assert kinds(workspace, now) == {**{name: [] for name in names}, "soon": [Kind.EXPIRING], "later": [], "ended": []}
    assert find_attention(workspace, now=now).findings[0].credential is ClientSecret


def test_a_certificate_and_a_key_that_end_soon(workspace, now):
    for name, create in (("by-certificate", create_certificate), ("by-key", create_public_key)):
        client = make(workspace, now, name)
        credential = create(client)
        client.secrets.all().delete()
        type(credential).objects.update(expires_at=now + 3 * DAY)
    found = find_attention(workspace, now=now)
    assert [(finding.kind, finding.client.name, finding.count) for finding in found.findings] == [(Kind.EXPIRING, "by-key", 2)]


def test_a_new_address_stays_new_for_a_week_and_one_of_a_test_client_is_fine(workspace, now):
    for days in (0, 6, 7):
        make(workspace, now, str(days), new_address="192.0.2.201", new_address_at=now - days * DAY)
    client = make(workspace, now, "test", new_address="192.0.2.201", new_address_at=now)
    Client.objects.filter(pk=client.pk).update(environment="test")
    assert kinds(workspace, now) == {"0": [Kind.NEW_ADDRESS], "6": [Kind.NEW_ADDRESS], "7": [], "test": []}


def test_refusals_are_too_many_over_5_per_cent_but_never_a_few(workspace, now):
    fine, too_many = [(190, 10), (1000, 51), (0, 9)], [(100, 10), (189, 10), (900, 51), (0, 10)]
    for granted, refused in fine + too_many:
        make(workspace, now, f"{granted} {refused}", granted_24h=granted, refused_24h=refused)
    expected = {case: [] for case in fine} | {case: [Kind.REFUSED] for case in too_many}
    assert kinds(workspace, now) == {f"{granted} {refused}": listed for (granted, refused), listed in expected.items()}


def test_what_nothing_used_for_90_days_or_ever_unless_it_is_new(workspace, now):
    for name, days in (("89", 89), ("91", 91), ("never", None)):
        make(workspace, now, name, last_used_at=None if days is None else now - days * DAY)
    new = make(workspace, now, "new", last_used_at=None)
    Client.objects.filter(pk=new.pk).update(created_at=now - 10 * DAY)
    assert kinds(workspace, now) == {"89": [], "91": [Kind.UNUSED], "never": [Kind.UNUSED], "new": []}


def test_clients_count_once_however_many_reasons_there_are_and_the_most_urgent_is_named(workspace, now):
    worse = make(workspace, now, "worse", refused_24h=500, last_used_at=now - 200 * DAY)
    make(workspace, now, "bad", refused_24h=50, last_used_at=now - 100 * DAY)
    found = find_attention(workspace, now=now)
    assert (found.count, found.is_more) == (2, False)
    assert [(finding.kind, finding.client, finding.count) for finding in found.findings] == [(Kind.REFUSED, worse, 2), (Kind.UNUSED, worse, 2)]


def test_beyond_a_thousand_it_says_so(workspace, now, django_assert_num_queries):
    first = make(workspace, now, last_used_at=now - 200 * DAY)
    fields = {"workspace": workspace, "created_at": now - 100 * DAY, "created_by": "x"}
    clients = Client.objects.bulk_create(Client(client_id=f"client-{number:012}", name="n", **fields) for number in range(MAX))
    ClientActivity.objects.bulk_create(ClientActivity(client=client, workspace=workspace) for client in clients)
    with django_assert_num_queries(2):
        found = find_attention(workspace, now=now)
    assert found.is_more
    assert found.findings[0].client == first
