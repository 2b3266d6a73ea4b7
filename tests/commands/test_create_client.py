"""manage.py create_client --workspace SLUG --name N …"""

import re
from datetime import timedelta

import pytest

from clients.models import AuditEvent, Client, ClientSecret
from clients.secret import parse, verify_secret
from tests.commands.conftest import MINIMAL


def test_minimal_client_has_the_contracts_defaults(command, demo):
    result = command(*MINIMAL, "--json").json
    client, secret = Client.objects.get(), ClientSecret.objects.get()
    assert result == {
        "client_id": client.client_id,
        "client_secret": result["client_secret"],
        "secret_id": secret.secret_id,
        "expires_at": None,
        "keys": [],
        "certificates": [],
        "workspace": "demo",
        "name": "billing-sync",
        "environment": "live",
        "auth_methods": ["client_secret_basic", "client_secret_post"],
        "scope": "",
        "audiences": [],
        "allowed_networks": [],
        "token_lifetime": 3600,
        "jwks_uri": None,
        "tls_subject": None,
        "require_dpop": False,
        "require_certificate": False,
        "token_endpoint": "https://localhost:8443/oauth2/token",
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]{16,64}", result["client_id"])


def test_printed_secret_is_the_one_that_works(command, demo):
    plaintext = command(*MINIMAL, "--json").json["client_secret"]
    secret = ClientSecret.objects.get()
    assert parse(plaintext).secret_id == secret.secret_id
    assert verify_secret(plaintext, hashed=secret.hash, digest=secret.digest)
    assert verify_secret(plaintext, hashed=secret.hash, digest="")


def test_every_option_arrives(command, demo):
    result = command(
        *MINIMAL,
        *("--environment", "test", "--auth-method", "client_secret_post", "--scope", "write read", "--token-lifetime", "60"),
        *("--audience", "https://api.example.com", "--audience", "urn:example:billing", "--allow-ip", "203.0.113.0/24", "--allow-ip", "2001:db8::1"),
        *("--secret-expires-in", "90d", "--description", "Syncs bills", "--contact", "billing@example.com", "--tag", "nightly", "--tag", "eu", "--json"),
    ).json
    client = Client.objects.get()
    assert result["client_secret"].startswith("tos_test_")
    assert result["scope"] == "write read"
    assert (client.environment, client.auth_methods, client.scopes, client.token_lifetime) == ("test", ["client_secret_post"], ["write", "read"], 60)
    assert client.audiences == ["https://api.example.com", "urn:example:billing"]
    assert client.allowed_networks == ["203.0.113.0/24", "2001:db8::1/128"]
    assert (client.description, client.contact, client.tags) == ("Syncs bills", "billing@example.com", ["nightly", "eu"])
    assert ClientSecret.objects.get().expires_at == client.created_at + timedelta(days=90)


def test_client_and_secret_are_events_of_the_system_user(command, demo):
    command(*MINIMAL)
    created, secret = AuditEvent.objects.filter(event__in=["client.created", "secret.created"]).order_by("pk")
    assert (created.event, secret.event) == ("client.created", "secret.created")
    assert created.actor == secret.actor
    assert created.actor.startswith("command:")
    assert (created.address, created.request_id) == (None, "")


def test_table_shows_the_secret_once_and_says_so(command, demo):
    outcome = command(*MINIMAL, "--scope", "read")
    assert outcome.status == 0
    assert len(re.findall(r"tos_live_\w+", outcome.stdout)) == 1
    assert re.search(r"^Client secret +tos_live_\w+$", outcome.stdout, re.MULTILINE)
    assert re.search(r"^Expires at +never$", outcome.stdout, re.MULTILINE)
    assert outcome.stdout.endswith("can't be shown again.\n")
    assert "Keys" not in outcome.stdout


def test_table_spells_abbreviations_as_they_are(command, demo):
    outcome = command("create_client", "--workspace", "demo", "--name", "robot", "--tls-subject", "san_dns:billing.example.com")
    labels = [line.partition("  ")[0] for line in outcome.stdout.splitlines()]
    assert {"Client ID", "JWKS URI", "TLS subject", "Require DPoP"} <= set(labels)


@pytest.mark.parametrize("name", ["Büro", "請求書", "🚀", "👩‍💻 team", "a" * 100, "<script>alert(1)</script>", "'; DROP TABLE clients_client; --"])
def test_name_may_be_any_visible_text(command, demo, name):
    assert command("create_client", "--workspace", "demo", "--name", name, "--json").json["name"] == name


