"""What the commands about accounts share."""

import sys
from contextlib import redirect_stdout
from datetime import datetime

from django.core.exceptions import ValidationError

from dashboard import mail
from dashboard.mail import notices
from dashboard.models import User


def require_account(email: str) -> User:
    """Raise ValidationError."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        raise ValidationError(f"There is no account “{email[:80]}”. Give the e-mail address that it signs in with.", code="unknown_account")
    return user


def tell_account(notice: str, user: User, *, now: datetime) -> bool:
    """Whether the mail server took it."""
    # A backend that shows mail on the screen must not mix it with the result.
    with redirect_stdout(sys.stderr):
        return mail.send("account_notice", [user.email], notices.describe(notice, now=now))
