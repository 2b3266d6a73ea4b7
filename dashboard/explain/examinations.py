"""A test of what a program sends: the request that it amounts to, put to every check of the protocol, and what each says in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from clients.certificate import x5t_s256
from clients.credential_text import redact
from clients.models import Client, ClientCertificate, Workspace
from dashboard.explain.refusals import Explanation, explain_reason
from dashboard.explain.sent_requests.sent import Sent
from dashboard.frame.credential_names import CredentialName, name_credential
from dashboard.models import Membership
from oauth.checks import Subject
from oauth.examination import Check, Examination
from oauth.messages import Connection, Request
from oauth.reasons import Reason
from oauth.shown_request import examine_caller, examine_form, examine_proof
from oauth.urls import cut_issuer_path

_FORM = "application/x-www-form-urlencoded"
_TOKEN_PATH = "/oauth2/token"  # noqa: S105  # a path
_FORM_PATHS = (_TOKEN_PATH, "/oauth2/introspect", "/oauth2/revoke")

_GOOD: Mapping[Subject, str] = {
    Subject.TRANSPORT: "It goes over HTTPS",
    Subject.QUERY: "No credential stands in the address",
    Subject.FORM: "The request is well formed",
    Subject.GRANT_TYPE: "It asks by the grant type client_credentials",
    Subject.AUTHENTICATION: "It authenticates in one way, which can be read",
    Subject.CLIENT: "The client is known",
    Subject.SECRET_FORM: "The secret is whole: its checksum is right",
    Subject.SECRET: "The secret is of this workspace",
    Subject.OWNER: "The secret belongs to the client",
    Subject.ASSERTION: "The assertion is well formed",
    Subject.SIGNATURE: "The assertion is signed by a key of the client",
    Subject.CLAIMS: "iss, sub, aud, exp and jti are right",
    Subject.FIRST_USE: "The assertion wasn’t used before",
    Subject.CERTIFICATE: "The certificate is the client’s, and good now",
    Subject.TOKEN: "The token is alive",
    Subject.LIFE: "The credential has neither ended nor been revoked",
    Subject.STATUS: "The client is enabled",
    Subject.METHOD: "The client may authenticate like that",
    Subject.ADDRESS: "The address is one from which the client may call",
    Subject.WAIT: "The address doesn’t have to wait for failures before",
    Subject.SCOPE: "The client has every scope that is asked for",
    Subject.RESOURCE: "The client has the audience that is asked for",
    Subject.BINDING: "What the client has to show beside its credential is there",
    Subject.PROOF: "The DPoP proof is right",
    Subject.PROOF_FIRST_USE: "The DPoP proof wasn’t used before",
}
_OPEN: Mapping[Subject, str] = {
    Subject.ADDRESS: "The client may call from some addresses only. Say above from which one it calls.",
    Subject.BINDING: "The client’s tokens must be bound to a certificate. Paste its PEM below the request.",
}
# Whether something is of another workspace, or nowhere, nobody is told here.
_NOT_HERE: Mapping[str, str] = {
    "unknown_client": "No client of this workspace has this ID. Check which server and which workspace it belongs to.",
    "unknown_secret": "A well-formed secret, but none of this workspace. Check which server and which workspace it belongs to.",
    "bad_token": "This is no token of this workspace.",
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """tone: a class of the style sheet: fine, harm, or "" for what is open. explanation: None unless it is refused."""

    words: str
    tone: str
    explanation: Explanation | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """heading: in a few words. tone: of the note. client: of the workspace, None where it wasn't found."""

    heading: str
    tone: str
    rows: list[CheckRow]
    client: Client | None
    credential: CredentialName | None
    method: str
    scopes: str
    audiences: str
    kind: str
    target: str
    remarks: list[str]


def examine(sent: Sent, *, address: str, to: Membership, now: datetime) -> Verdict:
    """address: from which it is sent, "" where nobody says. to: who reads it."""
    request, workspace = _request(sent, address=address, workspace=to.workspace, now=now), to.workspace.pk
    if set(sent.headers) == {"dpop"} and sent.body is None:
        examination = examine_proof(request, workspace=workspace)
    elif _is_form(sent, request):
        examination = examine_form(request, workspace=workspace, is_whole=sent.is_whole)
    else:
        examination = examine_caller(request, workspace=workspace, is_whole=sent.is_whole)
    return _describe(examination, sent, to)


