"""Rewords help texts and the label of a kind of certificate subject, which the admin pages show. The tables stay as they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('clients', '0016_audit_events_keep_their_workspace'),
    ]

    operations = [
        migrations.AlterField(
            model_name='client',
            name='allowed_networks',
            field=models.JSONField(default=list, help_text='CIDR ranges. Empty: any address.'),
        ),
        migrations.AlterField(
            model_name='client',
            name='contact',
            field=models.CharField(blank=True, help_text='Who is responsible for it: a team, a person or an email address.', max_length=254),
        ),
        migrations.AlterField(
            model_name='client',
            name='require_certificate',
            field=models.BooleanField(default=False, help_text='Issue only certificate-bound tokens (RFC 8705 §3).'),
        ),
        migrations.AlterField(
            model_name='client',
            name='require_dpop',
            field=models.BooleanField(default=False, help_text='Issue only DPoP-bound tokens (RFC 9449).'),
        ),
        migrations.AlterField(
            model_name='client',
            name='scopes',
            field=models.JSONField(default=list, help_text='In the order in which a token gets them if the request has no scope parameter.'),
        ),
        migrations.AlterField(
            model_name='client',
            name='tls_subject_type',
            field=models.CharField(blank=True, choices=[('tls_client_auth_subject_dn', 'subject DN'), ('tls_client_auth_san_dns', 'DNS name'), ('tls_client_auth_san_uri', 'URI'), ('tls_client_auth_san_ip', 'IP address'), ('tls_client_auth_san_email', 'email address')], max_length=32),
        ),
        migrations.AlterField(
            model_name='client',
            name='withheld_audiences',
            field=models.JSONField(blank=True, default=list, help_text='The audiences in its list that belong to another workspace. No tokens are issued for them.'),
        ),
    ]
