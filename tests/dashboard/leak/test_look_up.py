"""Somebody found a secret or token where it shouldn't be, and pastes it."""

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.utils import timezone

from clients import secret as secret_format
from clients.models import AddressUse, AuditEvent, Client, ClientSecret
from clients.public_key import read_key
from clients.secret import generate
from clients.services.client_changes import update_client
from clients.services.clients import disable_client
from clients.services.deletion import delete_workspace
from clients.services.public_keys import add_public_keys
from clients.services.secrets import revoke_secret
from dashboard.leak import findings
from dashboard.people import quotas
from oauth.models import RevokedToken
from tests import factories
from tests.certificates import pem, self_signed
from tests.dashboard.conftest import create_certificate, sign_in, text_of
from tests.dashboard.leak.conftest import STOP, URL, ask_for_token, end, look_up
from tests.servers.program import Program


def test_a_secret_that_nothing_used_works_right_now_and_is_shown_back_masked(adas, billing):
    page = adas.get(URL)
    assert b"autofocus" in page.content
    assert "Where do secrets leak? Logs, tickets, chats, images, repositories." in text_of(page)
    assert page["Referrer-Policy"] == "strict-origin"
    assert page["Cache-Control"] == "no-store"
    plaintext = billing.plaintext
    page = look_up(adas, f" {plaintext}\n")
    text, html = text_of(page), page.content.decode()
    assert "It works right now A live secret" in text
    assert "It was never used." in text
    assert "It isn’t in use from any known address, so revoking it breaks nothing that we know of." in text
    assert "Revoke secret" in text
    assert plaintext not in html
    assert plaintext[20:53] not in html
    for part in (plaintext[:8], billing.secret.secret_id, plaintext[-6:], "•••• ••••", "Checksum is right"):
        assert part in html


def test_a_secret_in_use_says_so_with_where_it_was_used_and_what_breaks(adas, billing, now):
    ask_for_token(billing)
    ask_for_token(billing)
    page = look_up(adas, billing.plaintext)
    text = text_of(page)
    assert page.status_code == 200
    assert "It works right now, and it is in use A live secret of billing-sync." in text
    assert "Ends the secret and its 2 tokens at once. 203.0.113.61 fails until it has a new secret. This one was used twice since it was made." in text
    assert "Revoke secret and end 2 tokens" in text
    assert "Make a new secret first" in text
    assert "Anybody who has it can read write" in text
    assert "Valid tokens 2, the last until" in text
    assert "203.0.113.61 Usual for this client" in text
    assert "by tests, by a command" in text
    # A token that was revoked by itself isn't alive, and another secret that works is named.
    RevokedToken.objects.create(
        client=billing.secret.client, credential=billing.secret.secret_id, jti="x", expires_at=now + timedelta(minutes=50), revoked_at=now
    )
    other = factories.create_secret(billing.secret.client, lifetime=timedelta(days=3)).secret
    text = text_of(look_up(adas, billing.plaintext))
    assert "Revoke secret and end 1 token" in text
    assert f"Secret {other.secret_id} still works until" in text
    # Of a secret that expired the tokens can be ended.
    factories.expire(billing.secret)
    text = text_of(look_up(adas, billing.plaintext))
    assert "1 token that it obtained is still valid." in text
    assert "It already gets no new tokens." in text
    assert "Revoke secret and end 1 token" in text


def test_an_address_that_is_new_to_the_client_is_named(adas, billing, now):
    client = billing.secret.client
    client.created_at = now - timedelta(days=60)
    client.save(update_fields=["created_at"])
    ask_for_token(billing, address="192.0.2.201")
    page = look_up(adas, billing.plaintext)
    assert "192.0.2.201, never seen before today, used it 1 time." in text_of(page)
    assert '<span class="st bad">' in page.content.decode()


@pytest.mark.parametrize("is_revoked", [True, False])
def test_an_expired_secret_needs_no_action(adas, billing, now, is_revoked):
    end(billing.secret, ago=timedelta(days=3))
    if is_revoked:
        ClientSecret.objects.update(revoked_at=now - timedelta(days=3))
    text = text_of(look_up(adas, billing.plaintext))
    assert "It stopped working on " in text
    assert "Nothing to do. It was never used." in text
    assert ("Revoke secret" in text) is not is_revoked


