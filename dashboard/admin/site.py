"""The admin site: its doors and its name."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache


class AdminSite(admin.AdminSite):
    """For people with is_staff, who see everything and change nothing but by the actions that name a service.

    Django imports this module before there are models, so what needs them is imported where it is used.
    """

    site_title = site_header = "TokenOS"
    index_title = "Instance"
    site_url = None

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from dashboard.admin.sign_in import SignInView

        index = reverse("admin:index", current_app=self.name)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(index)
        context = {**self.each_context(request), "title": "Sign in", "app_path": request.get_full_path(), **(extra_context or {})}
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = index
        request.current_app = self.name
        return SignInView.as_view(extra_context=context, next_page=index)(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from dashboard import services
        from dashboard.caller import actor_of
        from dashboard.models import User

        user, actor = request.user, actor_of(request)
        response = super().logout(request, extra_context)
        if isinstance(user, User) and not request.user.is_authenticated:
            services.record_sign_out(user=user, actor=actor, now=timezone.now())
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        from dashboard.admin.sign_in import PasswordView

        context = {**self.each_context(request), **(extra_context or {})}
        request.current_app = self.name
        return PasswordView.as_view(extra_context=context, success_url=reverse("admin:password_change_done", current_app=self.name))(request)
