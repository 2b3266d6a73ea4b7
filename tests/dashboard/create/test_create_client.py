"""/w/<workspace>/clients/new/: creating a client on one page, with defaults that suit most people."""

import json
import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from clients.models import AuditEvent, Client, ClientSecret
from clients.public_key import read_public_keys
from clients.secret import generate
from clients.services.public_keys import add_public_keys
from clients.services.workspaces import change_workspace
from dashboard.models import AccessPolicy
from dashboard.people.permissions import Role
from tests import factories, public_keys
from tests.dashboard.conftest import make_certificate, text_of
from tests.dashboard.create.conftest import NEW, entries, once_of, secrets_in


def create(browser, **changes):
    return browser.post(NEW, entries(**changes))


def private_jwk():
    return json.dumps({**public_keys.jwk(), "d": "a" * 43})


def errors_of(page):
    """The errors above the form, if nothing was created."""
    assert "Error: Create client" in page.content.decode()
    assert not Client.objects.filter(name="refunds-worker").exists()
    text = text_of(page)
    assert "Nothing was created." in text
    return text


def test_developer_makes_a_client_and_sees_its_secret_once(danas, demo):
    page = danas.get(NEW)
    html = page.content.decode()
    [first] = re.findall(r"<input[^>]*autofocus[^>]*>", html)
    assert 'name="name"' in first
    assert re.findall(r'name="scopes" value="([^"]+)"', html) == ["read", "write", "clients:read", "clients:write"]
    page = create(danas, once=once_of(page), scopes=["write", "read"])
    assert page.status_code == 200
    client = Client.objects.get()
    assert (client.name, client.contact, client.environment) == ("refunds-worker", "payments@example.com", "live")
    assert client.auth_methods == ["client_secret_basic", "client_secret_post"]
    assert set(client.scopes) == {"read", "write"}
    assert client.token_lifetime == 3600
    secret = client.secrets.get()
    assert timedelta(days=364) < secret.expires_at - timezone.now() <= timedelta(days=365)
    [shown] = secrets_in(page)
    assert secret.secret_id in shown
    text = text_of(page)
    assert "refunds-worker is ready" in text
    assert "Save the secret now" in text
    assert f"you will see it as {secret.secret_id}, its secret ID. It expires on" in text
    assert "Client created by dana@example.com" in text
    # Nobody keeps it.
    assert page["Cache-Control"] == "no-store"
    assert page["Referrer-Policy"] == "strict-origin"
    assert shown not in str(dict(danas.session))
    assert not AuditEvent.objects.filter(after__icontains=shown).exists()


def test_environment_is_a_link_that_sends_nothing(danas, demo, settings):
    html = create(danas, name="Refunds “worker” №1").content.decode()
    link = unquote(html.split('href="data:text/plain;charset=utf-8,')[1].split('"')[0])
    client = Client.objects.get()
    [shown] = secrets_in(type("Page", (), {"content": html.encode()}))
    assert link.splitlines() == [
        f"TOKENOS_CLIENT_ID={client.client_id}",
        f"TOKENOS_CLIENT_SECRET={shown}",
        f"TOKENOS_TOKEN_URL={settings.ISSUER_URL}/oauth2/token",
    ]
    assert 'download="refunds-worker-1.env"' in html


def test_a_viewer_is_told_who_can(bens, demo):
    page = bens.get(NEW)
    assert page.status_code == 403
    assert "You are a viewer. ada@example.com can create and edit clients" in text_of(page)


def test_every_option_can_be_given(danas, demo):
    page = create(
        danas,
        environment="test",
        accepts=["client_secret_post"],
        scopes=["read"],
        secret_expiry="never",
        audiences="https://a.example.com, https://b.example.com",
        allowed_networks="203.0.113.0/24\n2001:db8::/48",
        token_lifetime="300",
        require_dpop="on",
        require_certificate="on",
        description="Pays back",
        tags="money, nightly",
    )
    assert page.status_code == 200, text_of(page)
    client = Client.objects.get()
    assert client.environment == "test"
    assert client.auth_methods == ["client_secret_post"]
    assert client.audiences == ["https://a.example.com", "https://b.example.com"]
    assert client.allowed_networks == ["203.0.113.0/24", "2001:db8::/48"]
    assert (client.token_lifetime, client.require_dpop, client.require_certificate) == (300, True, True)
    assert (client.description, client.tags) == ("Pays back", ["money", "nightly"])
    assert client.secrets.get().expires_at is None
    assert "It never expires." in text_of(page)


