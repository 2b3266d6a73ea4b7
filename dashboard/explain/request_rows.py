"""Rows in lists of clients' requests: the outcome, the credential and, for a refused request, the reason and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from clients.models import RecordedRequest
from dashboard.explain.refusals import Explanation, explain
from dashboard.frame.credential_names import CredentialName, name_credential
from dashboard.models import Membership

# The words for a granted request, by endpoint.
_GRANTED = {
    "token": "Token issued",
    "introspection": "Token looked up",
    "revocation": "Token revoked",
    "api": "API access granted",
    "gateway": "Gateway access granted",
}


@dataclass(frozen=True, slots=True)
class RequestRow:
    """result: the outcome in a few words; for a refused request, the error that the caller got. explanation: None if it was granted."""

    recorded: RecordedRequest
    result: str
    credential: CredentialName | None
    explanation: Explanation | None

    @property
    def milliseconds(self) -> str:
        """A time such as “31 ms”, with a decimal below 10."""
        if self.recorded.microseconds is None:
            return "–"
        value = self.recorded.microseconds / 1000
        return f"{value:.1f} ms" if value < 9.95 else f"{value:,.0f} ms"


def describe_requests(requests: Iterable[RecordedRequest], *, to: Membership) -> list[RequestRow]:
    """to: the reader. requests: with client in select_related; otherwise each costs a query."""
    return [_describe(recorded, to) for recorded in requests]


def _describe(recorded: RecordedRequest, to: Membership) -> RequestRow:
    credential = name_credential(recorded.credential or recorded.named_secret_id)
    if recorded.is_granted:
        return RequestRow(recorded, _GRANTED.get(recorded.endpoint, "Granted"), credential, None)
    return RequestRow(recorded, recorded.error, credential, explain(recorded, to=to))
