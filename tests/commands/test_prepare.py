"""manage.py prepare [--announce]: what make setup and make run do to a database."""

import os
import re
import shlex
import shutil
import sqlite3
import stat
import time
from contextlib import closing
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.conf import settings
from django.utils import timezone

from clients.key_encryption import newest_key
from clients.models import AuditEvent, Client, ClientSecret, Workspace
from clients.secret import parse, verify_secret
from clients.services import rotation
from clients.services.credential_limits import MAX_USABLE
from clients.services.deletion import GRACE_PERIOD, delete_workspace, remove_deleted_workspaces
from dashboard.models import Membership, User
from oauth.models import SigningKey
from tests import factories
from tests.commands.conftest import at_once


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    # Not to collect the static files again for every test.
    settings.STATICFILES_DIRS, settings.STATICFILES_FINDERS = [], ["django.contrib.staticfiles.finders.FileSystemFinder"]
    return tmp_path


@pytest.fixture
def prepare(command, data_dir):
    return lambda *arguments: command("prepare", *arguments)


def _credentials(data_dir):
    client_id, plaintext = re.fullmatch(r'user = "([^:]+):([^"]+)"\n', (data_dir / "demo-client.curl").read_text()).groups()
    return client_id, plaintext


def _assert_file_works(data_dir):
    client_id, plaintext = _credentials(data_dir)
    secret = ClientSecret.objects.usable(timezone.now()).get(secret_id=parse(plaintext).secret_id)
    assert secret.client.client_id == client_id
    assert verify_secret(plaintext, hashed=secret.hash, digest=secret.digest)


