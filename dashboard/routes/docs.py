"""API and docs, with the values of the workspace."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
