"""…/delete/: permanent, so the name must be typed, and only for an unused client."""

from datetime import timedelta

import pytest

from clients.models import AuditEvent, Client
from clients.services.clients import disable_client
from tests import factories
from tests.dashboard.client_settings.conftest import changes, path, use
from tests.dashboard.conftest import create_certificate, create_public_key, text_of


def test_page_lists_what_goes_and_what_stays_and_the_typed_name_deletes_it(dans, client):
    create_public_key(client)
    create_public_key(client, kid="desktop")
    create_certificate(client)
    text = text_of(dans.get(path(client, "delete")))
    assert "Delete billing-sync?" in text
    assert "1 secret, 2 public keys, 1 certificate" in text
    assert "Its usage" in text
    assert "Audit events stay" in text
    assert "Type billing-sync to confirm" in text
    secret_id = client.secrets.get().secret_id
    page = dans.post(path(client, "delete"), {"name": "billing-sync"}, follow=True)
    assert "billing-sync was deleted." in text_of(page)
    assert not Client.objects.exists()
    [(before, after)] = changes("client.deleted")
    assert (before["name"], before["secrets"], after) == ("billing-sync", [secret_id], {})
    assert AuditEvent.objects.filter(target_id=client.client_id, event="client.created").exists()
    assert dans.get(path(client, "delete")).status_code == 404


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Type billing-sync exactly."),
        ("Billing-sync", "Type billing-sync exactly. You typed Billing-sync."),
        ("x" * 100_000, "Type billing-sync exactly."),
        ("<b>x</b>", "You typed"),
    ],
)
def test_another_text_deletes_nothing(dans, client, typed, said):
    page = dans.post(path(client, "delete"), {"name": typed})
    assert "Nothing was deleted." in text_of(page)
    assert said in text_of(page)
    assert "<b>x</b>" not in page.content.decode()
    assert Client.objects.exists()


def test_one_in_use_is_disabled_first_and_then_says_from_when_on_it_can_go(dans, client, billing, now):
    use(client, credential=billing.secret.secret_id)
    text = text_of(dans.get(path(client, "delete")))
    assert "Disable it first." in text
    assert "Type billing-sync" not in text
    page = dans.post(path(client, "delete"), {"name": "billing-sync"})
    assert "billing-sync was used within the last 30 days. Disable it first, and delete it 24 hours later." in text_of(page)
    assert Client.objects.get().status == "enabled"
    disable_client(client=client, actor=factories.TESTS, now=now - timedelta(hours=23))
    text = text_of(dans.get(path(client, "delete")))
    assert "It can be deleted from" in text
    assert "so it must be disabled for 24 hours first" in text
    assert "Disable it first" not in text


def test_name_with_markup_and_spaces_can_be_typed(dans, demo):
    odd = factories.create_client(demo, name="<b>مرحبا</b>  x").secret.client
    page = dans.get(path(odd, "delete"))
    assert "<b>مرحبا</b>" not in page.content.decode()
    dans.post(path(odd, "delete"), {"name": " <b>مرحبا</b>  x "})
    assert not Client.objects.exists()
