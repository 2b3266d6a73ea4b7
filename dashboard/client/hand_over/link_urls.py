"""The link that hands over a credential, below /accounts/hand-over/."""

from django.urls import path

from dashboard.client.hand_over import link_views

urlpatterns = [
    path("", link_views.hand_over_open, name="hand_over_open"),
    path("<str:token>/", link_views.hand_over, name="hand_over"),
]
