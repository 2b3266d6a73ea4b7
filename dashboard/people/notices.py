"""Mail to a person about every change of their account, also their own: the change, its time, address and device, and what to do."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from dashboard.instance import mail
from dashboard.instance.addresses import issuer_host, page_url
from dashboard.models import User
from dashboard.people.caller import connection_of
from dashboard.people.user_agent import describe_device

# The subject, and the meaning of the change.
_TEXTS = {
    "passkey_added": ("A passkey was added to your account: {name}", "You can now sign in with it, without a password.{ended}"),
    "passkey_removed": ("A passkey was removed from your account: {name}", "It can no longer be used to sign in."),
    "passkey_refused": (
        "A passkey of your account may have been copied: {name}",
        "It was refused: a passkey counts its uses, and this one’s count didn’t increase. Remove this passkey and add a new one, even if it was you.",
    ),
    "one_time_codes_on": ("One-time codes are on for your account", "From now on, you need a code from your app after your password.{ended}"),
    "one_time_codes_off": ("One-time codes are off for your account", "You no longer need one to sign in."),
    "recovery_codes_made": ("New recovery codes were made for your account", "The old ones no longer work."),
    "recovery_code_used": ("A recovery code of your account was used", "You have {left} of 10 left."),
    "wrong_codes": (
        "Somebody has your password but not your code",
        "A sign-in to your account was ended after 5 wrong codes. The person who tried knew the password.",
    ),
    "one_time_codes_locked": (
        "One-time codes are locked for your account",
        (
            "Somebody with your password entered {wrong} wrong codes in a row. Use a passkey or a recovery code. "
            "Once a day, a password reset allows {more} more tries."
        ),
    ),
    "password_changed": ("Your password was changed", "Every other session of your account has ended."),
    "password_reset": ("Your password was reset by a link in an email", "Every session of your account has ended."),
    "email_changed": ("The address of your account was changed", "It was {old} and is now {new}. Sign in with the new address; our mail goes there too."),
    "new_device": ("New sign-in to your account: {device}", "Method: {method}, in a browser that hadn’t been signed in to your account before."),
    "sso_connected": ("Your account was connected to {provider}", "From now on, you can sign in here with {provider}."),
    "sso_disconnected": ("Your account is no longer connected to {provider}", "You can no longer sign in here with it."),
    "recovered": (
        "The operator recovered your account",
        "Your password, second factors and single sign-on connection were removed. Your sessions and links have ended. The operator can give you a new link.",
    ),
}
# The same for acts of the instance's administrators. Changing the password doesn't help against these.
_BY_OPERATOR = {
    "disabled": ("Your account was disabled", "Nobody can sign in to it. Every session has ended, and the links that you made for others no longer work."),
    "enabled": ("Your account is enabled again", "You can sign in as before. Links that you made for others earlier don’t work again."),
    "promoted": ("You are now an administrator of this instance", "Under /admin/ you can see every workspace. Every session has ended, so sign in again."),
    "demoted": (
        "You are no longer an administrator of this instance",
        "You can no longer open /admin/. Your roles in workspaces stay. Every session has ended.",
    ),
}


def tell(notice: str, user: User, /, *, request: HttpRequest, now: datetime, to: str = "", **values: Any) -> None:
    """The mail is sent after the response to request. Don't call this in a transaction. to: an address other than the account's."""
    user_agent = request.headers.get("User-Agent", "")
    context = {"address": connection_of(request).remote_address, "device": describe_device(user_agent)}
    mail.send_later("account_notice", [to or user.email], describe(notice, now=now, **{**context, **values}))


def tell_by_operator(notice: str, user: User, *, now: datetime) -> None:
    """Like tell, but without address and device, which aren't the person's."""
    mail.send_later("account_notice", [user.email], describe(notice, now=now))


def describe(notice: str, /, *, now: datetime, **values: Any) -> dict[str, Any]:
    """The data for a notice's template. values: address and device, if known, and the names in the text."""
    subject, text = {**_TEXTS, **_BY_OPERATOR}[notice]
    return {
        "headline": subject.format(**values),
        "text": text.format(**values),
        "is_harmless_if_known": notice != "passkey_refused",
        "is_by_operator": notice in _BY_OPERATOR,
        "host": issuer_host(),
        "at": now,
        "address": values.get("address", ""),
        "device": values.get("device", ""),
        "security_url": page_url(reverse("mfa_index")),
        "reset_url": page_url(reverse("account_reset_password")),
    }
