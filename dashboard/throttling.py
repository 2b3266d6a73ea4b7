"""Passwords and codes of people: how many wrong ones are looked at, and how many at once.

Failures are counted per account and address, and per address, in the database: nobody can lock another person out from elsewhere. A process checks one
password at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dashboard import services
from dashboard.caller import actor_of, connection_of
from oauth.throttling import FailureKeys, count_failure, failure_keys, network_of, seconds_to_wait

# Argon2 takes 100 MB and every core for each password, right or wrong, and anybody may send one. Whoever waits for his turn holds one of Django's
# threads (dashboard/asgi.py), of which health checks need some too, so few may.
MOST_AT_ONCE = 3
waiting: set[str] = set()
_waiting = Lock()
_turn = Lock()
BUSY_SECONDS = 2


@contextmanager
def place(network: str) -> Iterator[bool]:
    """Wait for one's turn; False where that isn't possible. A network has one place, so that a flood from there leaves the others to everybody else."""
    with _waiting:
        is_free = network not in waiting and len(waiting) < MOST_AT_ONCE
        if is_free:
            waiting.add(network)
    if not is_free:
        yield False
        return
    try:
        with _turn:
            yield True
    finally:
        with _waiting:
            waiting.discard(network)


def person_keys(email: str, request: HttpRequest) -> FailureKeys:
    """Apart from those of clients: a person who mistypes mustn't stop the clients behind the same address."""
    keys = failure_keys(name=f"sign-in {email.strip().lower()}", address=connection_of(request).remote_address)
    return FailureKeys(keys.client_and_address, f"sign-in {keys.address}" if keys.address else "")


class ThrottledMixin:
    """For a FormView whose form takes a password or code: while too many were wrong, or too many are waiting to be checked, none is looked at.

    takes_password: whether checking it costs an argon2 hash.
    """

    request: HttpRequest
    takes_password = True

    def named_email(self) -> str:
        """Of the account that it is for."""
        raise NotImplementedError

    def is_wrong(self, form: Any) -> bool:
        """Whether an invalid form is a wrong guess, and not an incomplete one."""
        raise NotImplementedError

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait = seconds_to_wait(person_keys(self.named_email(), request), now=timezone.now())
        if wait:
            return self._refuse(429, wait, wait=wait)
        if not self.takes_password:
            return super().post(request, *args, **kwargs)  # type: ignore[misc,no-any-return]  # the view's
        with place(network_of(connection_of(request).remote_address)) as is_free:
            if not is_free:
                return self._refuse(503, BUSY_SECONDS, is_busy=True)
            return super().post(request, *args, **kwargs)  # type: ignore[misc,no-any-return]  # the view's

    def form_invalid(self, form: Any) -> HttpResponse:
        if self.is_wrong(form):
            now = timezone.now()
            count_failure(person_keys(self.named_email(), self.request), now=now)
            services.record_failed_sign_in(email=self.named_email(), actor=actor_of(self.request), now=now)
        return super().form_invalid(form)  # type: ignore[misc,no-any-return]  # the view's

    def _refuse(self, status: int, retry_after: int, **said: Any) -> HttpResponse:
        view: Any = self
        empty = {name: value for name, value in view.get_form_kwargs().items() if name not in ("data", "files")}
        context = view.get_context_data(form=view.get_form_class()(**empty), **said)
        response: HttpResponse = view.render_to_response(context, status=status, headers={"Retry-After": str(retry_after)})
        return response
