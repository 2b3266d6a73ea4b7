"""The audit log, and health."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
