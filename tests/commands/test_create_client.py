"""manage.py create_client --workspace SLUG --name N …"""

import json
import re
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from clients.models import AuditEvent, Client, ClientSecret
from clients.secret import parse, verify_secret
from tests import certificates, public_keys

MINIMAL = ("create_client", "--workspace", "demo", "--name", "billing-sync")


def test_public_key_may_come_in_a_certificate(command, demo, tmp_path):
    certificate = certificates.self_signed().certificate
    result = command(*MINIMAL, "--public-key", write(tmp_path / "cert.pem", certificates.pem(certificate)), "--json").json
    assert (len(result["keys"]), result["certificates"]) == (1, [])
    assert Client.objects.get(client_id=result["client_id"]).public_keys.get().expires_at == certificate.not_valid_after_utc


def test_when_its_keys_end_is_said(command, demo, tmp_path):
    certificate = certificates.self_signed().certificate
    ends, without = write(tmp_path / "cert.pem", certificates.pem(certificate)), write(tmp_path / "key.pem", public_keys.pem())
    told = command(*MINIMAL, "--public-key", ends, "--public-key", without).stdout
    assert re.search(rf"^Keys expire at +{re.escape(certificate.not_valid_after_utc.isoformat())}, never$", told, re.MULTILINE)
    assert command(*MINIMAL, "--public-key", without, "--json").json["keys_expire_at"] == [None]
    assert "keys_expire_at" not in command(*MINIMAL, "--json").json


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
        (["--secret-expires-in", "0"], "Give it a longer life"),
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


# Keys, certificates and policies


def write(path, text):
    path.write_text(text)
    return str(path)


def test_client_with_a_key_and_no_method_for_a_secret_gets_none(command, demo, tmp_path):
    result = command(*MINIMAL, "--auth-method", "private_key_jwt", "--public-key", write(tmp_path / "key.pem", public_keys.pem()), "--json").json
    client = Client.objects.get()
    assert {"client_secret", "secret_id", "expires_at"}.isdisjoint(result)
    assert result["keys"] == [client.public_keys.get().kid] == [public_keys.thumbprint(public_keys.jwk())]
    assert (client.auth_methods, client.secrets.count()) == (["private_key_jwt"], 0)
    assert list(AuditEvent.objects.order_by("pk").values_list("event", flat=True))[-2:] == ["client.created", "public_key.added"]


def test_client_with_everything_gets_everything(command, demo, tmp_path):
    keys = write(tmp_path / "keys.json", json.dumps({"keys": [public_keys.jwk(kid="a"), public_keys.jwk("P-384", kid="b")]}))
    further = write(tmp_path / "key.pem", public_keys.pem("Ed25519"))
    holder = certificates.self_signed()
    file = write(tmp_path / "certificate.pem", certificates.pem(holder.certificate))
    result = command(
        *MINIMAL, "--public-key", keys, "--public-key", further, "--certificate", file, "--require-dpop", "--require-certificate",
        "--jwks-uri", "https://billing.example.com/jwks.json", "--tls-subject", "san_dns:billing.example.com", "--json",
    ).json  # fmt: skip
    client = Client.objects.get()
    assert result["client_secret"].startswith("tos_live_")
    assert result["keys"] == ["a", "b", public_keys.thumbprint(public_keys.jwk("Ed25519"))]
    assert result["certificates"] == [client.certificates.get().thumbprint]
    assert (result["jwks_uri"], result["tls_subject"]) == ("https://billing.example.com/jwks.json", "san_dns:billing.example.com")
    assert (result["require_dpop"], result["require_certificate"]) == (True, True)
    assert client.auth_methods == result["auth_methods"] == list(Client.AuthMethod.values)
    assert (client.tls_subject_type, client.tls_subject) == ("tls_client_auth_san_dns", "billing.example.com")
    created = AuditEvent.objects.get(event="client.created").after
    assert {name: created[name] for name in ("jwks_uri", "tls_subject_type", "tls_subject", "require_dpop", "require_certificate")} == {
        "jwks_uri": "https://billing.example.com/jwks.json",
        "tls_subject_type": "tls_client_auth_san_dns",
        "tls_subject": "billing.example.com",
        "require_dpop": True,
        "require_certificate": True,
    }


@pytest.mark.parametrize(
    ("arguments", "methods"),
    [
        (["--jwks-uri", "https://billing.example.com:8443/jwks.json?x=1"], ["private_key_jwt"]),
        (["--tls-subject", "subject_dn:CN=billing,O=Example"], ["tls_client_auth"]),
        (["--tls-subject", "san_uri:spiffe://example.com/billing"], ["tls_client_auth"]),
        (["--require-dpop", "--require-certificate"], []),
    ],
)
def test_method_follows_from_what_is_given(command, demo, arguments, methods):
    assert command(*MINIMAL, *arguments, "--json").json["auth_methods"] == ["client_secret_basic", "client_secret_post", *methods]


def test_method_that_is_asked_for_is_the_only_one(command, demo, tmp_path):
    result = command(*MINIMAL, "--auth-method", "private_key_jwt", "--public-key", write(tmp_path / "key.pem", public_keys.pem()), "--json").json
    assert result["auth_methods"] == ["private_key_jwt"]
    assert "warnings" not in result


