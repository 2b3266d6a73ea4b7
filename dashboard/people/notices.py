"""Mail to a person about every change of the account, also to whoever didn't make it: what, when, from which address and device, and what to do."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import reverse

from dashboard.instance import mail
from dashboard.instance.addresses import page_url
from dashboard.models import User
from dashboard.people.caller import connection_of
from dashboard.people.user_agent import describe_device

# Subject, and what it means.
_TEXTS = {
    "passkey_added": ("A passkey was added to your account: {name}", "It signs in without a password from now on.{ended}"),
    "passkey_removed": ("A passkey of your account was removed: {name}", "It signs in no more."),
    "one_time_codes_on": ("One-time codes are on for your account", "After your password, signing in asks for a code of your app from now on.{ended}"),
    "one_time_codes_off": ("One-time codes are off for your account", "Signing in asks for none any more."),
    "recovery_codes_made": ("New recovery codes were made for your account", "The ones from before don’t work any more."),
    "recovery_code_used": ("A recovery code of your account was used", "{left} of 10 are left."),
    "wrong_codes": (
        "Somebody has your password, but not your code",
        "A sign-in to your account was ended after 5 wrong codes. Whoever tried knew the password.",
    ),
    "one_time_codes_locked": (
        "One-time codes of your account are locked",
        "Somebody with your password entered {wrong} wrong codes in a row. Use a passkey or a recovery code. A reset of the password allows {more} more a day.",
    ),
    "password_changed": ("Your password was changed", "Every other session of your account has ended."),
    "password_reset": ("Your password was reset by a link in a mail", "Every session of your account has ended."),
    "email_changed": ("The address of your account was changed", "It was {old}, and is {new} from now on. You sign in with it, and our mail goes there."),
    "new_device": ("New sign-in to your account: {device}", "It was by {method}, in a browser that had not been signed in to your account before."),
    "sso_connected": ("Your account was connected with {provider}", "Whoever signs in there as that person opens your account here from now on."),
    "sso_disconnected": ("Your account is no longer connected with {provider}", "Signing in there doesn’t open your account here any more."),
    "recovered": (
        "Your account was opened by the operator",
        "Password, second factors and single sign-on connection were removed, and every session and link of yours has ended. The operator can give you a link.",
    ),
}
# As above, of what the people who run the instance do: an own password helps against none of it.
_BY_OPERATOR = {
    "disabled": ("Your account was switched off", "Nobody can sign in to it, every session has ended, and so have the links that you made for others."),
    "enabled": ("Your account is on again", "You can sign in as before. Links that you made for others before it was switched off stay dead."),
    "promoted": ("You administer this instance now", "Your account sees every workspace under /admin/ from now on. Every session has ended: sign in again."),
    "demoted": (
        "You administer this instance no longer",
        "Your account doesn’t open /admin/ any more. Roles in workspaces stay. Every session has ended.",
    ),
}


def tell(notice: str, user: User, /, *, request: HttpRequest, now: datetime, to: str = "", **values: Any) -> None:
    """Behind the answer to request; not within a transaction. to: another address than the account's."""
    user_agent = request.headers.get("User-Agent", "")
    context = {"address": connection_of(request).remote_address, "device": describe_device(user_agent)}
    mail.send_later("account_notice", [to or user.email], describe(notice, now=now, **{**context, **values}))


def tell_by_operator(notice: str, user: User, *, now: datetime) -> None:
    """As tell, but says nothing of the browser in which it was done, which isn't the person's."""
    mail.send_later("account_notice", [user.email], describe(notice, now=now))


def describe(notice: str, /, *, now: datetime, **values: Any) -> dict[str, Any]:
    """What the template of a notice needs. values: address and device, where they are known, and what the text names."""
    subject, text = {**_TEXTS, **_BY_OPERATOR}[notice]
    return {
        "headline": subject.format(**values),
        "text": text.format(**values),
        "is_by_operator": notice in _BY_OPERATOR,
        "host": urlsplit(page_url("/")).netloc,
        "at": now,
        "address": values.get("address", ""),
        "device": values.get("device", ""),
        "security_url": page_url(reverse("mfa_index")),
        "reset_url": page_url(reverse("account_reset_password")),
    }
