"""Handing credentials over."""

from django.urls import path

from dashboard.client.hand_over import views

urlpatterns = [
    path("clients/<str:client_id>/hand-over/", views.hand_overs, name="hand_overs"),
    path("clients/<str:client_id>/hand-over/<int:pk>/withdraw/", views.hand_over_withdraw, name="hand_over_withdraw"),
]
