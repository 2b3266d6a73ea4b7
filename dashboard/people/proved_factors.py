"""Which second factors a session has proved."""

from typing import cast

from allauth.account.internal.flows.login import get_authentication_records
from django.http import HttpRequest

from dashboard.models import User
from dashboard.people import second_factors
from dashboard.sso.record import has_second_factor


def has_proved_one(request: HttpRequest) -> bool:
    """Whether the session, at its sign-in or later, proved one that the account still has, or the OpenID provider vouches for one.

    A recovery code counts too: it is the way back for whoever has lost the others.
    """
    user = cast(User, request.user)
    proved = {record["id"] for record in get_authentication_records(request, user) if record["method"] == "mfa"}
    return second_factors.of(user).filter(pk__in=proved).exists() or has_second_factor(request)
