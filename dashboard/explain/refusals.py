"""Tells the client's owner why a request was refused and what to do, from oauth.reasons, with a link to the page that helps."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from clients.models import Client, RecordedRequest
from dashboard.frame.typography import typeset
from dashboard.models import Membership
from dashboard.people.permissions import Permission, may
from oauth import reasons
from oauth.reasons import Remedy


@dataclass(frozen=True, slots=True)
class Act:
    """A link to the dashboard page that helps. route: the client's or the workspace's. permission: the one needed for it."""

    label: str
    route: str
    permission: Permission = Permission.WRITE_CLIENTS
    is_of_client: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """words: the cause. advice: what to do. label, url: the helping page's, both "" if there is none or the reader may not use it."""

    words: str
    advice: str
    label: str
    url: str


_ACTS: Mapping[Remedy, Act] = {
    Remedy.ROTATE: Act("Rotate now", "rotate"),
    Remedy.NEW_SECRET: Act("Make a new secret", "secret_new"),
    Remedy.NEW_KEY: Act("Add public key", "key_new"),
    Remedy.NEW_CERTIFICATE: Act("Add certificate", "certificate_new"),
    Remedy.CHANGE_CLIENT: Act("Change the client", "client_settings", Permission.VIEW),
    Remedy.CHANGE_RANGES: Act("Change the ranges", "client_settings", Permission.VIEW),
    Remedy.ADD_TO_CLIENT: Act("Add it", "client_settings", Permission.VIEW),
    Remedy.ENABLE_CLIENT: Act("Enable client", "client_enable", Permission.ADMINISTER_CLIENTS),
    Remedy.AUDIT_LOG: Act("Show who did it", "client_audit", Permission.VIEW),
    Remedy.EXAMPLES: Act("Show examples", "client_examples", Permission.VIEW),
    Remedy.TEST: Act("Test what it sends", "explain", Permission.VIEW, is_of_client=False),
    Remedy.POLICIES: Act("Show the policies", "settings", Permission.VIEW, is_of_client=False),
    Remedy.KEEP_WORKSPACE: Act("Show the deletion", "workspace_delete", Permission.VIEW, is_of_client=False),
    Remedy.LEAK_RESPONSE: Act("Respond to a leak", "leak", Permission.VIEW, is_of_client=False),
}


def title_of(code: str) -> str:
    """A reason's title, for counts; the code itself if only an older version wrote it."""
    refusal = reasons.find(code)
    return code if refusal is None else typeset(refusal.title)


def explain(recorded: RecordedRequest, *, to: Membership) -> Explanation:
    """recorded: a refused request. to: the reader."""
    return explain_reason(recorded.reason, recorded.detail, client=recorded.client, to=to)


def explain_reason(code: str, sentence: str, *, client: Client | None, to: Membership) -> Explanation:
    """sentence: as oauth wrote it."""
    # If only an older version wrote the code, we know nothing but the sentence.
    refusal = reasons.find(code)
    advice = "" if refusal is None else typeset(refusal.advice)
    act = None if refusal is None or refusal.remedy is None else _ACTS[refusal.remedy]
    words = typeset(sentence)
    if act is None or not may(to, act.permission) or (act.is_of_client and client is None):
        return Explanation(words, advice, "", "")
    arguments = [to.workspace.slug, client.client_id] if act.is_of_client and client is not None else [to.workspace.slug]
    return Explanation(words, advice, act.label, reverse(act.route, args=arguments))
