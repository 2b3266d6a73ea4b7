"""manage.py enable_client CLIENT_ID."""

from clients.models import AuditEvent, Client


def test_disabled_client_is_enabled_again(command, billing):
    client_id = billing.secret.client.client_id
    command("disable_client", client_id)
    assert command("enable_client", client_id, "--json").json == {"client_id": client_id, "status": "enabled"}
    assert Client.objects.get().status == "enabled"
    assert AuditEvent.objects.first().event == "client.enabled"


def test_enabling_an_enabled_one_is_no_event(command, billing):
    events = AuditEvent.objects.count()
    assert command("enable_client", billing.secret.client.client_id).stdout == f"Client ID  {billing.secret.client.client_id}\nStatus     enabled\n"
    assert AuditEvent.objects.count() == events


def test_unknown_client_is_refused(refused, billing):
    assert "There is no client" in refused("enable_client", "nobody")
