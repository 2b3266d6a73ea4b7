"""The link of an invitation, below /accounts/invite/."""

from django.urls import path

from dashboard.members.views import invitations

urlpatterns = [
    path("", invitations.invitation, name="invitation"),
    path("<str:token>/", invitations.invitation_link, name="invitation_link"),
]
