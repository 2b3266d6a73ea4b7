"""Which second factors a session has proved. What an account has opens nothing: somebody else may hold a session of it that proved the password only."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.http import HttpRequest

from dashboard.models import User
from dashboard.people import second_factors, user_sessions
from dashboard.people.sign_in_flow import get_authentication_records, record_authentication
from dashboard.people.sso.record import has_second_factor


def has_proved_one(request: HttpRequest) -> bool:
    """Whether the session, at its sign-in or later, proved one that the account still has, or the OpenID provider vouches for one.

    A recovery code counts too: it is the way back for whoever has lost the others.
    """
    user = cast(User, request.user)
    proved = {record["id"] for record in get_authentication_records(request, user) if record["method"] == "mfa"}
    return second_factors.of(user).filter(pk__in=proved).exists() or has_second_factor(request)


def owes_one(request: HttpRequest) -> bool:
    """Whether the account has one that the session has not proved."""
    return second_factors.has_strong(cast(User, request.user)) and not has_proved_one(request)


def as_record(factor: Any) -> dict[str, Any]:
    """That it was proved, for record_proofs."""
    return {"method": "mfa", "id": factor.pk, "type": factor.type}


def record_proofs(request: HttpRequest, proved: Sequence[Mapping[str, Any]]) -> None:
    """In the session, which goes on under another key. proved: as django-allauth records it."""
    for record in proved:
        record_authentication(request, request.user, **record, reauthenticated=True)
    user_sessions.change_key(request)