def test_two_first_starts_at_once_make_one_of_everything_and_a_third_nothing(shell, tmp_path):
    both = at_once(2, lambda _: shell("prepare", "--announce"))
    assert [(start.returncode, start.stderr) for start in both] == [(0, b"")] * 2
    first, second = sorted((start.stdout for start in both), key=len, reverse=True)
    *done, curl = first.decode().splitlines()
    assert done[0].startswith("Migrated the database")
    assert curl.startswith(f"  curl --cacert {tmp_path}/tls/ca.pem --config {tmp_path}/demo-client.curl https://localhost:8443/oauth2/token ")
    assert any(re.fullmatch(r"Sign in at \S+/accounts/sign-in/ as owner@example.com with the password \S{22} \(shown only now\)", line) for line in done)
    assert (tmp_path / "static/staticfiles.json").is_file()
    for name in ("tokenos.sqlite3", "demo-client.curl"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    _, plaintext = _credentials(tmp_path)
    assert plaintext.encode() not in first
    with closing(sqlite3.connect(tmp_path / "tokenos.sqlite3")) as connection:
        for table in ("clients_workspace", "clients_client", "clients_clientsecret", "oauth_signingkey", "dashboard_user"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)

    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert shell("prepare", "--announce").stdout == second
    second = second.decode().splitlines()
    assert [line.split()[0] for line in second] == ["TokenOS:", "Sign", "Get", "curl"]
    assert "manage.py changepassword owner@example.com" in second[1]
    assert second[-1] == curl
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_first_start_makes_key_workspace_owner_and_client(prepare, data_dir):
    assert prepare().status == 0
    assert SigningKey.objects.usable_for_signing(timezone.now()).get().algorithm == "ES256"
    owner = User.objects.get()
    assert (owner.is_staff, owner.is_superuser, owner.has_usable_password()) == (True, True, False)
    assert Membership.objects.get().role == "owner"
    client = Client.objects.get()
    assert (client.workspace.slug, client.name, client.scopes) == ("demo", "Demo client", ["read", "write"])
    _assert_file_works(data_dir)


def test_second_run_changes_nothing(prepare, data_dir):
    prepare("--announce")
    file = (data_dir / "demo-client.curl").read_bytes()
    events = AuditEvent.objects.count()
    assert prepare("--json").json == {"done": []}
    assert AuditEvent.objects.count() == events
    assert (data_dir / "demo-client.curl").read_bytes() == file


def test_announced_password_signs_in_and_is_announced_once(prepare):
    announcement = prepare("--announce", "--json").json["announcement"]
    assert announcement["sign_in"] == "https://localhost:8443/accounts/sign-in/"
    assert User.objects.get(email=announcement["owner"]).check_password(announcement["owner_password"])
    assert "owner_password" not in prepare("--announce", "--json").json["announcement"]


def test_password_that_the_owner_has_set_is_kept(prepare):
    prepare()
    owner = User.objects.get()
    owner.set_password(factories.PASSWORD)
    owner.save()
    assert "owner_password" not in prepare("--announce", "--json").json["announcement"]
    owner.refresh_from_db()
    assert owner.check_password(factories.PASSWORD)


def test_curl_works_from_any_folder_and_is_quoted(prepare, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "with a 'space"
    settings.DATA_DIR.mkdir()
    curl = shlex.split(prepare("--announce", "--json").json["announcement"]["curl"])
    assert curl == [
        "curl", "--cacert", f"{settings.DATA_DIR}/tls/ca.pem", "--config", f"{settings.DATA_DIR}/demo-client.curl",
        "https://localhost:8443/oauth2/token", "--data", "grant_type=client_credentials",
    ]  # fmt: skip


def test_behind_a_proxy_curl_trusts_what_the_machine_trusts(prepare, settings):
    settings.TLS = False
    settings.TRUSTED_PROXIES = [ip_network("10.0.0.1")]
    settings.ISSUER_URL = "https://tokens.example.com"
    settings.ALLOWED_HOSTS = ["tokens.example.com"]
    curl = prepare("--announce", "--json").json["announcement"]["curl"]
    assert "--cacert" not in curl
    assert "https://tokens.example.com/oauth2/token" in curl


def test_without_tls_and_proxy_it_says_that_nothing_will_work_and_prints_no_curl(prepare, settings):
    settings.TLS = False
    result = prepare("--announce", "--json").json
    assert "curl" not in result["announcement"]
    text = prepare("--announce").stdout
    assert text.startswith("Warning: TLS is off and no proxy is trusted, so every request will be refused as plain HTTP. Set TLS=on")
    assert text.endswith("\nNo curl command is shown: with TLS=off and without TRUSTED_PROXIES, every request is refused.\n")


@pytest.mark.parametrize(("hosts", "warning"), [(["*"], "dashboard.W002"), (["tokens.example.com"], "dashboard.W003")])
@pytest.mark.parametrize("arguments", [[], ["--announce"]])
def test_settings_that_surprise_are_a_line_and_dont_stop_the_start(prepare, settings, hosts, warning, arguments):
    settings.ALLOWED_HOSTS = hosts
    (line,) = prepare("--json").json["warnings"]
    assert line.startswith("Warning: ALLOWED_HOSTS")
    assert line.endswith(f"({warning})")
    assert line in prepare(*arguments).stdout.splitlines()


def test_it_says_if_there_is_nothing_to_do(prepare):
    prepare()
    assert prepare().stdout == "Nothing to do.\n"


def test_lost_file_gets_a_further_secret_and_the_old_one_stays(prepare, data_dir):
    prepare()
    old = ClientSecret.objects.get()
    (data_dir / "demo-client.curl").unlink()
    assert "Wrote the demo client's credentials" in prepare().stdout
    _assert_file_works(data_dir)
    old.refresh_from_db()
    assert old.is_usable(timezone.now())
    assert ClientSecret.objects.count() == 2


@pytest.mark.parametrize("content", [b"", b"user = broken", b'user = "a:b"\n', b"\xff\xfe"])
def test_damaged_file_is_written_again(prepare, data_dir, content):
    prepare()
    (data_dir / "demo-client.curl").write_bytes(content)
    prepare()
    _assert_file_works(data_dir)


def test_file_of_a_database_that_is_gone_is_written_again(prepare, data_dir):
    (data_dir / "demo-client.curl").write_text('user = "AAAAAAAAAAAAAAAAAAAAAA:tos_live_x"\n')
    prepare()
    _assert_file_works(data_dir)


def test_rotated_secret_gets_a_successor(prepare, data_dir):
    prepare()
    rotation.rotate_secret(client=Client.objects.get(), overlap=timedelta(), actor=factories.TESTS, now=timezone.now())
    prepare()
    _assert_file_works(data_dir)


def test_revoked_secrets_that_fill_the_limit_dont_stop_the_start(prepare, data_dir):
    prepare()
    client = Client.objects.get()
    for _ in range(MAX_USABLE - 1):
        factories.create_secret(client)
    (data_dir / "demo-client.curl").unlink()
    result = prepare("--announce", "--json").json
    assert "curl" not in result["announcement"]
    assert not (data_dir / "demo-client.curl").exists()


def test_disabled_demo_client_stays_disabled(prepare, data_dir):
    prepare()
    Client.objects.update(status="disabled")
    (data_dir / "demo-client.curl").unlink()
    result = prepare("--announce", "--json").json
    assert result["done"] == []
    assert "curl" not in result["announcement"]
    assert Client.objects.get().status == "disabled"


def test_deleted_demo_client_stays_deleted(prepare):
    prepare()
    Client.objects.all().delete()
    assert prepare("--json").json == {"done": []}
    assert not Client.objects.exists()


def test_workspace_demo_that_was_removed_stays_removed(prepare):
    prepare()
    now = timezone.now()
    delete_workspace(workspace=Workspace.objects.get(), typed_slug="demo", actor=factories.TESTS, now=now)
    assert list(remove_deleted_workspaces(now=now + GRACE_PERIOD)) == ["demo"]
    assert prepare("--json").json == {"done": []}
    assert not Workspace.objects.exists()


def test_instance_with_a_workspace_of_its_own_gets_no_demo(prepare, data_dir):
    factories.create_workspace("acme")
    result = prepare("--announce", "--json").json
    assert Workspace.objects.get().slug == "acme"
    assert not Client.objects.exists()
    assert not (data_dir / "demo-client.curl").exists()
    assert set(result["announcement"]) == {"url", "sign_in"}
    assert prepare("--announce").stdout == "TokenOS: https://localhost:8443\n"


@pytest.mark.django_db(transaction=True)
def test_database_from_a_newer_version_is_refused(refused, data_dir):
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as connection:
        connection.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('clients', '9999_future', '2030-01-01')")
    try:
        assert "made by a newer version of TokenOS (it has clients.9999_future)" in refused("prepare")
    finally:
        with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as connection:
            connection.execute("DELETE FROM django_migrations WHERE name = '9999_future'")


def test_wrong_key_encryption_keys_are_refused_with_both_ways_out(prepare, refused, settings):
    prepare()
    missing = newest_key().id
    settings.KEY_ENCRYPTION_KEYS = ["some-other-key-" + "3" * 40]
    line = refused("prepare")
    assert f"lacks the key with ID {missing}" in line
    assert "“.venv/bin/python manage.py rotate_signing_key --now” makes another signing key" in line


def test_way_out_for_lost_keys_works(command, prepare, settings, data_dir):
    prepare()
    settings.KEY_ENCRYPTION_KEYS = ["some-other-key-" + "3" * 40]
    assert command("rotate_signing_key", "--now").status == 0
    assert prepare().status == 0
    _assert_file_works(data_dir)


def test_a_retired_key_need_not_be_decrypted(prepare, settings):
    prepare()
    factories.create_signing_key()
    SigningKey.objects.filter(retires_at__isnull=False).update(private_key="00000000:00")
    assert prepare().status == 0


def test_settings_that_dont_fit_together_are_refused(refused, data_dir, settings):
    settings.KEY_ENCRYPTION_KEYS = [settings.SECRET_KEY]
    assert "SECRET_KEY" in refused("prepare")


@pytest.mark.parametrize("missing", [True, False])
def test_data_dir_that_cant_be_used_prints_one_line(shell, whole_tables, tmp_path, missing):
    target = tmp_path / "elsewhere"
    if not missing:
        target.write_text("a file")
    # Not to migrate a database first.
    shutil.copy(whole_tables, tmp_path / "db.sqlite3")
    outcome = shell("prepare", DATA_DIR=str(target), DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite3")
    assert (outcome.returncode, outcome.stdout) == (1, b"")
    assert outcome.stderr.decode().count("\n") == 1
    assert "TokenOS must be able to write there; see DATA_DIR." in outcome.stderr.decode()


def test_changed_static_file_is_collected(prepare, settings, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    settings.STATICFILES_DIRS = [source]
    (source / "a.css").write_text("a { color: red }")
    prepare()
    (source / "a.css").write_text("a { color: blue; }")
    # collectstatic compares whole seconds.
    os.utime(source / "a.css", (time.time() + 2, time.time() + 2))
    assert "Collected the static files" in prepare().stdout
    assert (tmp_path / "static/a.css").read_text() == "a { color: blue; }"
    shutil.rmtree(tmp_path / "static")
    assert "Collected the static files" in prepare().stdout
