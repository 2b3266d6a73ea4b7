"""All paths of the instance. The protocol's are in oauth/urls.py; /healthz, /readyz and /metrics are in dashboard/health/operations.py."""

from django.contrib import admin
from django.urls import include, path

from dashboard.workspaces import home

urlpatterns = [
    path("", home.home, name="home"),
    path("accounts/", include("dashboard.account.urls")),
    path("accounts/invite/", include("dashboard.members.invite_urls")),
    path("accounts/hand-over/", include("dashboard.client.hand_over.link_urls")),
    path("w/", include("dashboard.workspaces.urls")),
    path("w/<slug:workspace>/", include("dashboard.audit.urls")),
    # This comes before the paths of one client. “new” is too short to be a client ID.
    path("w/<slug:workspace>/", include("dashboard.clients.create.urls")),
    path("w/<slug:workspace>/", include("dashboard.client.urls")),
    path("w/<slug:workspace>/", include("dashboard.client.credentials.urls")),
    path("w/<slug:workspace>/", include("dashboard.client.hand_over.urls")),
    path("w/<slug:workspace>/", include("dashboard.client.settings.urls")),
    path("w/<slug:workspace>/", include("dashboard.clients.urls")),
    path("w/<slug:workspace>/", include("dashboard.clients.hygiene.urls")),
    path("w/<slug:workspace>/", include("dashboard.clients.search.urls")),
    path("w/<slug:workspace>/", include("dashboard.docs.urls")),
    path("w/<slug:workspace>/", include("dashboard.explain.urls")),
    path("w/<slug:workspace>/", include("dashboard.health.urls")),
    path("w/<slug:workspace>/", include("dashboard.leak.urls")),
    path("w/<slug:workspace>/", include("dashboard.members.urls")),
    path("w/<slug:workspace>/", include("dashboard.usage.urls")),
    path("w/<slug:workspace>/", include("dashboard.workspaces.settings.urls")),
    path("admin/", admin.site.urls),
    path("", include("oauth.urls")),
]

handler400 = "dashboard.frame.errors.bad_request"
handler403 = "dashboard.frame.errors.permission_denied"
handler404 = "dashboard.frame.errors.not_found"
handler500 = "dashboard.frame.errors.server_error"
