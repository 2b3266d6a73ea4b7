"""A session's record of a single sign-on."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.http import HttpRequest

from dashboard.models import User
from dashboard.people.sign_in_flow import get_authentication_records, record_authentication
from dashboard.people.sso.identity import Identity

# A single sign-on counts for this long. A person whom the provider no longer lets in is out after this time at the latest.
LIFETIME = timedelta(hours=12)

_METHOD = "socialaccount"


def remember(request: HttpRequest, user: User, identity: Identity, *, now: datetime, is_confirmation: bool = False) -> None:
    """is_confirmation: whether the person has just proved again who they are."""
    known = {"provider": identity.issuer, "uid": identity.subject, "second_factor": identity.has_second_factor, "proved_at": identity.proved_at}
    record_authentication(request, user, _METHOD, reauthenticated=is_confirmation or None, **known)
    request.session.set_expiry(now + LIFETIME)


def proved_at(record: Mapping[str, Any]) -> float:
    """The time of the user's last proof, from one of django-allauth's records. For a single sign-on, it is the time at the provider, which may be long ago; 0
    if the provider doesn't say.
    """
    return float(record["at"] if record["method"] != _METHOD else min(record["at"], record.get("proved_at", 0)))


def find_record(request: HttpRequest) -> dict[str, Any] | None:
    """The record of the last single sign-on by the current provider, if it still counts and the account is still connected with that person."""
    earliest = time.time() - LIFETIME.total_seconds()
    records = [record for record in get_authentication_records(request, request.user) if record["method"] == _METHOD and record["at"] > earliest]
    if not records or not settings.SSO_ISSUER or records[-1].get("provider") != settings.SSO_ISSUER:
        return None
    is_connected = SocialAccount.objects.filter(user=cast(User, request.user), provider=settings.SSO_ISSUER, uid=records[-1]["uid"]).exists()
    return records[-1] if is_connected else None


def has_second_factor(request: HttpRequest) -> bool:
    """Whether the provider asked for more than one factor."""
    record = find_record(request)
    return record is not None and record.get("second_factor") is True