def test_a_client_with_a_public_key_gets_no_secret(danas, demo):
    page = create(danas, method="assertion", public_key=public_keys.pem("P-384"))
    client = Client.objects.get()
    key = client.public_keys.get()
    assert client.auth_methods == ["private_key_jwt"]
    assert key.algorithm == "ES384"
    assert not client.secrets.exists()
    text = text_of(page)
    assert "Save the secret now" not in text
    assert key.kid in text
    assert "Listening for requests from refunds-worker" in text


def test_a_file_does_what_pasting_does_and_a_client_may_publish_its_keys_instead(danas, demo):
    create(danas, method="assertion", public_key_file=SimpleUploadedFile("key.pem", public_keys.pem().encode()))
    create(danas, method="assertion", jwks_uri="https://robot.example.com/jwks.json")
    published, pasted = Client.objects.order_by("-pk")
    assert pasted.public_keys.count() == 1
    assert published.jwks_uri == "https://robot.example.com/jwks.json"


def test_client_with_a_certificate_or_with_any_for_a_subject(danas, demo):
    pem = make_certificate("refunds")
    page = create(danas, name="route-planner", method="mtls", credential_certificate=pem)
    client = Client.objects.get()
    assert client.auth_methods == ["self_signed_tls_client_auth"]
    assert client.certificates.get().subject == "CN=refunds"
    assert "--cert client.pem --key client-key.pem" in text_of(page)
    page = create(danas, method="mtls", credential_certificate=pem)
    assert "This certificate belongs to route-planner. Use a separate certificate for each client." in errors_of(page)
    create(danas, method="mtls", certificate_by="subject", tls_subject_type="tls_client_auth_san_dns", tls_subject="refunds.example.com")
    client = Client.objects.get(name="refunds-worker")
    assert client.auth_methods == ["tls_client_auth"]
    assert (client.tls_subject_type, client.tls_subject) == ("tls_client_auth_san_dns", "refunds.example.com")


