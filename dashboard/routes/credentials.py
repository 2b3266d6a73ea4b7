"""Secrets, public keys and certificates of a client."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
