"""The result of examining a pasted request: the checks that were made, and the result of each."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from oauth.checks import Checks, Subject
from oauth.errors import OAuthError
from oauth.messages import Request
from oauth.reasons import Reason
from oauth.registration import RegisteredClient

_Value = TypeVar("_Value")


class Check(NamedTuple):
    """reason: why the request would be refused; None if the check passes. is_open: the pasted text doesn't say, so the result is unknown."""

    subject: Subject
    reason: Reason | None = None
    is_open: bool = False


class Examination:
    """checks: those that were made. client: the workspace's client, if found. credential_id: the credential that would authenticate it, "" if none.

    method: token_endpoint_auth_method, "" if none was seen. scopes, audiences: the token's.
    """

    def __init__(self, request: Request, workspace: int) -> None:
        self.request = request
        self.workspace = workspace
        self.checks: list[Check] = []
        self.client: RegisteredClient | None = None
        self.credential_id = ""
        self.method = ""
        self.scopes: tuple[str, ...] = ()
        self.audiences: tuple[str, ...] = ()

    @property
    def reason(self) -> Reason | None:
        """Why the request would be refused; None if no check failed."""
        return next((check.reason for check in self.checks if check.reason is not None), None)

    def note(self, subject: Subject, reason: Reason | None = None) -> bool:
        """Record the check. Returns whether it passed."""
        self.checks.append(Check(subject, reason))
        return reason is None

    def collect(self, checks: Checks) -> set[Subject]:
        """Make all checks. Returns the subjects of those that failed. The request's address may be unknown."""
        failed = set()
        for subject, reason in checks:
            if subject is Subject.ADDRESS and not self.request.connection.remote_address:
                if reason is not None:
                    self.leave_open(subject)
            elif not self.note(subject, reason):
                failed.add(subject)
        return failed

    def leave_open(self, subject: Subject) -> None:
        self.checks.append(Check(subject, is_open=True))

    def attempt(self, subject: Subject, function: Callable[[], _Value]) -> _Value | None:
        """The function's result; None if it refuses, which is recorded."""
        try:
            value = function()
        except OAuthError as error:
            self.note(subject, error.reason)
            return None
        self.note(subject)
        return value

    def own(self, client: RegisteredClient | None) -> RegisteredClient | None:
        return client if client is not None and client.workspace_pk == self.workspace else None
