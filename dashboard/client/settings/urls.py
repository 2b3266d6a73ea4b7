"""Changing a client."""

from django.urls import path

from dashboard.client.settings import views

urlpatterns = [path("clients/<str:client_id>/settings/", views.client_settings, name="client_settings")]