def _request(sent: Sent, *, address: str, workspace: Workspace, now: datetime) -> Request:
    parts = urlsplit(sent.url or settings.ISSUER_URL + _TOKEN_PATH)
    headers = {name: value for name, value in sent.headers.items() if name != "content-length"}
    body = sent.body
    if body is None:
        # A credential by itself: what else a request needs is taken for granted.
        body = "" if sent.is_whole else "grant_type=client_credentials"
        headers.setdefault("content-type", _FORM)
    if sent.certificate is not None and "client_id=" not in body:
        body += _client_of(sent.certificate, workspace)
    connection = Connection(remote_address=address, is_secure=parts.scheme == "https", client_certificate=sent.certificate, request_id="")
    return Request(sent.method or "POST", cut_issuer_path(parts.path or "/"), parts.query, headers, body.encode(), connection, now, set())


def _client_of(certificate: bytes, workspace: Workspace) -> str:
    """Which client of the workspace a certificate by itself is registered for, as a parameter; "" for none."""
    found = ClientCertificate.objects.filter(client__workspace=workspace, thumbprint=x5t_s256(certificate)).select_related("client").first()
    return "" if found is None else f"&client_id={found.client.client_id}"


def _is_form(sent: Sent, request: Request) -> bool:
    if sent.is_whole and request.path in _FORM_PATHS:
        return True
    scheme = sent.headers.get("authorization", "").partition(" ")[0].lower()
    if "x-api-key" in sent.headers or scheme in ("bearer", "dpop"):
        return False
    # Basic may be meant for either; to a path of somebody's own it is for the gateway.
    return not (sent.is_whole and scheme == "basic")


def _describe(examination: Examination, sent: Sent, to: Membership) -> Verdict:
    client = Client.objects.filter(pk=examination.client.pk, workspace=to.workspace).select_related("workspace").first() if examination.client else None
    rows = [_row(check, client, to) for check in examination.checks]
    heading, tone = _judge(examination, rows)
    return Verdict(
        heading=heading,
        tone=tone,
        rows=rows,
        client=client,
        credential=name_credential(examination.credential_id),
        method=examination.method,
        scopes=" ".join(examination.scopes),
        audiences=" ".join(examination.audiences),
        kind=sent.kind,
        target=redact(f"{sent.method} {sent.url.partition('?')[0]}") if sent.is_whole else "",
        remarks=[redact(remark) for remark in [*sent.remarks, *_remarks(sent)]],
    )


def _judge(examination: Examination, rows: list[CheckRow]) -> tuple[str, str]:
    if examination.reason is not None:
        return "This is refused", "bad"
    if any(not row.tone for row in rows):
        return "This works, as far as one can see", "warn"
    return "This works", "ok"


def _row(check: Check, client: Client | None, to: Membership) -> CheckRow:
    if check.is_open:
        return CheckRow(_OPEN[check.subject], "", None)
    if check.reason is None:
        return CheckRow(_GOOD[check.subject], "fine", None)
    explanation = _explain(check.reason, client, to)
    return CheckRow(explanation.words, "harm", explanation)


def _explain(reason: Reason, client: Client | None, to: Membership) -> Explanation:
    explanation = explain_reason(reason.code, redact(_NOT_HERE.get(reason.code, reason.sentence)), client=client, to=to)
    # Whoever reads it is there already.
    return replace(explanation, label="", url="") if explanation.url == reverse("explain", args=[to.workspace.slug]) else explanation


def _remarks(sent: Sent) -> list[str]:
    if not sent.is_whole:
        return []
    shown, ours = urlsplit(sent.url), urlsplit(settings.ISSUER_URL)
    found = []
    if shown.netloc.rpartition("@")[2].lower() != ours.netloc.lower():
        found.append(f"It goes to {shown.netloc.rpartition('@')[2] or 'no host'}. This server is {ours.netloc}.")
    if sent.body is not None and cut_issuer_path(shown.path) not in _FORM_PATHS and "authorization" not in sent.headers:
        found.append(f"Tokens are had at {settings.ISSUER_URL}{_TOKEN_PATH}, not at {shown.path or '/'}.")
    return found
