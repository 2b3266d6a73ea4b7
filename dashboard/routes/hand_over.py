"""Handing credentials over."""

from django.urls import path

from dashboard.views import hand_overs

urlpatterns = [
    path("clients/<str:client_id>/hand-over/", hand_overs.hand_overs, name="hand_overs"),
    path("clients/<str:client_id>/hand-over/<int:pk>/withdraw/", hand_overs.hand_over_withdraw, name="hand_over_withdraw"),
]
