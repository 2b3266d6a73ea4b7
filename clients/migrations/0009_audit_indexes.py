
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0008_client_activity_new_address"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["workspace", "id"], name="audit_by_workspace_and_id"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["workspace", "event", "id"], name="audit_by_event"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["workspace", "address", "id"], name="audit_by_address"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["workspace", "actor", "id"], name="audit_by_actor", opclasses=["int8_ops", "varchar_pattern_ops", "int8_ops"]),
        ),
    ]
