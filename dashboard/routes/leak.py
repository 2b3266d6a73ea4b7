"""Leak response and hygiene."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
