"""Leak response and hygiene."""

from django.urls import path

from dashboard.views import hygiene, leak

urlpatterns = [
    path("leak/", leak.leak, name="leak"),
    path("leak/stop/", leak.leak_stop, name="leak_stop"),
    path("hygiene/", hygiene.hygiene, name="hygiene"),
    path("hygiene/<slug:page>/", hygiene.hygiene_fix, name="hygiene_fix"),
]
