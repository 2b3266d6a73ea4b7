"""Rows used to hold session keys in clear text. From now on they hold a digest, so existing sessions aren't found and end."""

from typing import Any

from django.db import migrations


def end_sessions(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("usersessions", "UserSession").objects.all().delete()
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0007_user_disabled_at"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(end_sessions, migrations.RunPython.noop),
    ]
