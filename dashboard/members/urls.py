"""Members and invitations."""

from django.urls import path

from dashboard.members.views import invitations, members

urlpatterns = [
    path("members/", members.members, name="members"),
    path("members/invite/", invitations.invite, name="invite"),
    path("members/invitations/", invitations.invitation_list, name="invitation_list"),
    path("members/invitations/<int:pk>/send-again/", invitations.invitation_send_again, name="invitation_send_again"),
    path("members/invitations/<int:pk>/withdraw/", invitations.invitation_withdraw, name="invitation_withdraw"),
    path("members/leave/", members.leave, name="leave"),
    path("members/<int:pk>/role/", members.member_role, name="member_role"),
    path("members/<int:pk>/remove/", members.member_remove, name="member_remove"),
]
