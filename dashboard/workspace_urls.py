"""The pages of workspaces. URL name = view name."""

from django.urls import include, path

from dashboard.views import workspaces

urlpatterns = [
    path("", workspaces.workspaces, name="workspaces"),
    path("new/", workspaces.workspace_new, name="workspace_new"),
    path("<slug:workspace>/", workspaces.workspace, name="workspace"),
    path("<slug:workspace>/", include("dashboard.routes.audit")),
    # Before those of one client, whose ID “new” is too short to be.
    path("<slug:workspace>/", include("dashboard.routes.create")),
    path("<slug:workspace>/", include("dashboard.routes.client")),
    path("<slug:workspace>/", include("dashboard.routes.client_settings")),
    path("<slug:workspace>/", include("dashboard.routes.clients")),
    path("<slug:workspace>/", include("dashboard.routes.credentials")),
    path("<slug:workspace>/", include("dashboard.routes.docs")),
    path("<slug:workspace>/", include("dashboard.routes.hand_over")),
    path("<slug:workspace>/", include("dashboard.routes.leak")),
    path("<slug:workspace>/", include("dashboard.routes.people")),
    path("<slug:workspace>/", include("dashboard.routes.settings")),
    path("<slug:workspace>/", include("dashboard.routes.usage")),
]
