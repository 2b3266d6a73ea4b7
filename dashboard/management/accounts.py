"""Code that the commands about accounts share."""

import sys
from contextlib import redirect_stdout
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from dashboard.instance import mail
from dashboard.models import User
from dashboard.people import notices


def require_account(email: str) -> User:
    """Raise ValidationError."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise ValidationError(f"There is no account “{email[:80]}”. Give the email address that the person signs in with.", code="unknown_account")
    return user


def tell_account(notice: str, user: User, *, is_news: bool = True, now: datetime) -> dict[str, Any]:
    """Tell the account's owner, and return what the result says about it. told_by_mail: whether the mail server accepted the mail. mail_file: without a mail
    server, the file to give to the person instead.

    is_news: False if there is nothing to tell.
    """
    if not is_news:
        return {"told_by_mail": False}
    # A backend that prints mail must not mix it with the result.
    with redirect_stdout(sys.stderr):
        is_told, file = mail.send_or_write("account_notice", [user.email], notices.describe(notice, now=now))
    return {"told_by_mail": is_told, **({"mail_file": str(file)} if file else {})}
