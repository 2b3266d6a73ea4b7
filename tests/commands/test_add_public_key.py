"""manage.py add_public_key CLIENT_ID FILE [--name N] [--expires-in D]."""

import json
import re
import shlex
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientCertificate, ClientPublicKey
from clients.public_key import read_public_keys
from clients.services import public_keys
from clients.services.workspaces import change_workspace
from tests import certificates, factories
from tests.public_keys import jwk, pem, private, private_pem, thumbprint, to_jwk


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "key"
        path.write_bytes(content if isinstance(content, bytes) else (content if isinstance(content, str) else json.dumps(content)).encode())
        return str(path)

    return write


@pytest.fixture
def other(demo):
    return factories.create_workspace("other", owner="eve@example.com")


@pytest.fixture
def client_id(demo):
    """The ID of a client that may use keys."""
    return factories.create_client(demo, auth_methods=["private_key_jwt"]).secret.client.client_id


def new_jwk(**more):
    return to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()) | more


def test_of_a_certificate_the_key_is_registered_and_ends_with_it(command, file, client_id):
    certificate = certificates.self_signed(key=private("P-256")).certificate
    result = command("add_public_key", client_id, file(certificates.pem(certificate)), "--json").json
    assert (result["kid"], result["expires_at"]) == (thumbprint(jwk()), certificate.not_valid_after_utc.isoformat())


def test_a_shorter_life_than_the_certificates_counts(command, file, client_id):
    path = file(certificates.pem(certificates.self_signed().certificate))
    command("add_public_key", client_id, path, "--expires-in", "24h")
    row = ClientPublicKey.objects.get()
    assert row.expires_at == row.created_at + timedelta(hours=24)


def test_expired_certificate_is_refused(refused, file, client_id):
    begins, ends = timezone.now() - timedelta(days=9), timezone.now() - timedelta(days=2)
    ended = certificates.self_signed(begins=begins, ends=ends).certificate
    assert "The certificate expired on" in refused("add_public_key", client_id, file(certificates.pem(ended)))


def test_key_is_registered_and_the_result_shows_it(command, file, client_id):
    result = command("add_public_key", client_id, file(pem()), "--name", "until 2027", "--expires-in", "365d", "--json").json
    row = ClientPublicKey.objects.get()
    assert result == {
        "client_id": client_id,
        "kid": thumbprint(jwk()),
        "kids": [thumbprint(jwk())],
        "algorithm": "ES256",
        "expires_at": row.expires_at.isoformat(),
        "auth_methods": ["private_key_jwt"],
    }
    assert (row.kid, row.thumbprint, row.algorithm, row.name, row.client.client_id) == (result["kid"], result["kid"], "ES256", "until 2027", client_id)
    assert row.public_jwk == {**jwk(), "kid": row.kid, "use": "sig", "alg": "ES256"}
    assert row.expires_at == row.created_at + timedelta(days=365)
    assert row.created_by.startswith("command:")


def test_every_key_of_a_set_is_registered_as_an_event(command, file, client_id):
    result = command("add_public_key", client_id, file({"keys": [jwk("RSA-2048", kid="first"), jwk("Ed25519", kid="second")]}), "--json").json
    assert (result["kid"], result["kids"], result["algorithm"], result["expires_at"]) == ("first", ["first", "second"], None, None)
    events = AuditEvent.objects.filter(event="public_key.added").order_by("pk")
    assert [(event.target_type, event.target_id) for event in events] == [("public_key", "first"), ("public_key", "second")]
    assert events[1].after == {"client_id": client_id, "name": "", "algorithm": "EdDSA", "thumbprint": thumbprint(jwk("Ed25519")), "expires_at": None}
    assert events[1].actor.startswith("command:")


def test_table_shows_the_kid(command, file, client_id):
    assert thumbprint(jwk()) in command("add_public_key", client_id, file(pem())).stdout


def test_table_says_which_algorithms_an_rsa_key_may_use(command, file, client_id):
    assert re.search(r"^Algorithm +any RSA$", command("add_public_key", client_id, file(jwk("RSA-2048"))).stdout, re.MULTILINE)


def test_client_that_may_not_use_keys_gets_it_with_a_warning(command, file, billing):
    client_id = billing.secret.client.client_id
    [warning] = command("add_public_key", client_id, file(jwk(kid="first")), "--json").json["warnings"]
    assert "may not use private_key_jwt" in warning
    assert f"“.venv/bin/python manage.py update_client {client_id} --auth-method private_key_jwt”" in warning
    assert "It may use client_secret_basic and client_secret_post." in warning
    assert ClientPublicKey.objects.get().kid == "first"
    stdout = command("add_public_key", client_id, file(new_jwk())).stdout
    assert stdout.splitlines()[-1] == f"Warning: {warning}"


