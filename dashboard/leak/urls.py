"""Leak response."""

from django.urls import path

from dashboard.leak import views

urlpatterns = [
    path("leak/", views.leak, name="leak"),
    path("leak/stop/", views.leak_stop, name="leak_stop"),
]
