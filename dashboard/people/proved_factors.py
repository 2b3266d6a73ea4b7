"""The second factors that a session has proved. The account's factors aren't enough, because somebody else may have a session that only proved the password."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.http import HttpRequest

from dashboard.models import User
from dashboard.people import second_factors, user_sessions
from dashboard.people.sign_in_flow import get_authentication_records, record_authentication
from dashboard.people.sso.record import has_second_factor


def has_proved_one(request: HttpRequest) -> bool:
    """Whether the session has proved a factor that the account still has, at sign-in or later, or the OpenID provider vouches for one.

    A recovery code counts too: it is for users who have lost the other factors.
    """
    user = cast(User, request.user)
    proved = {record["id"] for record in get_authentication_records(request, user) if record["method"] == "mfa"}
    return second_factors.of(user).filter(pk__in=proved).exists() or has_second_factor(request)


def owes_one(request: HttpRequest) -> bool:
    """Whether the account has a second factor but the session hasn't proved it."""
    return second_factors.has_strong(cast(User, request.user)) and not has_proved_one(request)


def as_record(factor: Any) -> dict[str, Any]:
    """A record of the proof, for record_proofs."""
    return {"method": "mfa", "id": factor.pk, "type": factor.type}


def record_proofs(request: HttpRequest, proved: Sequence[Mapping[str, Any]]) -> None:
    """Store the proofs in the session, which gets a new key. proved: as django-allauth records them."""
    for record in proved:
        record_authentication(request, request.user, **record, reauthenticated=True)
    user_sessions.change_key(request)
