"""manage.py seed_benchmark --workspace SLUG --clients N --known K --credentials FILE."""

import sqlite3
import stat
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.utils import timezone

from clients.models import AddressUse, AuditEvent, Client, ClientActivity, ClientSecret, ResponseTime, ScopeUse, UsageBucket, WorkspaceUsage
from clients.secret import parse, verify_secret
from clients.services.benchmark import seed_clients
from clients.services.benchmark_usage import seed_usage
from tests import factories


@pytest.fixture
def seed(command, demo, tmp_path):
    def run(clients, known, file="credentials.tsv"):
        arguments = ("--workspace", "demo", "--clients", str(clients), "--known", str(known), "--credentials", str(tmp_path / file))
        return command("seed_benchmark", *arguments, "--json")

    return run


def test_as_many_clients_as_wanted_of_which_the_last_are_usable(seed, tmp_path):
    result = seed(30, 3).json
    assert result.pop("seconds") >= 0
    assert result == {"workspace": "demo", "clients": 30, "known": 3, "usage_days": 0}
    lines = (tmp_path / "credentials.tsv").read_text().splitlines()
    last = list(Client.objects.order_by("pk"))[-3:]
    assert [line.split("\t")[0] for line in lines] == [client.client_id for client in last]
    for line, client in zip(lines, last, strict=True):
        plaintext = line.split("\t")[1]
        secret = client.secrets.get()
        assert parse(plaintext).secret_id == secret.secret_id
        assert verify_secret(plaintext, hashed=secret.hash, digest=secret.digest)
        assert verify_secret(plaintext, hashed=secret.hash, digest="")
        assert secret.is_usable(timezone.now())


def test_every_row_is_one_that_the_services_could_have_made(seed):
    seed(30, 3)
    for client in Client.objects.all():
        client.full_clean(exclude=["tags", "audiences", "allowed_networks"])
        assert (client.workspace.slug, client.scopes, client.status) == ("demo", ["read", "write"], "enabled")
        assert client.secrets.count() == 1
    hashes = set(ClientSecret.objects.values_list("hash", flat=True))
    assert len(hashes) == 4
    assert len(set(ClientSecret.objects.values_list("digest", flat=True))) == 30


def test_file_is_the_owners_alone(seed, tmp_path):
    seed(2, 1)
    assert stat.S_IMODE((tmp_path / "credentials.tsv").stat().st_mode) == 0o600


def test_batch_is_one_event(seed):
    before = AuditEvent.objects.count()
    seed(5, 1)
    assert AuditEvent.objects.count() == before + 1
    event = AuditEvent.objects.first()
    assert (event.event, event.target_id, event.after) == ("clients.seeded", "demo", {"clients": 5, "known": 1})


def test_clients_made_before_and_after_keep_their_own_keys(seed, demo):
    before = factories.create_client(demo)
    seed(3, 0)
    after = factories.create_client(demo)
    assert ClientSecret.objects.get(pk=before.secret.pk).client == before.secret.client
    assert ClientSecret.objects.get(pk=after.secret.pk).client == after.secret.client
    assert seed(3, 3, "more.tsv").status == 0
    assert Client.objects.count() == 8


def test_none_known_makes_an_empty_file(seed, tmp_path):
    seed(1, 0)
    assert (tmp_path / "credentials.tsv").read_text() == ""


@pytest.mark.parametrize(
    ("clients", "known", "hint"),
    [
        ("0", "0", "from 1 to"),
        ("-1", "0", "from 1 to"),
        ("many", "0", "from 1 to"),
        ("99999999", "0", "from 1 to 10000000"),
        ("5", "6", "from 0 to 5"),
        ("5", "-1", "from 0 to 5"),
        ("5", "", "from 0 to 5"),
    ],
)
def test_invalid_number_is_refused_and_no_file_is_left(refused, demo, tmp_path, clients, known, hint):
    file = tmp_path / "credentials.tsv"
    arguments = ("--workspace", "demo", "--clients", clients, "--known", known, "--credentials", str(file))
    assert hint in refused("seed_benchmark", *arguments)
    assert not file.exists()


