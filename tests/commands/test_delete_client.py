"""manage.py delete_client CLIENT_ID --confirm NAME."""

from clients.models import AuditEvent, Client, ClientSecret


def test_the_client_is_deleted_and_its_events_stay(command, billing):
    client = billing.secret.client
    result = command("delete_client", client.client_id, "--confirm", "billing-sync", "--json").json
    assert result == {"client_id": client.client_id, "name": "billing-sync", "deleted": True}
    assert not Client.objects.exists()
    assert AuditEvent.objects.first().event == "client.deleted"


def test_another_name_is_refused(refused, billing):
    assert "Type billing-sync exactly." in refused("delete_client", billing.secret.client.client_id, "--confirm", "billing")
    assert "--confirm" in refused("delete_client", billing.secret.client.client_id)
    assert Client.objects.exists()


def test_one_that_is_in_use_is_refused(refused, billing, now):
    ClientSecret.objects.update(last_used_at=now)
    assert "Disable it first" in refused("delete_client", billing.secret.client.client_id, "--confirm", "billing-sync")
