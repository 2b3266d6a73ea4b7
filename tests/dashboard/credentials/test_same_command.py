"""Each form shows the command that does the same, and the command is valid."""

import html
import re
import shlex
from io import StringIO

import pytest
from django.core.management import call_command

from clients.models import Client, ClientSecret
from dashboard.client.credentials.url_converters import KidConverter
from dashboard.frame.snippets.same_command import write_command, write_update
from tests.dashboard.conftest import create_certificate, create_public_key, sign_in
from tests.dashboard.credentials.conftest import url


def commands_of(page):
    """The shown command as a shell splits it, without the program."""
    shown = re.findall(r'<code id="same-command">(.*?)</code>', page.content.decode(), re.DOTALL)
    lines = [html.unescape(re.sub(r"<[^>]+>", "", code)).replace("\\\n", " ") for code in shown]
    return [shlex.split(line)[2:] for line in lines]


def run(words):
    call_command(*words, stdout=StringIO())


@pytest.fixture
def all_methods(client_):
    Client.objects.update(auth_methods=["client_secret_basic", "private_key_jwt", "self_signed_tls_client_auth"])
    return Client.objects.get()


def test_of_rotation_with_what_was_chosen(danas, client_):
    page = danas.get(url(client_, "rotate"), {"overlap": "7d", "name": "blue", "secret_expiry": "90d"})
    [words] = commands_of(page)
    assert words == ["rotate_secret", client_.client_id, "--overlap", "7d", "--name", "blue", "--expires-in", "90d"]
    run(words)
    assert client_.secrets.latest("pk").name == "blue"


def test_of_rotation_without_overlap(danas, client_):
    assert commands_of(danas.get(url(client_, "rotate"), {"overlap": "0"}))[0][2:4] == ["--overlap", "0"]


def test_of_a_further_secret(danas, client_):
    [words] = commands_of(danas.get(url(client_, "secrets", "new")))
    run(words)
    assert client_.secrets.count() == 2


def test_of_a_longer_overlap(danas, client_, secret, now):
    ClientSecret.objects.update(expires_at=now.replace(year=now.year + 1))
    [words] = commands_of(danas.get(url(client_, "secrets", secret.secret_id, "extend"), {"longer": "24h"}))
    assert words[:4] == ["extend_secret", client_.client_id, secret.secret_id, "--until"]
    run(words)
    assert (ClientSecret.objects.get().expires_at - now.replace(year=now.year + 1)).total_seconds() == pytest.approx(86400, abs=1)


@pytest.mark.parametrize("act", ["revoke", "end"])
def test_of_the_end_of_a_secret(danas, client_, secret, act):
    [words] = commands_of(danas.get(url(client_, "secrets", secret.secret_id, act)))
    run(words)
    secret.refresh_from_db()
    assert not secret.is_usable(secret.revoked_at or secret.expires_at)


def test_of_public_keys_and_certificates(danas, all_methods):
    key, certificate = create_public_key(all_methods), create_certificate(all_methods)
    # Earlier versions accepted such a kid.
    key.kid = "-laptop$(id)"
    key.save()
    assert commands_of(danas.get(url(all_methods, "keys", "new"))) == [["add_public_key", all_methods.client_id, "public.pem"]]
    assert commands_of(danas.get(url(all_methods, "certificates", "new"))) == [["add_certificate", all_methods.client_id, "client.pem"]]
    for kind, name, row in (("keys", KidConverter().to_url(key.kid), key), ("certificates", certificate.thumbprint, certificate)):
        [words] = commands_of(danas.get(url(all_methods, kind, name, "revoke")))
        run(words)
        row.refresh_from_db()
        assert row.revoked_at is not None


@pytest.mark.parametrize(("act", "name"), [("disable", "disable_client"), ("delete", "delete_client")])
def test_of_what_becomes_of_a_client(ada, client_, act, name):
    [words] = commands_of(sign_in(ada).get(url(client_, act)))
    assert words[:2] == [name, client_.client_id]
    run(words)


def test_of_a_change_once_there_is_one(ada, client_):
    browser = sign_in(ada)
    page = browser.get(url(client_, "settings"))
    assert commands_of(page) == []
    seen = re.search(r'name="seen"\s+value="([^"]+)"', page.content.decode())[1]
    entries = {
        "name": "It's <b>new</b>",
        "auth_methods": client_.auth_methods,
        "scopes": client_.scopes,
        "token_lifetime": client_.token_lifetime,
        "tags": "a, b",
        "require_dpop": "on",
        "seen": seen,
    }
    [words] = commands_of(browser.post(url(client_, "settings"), entries, headers={"HX-Request": "true"}))
    assert words[:2] == ["update_client", client_.client_id]
    run(words)
    changed = Client.objects.get()
    assert (changed.name, changed.tags, changed.require_dpop) == ("It's <b>new</b>", ["a", "b"], True)


def test_every_change_has_its_option(client_):
    changes = {
        "description": "",
        "audiences": ["https://a.example.com", "https://b.example.com"],
        "allowed_networks": [],
        "scopes": ["read", "write"],
        "tls_subject_type": "tls_client_auth_san_dns",
        "tls_subject": "a.example.com",
        "require_certificate": False,
        "contact": "-x",
    }
    words = shlex.split(write_update(client_, changes).replace("\\\n", " "))[3:]
    assert " ".join(words) == (
        f"{client_.client_id} --description  --contact=-x --audience https://a.example.com --audience https://b.example.com --allow-ip "
        " --scope read write --tls-subject san_dns:a.example.com --no-require-certificate"
    )
    assert write_update(client_, {"tls_subject_type": "", "tls_subject": ""}).endswith('--tls-subject ""')


def test_no_word_is_more_than_text_to_a_shell():
    hostile = "$(id) `id` '\"; \\"
    words = shlex.split(write_command("x", hostile, options=[("--name", hostile)]).replace(" \\\n", " "))
    assert words[2:] == ["x", hostile, "--name", hostile]


def test_no_line_is_wider_than_the_column_that_it_stands_in():
    for name in ("disable_client", "extend_secret", "revoke_public_key"):
        lines = write_command(name, "2IbcN9AbiXARzTiNBjgKa6", "GC807OaiB4").split(" \\\n")[1:]
        assert max(map(len, lines)) <= 34, lines
