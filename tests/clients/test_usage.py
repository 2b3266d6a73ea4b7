"""Counting usage: gathered in the process, written in one transaction, correct under threads and failures."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from clients.models import AddressUse, ClientActivity, ClientSecret, RecordedRequest, ResponseTime, ScopeUse, TokenCount, UsageBucket, WorkspaceUsage
from clients.outcomes import GRANTED
from clients.secret import digest_secret, needs_digest, needs_rehash, verify_secret
from clients.services import usage
from clients.services.gathered import GrantedKey, RefusedKey
from tests.factories import create_client, create_secret, create_workspace


@pytest.fixture
def new(transactional_db):
    usage.flush()
    yield create_client(create_workspace("demo"))
    usage.flush()


def _record(client, now, *, credential="", outcome=GRANTED, endpoint="token", address="203.0.113.7", request_id="r", **fields):
    second, whose = int(now.timestamp()), (client.pk, client.workspace_id, client.environment, credential, endpoint)
    if outcome == GRANTED:
        told = {"scopes": (), "is_scope_asked": False, "is_by_credential": True, "minute": second // 60, "token_minute": 0, **fields}
        usage.record_granted(GrantedKey(*whose, address, **told), request_id=request_id, elapsed=lambda: 1500, now=now)
    else:
        usage.record_refused(RefusedKey(*whose, outcome, second // 3600))


def _counts():
    return {(row.credential, row.endpoint, row.outcome, row.hour): row.count for row in UsageBucket.objects.all()}


def test_requests_are_counted_by_credential_endpoint_outcome_and_hour_and_flushes_add_up(new, now, django_assert_num_queries):
    """Also those of another process. An empty one writes nothing."""
    client, hour = new.secret.client, now.replace(minute=0, second=0, microsecond=0)
    for _ in range(3):
        _record(client, hour)
    _record(client, hour + timedelta(minutes=59, seconds=59))
    _record(client, hour + timedelta(hours=1))
    _record(client, hour, credential=new.secret.secret_id)
    _record(client, hour, outcome="wrong_secret")
    _record(client, hour, endpoint="api")
    assert not UsageBucket.objects.exists()
    usage.flush()
    expected = {
        ("", "token", "granted", hour): 4,
        ("", "token", "granted", hour + timedelta(hours=1)): 1,
        (new.secret.secret_id, "token", "granted", hour): 1,
        ("", "token", "wrong_secret", hour): 1,
        ("", "api", "granted", hour): 1,
    }
    assert _counts() == expected
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as other_process:
        other_process.execute("UPDATE clients_usagebucket SET count = count + 10")
    _record(client, hour)
    usage.flush()
    assert _counts() == {key: count + 10 for key, count in expected.items()} | {("", "token", "granted", hour): 15}
    with django_assert_num_queries(0):
        usage.flush()


def test_all_that_was_gathered_is_one_transaction(new, now):
    _record(new.secret.client, now)
    usage.record_use(ClientSecret, pk=new.secret.pk, address="203.0.113.7", now=now)
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as reader:
        version = reader.execute("PRAGMA data_version").fetchone()
        usage.flush()
        assert reader.execute("PRAGMA data_version").fetchone() != version
        version = reader.execute("PRAGMA data_version").fetchone()
        usage.flush()
        assert reader.execute("PRAGMA data_version").fetchone() == version


def test_nothing_is_lost_or_counted_twice_under_threads(new, now):
    client = new.secret.client
    done = threading.Event()

    def flush_all_the_time():
        while not done.is_set():
            usage.flush()
        connection.close()

    def count():
        for _ in range(500):
            _record(client, now)
            usage.record_use(ClientSecret, pk=new.secret.pk, address="203.0.113.7", now=now)

    flushers = [threading.Thread(target=flush_all_the_time) for _ in range(3)]
    for thread in flushers:
        thread.start()
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(count) for _ in range(8)]:
            future.result()
    done.set()
    for thread in flushers:
        thread.join()
    usage.flush()
    assert UsageBucket.objects.get().count == 4000


def test_what_a_locked_database_refused_is_written_by_the_next_flush(new, now):
    _record(new.secret.client, now)
    usage.record_use(ClientSecret, pk=new.secret.pk, address="203.0.113.7", now=now)
    connection.cursor().execute("PRAGMA busy_timeout = 50")
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as lock:
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            usage.flush()
        _record(new.secret.client, now)
        usage.record_use(ClientSecret, pk=new.secret.pk, address="203.0.113.8", now=now + timedelta(seconds=1))
    usage.flush()
    assert UsageBucket.objects.get().count == 2
    secret = ClientSecret.objects.get()
    assert (secret.last_used_at, secret.last_used_from) == (now + timedelta(seconds=1), "203.0.113.8")


def test_client_deleted_meanwhile_is_skipped_and_the_others_are_counted(new, now):
    bystander = create_client(new.secret.client.workspace).secret.client
    _record(new.secret.client, now)
    _record(bystander, now)
    usage.record_use(ClientSecret, pk=new.secret.pk, address="203.0.113.7", now=now)
    usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
    new.secret.client.delete()
    usage.flush()
    assert UsageBucket.objects.get().client == bystander


def test_last_use_never_goes_back_and_one_from_an_unknown_address_is_none(new, now):
    uses = [(now, "203.0.113.7", (now, "203.0.113.7")), (now - timedelta(seconds=1), "203.0.113.8", (now, "203.0.113.7"))]
    later = now + timedelta(seconds=1)
    for moment, address, last in (*uses, (later, "", (later, None))):
        usage.record_use(ClientSecret, pk=new.secret.pk, address=address, now=moment)
        usage.flush()
        secret = ClientSecret.objects.get()
        assert (secret.last_used_at, secret.last_used_from) == last


def test_outdated_hash_and_digest_are_made_again_and_the_rest_of_a_secret_is_left_alone(new, settings, now):
    def rehash():
        usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
        ClientSecret.objects.update(revoked_at=now)
        usage.flush()
        assert ClientSecret.objects.get().revoked_at == now
        return ClientSecret.objects.get()

    # What is up to date.
    assert rehash().hash == new.secret.hash
    # As of an imported secret.
    ClientSecret.objects.update(digest="")
    secret = rehash()
    assert (secret.hash, secret.digest) == (new.secret.hash, digest_secret(new.plaintext))
    settings.ARGON2_TIME_COST += 1
    settings.KEY_ENCRYPTION_KEYS = ["a-newer-key-" + "5" * 40, *settings.KEY_ENCRYPTION_KEYS]
    secret = rehash()
    assert secret.hash != new.secret.hash
    assert secret.digest != new.secret.digest
    assert not needs_rehash(secret.hash)
    assert not needs_digest(secret.digest)
    for digest in (secret.digest, ""):
        assert verify_secret(new.plaintext, hashed=secret.hash, digest=digest)


def test_failed_rehash_is_tried_again(new, settings):
    further = create_secret(new.secret.client)
    ClientSecret.objects.update(digest="")
    usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
    connection.cursor().execute("PRAGMA busy_timeout = 50")
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as lock:
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            usage.flush()
    usage.flush()
    assert ClientSecret.objects.get(pk=new.secret.pk).digest == digest_secret(new.plaintext)
    assert ClientSecret.objects.get(pk=further.secret.pk).digest == ""


def test_granted_requests_are_summed_for_each_question_that_is_asked_of_them(new, now):
    client, hour = new.secret.client, now.replace(minute=0, second=0, microsecond=0)
    token = int(now.timestamp()) // 60 + 60
    own = {"credential": new.secret.secret_id, "scopes": ("read", "write"), "token_minute": token}
    _record(client, now, **own, is_scope_asked=True)
    _record(client, now, **own)
    _record(client, now, **own, address="")
    _record(client, now, credential=new.secret.secret_id, endpoint="gateway", scopes=("read",), is_by_credential=False, address="192.0.2.9")
    _record(client, now, outcome="wrong_secret")
    _record(client, now, outcome="token_expired", endpoint="api")
    usage.flush()
    assert {(row.endpoint, row.outcome, row.environment, row.hour): row.count for row in WorkspaceUsage.objects.filter(workspace=client.workspace)} == {
        ("token", "granted", "live", hour): 3,
        ("gateway", "granted", "live", hour): 1,
        ("token", "wrong_secret", "live", hour): 1,
        ("api", "token_expired", "live", hour): 1,
    }
    use = AddressUse.objects.get()
    assert (use.client, use.credential, use.address, use.day, use.count, use.last_used_at) == (client, own["credential"], "203.0.113.7", now.date(), 2, now)
    assert {row.scope: (row.granted, row.asked, row.day) for row in ScopeUse.objects.all()} == {name: (3, 1, now.date()) for name in own["scopes"]}
    tokens = TokenCount.objects.get()
    assert (tokens.credential, tokens.count, int(tokens.expires_at.timestamp())) == (own["credential"], 3, token * 60)
    activity = ClientActivity.objects.get(client=client)
    assert (activity.granted_24h, activity.granted_7d, activity.granted_30d, activity.refused_24h) == (3, 3, 3, 1)
    assert activity.last_used_at == now


def test_every_sum_grows_by_each_flush(new, now):
    client = new.secret.client
    for number in range(2):
        _record(client, now + timedelta(seconds=number), scopes=("read",), token_minute=int(now.timestamp()) // 60 + 60, credential="s")
        usage.record_time("token", 0.004, now, is_failure=False)
        usage.flush()
    assert [model.objects.get().count for model in (WorkspaceUsage, AddressUse, TokenCount, ResponseTime)] == [2, 2, 2, 2]
    assert (ScopeUse.objects.get().granted, ClientActivity.objects.get().granted_24h) == (2, 2)
    assert AddressUse.objects.get().last_used_at == ClientActivity.objects.get().last_used_at == now + timedelta(seconds=1)


def test_a_use_that_is_written_late_is_not_the_last_one(new, now):
    client = new.secret.client
    for moment, address in ((now, "203.0.113.7"), (now - timedelta(seconds=1), "203.0.113.8")):
        _record(client, moment, address=address)
        usage.flush()
    _record(client, now, outcome="wrong_secret")
    usage.flush()
    activity = ClientActivity.objects.get()
    assert (activity.last_used_at, activity.last_used_from, activity.granted_24h, activity.refused_24h) == (now, "203.0.113.7", 2, 1)


def test_a_granted_request_is_kept_with_all_that_its_owner_may_ask(new, now):
    client = new.secret.client
    _record(client, now, credential="key:k", scopes=("read", "write"), request_id="found-again", address="2001:db8::1")
    usage.flush()
    row = RecordedRequest.objects.get(request_id="found-again")
    assert (row.client, row.workspace, row.named_client_id) == (client, client.workspace, client.client_id)
    assert (row.endpoint, row.status, row.error, row.reason, row.detail) == ("token", 200, "", "", "")
    assert (row.credential, row.scope, row.address, row.microseconds, row.created_at) == ("key:k", "read write", "2001:db8::1", 1500, now)
    assert row.is_granted


def test_a_busy_clients_requests_are_sampled_and_all_are_counted(new, now):
    for number in range(200):
        _record(new.secret.client, now, request_id=str(number))
    usage.flush()
    assert UsageBucket.objects.get().count == 200
    assert RecordedRequest.objects.count() < 50


def test_times_are_counted_by_the_next_limit(now):
    usage._take()
    for milliseconds in (0.5, 1, 1.5, 4999, 5001, 60_000):
        usage.record_time("token", milliseconds / 1000, now, is_failure=False)
    usage.record_time("token", 0.0005, now, is_failure=True)
    gathered = usage._take()
    counts = {(limit, is_failure): count for (_, _, limit, is_failure), count in gathered.times.items()}
    assert counts == {(1, False): 2, (2, False): 1, (5000, False): 1, (0, False): 2, (1, True): 1}


def test_how_much_waits_is_known(new, now):
    assert usage.count_gathered() == 0
    _record(new.secret.client, now)
    _record(new.secret.client, now, outcome="wrong_secret")
    assert usage.count_gathered() == 2
    usage.flush()
    assert usage.count_gathered() == 0


def test_all_that_a_locked_database_refused_is_written_by_the_next_flush(new, now):
    client = new.secret.client

    def do_everything():
        _record(client, now, scopes=("read",), token_minute=int(now.timestamp()) // 60 + 60, credential="s")
        _record(client, now, outcome="wrong_secret")
        usage.record_time("token", 0.004, now, is_failure=False)

    do_everything()
    connection.cursor().execute("PRAGMA busy_timeout = 50")
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as lock:
        lock.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            usage.flush()
        do_everything()
    usage.flush()
    assert sum(row.count for row in UsageBucket.objects.all()) == 4
    assert [model.objects.get().count for model in (AddressUse, TokenCount, ResponseTime)] == [2, 2, 2]
    assert RecordedRequest.objects.count() == 2


def test_a_row_that_the_database_does_not_take_is_dropped_and_logged_and_all_others_are_written(new, now, caplog):
    """Otherwise the process could never write again, because the row returns at each flush."""
    client = new.secret.client
    for number in range(5):
        _record(client, now - timedelta(hours=number), address=f"203.0.113.{number}")
        _record(client, now - timedelta(hours=number), outcome="wrong_secret")
        usage.record_time("token", 0.004, now, is_failure=False)
    key = GrantedKey(client.pk, client.workspace_id, client.environment, "", "api", "203.0.113.9", (), False, True, int(now.timestamp()) // 60, 0)
    usage.record_granted(key, request_id="bad", elapsed=lambda: -1, now=now)
    usage.record_use(ClientSecret, pk=new.secret.pk, address="203.0.113.7", now=now)
    usage.flush()
    assert usage.count_gathered() == 0
    assert sum(_counts().values()) == 11
    assert sorted(AddressUse.objects.values_list("address", flat=True)) == [*(f"203.0.113.{number}" for number in range(5)), "203.0.113.9"]
    assert sum(ResponseTime.objects.values_list("count", flat=True)) == 5
    assert RecordedRequest.objects.exclude(request_id="bad").count() == RecordedRequest.objects.count() == 5
    assert ClientSecret.objects.get(pk=new.secret.pk).last_used_from == "203.0.113.7"
    assert "Dropped" in caplog.text
    assert "bad" in caplog.text


def test_what_could_not_be_written_beside_a_bad_row_stays_gathered(new, now):
    """The database goes away while the bad row is being looked for."""
    client = new.secret.client
    key = GrantedKey(client.pk, client.workspace_id, client.environment, "", "api", "203.0.113.9", (), False, True, int(now.timestamp()) // 60, 0)
    usage.record_granted(key, request_id="bad", elapsed=lambda: -1, now=now)
    _record(client, now)
    ClientSecret.objects.update(digest="")
    usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
    seen = []

    def break_off(execute, sql, parameters, many, context):
        seen.append(sql)
        if "clients_usagebucket" in sql and any("clients_recordedrequest" in earlier for earlier in seen):
            raise OperationalError("the connection is lost")
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(break_off), pytest.raises(OperationalError):
        usage.flush()
    assert usage.count_gathered() == 2
    usage.flush()
    assert sum(_counts().values()) == 2
    assert ClientSecret.objects.get().digest == digest_secret(new.plaintext)
