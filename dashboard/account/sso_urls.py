"""The paths of single sign-on, below /accounts/. sso/callback/ is the redirect URI registered at the provider."""

from django.urls import path

from dashboard.account.views import sso

urlpatterns = [
    path("sso/", sso.sso_sign_in, name="sso_sign_in"),
    path("sso/callback/", sso.sso_callback, name="sso_callback"),
    path("confirm/sso/", sso.sso_confirm, name="sso_confirm"),
    path("security/sso/", sso.sso_connection, name="sso_connection"),
    path("security/sso/connect/", sso.sso_connect, name="sso_connect"),
    path("security/sso/disconnect/", sso.sso_disconnect, name="sso_disconnect"),
]
