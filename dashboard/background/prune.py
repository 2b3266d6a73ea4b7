"""Deletes data older than its retention."""

from datetime import datetime, timedelta

from clients.services import hand_overs, retention
from clients.services import usage as client_usage
from dashboard.models import Invitation, SpentForm
from dashboard.people import strangers_attempts, user_sessions
from oauth import services as oauth_services

# They stay for this long after they expire, so that they can be sent again.
INVITATIONS_KEPT = timedelta(days=90)

# A page that is older than this isn't reloaded any more.
SPENT_FORMS_KEPT = timedelta(days=30)


def prune(*, now: datetime) -> dict[str, int]:
    """Delete data older than its retention. Returns the numbers of deleted rows, by table."""
    # This comes before their counts are deleted.
    strangers_attempts.record_rest(now=now)
    return {
        **client_usage.prune(now=now),
        **oauth_services.prune(now=now),
        "sessions": user_sessions.prune(now=now),
        "spent_forms": retention.delete_in_batches(SpentForm.objects.filter(created_at__lt=now - SPENT_FORMS_KEPT)),
        "invitations": retention.delete_in_batches(Invitation.objects.filter(expires_at__lt=now - INVITATIONS_KEPT)),
        "hand_overs": hand_overs.prune(now=now),
        "audit_events": retention.prune_audit_events(now=now),
    }
