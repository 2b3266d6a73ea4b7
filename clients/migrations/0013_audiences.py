"""From now on, each audience belongs to one workspace: that of the first client that was created with it. It is withheld from other workspaces' clients, but stays
in their list, so that nothing is lost and check_audiences can name these clients.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from clients.audience import audience_key, is_of_another_workspace, workspace_audience


def settle(apps, schema_editor):  # noqa: ARG001  # Django calls it so
    audience_model, client_model = apps.get_model("clients", "Audience"), apps.get_model("clients", "Client")
    slugs = dict(apps.get_model("clients", "Workspace").objects.values_list("pk", "slug"))
    owners, withheld = {}, []
    for client in client_model.objects.exclude(audiences=[]).order_by("created_at", "pk").iterator(1000):
        slug = slugs[client.workspace_id]
        for uri in client.audiences:
            # No workspace can own the instance's own audiences, and the token endpoint recognises them without a row.
            if uri == workspace_audience(slug) or is_of_another_workspace(uri, workspace=slug, issuer=settings.ISSUER_URL):
                continue
            first = owners.setdefault(audience_key(uri), (client.workspace_id, uri, client.created_at))
            if first[0] != client.workspace_id:
                client.withheld_audiences.append(uri)
        if client.withheld_audiences:
            withheld.append(client)
    rows = (audience_model(key=key, workspace_id=pk, uri=uri, created_at=at) for key, (pk, uri, at) in owners.items())
    audience_model.objects.bulk_create(rows, batch_size=500)
    client_model.objects.bulk_update(withheld, ["withheld_audiences"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0012_audit_events_stay"),
    ]

    operations = [
        migrations.CreateModel(
            name="Audience",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=2000, unique=True)),
                ("uri", models.CharField(max_length=512)),
                ("created_at", models.DateTimeField()),
                (
                    "workspace",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="audiences", to="clients.workspace"),
                ),
            ],
            options={"ordering": ["key"]},
        ),
        migrations.AddField(
            model_name="client",
            name="withheld_audiences",
            field=models.JSONField(blank=True, default=list, help_text="Those of its audiences that are another workspace's: no token is for them."),
        ),
        migrations.RunPython(settle, migrations.RunPython.noop),
    ]