def test_a_secret_that_does_not_work_now_can_work_again(adas, billing, demo, now):
    client = billing.secret.client
    Client.objects.update(auth_methods=["private_key_jwt"])
    assert "billing-sync uses another authentication method now." in text_of(look_up(adas, billing.plaintext))
    Client.objects.update(auth_methods=client.auth_methods)
    disable_client(client=client, actor=factories.TESTS, now=now)
    text = text_of(look_up(adas, billing.plaintext))
    assert "It doesn’t work now, but could work again" in text
    assert "billing-sync is disabled. If somebody enables it, this works again." in text
    assert "Revoke secret" in text
    Client.objects.update(status="enabled")
    demo.deletes_at = now + timedelta(days=7)
    demo.save()
    assert "Demo is scheduled for deletion. If an owner keeps it, this works again." in text_of(look_up(adas, billing.plaintext))


def test_a_secret_that_is_cut_off_names_the_closest_and_one_that_has_only_the_id_of_ours_was_made_up(adas, billing):
    text = text_of(look_up(adas, billing.plaintext[:-2]))
    assert "Wrong checksum: part of it is missing" in text
    assert f"The closest is {billing.secret.secret_id}, a live secret of billing-sync." in text
    assert "The pasted part is harmless, but the full secret works right now." in text
    assert "Revoke secret" in text
    text = text_of(look_up(adas, billing.plaintext[:15]))
    assert "Wrong checksum: part of it is missing" in text
    assert "Not even its ID is complete" in text
    body = f"tos_live_{billing.secret.secret_id}_{generate('live').plaintext[20:53]}"
    text = text_of(look_up(adas, body + secret_format._checksum(body)))
    assert "Invented: only the ID exists here No secret matches." in text
    assert "Stop it now" not in text


def test_a_secret_of_another_workspace_reads_like_one_of_another_instance(adas, demo, strange):
    """Like a secret that was never made."""
    answers = []
    for plaintext in (strange.new.plaintext, generate("live").plaintext):
        text = text_of(look_up(adas, plaintext))
        assert "Well-formed, but not from this instance" in text
        answers.append(text.replace(plaintext[9:19], "ID").replace(plaintext[-6:], ""))
    cut = [answer[answer.rindex("Well-formed") :].split("tell whoever")[0] for answer in answers]
    assert cut[0] == cut[1]


def test_of_secrets_without_a_digest_a_few_are_hashed_and_the_rest_is_believed(adas, billing, monkeypatch):
    hashed = []
    monkeypatch.setattr(findings, "verify_secret", lambda plaintext, **_: hashed.append(plaintext) or True)
    news = [billing, *(factories.create_secret(billing.secret.client) for _ in range(5))]
    ClientSecret.objects.update(digest="")
    page = look_up(adas, "\n".join(new.plaintext for new in news))
    assert len(hashed) == 3
    assert "6 found, 6 working right now" in text_of(page)


def test_a_secret_that_cannot_be_checked_at_this_moment_is_believed(adas, billing, monkeypatch):
    def fail(*_arguments, **_more):
        raise findings.HashingBusyError

    monkeypatch.setattr(findings, "verify_secret", fail)
    assert "It works right now" in text_of(look_up(adas, billing.plaintext))


def test_a_token_says_how_long_it_is_valid_and_what_obtained_it(adas, billing, now):
    token = ask_for_token(billing).json()["access_token"]
    page = look_up(adas, token)
    text = text_of(page)
    assert "A token of billing-sync, valid for 59 more minutes" in text
    assert "Revoke token" in text
    assert f"Look at {billing.secret.secret_id}" in text
    assert f"what=s.{billing.secret.secret_id}" in page.content.decode()
    assert token not in page.content.decode()
    assert token.rpartition(".")[2] not in page.content.decode()
    revoke_secret(client=billing.secret.client, secret_id=billing.secret.secret_id, actor=factories.TESTS, now=now)
    text = text_of(look_up(adas, token))
    assert "A token of billing-sync that doesn’t work any more" in text
    assert "The token needs no action." in text
    assert "Stop it now" not in text


