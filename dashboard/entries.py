"""What somebody had typed when the session ended: shown to them, ready to be sent again, and kept nowhere else."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.http import HttpRequest, HttpResponse
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
        entries = [(name, value) for name, values in request.POST.lists() for value in values if name != _CSRF and may_be_kept(name, value)]
        if request.method != "POST" or request.user.is_authenticated or not entries:
            return cast(HttpResponse, view(request, *args, **kwargs))
        context = {"entries": entries, "action": request.get_full_path(), "lacks_secrets": _lacks_any(request)}
        response = render(request, "accounts/signed_out.html", context, status=403)
        response["Cache-Control"] = "no-store"
        return response

    return cast(View, check)


def _lacks_any(request: HttpRequest) -> bool:
    return any(value and name != _CSRF and not may_be_kept(name, value) for name, values in request.POST.lists() for value in values)
