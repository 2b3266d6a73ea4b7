"""manage.py disable_client CLIENT_ID."""

from clients.models import AuditEvent, Client
from tests import factories


def test_client_is_disabled_and_the_result_says_so(command, billing):
    client_id = billing.secret.client.client_id
    assert command("disable_client", client_id, "--json").json == {"client_id": client_id, "status": "disabled"}
    assert Client.objects.get().status == "disabled"
    event = AuditEvent.objects.first()
    assert (event.event, event.before, event.after) == ("client.disabled", {"status": "enabled"}, {"status": "disabled"})


def test_disabling_again_changes_nothing_and_is_no_event(command, billing):
    client_id = billing.secret.client.client_id
    command("disable_client", client_id)
    events = AuditEvent.objects.count()
    assert command("disable_client", client_id, "--json").json["status"] == "disabled"
    assert AuditEvent.objects.count() == events


def test_only_the_named_client_is_disabled(command, demo, billing):
    bystander = factories.create_client(demo, name="bystander").secret.client
    command("disable_client", billing.secret.client.client_id)
    bystander.refresh_from_db()
    assert bystander.status == "enabled"


def test_unknown_client_is_refused(refused, billing):
    assert "There is no client “nobody”" in refused("disable_client", "nobody")
