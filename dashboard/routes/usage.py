"""Usage of a workspace."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
