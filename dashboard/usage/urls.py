"""Usage of a workspace."""

from django.urls import path

from dashboard.usage import views

urlpatterns = [
    path("usage/", views.usage, name="usage"),
    path("usage.csv", views.usage_csv, name="usage_csv"),
]
