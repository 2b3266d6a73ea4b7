"""First run, and making a client."""

from django.urls import path

from dashboard.views import create, start

urlpatterns = [
    path("start/", start.start, name="start"),
    path("clients/new/", create.client_new, name="client_new"),
    path("clients/new/preview/", create.client_preview, name="client_preview"),
]
