from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('dashboard', '0002_people'),
    ]

    operations = [
        migrations.AddField(
            model_name='membership',
            name='came_by_sso',
            field=models.BooleanField(default=False, help_text="Follows the person's groups at the OpenID provider, at each single sign-on."),
        ),
    ]
