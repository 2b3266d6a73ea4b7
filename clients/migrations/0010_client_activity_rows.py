from django.db import migrations, models

# The counts follow with the server's next correction.
_INSERT = """
    INSERT INTO clients_clientactivity (client_id, workspace_id, granted_24h, refused_24h, granted_7d, refused_7d, granted_30d, refused_30d)
    SELECT id, workspace_id, 0, 0, 0, 0, 0, 0 FROM clients_client
    WHERE NOT EXISTS (SELECT 1 FROM clients_clientactivity a WHERE a.client_id = clients_client.id)
"""
_LAST_USE = """
    UPDATE clients_clientactivity SET (last_used_at, last_used_from) = (
        SELECT s.last_used_at, s.last_used_from FROM {table} s
        WHERE s.client_id = clients_clientactivity.client_id AND s.last_used_at IS NOT NULL ORDER BY s.last_used_at DESC LIMIT 1)
    WHERE EXISTS (
        SELECT 1 FROM {table} s WHERE s.client_id = clients_clientactivity.client_id AND s.last_used_at IS NOT NULL
        AND (clients_clientactivity.last_used_at IS NULL OR s.last_used_at > clients_clientactivity.last_used_at))
"""
_TABLES = ("clients_clientsecret", "clients_clientpublickey", "clients_clientcertificate")


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0009_audit_indexes"),
    ]

    operations = [
        migrations.AlterField(model_name="scopeuse", name="scope", field=models.CharField(max_length=128)),
        migrations.RunSQL(_INSERT, migrations.RunSQL.noop),
        *(migrations.RunSQL(_LAST_USE.format(table=table), migrations.RunSQL.noop) for table in _TABLES),
    ]
