"""The paths of accounts. django-allauth reverses the names that begin with “account_” and “mfa_”."""

from django.urls import include, path

from dashboard.account.views import account, confirm, factors, links, preferences, sign_in

urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="account_login"),
    path("sign-in/code/", sign_in.second_factor, name="mfa_authenticate"),
    path("sign-in/passkey/", sign_in.passkey_sign_in, name="mfa_login_webauthn"),
    path("sign-out/", sign_in.sign_out, name="account_logout"),
    path("reset/", links.reset, name="account_reset_password"),
    path("reset/<link>/", links.reset_password, name="reset_password"),
    path("confirm/", confirm.confirm, name="account_reauthenticate"),
    path("", include("dashboard.account.sso_urls")),
    path("help/", preferences.help_page, name="help"),
    path("theme/", preferences.theme, name="theme"),
    path("time-zone/", preferences.time_zone, name="time_zone"),
    path("stay/", preferences.stay_signed_in, name="stay_signed_in"),
    path("profile/", account.profile, name="profile"),
    path("profile/email/", links.email_change, name="email_change"),
    path("profile/email/<token>/", links.email_confirm, name="email_confirm"),
    path("display/", account.display, name="display"),
    path("security/", account.security, name="mfa_index"),
    path("security/password/", account.password, name="account_change_password"),
    path("security/passkeys/new/", factors.passkey_new, name="passkey_new"),
    path("security/passkeys/<int:pk>/rename/", factors.passkey_rename, name="passkey_rename"),
    path("security/passkeys/<int:pk>/remove/", factors.passkey_remove, name="passkey_remove"),
    path("security/codes/on/", factors.one_time_codes_on, name="one_time_codes_on"),
    path("security/codes/off/", factors.one_time_codes_off, name="one_time_codes_off"),
    path("security/recovery-codes/new/", factors.recovery_codes_new, name="recovery_codes_new"),
    path("security/sessions/<int:pk>/end/", account.session_end, name="session_end"),
    path("security/sessions/end-others/", account.sessions_end, name="sessions_end"),
]
