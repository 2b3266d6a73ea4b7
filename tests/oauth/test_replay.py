"""A jti works once, across threads, restarts and crashes of the machine: RFC 7523 §3 (7), RFC 9449 §11.1."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from threading import Barrier

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import OperationalError, connection, connections, transaction

from oauth import database, replay
from oauth.database_clock import CLOCK_MARGIN, ClockReading
from oauth.messages import Connection, Request
from oauth.models import ReplayFloor, UsedJWT
from oauth.services import prune

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def boot(tmp_path, monkeypatch):
    """Reboot the machine: the database then has what was synced."""
    file = tmp_path / "boot_id"
    monkeypatch.setattr(replay, "_BOOT_ID", file)

    def boot(boot_id):
        if boot_id is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(f"{boot_id}\n")
        replay._boot_id.cache_clear()
        monkeypatch.setattr(replay, "_found_floor", None)

    boot("first")
    yield boot
    replay._boot_id.cache_clear()


@pytest.fixture
def use(now):
    def use(jti="x", *, purpose="assertion", issuer="billing", at=now, made=0, lasts=60):
        seconds = int(at.timestamp())
        return replay.use_once(request_at(at), purpose, issuer, jti, issued_at=seconds - made, expires_at=seconds + lasts)

    return use


def request_at(moment):
    return Request("POST", "/oauth2/token", "", {}, b"", Connection("127.0.0.1", True, None, "request-1"), moment, set())


def on_event_loop(function):
    """Call it as the server's event loop calls endpoints."""

    async def call():
        return function()

    def run():
        assert database.keep_event_loop_database()
        try:
            return asyncio.run(call())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def synchronous():
    with connection.cursor() as cursor:
        return cursor.execute("PRAGMA synchronous").fetchone()[0]


@pytest.mark.rfc("7523", "3")
def test_first_use_counts_and_no_other_whatever_the_jti_and_for_each_purpose_and_issuer(use):
    for jti in ("x", "", "ü" * 256, "\ud800", "\0", "x" * 100_000):
        assert [use(jti), use(jti)] == [True, False]
    assert [use(purpose="dpop"), use(issuer="other")] == [True, True]


def test_mark_past_its_end_makes_room(use, now):
    assert use(lasts=10)
    assert not use(at=now + timedelta(seconds=10) + CLOCK_MARGIN)
    assert use(at=now + timedelta(seconds=11) + CLOCK_MARGIN)
    assert UsedJWT.objects.count() == 1


def test_mark_outlives_what_is_marked_by_as_much_as_the_clocks_of_two_nodes_may_differ(use, now):
    used = [use(f"{number}", lasts=number) for number in range(20)]
    assert all(used)
    assert prune(now=now + timedelta(seconds=10))["used_jwts"] == 0
    assert prune(now=now + timedelta(seconds=10) + CLOCK_MARGIN)["used_jwts"] == 10
    assert UsedJWT.objects.count() == 10


@pytest.mark.parametrize("behind", [1, 60, 3600, 86400])
def test_what_was_used_is_used_for_a_node_whose_clock_is_behind_as_well(use, now, behind):
    assert use(lasts=60)
    prune(now=now + timedelta(seconds=60 + behind) + CLOCK_MARGIN)
    assert not UsedJWT.objects.exists()
    assert not use(at=now, lasts=60)
    assert not replay.is_used("assertion", "billing", "other", issued_at=int(now.timestamp()), expires_at=int(now.timestamp()) + 60 + behind, now=now)
    assert replay.is_used("assertion", "billing", "x", issued_at=int(now.timestamp()), expires_at=int(now.timestamp()) + 60, now=now)


def test_what_a_wrong_clock_has_forgotten_is_refused_wherever_it_is_used_again(use, now):
    """However wrong the clock was that removed marks. Nothing is refused for longer than the clock was ahead."""
    assert use("used", lasts=60)
    prune(now=now + timedelta(hours=1))
    assert not use("used", lasts=60)
    assert not on_event_loop(lambda: use("used", lasts=60))
    with transaction.atomic():
        assert not use("used", lasts=60)
    assert not use("never used", lasts=60)
    assert use("never used", at=now + timedelta(hours=1), lasts=60)


def test_pruning_by_a_slow_clock_makes_nothing_valid_again(use, now):
    prune(now=now + timedelta(hours=1))
    prune(now=now - timedelta(hours=1))
    assert not use(lasts=60)


