"""Every path that the instance answers; the protocol's own are in oauth/urls.py, /healthz, /readyz and /metrics in dashboard/operations.py."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from dashboard.views import home, styleguide

urlpatterns = [
    path("", home.home, name="home"),
    path("accounts/", include("dashboard.account_urls")),
    path("w/", include("dashboard.workspace_urls")),
    path("admin/", admin.site.urls),
    path("", include("oauth.urls")),
    *([path("styleguide/", styleguide.styleguide, name="styleguide")] if settings.DEBUG else []),
]

handler400 = "dashboard.views.errors.bad_request"
handler403 = "dashboard.views.errors.permission_denied"
handler404 = "dashboard.views.errors.not_found"
handler500 = "dashboard.views.errors.server_error"
