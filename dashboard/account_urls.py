"""The paths of accounts. The names of django-allauth's views are those that it reverses."""

from allauth.account import views as account
from allauth.mfa.base import views as second_factor
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.usersessions import views as sessions
from django.urls import path

from dashboard.permissions import anyone, signed_in
from dashboard.views import preferences, sign_in

urlpatterns = [
    path("sign-in/", anyone(sign_in.sign_in), name="account_login"),
    path("sign-in/code/", anyone(sign_in.second_factor), name="mfa_authenticate"),
    path("sign-in/passkey/", anyone(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("sign-out/", anyone(account.logout), name="account_logout"),
    path("reset/", anyone(account.password_reset), name="account_reset_password"),
    path("reset/sent/", anyone(account.password_reset_done), name="account_reset_password_done"),
    path("reset/done/", anyone(account.password_reset_from_key_done), name="account_reset_password_from_key_done"),
    path("reset/<uidb36>-<key>/", anyone(account.password_reset_from_key), name="account_reset_password_from_key"),
    path("confirm/", signed_in(account.reauthenticate), name="account_reauthenticate"),
    path("confirm/code/", signed_in(second_factor.reauthenticate), name="mfa_reauthenticate"),
    path("confirm/passkey/", signed_in(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("theme/", preferences.theme, name="theme"),
    path("time-zone/", preferences.time_zone, name="time_zone"),
    path("security/", signed_in(second_factor.index), name="mfa_index"),
    path("security/password/", signed_in(account.password_change), name="account_change_password"),
    path("security/password/set/", signed_in(account.password_set), name="account_set_password"),
    path("security/email/", signed_in(account.email), name="account_email"),
    path("security/email/sent/", signed_in(account.email_verification_sent), name="account_email_verification_sent"),
    path("security/email/<key>/", anyone(account.confirm_email), name="account_confirm_email"),
    path("security/passkeys/", signed_in(passkeys.list_webauthn), name="mfa_list_webauthn"),
    path("security/passkeys/new/", signed_in(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("security/passkeys/<int:pk>/rename/", signed_in(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
    path("security/passkeys/<int:pk>/remove/", signed_in(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("security/codes/on/", signed_in(totp.activate_totp), name="mfa_activate_totp"),
    path("security/codes/off/", signed_in(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("security/recovery-codes/", signed_in(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("security/recovery-codes/new/", signed_in(recovery_codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("security/recovery-codes/download/", signed_in(recovery_codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("security/sessions/", signed_in(sessions.list_usersessions), name="usersessions_list"),
]
