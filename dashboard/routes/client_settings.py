"""Changing, disabling, enabling and deleting a client."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
