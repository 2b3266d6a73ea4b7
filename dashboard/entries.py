"""What somebody had typed when the session ended: shown to them, ready to be sent again, and kept nowhere else."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from dashboard.forms.fields import may_be_kept

View = TypeVar("View", bound=Callable[..., Any])
_CSRF = "csrfmiddlewaretoken"


def kept_over_sign_in(view: View) -> View:
    """For a view with a long form, outside of what leads strangers to the sign-in page: a POST by one is answered by a page that holds its entries, without
    secrets, and says to sign in beside it.
    """

    @wraps(view)
    def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or request.user.is_authenticated:
            return cast(HttpResponse, view(request, *args, **kwargs))
        entries, lacks_any = sort_out(request.POST)
        if not entries:
            return cast(HttpResponse, view(request, *args, **kwargs))
        context = {"entries": entries, "action": request.get_full_path(), "lacks_secrets": lacks_any}
        response = render(request, "accounts/signed_out.html", context, status=403)
        response["Cache-Control"] = "no-store"
        return response

    return cast(View, check)


def sort_out(sent: QueryDict) -> tuple[list[tuple[str, str]], bool]:
    """What of it may be written into a page again, by name, and whether anything may not."""
    pairs = [(name, value) for name, values in sent.lists() if name != _CSRF for value in values]
    kept = [(name, value) for name, value in pairs if may_be_kept(name, value)]
    return kept, any(value for _, value in set(pairs).difference(kept))
