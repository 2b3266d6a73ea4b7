"""Requests of clients as lists of them show each: what came of it, by which credential, and for a refused one why, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from clients.models import RecordedRequest
from dashboard.explain.refusals import Explanation, explain
from dashboard.frame.credential_names import CredentialName, name_credential
from dashboard.models import Membership

# What was granted, by the endpoint where it was.
_GRANTED = {"token": "Token issued", "introspection": "Token looked up", "revocation": "Token revoked", "api": "Let in", "gateway": "Let through"}


@dataclass(frozen=True, slots=True)
class RequestRow:
    """result: what came of it, in a few words; of a refused one, what the caller was told. explanation: None where it was granted."""

    recorded: RecordedRequest
    result: str
    credential: CredentialName | None
    explanation: Explanation | None

    @property
    def milliseconds(self) -> str:
        """“31 ms”, with a decimal below 10."""
        if self.recorded.microseconds is None:
            return "–"
        value = self.recorded.microseconds / 1000
        return f"{value:.1f} ms" if value < 9.95 else f"{value:,.0f} ms"


def describe_requests(requests: Iterable[RecordedRequest], *, to: Membership) -> list[RequestRow]:
    """to: who reads them. client has to be selected along, else each costs a query."""
    return [_describe(recorded, to) for recorded in requests]


def _describe(recorded: RecordedRequest, to: Membership) -> RequestRow:
    credential = name_credential(recorded.credential or recorded.named_secret_id)
    if recorded.is_granted:
        return RequestRow(recorded, _GRANTED.get(recorded.endpoint, "Granted"), credential, None)
    return RequestRow(recorded, recorded.error, credential, explain(recorded, to=to))
