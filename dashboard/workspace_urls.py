"""The pages of workspaces. URL name = view name."""

from django.urls import path

from dashboard.views import invitations, members, workspaces
from dashboard.views.settings import audiences, deletion, general, retention, scopes

urlpatterns = [
    path("", workspaces.workspaces, name="workspaces"),
    path("new/", workspaces.workspace_new, name="workspace_new"),
    path("<slug:workspace>/", workspaces.workspace, name="workspace"),
    path("<slug:workspace>/members/", members.members, name="members"),
    path("<slug:workspace>/members/invite/", invitations.invite, name="invite"),
    path("<slug:workspace>/members/invitations/", invitations.invitation_list, name="invitation_list"),
    path("<slug:workspace>/members/invitations/<int:pk>/send-again/", invitations.invitation_send_again, name="invitation_send_again"),
    path("<slug:workspace>/members/invitations/<int:pk>/withdraw/", invitations.invitation_withdraw, name="invitation_withdraw"),
    path("<slug:workspace>/members/leave/", members.leave, name="leave"),
    path("<slug:workspace>/members/<int:pk>/role/", members.member_role, name="member_role"),
    path("<slug:workspace>/members/<int:pk>/remove/", members.member_remove, name="member_remove"),
    path("<slug:workspace>/settings/", general.settings, name="settings"),
    path("<slug:workspace>/settings/preview/", general.settings_preview, name="settings_preview"),
    path("<slug:workspace>/settings/report/", general.settings_report, name="settings_report"),
    path("<slug:workspace>/settings/scopes/", scopes.scopes, name="scopes"),
    path("<slug:workspace>/settings/scopes/<int:pk>/", scopes.scope, name="scope"),
    path("<slug:workspace>/settings/scopes/<int:pk>/remove/", scopes.scope_remove, name="scope_remove"),
    path("<slug:workspace>/settings/audiences/", audiences.audiences, name="audiences"),
    path("<slug:workspace>/settings/audiences/remove/", audiences.audience_remove, name="audience_remove"),
    path("<slug:workspace>/settings/retention/", retention.retention, name="retention"),
    path("<slug:workspace>/settings/retention/preview/", retention.retention_preview, name="retention_preview"),
    path("<slug:workspace>/settings/delete/", deletion.workspace_delete, name="workspace_delete"),
    path("<slug:workspace>/settings/delete/keep/", deletion.workspace_keep, name="workspace_keep"),
]