@pytest.mark.long
@pytest.mark.parametrize("change", ["the client is disabled", "the workspace is scheduled for deletion", "DPoP is required"])
def test_a_token_that_would_work_again_if_somebody_undid_a_change_can_be_revoked(adas, billing, now, change):
    """docs/rotation.md advises to disable the client first."""
    token, client = ask_for_token(billing).json()["access_token"], billing.secret.client
    match change:
        case "the client is disabled":
            disable_client(client=client, actor=factories.TESTS, now=now)
        case "the workspace is scheduled for deletion":
            delete_workspace(workspace=client.workspace, typed_slug="demo", actor=factories.TESTS, now=now)
        case "DPoP is required":
            update_client(client=client, require_dpop=True, actor=factories.TESTS, now=now)
    page = look_up(adas, token)
    text = text_of(page)
    assert "A token of billing-sync that doesn’t work now, but could work again" in text
    assert "The token could work again until" in text
    assert "needs no action" not in text
    what = page.content.decode().partition('name="what" value="')[2].partition('"')[0]
    if change == "the client is disabled":
        assert "doesn’t work now, but could work again" in text_of(adas.get(URL, {"what": what}))
    assert "ended." in text_of(adas.post(STOP, {"what": what}, follow=True))
    assert RevokedToken.objects.count() == 1
    assert "A token of billing-sync that doesn’t work any more" in text_of(look_up(adas, token))


def test_a_token_that_ended_says_when(ada, billing, monkeypatch):
    token = ask_for_token(billing).json()["access_token"]
    later = timezone.now() + timedelta(days=3)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert "A token of billing-sync that expired on " in text_of(look_up(sign_in(ada), token))


@pytest.mark.long
def test_a_public_key_is_found_by_its_kid_and_by_its_private_half(adas, billing, now):
    program = Program()
    private = program.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert "Well-formed, but not from this instance A private key that isn’t registered here." in text_of(look_up(adas, private))
    text = text_of(look_up(adas, f"{billing.secret.client.client_id} {private}"))
    assert "A private key that isn’t registered here It is compromised anyway: tell its owner." in text
    assert "harmless" not in text
    parsed = read_key(program.key.public_key())._replace(kid="odd/kid:1")
    [key] = add_public_keys(client=billing.secret.client, parsed=[parsed], actor=factories.TESTS, now=now)
    key.client.auth_methods = ["private_key_jwt"]
    key.client.save()
    page = look_up(adas, private)
    assert "It works right now The private half of the live public key odd/kid:1 of billing-sync." in text_of(page)
    assert "Revoke public key" in text_of(page)
    assert private.splitlines()[1] not in page.content.decode()
    assert "odd/kid:1 is the ID of a live public key of billing-sync." in text_of(look_up(adas, "odd/kid:1"))
    assert "odd/kid:1 is the ID of a live public key" in text_of(look_up(adas, f"thumbprint {key.thumbprint}"))


@pytest.mark.parametrize(
    "fields",
    [
        {"jwks_uri": "https://client.example/jwks.json", "auth_methods": ["private_key_jwt"]},
        {"tls_subject_type": "san_dns", "tls_subject": "billing.example", "auth_methods": ["tls_client_auth"]},
    ],
)
def test_a_private_key_that_is_not_registered_names_the_clients_whose_keys_need_not_be(adas, billing, strange, fields):
    Client.objects.filter(pk__in=[billing.secret.client.pk, strange.new.secret.client.pk]).update(**fields)
    private = Program().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for beside in ("", billing.secret.client.client_id, f"{billing.secret.client.client_id} {billing.secret.secret_id}"):
        text = text_of(look_up(adas, f"{beside} {private}"))
        assert "A private key that isn’t registered here, but may belong to one of your clients" in text
        assert "If it belongs to one of them, disable that client and replace the key." in text
        assert "billing-sync" in text
        assert "elsewhere" not in text
        assert "not from this instance" not in text


@pytest.mark.long
def test_a_private_key_that_is_not_registered_is_told_beside_one_that_is(adas, billing, now, monkeypatch):
    monkeypatch.setattr(findings, "MAX_KEYHOLDERS", 1)
    registered, unregistered = Program(), Program()
    client = billing.secret.client
    client.auth_methods = ["private_key_jwt"]
    client.save()
    add_public_keys(client=client, parsed=[read_key(registered.key.public_key())], actor=factories.TESTS, now=now)
    publisher = factories.create_client(client.workspace, name="publisher").secret.client
    published = {"jwks_uri": "https://client.example/jwks.json", "auth_methods": ["private_key_jwt"]}
    Client.objects.filter(pk=publisher.pk).update(**published)
    both = "\n".join(program.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode() for program in (registered, unregistered))
    text = text_of(look_up(adas, both))
    assert "The text also contains a private key that isn’t registered here. It is compromised: tell its owner." in text
    assert "publisher. If it belongs" in text
    Client.objects.filter(pk=client.pk).update(**published)
    assert " and others." in text_of(look_up(adas, both))