def test_workspace_that_forbids_keys_is_a_warning_too(command, file, demo, client_id):
    change_workspace(workspace=demo, allowed_auth_methods=["client_secret_basic"], actor=factories.TESTS, now=timezone.now())
    [warning] = command("add_public_key", client_id, file(pem()), "--json").json["warnings"]
    assert "demo no longer allows private_key_jwt" in warning


def test_same_key_is_refused_also_under_another_kid(command, refused, file, client_id):
    command("add_public_key", client_id, file(jwk(kid="first")))
    assert "already has this public key, as first" in refused("add_public_key", client_id, file(jwk(kid="second")))
    assert "already has this public key, as first" in refused("add_public_key", client_id, file(pem()))


def test_revoked_key_never_comes_back(command, refused, file, client_id):
    command("add_public_key", client_id, file(jwk(kid="first")))
    command("revoke_public_key", client_id, "first")
    assert "was revoked and can't be registered again" in refused("add_public_key", client_id, file(jwk(kid="second")))
    assert "another public key with the kid first" in refused("add_public_key", client_id, file(new_jwk(kid="first")))


def test_kid_is_one_keys_only(command, refused, file, client_id):
    command("add_public_key", client_id, file(jwk(kid="first")))
    assert "Give this one another kid" in refused("add_public_key", client_id, file(new_jwk(kid="first")))


def test_set_is_registered_whole_or_not_at_all(command, refused, file, client_id):
    command("add_public_key", client_id, file(jwk()))
    refused("add_public_key", client_id, file({"keys": [new_jwk(kid="new"), jwk()]}))


def test_another_client_may_have_the_same_key(command, file, demo, client_id):
    command("add_public_key", client_id, file(pem()))
    assert command("add_public_key", factories.create_client(demo).secret.client.client_id, file(pem())).status == 0


def test_client_has_up_to_fifty_usable_keys(refused, command, file, client_id):
    sets = [{"keys": [new_jwk() for _ in range(number)]} for number in (20, 20, 10)]
    client = Client.objects.get()
    for one in sets:
        public_keys.add_public_keys(client=client, parsed=read_public_keys(json.dumps(one)), actor=factories.TESTS, now=timezone.now())
    assert "has 50 usable public keys" in refused("add_public_key", client_id, file(pem()))
    command("revoke_public_key", client_id, "--", ClientPublicKey.objects.first().kid)
    assert command("add_public_key", client_id, file(pem())).status == 0


@pytest.mark.parametrize(
    "content",
    [private_pem("P-256", PrivateFormat.PKCS8), json.dumps(to_jwk(private())), private().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())],
    ids=["PEM", "JWK", "DER"],
)
def test_private_key_is_compromised_and_leaves_no_trace(refused, file, client_id, content):
    line = refused("add_public_key", client_id, file(content))
    assert "compromised" in line
    assert len(line) < 300


@pytest.mark.parametrize("form", ["PKCS 8", "SEC 1", "OpenSSH", "JWK", "JWK Set", "DER"])
def test_private_half_of_a_registered_key_is_told_with_the_command_that_revokes_it(refused, command, file, demo, other, client_id, form):
    """Even if it was submitted for another client of the workspace; other workspaces' clients aren't mentioned."""
    content = {
        "PKCS 8": lambda: "# my key\n" + private_pem("P-256", PrivateFormat.PKCS8),
        "SEC 1": lambda: private_pem("P-256", PrivateFormat.TraditionalOpenSSL),
        "OpenSSH": lambda: private_pem("P-256", PrivateFormat.OpenSSH),
        "JWK": lambda: to_jwk(private("P-256")),
        "JWK Set": lambda: {"keys": [new_jwk(), to_jwk(private("P-256"))]},
        "DER": lambda: private("P-256").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    }[form]()
    eves = factories.create_client(other).secret.client.client_id
    command("add_public_key", eves, file(jwk(kid="eves")))
    assert "registered" not in refused("add_public_key", client_id, file(content)).replace("Nothing was registered", "")
    command("add_public_key", client_id, file(jwk(kid="first")))
    told = f"Its public key is registered for {client_id} as first. Revoke it now: “.venv/bin/python manage.py revoke_public_key {client_id} first”."
    third = factories.create_client(demo).secret.client.client_id
    path = file(content)
    for line in (
        refused("add_public_key", client_id, path),
        refused("add_public_key", third, path),
        refused("add_certificate", third, path),
        refused("create_client", "--workspace", "demo", "--name", "x", "--public-key", path),
        refused("create_client", "--workspace", "demo", "--name", "x", "--certificate", path),
    ):
        assert "compromised" in line
        assert told in line
        assert "eves" not in line
    command("revoke_public_key", client_id, "first")
    assert "Revoke it now" not in refused("add_public_key", client_id, path)


def test_kid_that_looks_like_an_option_is_refused(refused, file, client_id):
    assert "The kid can't begin with a hyphen" in refused("add_public_key", client_id, file(jwk(kid="--json")))


