"""Usage of a workspace."""

from django.urls import path

from dashboard.views import usage

urlpatterns = [
    path("usage/", usage.usage, name="usage"),
    path("usage.csv", usage.usage_csv, name="usage_csv"),
]
