"""Tests a program's request: builds it, runs every check of the protocol, and puts the results into words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from clients.certificate import x5t_s256
from clients.models import Client, ClientCertificate, Workspace
from clients.redaction import redact
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
    Subject.QUERY: "No credential is in the URL",
    Subject.FORM: "The request is well-formed",
    Subject.GRANT_TYPE: "The grant type is client_credentials",
    Subject.AUTHENTICATION: "It uses exactly one authentication method, in a valid form",
    Subject.CLIENT: "The client is known",
    Subject.SECRET_FORM: "The secret is complete: its checksum is right",
    Subject.SECRET: "The secret belongs to this workspace",
    Subject.OWNER: "The secret belongs to the client",
    Subject.ASSERTION: "The assertion is well-formed",
    Subject.SIGNATURE: "One of the client’s keys signed the assertion",
    Subject.CLAIMS: "iss, sub, aud, exp and jti are right",
    Subject.FIRST_USE: "The assertion wasn’t used before",
    Subject.CERTIFICATE: "The certificate belongs to the client and is valid now",
    Subject.TOKEN: "The token is valid",
    Subject.LIFE: "The credential isn’t expired or revoked",
    Subject.STATUS: "The client is enabled",
    Subject.METHOD: "The client may use this authentication method",
    Subject.ADDRESS: "The client may call from this address",
    Subject.WAIT: "The address isn’t blocked by earlier failures",
    Subject.SCOPE: "The client has every requested scope",
    Subject.RESOURCE: "The client has the requested audience",
    Subject.BINDING: "The required DPoP proof or certificate is there",
    Subject.PROOF: "The DPoP proof is right",
    Subject.PROOF_FIRST_USE: "The DPoP proof wasn’t used before",
}
_OPEN: Mapping[Subject, str] = {
    Subject.ADDRESS: "The client may only call from some addresses. Enter the address below.",
    Subject.BINDING: "The client’s tokens must be bound to a certificate. Paste its PEM below the request.",
}
# The text doesn't reveal whether a thing belongs to another workspace or doesn't exist.
_NOT_HERE: Mapping[str, str] = {
    "unknown_client": "No client of this workspace has this ID. Check which server and which workspace it belongs to.",
    "unknown_secret": "The secret is well-formed but isn’t from this workspace. Check which server and which workspace it belongs to.",
    "bad_token": "This token isn’t from this workspace.",
}


@dataclass(frozen=True, slots=True)
class CheckRow:
    """tone: a class in the style sheet: fine, harm, or "" if the result is open. explanation: None unless the check fails."""

    words: str
    tone: str
    explanation: Explanation | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """heading: a few words. tone: the note's. client: the workspace's, None if not found."""

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
    """address: the sender's, "" if unknown. to: the reader."""
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
        # If only a credential was pasted, the rest of the request is assumed to be right.
        body = "" if sent.is_whole else "grant_type=client_credentials"
        headers.setdefault("content-type", _FORM)
    if sent.certificate is not None and "client_id=" not in body:
        body += _client_of(sent.certificate, workspace)
    connection = Connection(remote_address=address, is_secure=parts.scheme == "https", client_certificate=sent.certificate, request_id="")
    return Request(sent.method or "POST", cut_issuer_path(parts.path or "/"), parts.query, headers, body.encode(), connection, now, set())


def _client_of(certificate: bytes, workspace: Workspace) -> str:
    """The ID of the workspace's client that the certificate is registered for, for a request with only a certificate; "" for none."""
    found = ClientCertificate.objects.filter(client__workspace=workspace, thumbprint=x5t_s256(certificate)).select_related("client").first()
    return "" if found is None else f"&client_id={found.client.client_id}"


def _is_form(sent: Sent, request: Request) -> bool:
    if sent.is_whole and request.path in _FORM_PATHS:
        return True
    scheme = sent.headers.get("authorization", "").partition(" ")[0].lower()
    if "x-api-key" in sent.headers or scheme in ("bearer", "dpop"):
        return False
    # HTTP Basic may be meant for both kinds of endpoints; a request to any other path is for the gateway.
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
        return "This works, as far as we can tell", "warn"
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
    # The reader is already on that page.
    return replace(explanation, label="", url="") if explanation.url == reverse("explain", args=[to.workspace.slug]) else explanation


def _remarks(sent: Sent) -> list[str]:
    if not sent.is_whole:
        return []
    shown, ours = urlsplit(sent.url), urlsplit(settings.ISSUER_URL)
    found = []
    if shown.netloc.rpartition("@")[2].lower() != ours.netloc.lower():
        found.append(f"It goes to {shown.netloc.rpartition('@')[2] or 'no host'}. This server is {ours.netloc}.")
    if sent.body is not None and cut_issuer_path(shown.path) not in _FORM_PATHS and "authorization" not in sent.headers:
        found.append(f"The token endpoint is {settings.ISSUER_URL}{_TOKEN_PATH}, not {shown.path or '/'}.")
    return found
