"""The list of clients, and search."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