@pytest.mark.parametrize(
    ("option", "method"),
    [
        ("--public-key", "private_key_jwt"),
        ("--jwks-uri", "private_key_jwt"),
        ("--certificate", "self_signed_tls_client_auth"),
        ("--tls-subject", "tls_client_auth"),
    ],
)
def test_what_none_of_the_given_methods_uses_is_refused(refused, demo, tmp_path, option, method):
    value = {
        "--public-key": write(tmp_path / "key.pem", public_keys.pem()),
        "--jwks-uri": "https://billing.example.com/jwks.json",
        "--certificate": write(tmp_path / "certificate.pem", certificates.pem(certificates.self_signed().certificate)),
        "--tls-subject": "san_ip:203.0.113.7",
    }[option]
    others = [part for other in Client.AuthMethod.values if other not in (method, "tls_client_auth") for part in ("--auth-method", other)]
    assert f"is for {method}, which isn't one of the client's methods" in refused(*MINIMAL, *others, option, value)


def test_certificate_for_a_ca_issued_one_says_the_subject(command, demo, tmp_path):
    file = write(tmp_path / "certificate.pem", certificates.pem(certificates.self_signed().certificate))
    result = command(*MINIMAL, "--auth-method", "tls_client_auth", "--certificate", file, "--json").json
    assert result["tls_subject"] == f"subject_dn:{certificates.self_signed().certificate.subject.rfc4514_string()}"
    assert (result["auth_methods"], result["certificates"]) == (["tls_client_auth"], [])


def test_certificate_may_be_there_for_binding_tokens_alone(command, demo, tmp_path):
    file = write(tmp_path / "certificate.pem", certificates.pem(certificates.self_signed().certificate))
    result = command(*MINIMAL, "--auth-method", "client_secret_basic", "--require-certificate", "--certificate", file, "--json").json
    assert (result["auth_methods"], len(result["certificates"])) == (["client_secret_basic"], 1)


@pytest.mark.parametrize(("method", "command_name"), [("private_key_jwt", "add_public_key"), ("self_signed_tls_client_auth", "add_certificate")])
def test_method_without_its_credential_is_a_warning(command, demo, method, command_name):
    result = command(*MINIMAL, "--auth-method", method, "--json").json
    [warning] = result["warnings"]
    assert f"manage.py {command_name} {result['client_id']} FILE" in warning
    assert method in warning
    stdout = command(*MINIMAL, "--auth-method", method, "--auth-method", "client_secret_basic").stdout.splitlines()
    assert stdout[-2].startswith("Warning: ")
    assert stdout[-1].endswith("can't be shown again.")


def test_published_keys_are_keys(command, demo):
    assert "warnings" not in command(*MINIMAL, "--auth-method", "private_key_jwt", "--jwks-uri", "https://billing.example.com/jwks.json", "--json").json


def test_bad_key_or_certificate_leaves_no_client(refused, demo, tmp_path):
    good, bad = write(tmp_path / "good.pem", public_keys.pem()), write(tmp_path / "bad.pem", public_keys.private_pem("P-256", PrivateFormat.PKCS8))
    assert "compromised" in refused(*MINIMAL, "--public-key", good, "--public-key", bad)
    assert "compromised" in refused(*MINIMAL, "--certificate", bad)
    assert "already" in refused(*MINIMAL, "--public-key", good, "--public-key", good)
    assert "No such file" in refused(*MINIMAL, "--certificate", "missing.pem")
    chain = certificates.pem(certificates.self_signed().certificate) * 2
    assert "without its chain" in refused(*MINIMAL, "--public-key", write(tmp_path / "chain.pem", chain))


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        *[
            (["--jwks-uri", uri], "must be an https URL")
            for uri in (
                "", "billing", "http://billing.example.com", "https://", "https://ada:pw@example.com/", "https://@example.com/", "https://example.com/#a",
                "https://example.com:0/", "https://example.com:99999/", "https://[::1", "https://example.com/a b", "https://exämple.com/", "ftp://example.com",
                "https://example.com/" + "x" * 500, "https://example.com\\@evil.example/", "file:///etc/passwd",
            )
        ],
        (["--tls-subject", "billing.example.com"], "TYPE:VALUE"),
        (["--tls-subject", ""], "TYPE:VALUE"),
        (["--tls-subject", "dns:billing.example.com"], "“dns” isn't a kind of subject. Choose from subject_dn, san_dns, san_uri, san_ip, san_email."),
        (["--tls-subject", "san_ip:billing"], "“billing” isn't valid for san_ip."),
        (["--tls-subject", "san_ip:billing"], "an IP address"),
        (["--tls-subject", "san_dns:"], "a host name"),
        (["--auth-method", "tls_client_auth"], "tls_client_auth needs the subject"),
        (["--auth-method", "private_key_jwt", "--secret-expires-in", "90d"], "gets no secret, because none of its methods uses one"),
    ],
)  # fmt: skip
def test_bad_policy_is_refused(refused, demo, arguments, hint):
    assert hint in refused(*MINIMAL, *arguments)


def test_client_whose_tokens_can_be_bound_to_nothing_yet_is_warned_of(command, demo, tmp_path):
    [warning] = command(*MINIMAL, "--require-certificate", "--json").json["warnings"]
    assert "add_certificate" in warning
    certificate = write(tmp_path / "cert.pem", certificates.pem(certificates.self_signed().certificate))
    for bound in (("--certificate", certificate), ("--tls-subject", "san_dns:billing.example.com")):
        assert "warnings" not in command(*MINIMAL, "--auth-method", "client_secret_basic", "--require-certificate", *bound, "--json").json
    assert Client.objects.latest("pk").auth_methods == ["client_secret_basic"]
