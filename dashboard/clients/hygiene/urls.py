"""Hygiene: credentials and clients that are unused, expire soon, or allow too much."""

from django.urls import path

from dashboard.clients.hygiene import views

urlpatterns = [
    path("hygiene/", views.hygiene, name="hygiene"),
    path("hygiene/<slug:page>/", views.hygiene_fix, name="hygiene_fix"),
]
