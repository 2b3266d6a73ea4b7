"""What the admin calls this app."""

from django.apps import AppConfig


class OAuthConfig(AppConfig):
    name = "oauth"
    verbose_name = "Keys and tokens"
