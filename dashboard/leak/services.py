"""Writing down that something was looked up, and ending what was found: credentials and single tokens, in one transaction."""

from datetime import datetime
from typing import Any

from django.db import transaction

from clients.models import Workspace
from clients.services import audit
from clients.services.audit import Actor, Change
from clients.services.revocation import revoke
from dashboard.leak.findings import Finding, Report
from dashboard.leak.references import Referred
from oauth.services import revoke_token

REASON = "leaked"


def record_check(*, workspace: Workspace, report: Report, names_each: bool, actor: Actor, now: datetime) -> None:
    """One event for each thing that was found, so that it stands in the history of that thing; one for the workspace if nothing was, or if names_each is false.

    Of what was pasted nothing is written down but the IDs of what is ours.
    """
    changes: dict[str, list[Change]] = {}
    for finding in report.findings if names_each else ():
        after = {"client_id": finding.client.client_id, "pasted": finding.pasted.value, "state": finding.state.name.lower()}
        changes.setdefault(_target_type(finding), []).append(Change(finding.name, {}, after))
    if not changes:
        summary: dict[str, Any] = {"found": len(report.findings)} if report.findings else {"pasted": "nothing of ours"}
        changes["workspace"] = [Change(workspace.slug, {}, summary)]
    with transaction.atomic():
        for target_type, of_type in changes.items():
            audit.record_many("leak.checked", workspace=workspace, actor=actor, target_type=target_type, changes=of_type, now=now)


def _target_type(finding: Finding) -> str:
    return finding.kind if finding.credential is None else finding.credential.TARGET_TYPE


def end_leaked(*, referred: Referred, actor: Actor, now: datetime) -> int:
    """For ever, at once, all or none. No effect on what has been revoked. Returns how many there were."""
    with transaction.atomic():
        for credential in referred.credentials:
            revoke(type(credential), str(credential), client=credential.client, reason=REASON, actor=actor, now=now)
        for token in referred.tokens:
            revoke_token(client=token.client, jti=token.jti, expires_at=token.expires_at, credential=token.credential_id, actor=actor, now=now)
    return len(referred.credentials) + len(referred.tokens)
