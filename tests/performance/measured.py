"""The names of a run's cases and phases, and the figures of each."""

from dataclasses import dataclass, field

from tests.performance.load import Result

TOKEN, JWT, API_KEY = "token request", "verify, access token", "verify, API key"
ASSERTION, PROOF = "token request, private_key_jwt", "token request, Basic and DPoP"
BARE, TOOLKIT, UNSYNCED = "bare Django view", "django-oauth-toolkit", "django-oauth-toolkit, no syncs"
PROCESS, FIRST, SECOND = "the process's first requests", "first use of a client", "second use of a client"
# LATER only brings two clients to their 1,000th use, and isn't shown.
LATER, LATE = "later uses", "use of a client after its 1,000th"


@dataclass
class Measured:
    """What was found: results by case and round, and the CPU of each restart's phases."""

    rounds: list[dict[tuple[str, str], Result]] = field(default_factory=list)
    restarts: list[dict[str, Result]] = field(default_factory=list)
    clients: dict[str, int] = field(default_factory=dict)


def large_name(name: str) -> str:
    return f"{name}, large table"
