"""Changing, disabling, enabling and deleting a client."""

from django.urls import path

from dashboard.views import client_settings, client_status

urlpatterns = [
    path("clients/<str:client_id>/settings/", client_settings.client_settings, name="client_settings"),
    path("clients/<str:client_id>/disable/", client_status.client_disable, name="client_disable"),
    path("clients/<str:client_id>/enable/", client_status.client_enable, name="client_enable"),
    path("clients/<str:client_id>/delete/", client_status.client_delete, name="client_delete"),
]
