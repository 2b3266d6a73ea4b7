"""create_client with keys, certificates and methods, and what the workspace's policies forbid."""

import json
import re

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from clients.models import AuditEvent, Client
from tests import certificates, public_keys
from tests.commands.conftest import MINIMAL


def test_public_key_may_come_in_a_certificate(command, demo, tmp_path):
    certificate = certificates.self_signed().certificate
    result = command(*MINIMAL, "--public-key", write(tmp_path / "cert.pem", certificates.pem(certificate)), "--json").json
    assert (len(result["keys"]), result["certificates"]) == (1, [])
    assert Client.objects.get(client_id=result["client_id"]).public_keys.get().expires_at == certificate.not_valid_after_utc


def test_the_output_says_when_its_keys_expire(command, demo, tmp_path):
    certificate = certificates.self_signed().certificate
    ends, without = write(tmp_path / "cert.pem", certificates.pem(certificate)), write(tmp_path / "key.pem", public_keys.pem())
    told = command(*MINIMAL, "--public-key", ends, "--public-key", without).stdout
    assert re.search(rf"^Keys expire at +{re.escape(certificate.not_valid_after_utc.isoformat())}, never$", told, re.MULTILINE)
    assert command(*MINIMAL, "--public-key", without, "--json").json["keys_expire_at"] == [None]
    assert "keys_expire_at" not in command(*MINIMAL, "--json").json


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
    assert f"needs {method}, which isn't one of the client's methods" in refused(*MINIMAL, *others, option, value)


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


def test_an_invalid_key_or_certificate_creates_no_client(refused, demo, tmp_path):
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


def test_a_client_whose_tokens_cant_be_bound_yet_gets_a_warning(command, demo, tmp_path):
    [warning] = command(*MINIMAL, "--require-certificate", "--json").json["warnings"]
    assert "add_certificate" in warning
    certificate = write(tmp_path / "cert.pem", certificates.pem(certificates.self_signed().certificate))
    for bound in (("--certificate", certificate), ("--tls-subject", "san_dns:billing.example.com")):
        assert "warnings" not in command(*MINIMAL, "--auth-method", "client_secret_basic", "--require-certificate", *bound, "--json").json
    assert Client.objects.latest("pk").auth_methods == ["client_secret_basic"]