def test_what_stands_in_the_groups_of_other_methods_counts_for_nothing_and_a_last_day_is_the_whole_day(danas, demo):
    day = (timezone.now() + timedelta(days=10)).date()
    page = create(danas, public_key="nonsense", jwks_uri="nonsense", tls_subject="nonsense", secret_expiry="date", ends_on=day.isoformat())
    assert page.status_code == 200
    assert len(secrets_in(page)) == 1
    assert Client.objects.get().jwks_uri == ""
    assert f"{ClientSecret.objects.get().expires_at:%Y-%m-%d %H:%M}" == f"{day} 23:59"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"name": " ", "environment": "prod", "accepts": [], "scopes": ["read", "nope"], "audiences": "api", "token_lifetime": "7", "secret_expiry": "900d"},
            [
                *("Enter a name, for example billing-sync.", "Choose live or test.", "Choose at least one way to send the secret.", "demo has no scope nope"),
                *("isn’t an audience. Use an absolute URI without a fragment", "Choose a lifetime from the list.", "Choose when the secret expires."),
            ],
        ),
        ({"name": "x" * 101, "method": "magic"}, ["A name can have at most 100 characters.", "Choose a method."]),
        ({"allowed_networks": "203.0.113.300"}, ["“203.0.113.300” isn’t an IP address. Use addresses or ranges such as 203.0.113.0/24."]),
        ({"name": "a\u202eb", "secret_expiry": "date"}, ["invisible character", "Enter the last day on which the secret should work."]),
        ({"name": "a\0b", "secret_expiry": "date", "ends_on": "soon"}, ["Null characters are not allowed.", "Enter a date, for example 2027-02-14."]),
        ({"secret_expiry": "date", "ends_on": "2020-01-01"}, ["Choose a time after now."]),
        ({"secret_expiry": "date", "ends_on": "9999-12-31"}, ["That is over 100 years away."]),
        ({"method": "assertion"}, ["Paste the public key, or enter the URL where the program publishes it."]),
        ({"method": "assertion", "public_key": "nonsense"}, ["This isn’t a PEM public key, a certificate, a JWK or a JWK Set."]),
        ({"method": "assertion", "public_key": make_certificate() * 2}, ["one certificate without its chain"]),
        ({"method": "assertion", "public_key": public_keys.pem("RSA-1024")}, ["1024 bits"]),
        ({"method": "assertion", "jwks_uri": "http://robot.example.com/"}, ["https"]),
        ({"method": "mtls"}, ["Paste the certificate, or choose its file."]),
        ({"method": "mtls", "credential_certificate": "nonsense"}, ["The file contains no certificate in PEM."]),
        ({"method": "mtls", "certificate_by": "subject"}, ["Choose which part of the certificate names the client."]),
        ({"method": "mtls", "certificate_by": "subject", "tls_subject_type": "tls_client_auth_san_ip"}, ["Enter the value of the certificate subject."]),
        ({"method": "mtls", "certificate_by": "subject", "tls_subject_type": "tls_client_auth_san_ip", "tls_subject": "x"}, ["Use an IP address"]),
        ({"once": "short"}, ["This page is incomplete."]),
        ({"once": None}, ["This page is incomplete."]),
    ],
)
def test_errors_are_shown_above_the_form_and_at_their_fields(danas, demo, changes, words):
    page = create(danas, **changes)
    errors = errors_of(page)
    assert [said for said in words if said not in errors] == []
    assert page.content.decode().count('class="err"') >= (0 if "once" in changes else len(words))
    assert "payments@example.com" in page.content.decode()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"public_key_file": bytes(range(256)) * 20}, "That file is binary. Choose a text file: PEM, a JWK or a JWK Set."),
        ({"public_key_file": b"a" * 5_000_000}, "The file is longer than 64 KiB, so it isn’t a public key."),
        ({"public_key": "a" * 5_000_000}, "The file is longer than 64 KiB, so it isn’t a public key."),
    ],
    ids=["binary", "endless", "pasted"],
)
def test_an_endless_key_is_read_no_further_than_a_key_is_long_and_not_sent_back(danas, demo, key, said):
    sent = {name: SimpleUploadedFile("key.pem", value) if isinstance(value, bytes) else value for name, value in key.items()}
    page = create(danas, method="assertion", **sent)
    assert said in errors_of(page)
    assert len(page.content) < 100_000


@pytest.mark.long
def test_300_scopes_are_too_many_and_the_page_asks_the_database_little_whatever_there_is(danas, demo, django_assert_max_num_queries):
    demo.scopes.bulk_create(type(demo.scopes.first())(workspace=demo, name=f"scope:{number}") for number in range(300))
    with django_assert_max_num_queries(12):
        page = danas.get(NEW)
    assert "Filter scopes" in page.content.decode()
    with django_assert_max_num_queries(12):
        page = create(danas, scopes=[f"scope:{number}" for number in range(300)])
    assert "300 scopes are too many. Use at most 50." in errors_of(page)


def test_markup_and_foreign_letters_are_text_and_a_second_client_of_that_name_is_pointed_out_and_not_refused(danas, demo):
    name = "<script>alert(1)</script> שלום עולם"
    page = create(danas, name=name)
    assert Client.objects.get().name == name
    assert "<script>alert(1)" not in page.content.decode()
    assert "There is already a client with this name." in text_of(danas.post(NEW + "preview/", entries(name=name)))
    assert len(secrets_in(create(danas, name=name))) == 1


