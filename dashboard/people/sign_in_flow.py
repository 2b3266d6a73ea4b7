"""A sign-in on its way through django-allauth's stages, and its state in the session.

These are the private parts of allauth.account in version 65.21 that we use. No other file imports them; see “django-allauth” in pyproject.toml.
"""

from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
    perform_login,
    perform_password_login,
    record_authentication,
)
from allauth.account.internal.flows.logout import logout
from allauth.account.internal.stagekit import clear_login, stash_login
from allauth.account.utils import get_login_redirect_url, get_next_redirect_url

__all__ = [
    "AUTHENTICATION_METHODS_SESSION_KEY",
    "clear_login",
    "get_authentication_records",
    "get_login_redirect_url",
    "get_next_redirect_url",
    "logout",
    "perform_login",
    "perform_password_login",
    "record_authentication",
    "stash_login",
]
