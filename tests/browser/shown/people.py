"""Sign-in, accounts, members and settings."""

from playwright.sync_api import Page

from tests.browser.shown import PASSWORD, Shown


def _send_wrong_password(page: Page) -> None:
    page.get_by_label("Email", exact=True).fill("ada@example.com")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("alert").wait_for()


def _send_password(page: Page) -> None:
    page.get_by_label("Email", exact=True).fill("mina@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/sign-in/code/")


def _ask_for_a_reset(page: Page) -> None:
    page.get_by_label("Email", exact=True).fill("nobody@example.com")
    page.locator("form .btn.main").click()
    page.get_by_text("nobody@example.com has an account").wait_for()


def _invite_nobody(page: Page) -> None:
    page.locator("form .btn.main").click()
    page.get_by_role("alert").wait_for()


def _ask_for_nonsense(page: Page) -> None:
    page.get_by_label("Maximum secret lifetime in days", exact=False).fill("-1")
    page.get_by_label("Name", exact=True).fill("")
    page.locator("main form .btn.main").click()
    page.get_by_role("alert").wait_for()


def _ask_for_second_factors(page: Page) -> None:
    page.get_by_label("Require a second factor for every member").check()
    page.get_by_label("Maximum secret lifetime in days", exact=False).fill("90")
    page.locator("main form .btn.main").click()
    page.wait_for_url("**/preview/**")


def _ask_for_shorter_retention(page: Page) -> None:
    page.get_by_label("Requests, days").fill("30")
    page.get_by_label("Audit events, days").fill("400")
    page.locator("main form .btn.main").click()
    page.wait_for_url("**/preview/**")


PAGES = [
    Shown("account_login", "/accounts/sign-in/", "Sign in", None, picture="sign-in"),
    Shown("account_login", "/accounts/sign-in/", "Error: Sign in", None, _send_wrong_password, picture="sign-in-errors"),
    Shown("mfa_authenticate", "/accounts/sign-in/", "Enter your code", None, _send_password, picture="sign-in-code"),
    Shown("account_reset_password", "/accounts/reset/", "", None, picture="reset"),
    Shown("account_reset_password", "/accounts/reset/", "", None, _ask_for_a_reset),
    Shown("reset_password", "{reset}", "", None),
    Shown("reset_password", "/accounts/reset/1-x/", "", None, status=410),
    Shown("email_confirm", "/accounts/profile/email/{email}/", "", "tom"),
    Shown("invitation", "/accounts/invite/{invitation}/", "Join Kestrel Parcel", None, picture="invitation"),
    Shown("invitation", "/accounts/invite/forged/", "Invitation not valid", None, status=404),
    Shown("time_zone", "/accounts/time-zone/", "Time zone", None),
    Shown("help", "/accounts/help/", "Help", None, picture="help"),
    Shown("profile", "/accounts/profile/", "", picture="account-profile"),
    Shown("email_change", "/accounts/profile/email/", ""),
    Shown("display", "/accounts/display/", "Keyboard and display", picture="account-display"),
    Shown("mfa_index", "/accounts/security/", "Account security", picture="account-security"),
    Shown("account_change_password", "/accounts/security/password/", "Change password"),
    Shown("passkey_new", "/accounts/security/passkeys/new/", "Add passkey"),
    Shown("passkey_rename", "/accounts/security/passkeys/{passkey}/rename/", ""),
    Shown("passkey_remove", "/accounts/security/passkeys/{passkey}/remove/", "Remove Laptop"),
    Shown("one_time_codes_on", "/accounts/security/codes/on/", "Turn on one-time codes", picture="one-time-codes"),
    Shown("one_time_codes_off", "/accounts/security/codes/off/", "", "mina"),
    Shown("recovery_codes_new", "/accounts/security/recovery-codes/new/", ""),
    Shown("account_reauthenticate", "/accounts/confirm/", "Confirm it’s you", picture="confirm"),
    Shown("account_logout", "/accounts/sign-out/", "Sign out"),
    Shown("workspaces", "/w/", "Workspaces", picture="workspaces"),
    Shown("workspace_new", "/w/new/", "Create workspace", "olga", picture="workspace-new"),
    Shown("members", "/w/kestrel/members/", "Members", picture="members"),
    Shown("members", "/w/kestrel/members/", "Members", "ben", picture="members-viewer"),
    Shown("invite", "/w/kestrel/members/invite/", "Invite people", picture="invite"),
    Shown("invite", "/w/kestrel/members/invite/", "Error: Invite people", act=_invite_nobody),
    Shown("invite", "/w/kestrel/members/invite/", "Members", "ben", status=403, picture="not-allowed"),
    Shown("invitation_list", "/w/kestrel/members/invitations/", ""),
    Shown("leave", "/w/kestrel/members/leave/", "", "tom"),
    Shown("member_role", "/w/kestrel/members/{members[tom]}/role/", "Change role of Tom Brandt", picture="member-role"),
    Shown("member_remove", "/w/kestrel/members/{members[tom]}/remove/", "Remove Tom Brandt", picture="member-remove"),
    Shown("settings", "/w/kestrel/settings/", "", picture="settings"),
    Shown("settings", "/w/kestrel/settings/", "", "ben"),
    Shown("settings", "/w/kestrel/settings/", "Error: ", act=_ask_for_nonsense, picture="settings-errors"),
    Shown("settings_preview", "/w/kestrel/settings/", "", act=_ask_for_second_factors, picture="settings-preview"),
    Shown("settings_report", "/w/kestrel/settings/report/", ""),
    Shown("scopes", "/w/kestrel/settings/scopes/", "", picture="scopes"),
    Shown("scope", "/w/kestrel/settings/scopes/{scope}/", ""),
    Shown("scope_remove", "/w/kestrel/settings/scopes/{scope}/remove/", "", picture="scope-remove"),
    Shown("audiences", "/w/kestrel/settings/audiences/", "", picture="audiences"),
    Shown("audience_remove", "/w/kestrel/settings/audiences/remove/?uri=https://parcels.example.com", ""),
    Shown("retention", "/w/kestrel/settings/retention/", "", picture="retention"),
    Shown("retention_preview", "/w/kestrel/settings/retention/", "", act=_ask_for_shorter_retention, picture="retention-preview"),
    Shown("workspace_delete", "/w/kestrel/settings/delete/", "", picture="workspace-delete"),
    Shown("sso_sign_in", "/accounts/sso/", "", None),
    Shown("sso_connection", "/accounts/security/sso/", ""),
    Shown("theme", "/accounts/theme/", "Nothing to show", None, status=405),
    Shown("not_found", "/nothing/here", "Not found", None, status=404, picture="404"),
]
# Routes that have no page of their own: they act, answer a program, or lead on.
WITHOUT_PAGE = {
    "stay_signed_in",
    "workspace",
    "mfa_login_webauthn",
    "session_end",
    "sessions_end",
    "invitation_link",
    "invitation_send_again",
    "invitation_withdraw",
    "workspace_keep",
    "sso_callback",
    "sso_confirm",
    "sso_connect",
    "sso_disconnect",
}
