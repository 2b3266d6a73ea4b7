"""Rewords the label of a table, which the admin pages show. The tables stay as they are."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ('oauth', '0005_forgotten_jwts'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='forgottenjwts',
            options={'verbose_name': 'removal of used JWTs', 'verbose_name_plural': 'removal of used JWTs'},
        ),
    ]
