"""Counting: gathered in the process, written in one go, right under threads and failures."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from clients.models import ClientSecret, UsageBucket
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


def test_requests_are_counted_by_credential_endpoint_outcome_and_hour(new, now):
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
    assert _counts() == {
        ("", "token", "granted", hour): 4,
        ("", "token", "granted", hour + timedelta(hours=1)): 1,
        (new.secret.secret_id, "token", "granted", hour): 1,
        ("", "token", "wrong_secret", hour): 1,
        ("", "api", "granted", hour): 1,
    }


def test_flushes_add_up_and_an_empty_one_writes_nothing(new, now, django_assert_num_queries):
    for _ in range(3):
        _record(new.secret.client, now)
        usage.flush()
    assert UsageBucket.objects.get().count == 3
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


def test_two_processes_add_to_the_same_row(new, now):
    _record(new.secret.client, now)
    usage.flush()
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as other_process:
        other_process.execute("UPDATE clients_usagebucket SET count = count + 10")
    _record(new.secret.client, now)
    usage.flush()
    assert UsageBucket.objects.get().count == 12


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


def test_last_use_never_goes_back(new, now):
    for moment, address in ((now, "203.0.113.7"), (now - timedelta(seconds=1), "203.0.113.8")):
        usage.record_use(ClientSecret, pk=new.secret.pk, address=address, now=moment)
        usage.flush()
    secret = ClientSecret.objects.get()
    assert (secret.last_used_at, secret.last_used_from) == (now, "203.0.113.7")


def test_use_from_an_unknown_address_is_none(new, now):
    usage.record_use(ClientSecret, pk=new.secret.pk, address="", now=now)
    usage.flush()
    assert ClientSecret.objects.get().last_used_from is None


def test_outdated_hash_and_digest_are_made_anew(new, settings):
    settings.ARGON2_TIME_COST += 1
    settings.KEY_ENCRYPTION_KEYS = ["a-newer-key-" + "5" * 40, *settings.KEY_ENCRYPTION_KEYS]
    usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
    usage.flush()
    secret = ClientSecret.objects.get()
    assert secret.hash != new.secret.hash
    assert secret.digest != new.secret.digest
    assert not needs_rehash(secret.hash)
    assert not needs_digest(secret.digest)
    for digest in (secret.digest, ""):
        assert verify_secret(new.plaintext, hashed=secret.hash, digest=digest)


def test_imported_secret_without_digest_gets_one_and_keeps_its_hash(new):
    ClientSecret.objects.update(digest="")
    usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
    usage.flush()
    secret = ClientSecret.objects.get()
    assert (secret.hash, secret.digest) == (new.secret.hash, digest_secret(new.plaintext))


def test_what_is_up_to_date_is_left_alone(new):
    usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
    usage.flush()
    assert ClientSecret.objects.get().hash == new.secret.hash


def test_rehash_leaves_the_end_of_a_secret_alone(new, settings, now):
    settings.ARGON2_TIME_COST += 1
    usage.schedule_rehash(secret=new.secret.pk, plaintext=new.plaintext)
    ClientSecret.objects.update(revoked_at=now)
    usage.flush()
    assert ClientSecret.objects.get().revoked_at == now


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
