"""A user's entries when the session ended. They are shown again, ready to be sent, and not stored anywhere."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from clients.redaction import may_be_kept

View = TypeVar("View", bound=Callable[..., Any])
_CSRF = "csrfmiddlewaretoken"
# In characters, for a whole form: four times the limit of our longest form.
_MAX_KEPT = 16 * 1024
# Searching each pair takes time. Our forms have about fifty, plus one for each chosen scope.
_MAX_PAIRS = 200


class Entries(NamedTuple):
    """kept: the entries by name. lacks_secrets: whether some weren't kept because they may be secret. is_too_long: whether the form is too long to keep any."""

    kept: list[tuple[str, str]]
    lacks_secrets: bool
    is_too_long: bool


def kept_over_sign_in(view: View) -> View:
    """A decorator for a view with a long form. Put it around the one that sends strangers to the sign-in page: a stranger's POST then gets a page with its
    entries, without secrets, and the advice to sign in in another tab.
    """

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or request.user.is_authenticated:
            return cast(HttpResponse, view(request, *args, **kwargs))
        found = sort_out(request.POST)
        if not found.kept:
            return cast(HttpResponse, view(request, *args, **kwargs))
        context = {"entries": found.kept, "action": request.get_full_path(), "lacks_secrets": found.lacks_secrets}
        response = render(request, "account/signed_out.html", context, status=403)
        response["Cache-Control"] = "no-store"
        return response

    return cast(View, check)


def sort_out(sent: QueryDict) -> Entries:
    """The entries that may be written into a page again. The sender isn't known yet, so a form that is longer than people fill in isn't searched at all."""
    pairs = [(name, value) for name, values in sent.lists() if name != _CSRF for value in values]
    if length_of(sent) > _MAX_KEPT or len(pairs) > _MAX_PAIRS:
        return Entries([], lacks_secrets=False, is_too_long=True)
    kept = [(name, value) for name, value in pairs if may_be_kept(name, value)]
    return Entries(kept, lacks_secrets=any(value for _, value in set(pairs).difference(kept)), is_too_long=False)


def length_of(sent: QueryDict) -> int:
    """The form's number of characters, without a search."""
    return sum(len(name) + sum(map(len, values)) for name, values in sent.lists())
