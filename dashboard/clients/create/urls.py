"""Making a client."""

from django.urls import path

from dashboard.clients.create import views

urlpatterns = [
    path("clients/new/", views.client_new, name="client_new"),
    path("clients/new/preview/", views.client_preview, name="client_preview"),
]
