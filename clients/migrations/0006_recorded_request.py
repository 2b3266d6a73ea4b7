"""Renames FailedRequest to RecordedRequest, because granted requests are now stored too."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clients", "0005_audit_by_removed_workspace")]

    operations = [
        migrations.RenameModel("FailedRequest", "RecordedRequest"),
        migrations.AlterModelOptions("recordedrequest", {"ordering": ["-created_at", "-id"]}),
        migrations.RenameField("workspace", "failed_request_retention_days", "request_retention_days"),
        migrations.AlterField(
            "recordedrequest",
            "workspace",
            models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="requests", to="clients.workspace"),
        ),
        migrations.AlterField(
            "recordedrequest",
            "client",
            models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name="requests", to="clients.client"),
        ),
        migrations.RenameIndex("recordedrequest", new_name="request_by_request_id", old_name="failed_request_by_request_id"),
        migrations.RenameIndex("recordedrequest", new_name="request_by_age", old_name="failed_request_by_age"),
        migrations.RemoveIndex("recordedrequest", "failed_request_by_client"),
        migrations.RemoveIndex("recordedrequest", "failed_request_by_workspace"),
    ]