def test_command_that_revokes_a_key_of_any_name_is_one_that_a_shell_takes(refused, command, file, client_id):
    """Earlier versions accepted a kid that begins with a hyphen."""
    command("add_public_key", client_id, file(jwk(kid="first")))
    ClientPublicKey.objects.update(kid="-$(reboot)'")
    line = refused("add_public_key", client_id, file(to_jwk(private("P-256"))))
    words = shlex.split(line.partition("“.venv/bin/python manage.py ")[2].partition("”")[0])
    assert words == ["revoke_public_key", "--", client_id, "-$(reboot)'"]
    assert command(*words).status == 0


def test_private_key_of_a_kind_that_nobody_could_register_is_compromised_all_the_same(refused, file, client_id):
    content = dsa.generate_private_key(1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert "compromised" in refused("add_public_key", client_id, file(content))


def test_registered_certificate_that_cant_be_read_any_more_hides_no_compromised_key(refused, command, file, client_id):
    command("add_certificate", client_id, file(certificates.pem(certificates.self_signed(key=private("P-256")).certificate)))
    content = private_pem("P-256", PrivateFormat.PKCS8)
    assert "It is the key of certificate" in refused("add_public_key", client_id, file(content))
    ClientCertificate.objects.update(certificate="damaged")
    line = refused("add_public_key", client_id, file(content))
    assert "compromised" in line
    assert "It is the key of" not in line


def test_encrypted_private_key_is_compromised_all_the_same(refused, command, file, client_id):
    command("add_public_key", client_id, file(jwk(kid="first")))
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        assert "compromised" in refused("add_public_key", client_id, file(private_pem("P-256", form, BestAvailableEncryption(b"password"))))


@pytest.mark.parametrize(
    "content", ['{"kty": "EC", "d": 5}', '{"kty": [], "d": ""}', '{"keys": [5, {"d": ""}]}', '{"d":' + "[" * 5000, "-----BEGIN PRIVATE KEY-----\n"]
)
def test_text_that_resembles_a_private_key_prints_one_line_too(refused, file, client_id, content):
    assert "compromised" in refused("add_public_key", client_id, file(content))


@pytest.mark.parametrize(
    "content",
    ["", b"\xff\xfe\0binary", "x" * 70_000, "x" * 200_000, "prose", pem() + pem("P-384"), "-----BEGIN CERTIFICATE-----"],
    ids=["empty", "binary", "long", "very long", "prose", "two", "certificate"],
)
def test_anything_but_a_public_key_is_refused(refused, file, client_id, content):
    assert len(refused("add_public_key", client_id, file(content))) < 350


def test_unreadable_file_prints_one_line(refused, client_id, tmp_path):
    assert "No such file" in refused("add_public_key", client_id, str(tmp_path / "missing.pem"))
    assert "directory" in refused("add_public_key", client_id, str(tmp_path))
    assert "can't be read" in refused("add_public_key", client_id, "x" * 5000)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--expires-in", "0"], "Choose a longer lifetime"),
        (["--expires-in", "1y"], "isn't a duration"),
        (["--name", "x" * 101], "Use at most 100"),
        (["--name", "a\nb"], "line break"),
    ],
)
def test_bad_value_is_refused(refused, file, client_id, arguments, hint):
    assert hint in refused("add_public_key", client_id, file(pem()), *arguments)


def test_unknown_client_is_refused(refused, file, demo):
    assert "There is no client" in refused("add_public_key", "nobody", file(pem()))


def test_a_key_of_another_client_is_accepted_with_a_warning(command, file, client_id, demo, other):
    first = factories.create_client(demo, name="first", auth_methods=["private_key_jwt"]).secret.client
    elsewhere = factories.create_client(other, auth_methods=["private_key_jwt"]).secret.client
    path = file(jwk(kid="shared"))
    for alone in (elsewhere, first):
        assert "warnings" not in command("add_public_key", alone.client_id, path, "--json").json
    [warning] = command("add_public_key", client_id, path, "--json").json["warnings"]
    assert warning.startswith(f"Public key shared also belongs to first ({first.client_id}), so its private key can act as both clients.")
    new = command("create_client", "--workspace", "demo", "--name", "third", "--public-key", path, "--json").json
    assert new["warnings"] == [warning]


def test_a_certificate_of_another_client_is_accepted_with_a_warning(command, file, demo):
    clients = [factories.create_client(demo, name=name, auth_methods=["self_signed_tls_client_auth"]).secret.client for name in ("first", "second")]
    path = file(certificates.pem(certificates.self_signed().certificate))
    assert "warnings" not in command("add_certificate", clients[0].client_id, path, "--json").json
    [warning] = command("add_certificate", clients[1].client_id, path, "--json").json["warnings"]
    assert f"also belongs to first ({clients[0].client_id})" in warning
