"""The pages of workspaces. URL name = view name."""

from django.urls import path

from dashboard.views import invitations, members, workspaces
from dashboard.views.settings import general

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
]
