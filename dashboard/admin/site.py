"""The admin site: who may enter, and its name."""

from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from dashboard.people.permissions import View, find_refusal_of_administrator


class AdminSite(admin.AdminSite):
    """The admin for people with is_staff. They see everything and only change things by actions that call a service. They sign in as for every other page, with
    their second factor if they have one.
    """

    site_title = site_header = "TokenOS"
    index_title = "Instance"
    site_url = "/"

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002  # Django's signature
        """This check comes in addition to Django's own check of is_staff."""

        @wraps(view)
        def check(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return find_refusal_of_administrator(request) or cast(HttpResponse, view(request, *args, **kwargs))

        return cast(View, super().admin_view(check, cacheable))

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:  # noqa: ARG002  # Django's signature
        index = reverse("admin:index", current_app=self.name)
        if self.has_permission(request):
            return HttpResponseRedirect(index)
        if request.user.is_authenticated:
            raise PermissionDenied
        goes_on = request.GET.get(REDIRECT_FIELD_NAME, index)
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({REDIRECT_FIELD_NAME: goes_on})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:  # noqa: ARG002  # Django's signature
        return redirect("account_logout")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:  # noqa: ARG002  # Django's signature
        return redirect("account_change_password")
