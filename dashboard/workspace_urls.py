"""The pages of workspaces. URL name = view name."""

from django.urls import path

from dashboard.views import members, settings, workspaces

urlpatterns = [
    path("", workspaces.workspaces, name="workspaces"),
    path("new/", workspaces.workspace_new, name="workspace_new"),
    path("<slug:workspace>/", workspaces.workspace, name="workspace"),
    path("<slug:workspace>/members/", members.members, name="members"),
    path("<slug:workspace>/settings/", settings.settings, name="settings"),
]
