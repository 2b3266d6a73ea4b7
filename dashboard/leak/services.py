"""Records look-ups, tells the people who can end the found credentials, and ends credentials and single tokens in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from clients.models import Workspace
from clients.services import audit
from clients.services.announcements import together
from clients.services.audit import Actor, Change
from clients.services.revocation import revoke
from dashboard.leak.findings import Finding, Report
from dashboard.leak.references import Referred
from dashboard.models import Membership, User
from dashboard.people.member_notices import tell_member
from dashboard.people.quotas import may_tell
from oauth.services import revoke_token

REASON = "leaked"


def record_check(*, workspace: Workspace, report: Report, names_each: bool, actor: Actor, now: datetime) -> None:
    """Write one event for each found thing, so that it is in that thing's history; one for the workspace if the text had none or names_each is false.

    Only the IDs of our own things are recorded, nothing else of the pasted text.
    """
    changes: dict[str, list[Change]] = {}
    for finding in report.findings if names_each else ():
        after = {"client_id": finding.client.client_id, "pasted": finding.pasted.value, "state": finding.state.name.lower()}
        changes.setdefault(_target_type(finding), []).append(Change(finding.name, {}, after))
    if not changes:
        summary: dict[str, Any] = {"found": len(report.findings)} if report.findings else {"pasted": "nothing of this instance"}
        changes["workspace"] = [Change(workspace.slug, {}, summary)]
    with transaction.atomic():
        for target_type, of_type in changes.items():
            audit.record_many("leak.checked", workspace=workspace, actor=actor, target_type=target_type, changes=of_type, now=now)


def _target_type(finding: Finding) -> str:
    return finding.kind if finding.credential is None else finding.credential.TARGET_TYPE


def tell(helpers: Sequence[Membership], found: Sequence[Finding], *, url: str, workspace: Workspace, by: User, now: datetime) -> list[Membership]:
    """Tell the helpers who weren't told of all of it within an hour, and return them. url: the page where they can see and end it."""
    told = [helper for helper in helpers if may_tell(helper.user, [finding.what for finding in found], now=now)]
    for helper in told:
        tell_member("leak_found", helper.user.email, {"workspace": workspace, "by": by, "findings": found, "url": url}, by=by, now=now)
    return told


def end_leaked(*, referred: Referred, actor: Actor, now: datetime) -> int:
    """Revoke all or none, at once and permanently. No effect on revoked ones. Returns their number."""
    with together(), transaction.atomic():
        for credential in referred.credentials:
            revoke(type(credential), str(credential), client=credential.client, reason=REASON, is_urgent=True, actor=actor, now=now)
        for token in referred.tokens:
            revoke_token(client=token.client, jti=token.jti, expires_at=token.expires_at, credential=token.credential_id, actor=actor, now=now)
    return len(referred.credentials) + len(referred.tokens)
