"""The list of clients."""

from django.urls import path

from dashboard.clients import views

urlpatterns = [
    path("clients/", views.clients, name="clients"),
]
