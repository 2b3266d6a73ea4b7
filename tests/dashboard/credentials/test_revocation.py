"""Revoking a secret, a public key or a certificate: the page says first what breaks."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from clients.models import AddressUse, AuditEvent
from clients.services import rotation, secrets
from clients.services.audit import Actor
from clients.services.public_keys import revoke_public_key
from tests import factories
from tests.dashboard.conftest import Browser, create_certificate, create_public_key, text_of
from tests.dashboard.credentials.conftest import give_tokens, url, use

DAY = timedelta(days=1)


def page_of(secret):
    return url(secret.client, "secrets", secret.secret_id, "revoke")


def revoke(browser, path, **fields):
    return browser.post(path, {"reason": "", **fields})


def test_what_breaks_is_said_with_who_uses_it_how_often_and_which_tokens_end(danas, secret):
    use(secret, "198.51.100.7", count=212)
    use(secret, "203.0.113.61", ago=timedelta(hours=2))
    give_tokens(secret, 3)
    text = text_of(danas.get(page_of(secret)))
    assert f"Revoke secret {secret.secret_id}?" in text
    assert "of billing-sync Live" in text
    assert "198.51.100.7 stops getting tokens. It used this secret 14 min ago, and 212 times in 7 days. It will get invalid_client." in text
    assert "203.0.113.61 stops getting tokens. It used this secret 2 h ago, and 1 time in 7 days." in text
    assert "3 tokens end at once. The last of them would have been valid until" in text
    assert "billing-sync has no other credential. It gets no tokens until you add a credential." in text
    assert "Rotate it: both secrets work until the new one is everywhere." in text


def test_what_goes_on_is_said_with_the_credential_that_it_uses(danas, secret):
    new = factories.create_secret(secret.client).secret
    for number, address in enumerate(("203.0.113.61", "203.0.113.62", "198.51.100.7")):
        use(new, address, ago=timedelta(minutes=number))
    use(secret, "198.51.100.7")
    give_tokens(new, 5)
    give_tokens(secret, 2)
    text = text_of(danas.get(page_of(secret)))
    assert "2 tokens end at once." in text
    assert "198.51.100.7 stops getting tokens with it." in text
    assert f"It uses {new.secret_id} too, and keeps working." in text
    assert f"203.0.113.61 and 1 other place keep working. They use {new.secret_id}, which never expires." in text
    assert "has no other credential" not in text


def test_use_from_an_address_that_nobody_knows_is_use_as_well_and_of_many_the_last_ones_are_named(danas, secret):
    secret.last_used_at = timezone.now() - timedelta(hours=3)
    secret.save(update_fields=["last_used_at"])
    assert "It was used 3 h ago, from an unknown address." in text_of(danas.get(page_of(secret)))
    secret.client.created_at = timezone.now() - 90 * DAY
    secret.client.save(update_fields=["created_at"])
    for number in range(12):
        use(secret, f"203.0.113.{number}", ago=timedelta(minutes=20 - number))
    text = text_of(danas.get(page_of(secret)))
    assert "New address" in text
    assert text.count("stops getting tokens.") == 8
    assert "More addresses stop getting tokens." in text


def test_in_the_test_environment_what_is_unused_prints_one_line_and_nothing_is_typed(danas, testing, secret):
    assert "Nothing has ever used it." in text_of(danas.get(page_of(secret)))
    use(secret, ago=6 * DAY)
    assert f"Type {secret.secret_id} to confirm" in text_of(danas.get(page_of(secret)))
    AddressUse.objects.all().delete()
    use(secret, ago=94 * DAY)
    text = text_of(danas.get(page_of(secret)))
    assert "Nothing has used it for 94 days." in text
    assert "to confirm" not in text
    assert revoke(danas, page_of(secret))["Location"] == url(testing)
    secret.refresh_from_db()
    assert secret.revoked_at is not None


@pytest.mark.parametrize(
    ("typed", "said"), [("Kp4zR1uw", "exactly. You typed Kp4zR1uw."), ("", "exactly."), ("<b>x</b>", "exactly. You typed <b>x</b>."), ("x" * 201, "exactly.")]
)
def test_what_is_typed_wrong_revokes_nothing_and_what_was_typed_stays(danas, secret, typed, said):
    for reason in ("x" * 201, "\u202eevil"):
        assert "Nothing was revoked." in text_of(revoke(danas, page_of(secret), typed=secret.secret_id, reason=reason))
    page = revoke(danas, page_of(secret), typed=typed, reason="It leaked")
    assert "Nothing was revoked." in text_of(page)
    assert f"Type {secret.secret_id} {said}" in text_of(page)
    assert 'value="It leaked"' in page.content.decode()
    assert "<title>Error: " in page.content.decode()
    secret.refresh_from_db()
    assert secret.revoked_at is None


def test_revoking_says_how_many_tokens_ended_and_keeps_why(danas, dana, secret):
    give_tokens(secret, 3)
    answer = danas.post(page_of(secret), {"reason": "It leaked", "typed": secret.secret_id}, follow=True)
    assert f"{secret.secret_id} revoked. 3 tokens ended with it." in text_of(answer)
    event = AuditEvent.objects.get(event="secret.revoked")
    assert (event.actor, event.after["reason"], event.after["client_id"]) == (dana.audit_name, "It leaked", secret.client.client_id)


def test_one_token_and_none_are_said_so_and_a_secret_in_the_reason_is_cut_down(danas, billing):
    secret, other = billing.secret, factories.create_secret(billing.secret.client).secret
    give_tokens(secret, 1)
    answer = danas.post(page_of(secret), {"typed": secret.secret_id, "reason": billing.plaintext}, follow=True)
    assert "1 token ended with it." in text_of(answer)
    assert AuditEvent.objects.get(event="secret.revoked").after["reason"] == f"tos_live_{secret.secret_id}…"
    assert "It had no valid tokens." in text_of(danas.post(page_of(other), {"typed": other.secret_id}, follow=True))


def test_somebody_who_was_faster_is_named_with_the_moment_and_the_reason(danas, ada, secret):
    secrets.revoke_secret(client=secret.client, secret_id=secret.secret_id, reason="It leaked", actor=Actor(ada.audit_name), now=timezone.now())
    for page in (danas.get(page_of(secret)), revoke(danas, page_of(secret), typed=secret.secret_id)):
        assert f"Secret {secret.secret_id} is revoked" in text_of(page)
        assert "ada@example.com revoked it today" in text_of(page)
        assert "Reason: It leaked." in text_of(page)
    assert AuditEvent.objects.filter(event="secret.revoked").count() == 1
    AuditEvent.objects.all().delete()
    assert "It was revoked today" in text_of(danas.get(page_of(secret)))


def test_in_a_rotation_the_other_ways_are_to_leave_it_to_extend_it_and_to_end_it(danas, secret):
    rotation.rotate_secret(client=secret.client, actor=factories.TESTS, now=timezone.now())
    use(secret)
    secret.refresh_from_db()
    text = text_of(danas.get(page_of(secret)))
    assert "It would expire tomorrow" in text
    assert "Keep it: it expires tomorrow" in text
    assert "Extend the overlap until 198.51.100.7 has the new secret." in text
    assert "End it now: it gets no more tokens, and existing tokens stay valid." in text


def test_a_secret_that_has_ended_can_be_revoked_too_with_its_tokens(danas, secret):
    give_tokens(secret, 2)
    factories.expire(secret)
    assert "It expired" in text_of(danas.get(page_of(secret)))
    assert "2 tokens ended with it." in text_of(danas.post(page_of(secret), {"typed": secret.secret_id}, follow=True))


def test_a_public_key_is_revoked_by_its_kid(danas, client_):
    key = create_public_key(client_, kid="laptop")
    give_tokens(key, 2)
    path = url(client_, "keys", "laptop", "revoke")
    text = text_of(danas.get(path))
    assert "Revoke public key laptop?" in text
    assert "The same key can’t be added again." in text
    assert "laptop revoked. 2 tokens ended with it." in text_of(danas.post(path, {"typed": "laptop"}, follow=True))
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "Public key laptop is revoked" in text_of(danas.get(path))


def test_of_two_clients_with_the_same_kid_the_right_ones_event_is_shown(danas, client_, dana, ada):
    other = factories.create_client(client_.workspace, name="other").secret.client
    for of, by in ((client_, dana), (other, ada)):
        create_public_key(of, kid="laptop")
        revoke_public_key(client=of, kid="laptop", actor=Actor(by.audit_name), now=timezone.now())
    assert "Dana Scully revoked it" in text_of(danas.get(url(client_, "keys", "laptop", "revoke")))
    assert "ada@example.com revoked it" in text_of(danas.get(url(other, "keys", "laptop", "revoke")))


@pytest.mark.parametrize("kid", ["a/b", "..", ".", "~x", "50%", "a?b#c", "a;b&c=d", "x" * 100, '"><script>'])
def test_a_kid_of_whatever_characters_has_an_address(danas, client_, kid):
    create_public_key(client_, kid=kid)
    path = reverse("key_revoke", args=[client_.workspace.slug, client_.client_id, kid])
    assert danas.get(path).status_code == 200
    assert revoke(danas, path, typed=kid if len(kid) <= 24 else "billing-sync").status_code == 302
    assert client_.public_keys.get().revoked_at is not None


@pytest.mark.parametrize("kid", ["~", "~x=", "~_w", "nobody", "~AA"])
def test_an_address_of_no_kid_is_not_found(danas, client_, kid):
    assert danas.get(url(client_, "keys", kid, "revoke")).status_code == 404


def test_a_certificate_is_revoked_by_its_thumbprint_and_the_clients_name_is_typed(danas, client_):
    certificate = create_certificate(client_)
    path = url(client_, "certificates", certificate.thumbprint, "revoke")
    text = text_of(danas.get(path))
    assert f"Revoke this certificate? of billing-sync Live {certificate.thumbprint} CN=laptop" in text
    assert "Type billing-sync to confirm" in text
    assert "Certificate revoked. It had no valid tokens." in text_of(danas.post(path, {"typed": "billing-sync"}, follow=True))
    assert "This certificate is revoked" in text_of(danas.get(path))


def test_what_belongs_to_another_workspace_or_client_is_not_found(eves, danas, secret):
    assert eves.get(page_of(secret)).status_code == 404
    elsewhere = factories.create_client(secret.client.workspace, name="elsewhere").secret
    for wrong in (elsewhere.secret_id, "x" * 10, "%00", "a%0Ab"):
        assert danas.get(url(secret.client, "secrets", wrong, "revoke")).status_code == 404
    assert danas.get(f"/w/demo/clients/%00{'x' * 20}/secrets/x/revoke/").status_code == 404
    assert danas.get(url(secret.client, "certificates", "x" * 43, "revoke")).status_code == 404


def test_somebody_who_signed_in_long_ago_proves_first_who_they_are_and_the_form_is_kept(dana, secret):
    browser = Browser(raise_request_exception=False)
    browser.force_login(dana)
    answer = revoke(browser, page_of(secret), typed=secret.secret_id, reason="It leaked")
    assert answer["Location"].startswith("/accounts/confirm/?next=")
    assert browser.post(answer["Location"], {"password": factories.PASSWORD})["Location"] == url(secret.client)
    assert AuditEvent.objects.get(event="secret.revoked").after["reason"] == "It leaked"


def test_what_was_typed_is_kept_where_the_session_ended_meanwhile(browser, secret):
    page = revoke(browser, page_of(secret), typed=secret.secret_id, reason="It leaked")
    assert page.status_code == 403
    assert "It leaked" in page.content.decode()
    secret.refresh_from_db()
    assert secret.revoked_at is None
