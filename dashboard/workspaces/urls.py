"""The list of workspaces, a new one, and a workspace's start page. URL name = view name, here and everywhere."""

from django.urls import path

from dashboard.workspaces import start, views

urlpatterns = [
    path("", views.workspaces, name="workspaces"),
    path("new/", views.workspace_new, name="workspace_new"),
    path("<slug:workspace>/", views.workspace, name="workspace"),
    path("<slug:workspace>/start/", start.start, name="start"),
]
