"""The name of this app in the admin."""

from django.apps import AppConfig


class OAuthConfig(AppConfig):
    name = "oauth"
    verbose_name = "Keys and tokens"