def test_a_certificate_is_found_by_itself_and_by_its_private_key(adas, billing):
    program = Program()
    certificate = create_certificate(billing.secret.client, pem(self_signed(key=program.key).certificate))
    billing.secret.client.auth_methods = ["self_signed_tls_client_auth"]
    billing.secret.client.save()
    assert f"{certificate.thumbprint} is the ID of a live certificate" in text_of(look_up(adas, certificate.certificate))
    private = program.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert "Revoke certificate" in text_of(look_up(adas, private))


def test_an_id_is_no_secret(adas, billing):
    text = text_of(look_up(adas, billing.secret.client.client_id))
    assert "The client ID of billing-sync, which isn’t secret" in text
    assert "Stop it now" not in text
    text = text_of(look_up(adas, billing.secret.secret_id))
    assert "The ID alone is harmless." in text
    assert "Revoke secret" in text


@pytest.mark.parametrize(("count", "said"), [(90_000, "about twice a minute"), (900, "about once an hour"), (90, "about 3 times a day"), (3, "less than")])
def test_how_often_it_is_used_is_said_in_the_unit_that_fits(adas, ada, billing, now, count, said, django_assert_max_num_queries):
    ClientSecret.objects.update(created_at=now - timedelta(days=30), created_by=ada.audit_name)
    AddressUse.objects.create(
        client=billing.secret.client, credential=billing.secret.secret_id, address="203.0.113.61", day=now.date(), count=count, last_used_at=now
    )
    adas.get(URL)
    with django_assert_max_num_queries(12):
        text = text_of(adas.get(URL, {"what": f"s.{billing.secret.secret_id}"}))
    assert "by ada@example.com" in text
    assert f"This one is used {said}" in text


def test_a_look_up_is_written_down_with_ids_only_also_one_that_finds_nothing(adas, demo, billing):
    look_up(adas, "nothing")
    event = AuditEvent.objects.get(event="leak.checked")
    assert (event.target_type, event.target_id, event.after) == ("workspace", "demo", {"pasted": "nothing of this instance"})
    token = ask_for_token(billing).json()["access_token"]
    look_up(adas, f"{billing.plaintext} {token}")
    events = AuditEvent.objects.filter(event="leak.checked", pk__gt=event.pk)
    assert {event.target_type for event in events} == {"secret", "token"}
    event = events.get(target_type="secret")
    assert event.target_id == billing.secret.secret_id
    assert event.after == {"client_id": billing.secret.client.client_id, "pasted": "whole", "state": "used"}
    assert event.actor.endswith("ada@example.com")
    assert event.address
    written = json.dumps([[one.before, one.after, one.target_id] for one in events])
    assert billing.plaintext not in written
    assert token not in written


def test_many_look_ups_have_to_wait(adas, billing, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_LOOK_UPS", 2)
    assert [look_up(adas, billing.plaintext).status_code for _ in range(3)] == [200, 200, 429]
    refused = look_up(adas, billing.plaintext)
    assert "Too many attempts. Wait 5 min and try again." in text_of(refused)
    assert 0 < int(refused["Retry-After"]) <= 300


@pytest.mark.long
def test_of_many_things_that_somebody_has_had_found_the_audit_log_has_the_number(bens, adas, demo, billing, monkeypatch):
    """Otherwise a viewer could write hundreds of events with each look-up. The look-up is never refused: the secret that works may be in the next one."""
    monkeypatch.setattr(quotas, "MAX_FOUND", 3)
    both = f"{billing.plaintext} {factories.create_client(demo, name='other').plaintext}"
    assert look_up(bens, both).status_code == 200
    events = AuditEvent.objects.filter(event="leak.checked")
    before = events.count()
    assert all(look_up(bens, both).status_code == 200 for _ in range(3))
    assert events.count() == before + 3
    assert [(event.target_type, event.after) for event in events.order_by("-pk")[:3]] == [("workspace", {"found": 2})] * 3
    assert "checked pasted text and found 2 secrets, tokens or IDs of this workspace" in text_of(adas.get("/w/demo/audit/"))
    look_up(adas, both)
    assert events.order_by("-pk")[0].target_type != "workspace"
