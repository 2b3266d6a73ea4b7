"""Handing credentials over."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