def test_repeated_values_of_a_list_count_once(command, demo):
    command(*MINIMAL, "--scope", "read read", "--tag", "a", "--tag", "a", "--auth-method", "client_secret_post", "--auth-method", "client_secret_post")
    client = Client.objects.get()
    assert (client.scopes, client.tags, client.auth_methods) == (["read"], ["a"], ["client_secret_post"])


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--name", ""], "The name is empty"),
        (["--name", "   "], "The name is empty"),
        (["--name", "\u200d"], "The name is empty"),
        (["--name", "x" * 101], "The name has 101 characters. Use at most 100."),
        (["--name", "a\nb"], "invisible character"),
        (["--name", "a\0b"], "NUL"),
        (["--name", "a\u202eb"], "invisible character"),
        (["--name", "a\udcffb"], "isn't UTF-8"),
        (["--workspace", "nowhere"], "There is no workspace “nowhere”. Workspaces: demo."),
        (["--workspace", ""], "Workspaces: demo."),
        (["--workspace", "DEMO"], "Workspaces: demo."),
        (["--environment", "prod"], "Choose live or test."),
        (["--environment", ""], "Choose live or test."),
        (["--auth-method", "password"], "Choose from client_secret_basic, client_secret_post"),
        (["--auth-method", ""], "Choose from client_secret_basic"),
        (["--scope", "read admin"], "demo has no scope admin. It has clients:read, clients:write, read, write."),
        (["--scope", ""], 'for example --scope "read write"'),
        (["--scope", "read  write"], "Separate scopes by single spaces"),
        (["--scope", "read,write"], "demo has no scope read,write"),
        (["--scope", "lä"], "isn't a scope"),
        (["--audience", "api"], "Use an absolute URI"),
        (["--audience", ""], "Use an absolute URI"),
        (["--audience", "https://api.example.com/#top"], "without a fragment"),
        (["--audience", "https://[::1"], "Use an absolute URI"),
        (["--audience", "https://api.example.com:99999"], "Use an absolute URI"),
        (["--token-lifetime", "59"], "from 60 to 86400"),
        (["--token-lifetime", "86401"], "from 60 to 86400"),
        (["--token-lifetime", "-60"], "from 60 to 86400"),
        (["--token-lifetime", "1h"], "from 60 to 86400"),
        (["--token-lifetime", "٦٠"], "from 60 to 86400"),
        (["--token-lifetime", "9" * 500], "from 60 to 86400"),
        (["--allow-ip", "10.0.0.1/8"], "For this network, write 10.0.0.0/8."),
        (["--allow-ip", "2001:db8::1/32"], "For this network, write 2001:db8::/32."),
        (["--allow-ip", "10.0.0.0/33"], "such as 203.0.113.0/24"),
        (["--allow-ip", ""], "such as 203.0.113.0/24"),
        (["--secret-expires-in", "0"], "Choose a longer life"),
        (["--secret-expires-in", "-1d"], "for example 90d"),
        (["--secret-expires-in", "-P1D"], "--secret-expires-in"),
        (["--secret-expires-in", "90"], "for example 90d"),
        (["--secret-expires-in", "1.5h"], "for example 90d"),
        (["--secret-expires-in", "40000d"], "The longest duration is 36500d."),
        (["--secret-expires-in", "9" * 500 + "d"], "for example 90d"),
        (["--description", "x" * 1001], "Use at most 1,000."),
        (["--contact", "x" * 255], "Use at most 254."),
        (["--tag", ""], "The tag is empty"),
        (["--tag", "x" * 41], "Use at most 40."),
        ([part for number in range(51) for part in ("--tag", str(number))], "51 tags are too many. Use at most 50."),
        (["--description", "a", "--description", "b"], "--description is given twice"),
        (["--colour", "red"], "unrecognized arguments: --colour red"),
        (["--sco", "read"], "unrecognized arguments: --sco read"),
        (["extra"], "unrecognized arguments: extra"),
        (["--scope"], "--scope: expected one argument"),
    ],
)
def test_bad_value_is_refused_with_what_would_be_right(refused, demo, arguments, hint):
    given = {"--workspace": "demo", "--name": "billing-sync"}
    missing = [part for option, value in given.items() if option not in arguments for part in (option, value)]
    assert hint in refused("create_client", *missing, *arguments)


@pytest.mark.parametrize("option", ["--workspace", "--name"])
def test_missing_option_is_named(refused, demo, option):
    given = [part for name, value in (("--workspace", "demo"), ("--name", "x")) if name != option for part in (name, value)]
    assert option in refused("create_client", *given)


def test_without_any_workspace_it_says_how_to_make_one(refused):
    assert "create_workspace makes one" in refused(*MINIMAL)