@pytest.mark.parametrize(("field", "what"), [("name", "secret"), ("description", "token"), ("contact", "private key"), ("tags", "link")])
def test_a_credential_in_a_text_is_refused_and_not_shown_again(danas, demo, field, what):
    pasted = {
        "secret": generate("live").plaintext,
        "token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4eHgifQ.c2lnbmF0dXJlLW9mLWl0",
        "private key": "-----BEGIN EC PRIVATE KEY-----MHcCAQEEIBxxx",
        "link": "https://tokens.example.com/accounts/hand-over/" + "k3" * 20,
    }[what]
    for path in (NEW, f"{NEW}preview/"):
        page = danas.post(path, entries(**{field: pasted}))
        assert page.status_code == 200
        assert pasted not in unescape(page.content.decode())
    assert not Client.objects.exists()
    assert not AuditEvent.objects.filter(event="client.created").exists()


@pytest.mark.parametrize("form", ["pem", "jwk", "in the group of another method"])
def test_private_key_is_refused_kept_nowhere_and_not_shown_again(danas, demo, form):
    private = public_keys.private_pem("P-256", PrivateFormat.PKCS8) if form != "jwk" else private_jwk()
    method = "assertion" if form != "in the group of another method" else "mtls"
    page = create(danas, method=method, public_key=private)
    text = errors_of(page)
    if method == "assertion":
        assert "That is a private key. It wasn’t stored. Treat it as leaked, make a new key pair, and paste only the public key." in text
        assert text_of(page).count("It wasn’t stored.") == 1
        assert page.content.decode().count("That is a private key.") == 2  # at the field, and in the list of what is wrong, as a link to it
    assert private not in page.content.decode()
    assert private[40:80] not in text
    assert private[40:80] not in str(dict(danas.session))


def test_key_of_another_client_and_the_private_key_of_one_are_refused(danas, demo):
    """Where the public half is registered is said."""
    robot = factories.create_client(demo, name="robot", auth_methods=["private_key_jwt"]).secret.client
    planner = factories.create_client(demo, name="route-planner", auth_methods=["private_key_jwt"]).secret.client
    add_public_keys(client=planner, parsed=read_public_keys(public_keys.pem("P-521")), actor=factories.TESTS, now=timezone.now())
    page = create(danas, method="assertion", public_key=public_keys.private_pem("P-521", PrivateFormat.PKCS8))
    assert f"Its public key is registered for {planner.client_id}" in errors_of(page)
    assert robot.client_id not in text_of(page)
    page = create(danas, method="assertion", public_key=public_keys.pem("P-521"))
    assert "This key belongs to route-planner. Use a separate key for each client." in errors_of(page)


@pytest.mark.long
def test_workspace_may_forbid_methods_and_endless_secrets(danas, demo):
    change_workspace(
        workspace=demo,
        allowed_auth_methods=["client_secret_basic", "private_key_jwt"],
        max_secret_lifetime_days=60,
        actor=factories.TESTS,
        now=timezone.now(),
    )
    html = danas.get(NEW).content.decode()
    text = text_of(html)
    assert "Mutual TLS" not in text
    assert "client_secret_post" not in text
    assert "Never" not in text
    assert "90 days" not in text
    assert "60 days" in text
    create(danas, accepts=["client_secret_basic"], secret_expiry="60d")
    assert ClientSecret.objects.get().lifetime == 60 * 86400
    late = create(danas, name="late", accepts=["client_secret_basic"], secret_expiry="date", ends_on=(timezone.now() + timedelta(days=90)).date().isoformat())
    assert "is too long" in text_of(late)
    last = create(danas, name="last", accepts=["client_secret_basic"], secret_expiry="date", ends_on=(timezone.now() + timedelta(days=60)).date().isoformat())
    assert len(secrets_in(last)) == 1


def test_who_may_not_make_live_clients_is_offered_test_only(danas, demo):
    AccessPolicy.objects.create(workspace=demo, live_clients_from=Role.ADMIN)
    html = danas.get(NEW).content.decode()
    assert 'value="live"' not in html
    assert "In demo only admins and owners can create live clients." in errors_of(create(danas))
    assert len(secrets_in(create(danas, environment="test"))) == 1


def test_workspace_that_is_being_deleted_makes_none(danas, demo):
    demo.deletes_at = timezone.now() + timedelta(days=1)
    demo.save(update_fields=["deletes_at"])
    assert "Nothing was created." in errors_of(create(danas))
