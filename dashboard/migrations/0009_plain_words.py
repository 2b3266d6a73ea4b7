"""Rewords an error message. The table stays as it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('dashboard', '0008_session_keys_digested'),
    ]

    operations = [
        migrations.AlterField(
            model_name='user',
            name='email',
            field=models.EmailField(error_messages={'unique': 'This email address already has an account.'}, max_length=254, unique=True),
        ),
    ]
