"""Settings of a workspace."""

from django.urls import path

from dashboard.workspaces.settings.views import audiences, deletion, general, retention, scopes

urlpatterns = [
    path("settings/", general.settings, name="settings"),
    path("settings/preview/", general.settings_preview, name="settings_preview"),
    path("settings/report/", general.settings_report, name="settings_report"),
    path("settings/scopes/", scopes.scopes, name="scopes"),
    path("settings/scopes/<int:pk>/", scopes.scope, name="scope"),
    path("settings/scopes/<int:pk>/remove/", scopes.scope_remove, name="scope_remove"),
    path("settings/audiences/", audiences.audiences, name="audiences"),
    path("settings/audiences/remove/", audiences.audience_remove, name="audience_remove"),
    path("settings/retention/", retention.retention, name="retention"),
    path("settings/retention/preview/", retention.retention_preview, name="retention_preview"),
    path("settings/delete/", deletion.workspace_delete, name="workspace_delete"),
    path("settings/delete/keep/", deletion.workspace_keep, name="workspace_keep"),
]