def test_commits_after_it_are_synced_again(use):
    assert synchronous() == 2
    use()
    assert synchronous() == 2
    connection.cursor().execute("CREATE TRIGGER full BEFORE INSERT ON oauth_usedjwt BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
    try:
        with pytest.raises(Exception, match="disk is full"):
            use("y")
    finally:
        connection.cursor().execute("DROP TRIGGER full")
    assert synchronous() == 2


def test_within_a_transaction_it_is_a_part_of_that(use):
    with transaction.atomic():
        assert [use(), use()] == [True, False]
        transaction.set_rollback(True)
    assert use()


def test_after_a_boot_nothing_counts_that_may_have_been_used_before_it(use, boot, now):
    assert use("before", lasts=600)
    boot("second")
    UsedJWT.objects.all().delete()
    assert not use("before", at=now + timedelta(seconds=20), made=20)
    assert use("after", at=now + timedelta(seconds=20))
    assert not use("between", at=now + timedelta(seconds=25), made=6)
    assert use("between", at=now + timedelta(seconds=25), made=5)
    assert list(ReplayFloor.objects.order_by("pk").values_list("boot_id", flat=True)) == ["first", "second"]


@pytest.mark.parametrize("hours", [1, -1])
def test_boot_that_a_process_with_a_wrong_clock_sees_first_began_by_the_clock_of_the_machine(use, boot, now, monkeypatch, hours):
    use("before", lasts=600)
    boot("second")
    ahead = timedelta(hours=hours)
    monkeypatch.setattr(replay, "read_clocks", lambda: ClockReading(now + timedelta(seconds=20), ahead))
    use("x", at=now + timedelta(seconds=20) + ahead)
    assert ReplayFloor.objects.get(boot_id="second").began_at == int(now.timestamp()) + 20


def test_restart_of_a_process_is_no_boot(use, boot, now):
    assert use("x", lasts=600)
    boot("first")
    assert not use("x", at=now + timedelta(seconds=5))
    assert use("y", at=now + timedelta(seconds=5), made=600)


def test_first_boot_that_is_known_refuses_nothing(use):
    assert use(made=600)


def test_if_the_system_names_no_boot_every_mark_is_synced(use, boot):
    boot(None)
    assert [use(made=600), use(made=600)] == [True, False]
    assert not ReplayFloor.objects.exists()


def test_of_ten_threads_one_is_first(use):
    barrier = Barrier(10)

    def attempt(_):
        barrier.wait()
        try:
            return use()
        finally:
            connections.close_all()

    use("the floor is known")
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(attempt, range(10))).count(True) == 1


def test_request_that_is_run_again_is_the_one_that_used_it(now):
    request = request_at(now)
    seconds = int(now.timestamp())
    marks = [replay.use_once(asked, "dpop", "a", "x", issued_at=seconds, expires_at=seconds + 60) for asked in (request, request, request_at(now))]
    assert marks == [True, True, False]


def test_on_the_event_loop_it_counts_as_well(use):
    use("the floor is known")
    assert on_event_loop(lambda: [use("x"), use("x")]) == [True, False]
    assert [use("x"), use("y")] == [False, True]
    assert on_event_loop(lambda: use("y")) is False


def test_event_loop_finds_no_floor(use):
    with pytest.raises(SynchronousOnlyOperation):
        on_event_loop(use)


def test_if_the_system_names_no_boot_nothing_is_marked_on_the_event_loop(use, boot):
    boot(None)
    with pytest.raises(SynchronousOnlyOperation):
        on_event_loop(use)


def test_event_loop_leaves_a_mark_to_a_thread_now_and_then_that_puts_the_log_back(use, monkeypatch):
    use("the floor is known")
    monkeypatch.setattr(replay, "_marks_on_event_loop", count(1))
    made = on_event_loop(lambda: [use(f"{number}") for number in range(replay.MARKS_ON_EVENT_LOOP - 1)])
    assert all(made)
    monkeypatch.setattr(replay, "_marks_on_event_loop", count(replay.MARKS_ON_EVENT_LOOP))
    with pytest.raises(OperationalError, match="A thread has to write"):
        on_event_loop(use)
    assert use()


def test_event_loop_waits_a_millisecond_for_a_writer(use):
    use("the floor is known")
    other = connections.create_connection("default")
    try:
        other.cursor().execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            on_event_loop(use)
        assert on_event_loop(lambda: database.own_database().connection.execute("PRAGMA busy_timeout").fetchone()) == (1,)
        other.cursor().execute("ROLLBACK")
    finally:
        other.close()
    assert on_event_loop(use)


def test_database_that_is_locked_is_an_error_and_no_yes(use, now, settings):
    use("the floor is known")
    connection.cursor().execute("PRAGMA busy_timeout = 50")
    other = connections.create_connection("default")
    try:
        other.cursor().execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            use()
        other.cursor().execute("ROLLBACK")
    finally:
        other.close()
        connection.close()
    assert use()