def test_existing_file_is_kept(refused, demo, tmp_path):
    file = tmp_path / "credentials.tsv"
    file.write_text("precious")
    line = refused("seed_benchmark", "--workspace", "demo", "--clients", "1", "--known", "1", "--credentials", str(file))
    assert "already exists" in line
    assert file.read_text() == "precious"


@pytest.mark.parametrize("file", ["missing/credentials.tsv", "", "x" * 300])
def test_file_that_cant_be_made_is_refused(refused, demo, tmp_path, monkeypatch, file):
    monkeypatch.chdir(tmp_path)
    assert "can't be written" in refused("seed_benchmark", "--workspace", "demo", "--clients", "1", "--known", "1", "--credentials", file)


def test_unknown_workspace_is_refused_and_not_made(refused, demo, tmp_path):
    file = tmp_path / "credentials.tsv"
    assert "There is no workspace" in refused("seed_benchmark", "--workspace", "x", "--clients", "1", "--known", "1", "--credentials", str(file))
    assert not file.exists()


def test_full_disk_behind_the_file_leaves_no_client(demo, transactional_db):
    def deliver(credentials):
        with Path("/dev/full").open("w") as full:
            full.writelines(client_id for client_id, _ in credentials)

    before = AuditEvent.objects.count()
    with pytest.raises(OSError, match="No space left"):
        seed_clients(workspace=demo, clients=3, known=3, deliver=deliver, actor=factories.TESTS, now=timezone.now())
    assert (Client.objects.count(), ClientSecret.objects.count(), AuditEvent.objects.count()) == (0, 0, before)


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_file_of_an_interrupted_run_is_removed(command, demo, tmp_path):
    file = tmp_path / "credentials.tsv"
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as connection:
        connection.execute("BEGIN IMMEDIATE")
        outcome = command("seed_benchmark", "--workspace", "demo", "--clients", "1", "--known", "1", "--credentials", str(file))
    assert "locked by another process" in outcome.stderr
    assert not file.exists()


def test_the_service_also_refuses_more_known_clients_than_clients(demo):
    with pytest.raises(ValidationError, match="no more known secrets than clients"):
        seed_clients(workspace=demo, clients=1, known=2, deliver=print, actor=factories.TESTS, now=timezone.now())


@pytest.mark.long
def test_usage_of_so_many_days_adds_up_in_every_table(command, demo, tmp_path):
    arguments = ("--workspace", "demo", "--clients", "120", "--known", "0", "--usage-days", "2", "--credentials", str(tmp_path / "c"), "--json")
    assert command("seed_benchmark", *arguments).json["usage_days"] == 2
    counted = UsageBucket.objects.aggregate(count=Sum("count"))["count"]
    assert WorkspaceUsage.objects.aggregate(count=Sum("count"))["count"] == counted
    activity = ClientActivity.objects.aggregate(granted=Sum("granted_30d"), refused=Sum("refused_30d"))
    assert activity["granted"] + activity["refused"] == counted
    assert activity["refused"] > 0
    for model in (AddressUse, ScopeUse, ResponseTime):
        assert model.objects.exists()
    assert not ClientActivity.objects.filter(client__name__startswith="Benchmark", granted_30d=0).exists()


def test_what_was_used_before_keeps_its_usage(demo, billing, now):
    seed_usage(workspace=demo, days=1, actor=factories.TESTS, now=now)
    [before] = ClientActivity.objects.values_list("granted_24h", flat=True)
    seed_clients(workspace=demo, clients=2, known=0, deliver=lambda _: None, actor=factories.TESTS, now=now)
    seed_usage(workspace=demo, days=1, actor=factories.TESTS, now=now)
    assert ClientActivity.objects.get(client=billing.secret.client).granted_24h == before
    assert WorkspaceUsage.objects.aggregate(count=Sum("count")) == UsageBucket.objects.aggregate(count=Sum("count"))
