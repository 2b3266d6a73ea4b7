"""First run, and making a client."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
